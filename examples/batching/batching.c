// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The serving engine inside a program, without the network: requests of many
// callers are put into batches, versions lie side by side. C11 over
// sinter/server.h; CMakeLists.txt says what it links.
//
// It sends one row of ones eight times and prints the first value of each
// answer and how many rows ran together.

#include "model.h"
#include "sinter/server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { requests = 8 };

struct Progress {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int left, failed;
};

/* On a thread of the server; what the answer holds is borrowed until it
 * returns. */
static void done(void *self, const sinter_server_answer *answer) {
  struct Progress *progress = self;
  float first = 0;
  if (answer->n_outputs && answer->outputs[0].tensor.bytes >= sizeof first)
    memcpy(&first, answer->outputs[0].tensor.data, sizeof first);
  pthread_mutex_lock(&progress->mutex);
  if (answer->code)
    fprintf(stderr, "%s\n", answer->text);
  else
    printf("%s version %s: %g, in a batch of %u\n", answer->model,
           answer->version, (double)first, (unsigned)answer->batch_rows);
  progress->failed += answer->code != 0;
  progress->left -= 1;
  pthread_cond_signal(&progress->changed);
  pthread_mutex_unlock(&progress->mutex);
}

/* Ones for the first input of the model; unknown dimensions become 1. */
static int ones(sinter_named_tensor *input) {
  sinter_tensor_info info = {.size = sizeof info};
  sinter_tensor_info_of(model_model(), 0, &info);
  sinter_tensor *tensor = &input->tensor;
  *tensor =
      (sinter_tensor){.rank = (uint8_t)info.rank, .dtype = (uint8_t)info.dtype};
  uint64_t count = 1;
  for (uint32_t i = 0; i < info.rank; ++i)
    count *= (uint64_t)(tensor->dim[i] = info.dim[i] < 0 ? 1 : info.dim[i]);
  float *values = malloc(count * sizeof *values);
  for (uint64_t i = 0; values && i < count; ++i)
    values[i] = 1;
  input->name = info.name;
  tensor->data = values;
  tensor->bytes = count * sizeof *values;
  return values && info.dtype == SINTER_F32;
}

int main(void) {
  char text[512] = "";
  sinter_server *server = NULL;
  sinter_server_options options = {.size = sizeof options};
  if (sinter_server_create(&options, &server, text, sizeof text) ||
      sinter_server_add(server, "model", 1, model_model(), text, sizeof text)) {
    fprintf(stderr, "%s\n", text);
    return 1;
  }
  sinter_named_tensor input;
  if (!ones(&input))
    return 1;
  struct Progress progress = {PTHREAD_MUTEX_INITIALIZER,
                              PTHREAD_COND_INITIALIZER, requests, 0};
  sinter_server_request request = {.size = sizeof request,
                                   .n_inputs = 1,
                                   .model = "model",
                                   .inputs = &input};
  for (int i = 0; i < requests; ++i)
    sinter_server_submit(server, &request, done, &progress, NULL);
  pthread_mutex_lock(&progress.mutex);
  while (progress.left)
    pthread_cond_wait(&progress.changed, &progress.mutex);
  pthread_mutex_unlock(&progress.mutex);
  sinter_server_destroy(server);
  free(input.tensor.data);
  return progress.failed != 0;
}
