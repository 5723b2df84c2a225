// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The smallest program around a compiled model: C11, no allocation but for its
// own tensors, errors printed. Build it with
//
//   sinter compile model.onnx --prefix model -o model.o
//   cc embed.c model.o -I../../runtime/include ../../build/lib/libsinter.a
//   -pthread -ldl -o embed
//
// It fills every input with ones (unknown dimensions become 1) and prints the
// first values of every output.

#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const sinter_error *error) {
  char text[512];
  sinter_error_text(model_model(), error, text, sizeof text);
  fprintf(stderr, "%s\n", text);
  return 1;
}

static void *grow(void *self, uint64_t bytes, uint64_t align) {
  (void)self;
  return aligned_alloc(align, (bytes / align + 1) * align);
}

/* Binds an input to zeros, or ones where it is float32. */
static sinter_status bind(sinter_context *context, uint32_t slot) {
  sinter_tensor_info info = {.size = sizeof info};
  sinter_tensor_info_of(model_model(), slot, &info);
  sinter_tensor t = {.rank = (uint8_t)info.rank, .dtype = (uint8_t)info.dtype};
  uint64_t count = 1;
  for (uint32_t i = 0; i < info.rank; ++i) {
    t.dim[i] = info.dim[i] < 0 ? 1 : info.dim[i];
    count *= (uint64_t)t.dim[i];
  }
  t.bytes = count * 16; /* no element is larger */
  t.data = calloc(count + 1, 16);
  for (uint64_t i = 0; info.dtype == SINTER_F32 && t.data && i < count; ++i)
    ((float *)t.data)[i] = 1;
  return sinter_set(context, slot, &t);
}

static void print(const sinter_context *context, uint32_t slot) {
  sinter_tensor t;
  sinter_tensor_info info = {.size = sizeof info};
  sinter_tensor_info_of(model_model(), slot, &info);
  sinter_get(context, slot, &t);
  printf("%s:", info.name);
  for (uint64_t i = 0; t.dtype == SINTER_F32 && i < 4 && i < t.bytes / 4; ++i)
    printf(" %g", ((const float *)t.data)[i]);
  printf(" (%" PRIu64 " bytes)\n", t.bytes);
}

int main(void) {
  sinter_error error;
  sinter_program *program;
  sinter_context *context;
  sinter_info info = {.size = sizeof info};
  sinter_info_of(model_model(), &info);
  if (sinter_program_open(model_model(), NULL, NULL, 0, &program, &error) ||
      sinter_context_init(program, 0, NULL, 0, NULL, 0, &context, &error))
    return fail(&error);
  for (uint32_t i = 0; i < info.n_inputs; ++i)
    if (bind(context, i))
      return fprintf(stderr, "input %u cannot be set\n", i), 1;
  for (uint32_t i = 0; i < info.n_outputs; ++i)
    sinter_set_alloc(context, info.n_inputs + i, grow, NULL);

  sinter_status status = sinter_run(context, &error);
  if (status ==
      SINTER_E_MEMORY) { /* it says how much scratch memory it needs */
    uint64_t bytes = (uint64_t)error.expected;
    sinter_set_scratch(context, grow(NULL, bytes, 64), bytes);
    status = sinter_run(context, &error);
  }
  if (status)
    return fail(&error);
  for (uint32_t i = 0; i < info.n_outputs; ++i)
    print(context, info.n_inputs + i);
  sinter_context_close(context);
  sinter_program_close(program);
  return 0;
}
