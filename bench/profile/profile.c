// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bench-profile: where a model spends its time, record by record, through the C
// API's own profile. Least of many runs, so other work on the machine matters
// less.
//
//   bench-profile MODEL.so [THREADS [SYMBOL_VALUE]]     (inputs of ones)

#include "sinter/sinter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 60, MOST_RECORDS = 4096 };

static int fail(const sinter_model *model, const sinter_error *error) {
  char text[512];
  sinter_error_text(model, error, text, sizeof text);
  fprintf(stderr, "bench-profile: %s\n", text);
  return 1;
}

static void *grow(void *self, uint64_t bytes, uint64_t align) {
  (void)self;
  return aligned_alloc(align, (bytes / align + 1) * align);
}

static sinter_status bind(const sinter_model *model, sinter_context *context,
                          uint32_t slot, int64_t symbol) {
  sinter_tensor_info info = {.size = sizeof info};
  sinter_tensor_info_of(model, slot, &info);
  sinter_tensor t = {.rank = (uint8_t)info.rank, .dtype = (uint8_t)info.dtype};
  uint64_t count = 1;
  for (uint32_t i = 0; i < info.rank; ++i) {
    t.dim[i] = info.dim[i] < 0 ? symbol : info.dim[i];
    count *= (uint64_t)t.dim[i];
  }
  t.bytes = count * 16;
  t.data = calloc(count + 1, 16);
  for (uint64_t i = 0; info.dtype == SINTER_F32 && t.data && i < count; ++i)
    ((float *)t.data)[i] = 1;
  return sinter_set(context, slot, &t);
}

static void print_records(const sinter_model *model, const sinter_sample *ring,
                          const uint64_t *least, uint64_t records,
                          uint64_t best) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < records && i < MOST_RECORDS; ++i) {
    const char *kernel = ring[i].kernel == UINT32_MAX
                             ? ""
                             : sinter_kernel_name(model, ring[i].kernel);
    const char *node =
        ring[i].node == UINT32_MAX ? "" : sinter_node_name(model, ring[i].node);
    sum += least[i];
    printf("%4" PRIu64 " %9.1f us  %-28s %s\n", i, (double)least[i] / 1e3,
           kernel, node);
  }
  printf("%" PRIu64 " records, least sum %.3f ms, best run %.3f ms\n", records,
         (double)sum / 1e6, (double)best / 1e6);
}

int main(int argc, char **argv) {
  const sinter_model *model;
  sinter_error error;
  sinter_program *program;
  sinter_context *context;
  sinter_info info = {.size = sizeof info};
  sinter_open_args open = {.size = sizeof open,
                           .width = argc > 2 ? (uint32_t)atoi(argv[2]) : 1};
  static sinter_sample ring[MOST_RECORDS];
  static uint64_t least[MOST_RECORDS];
  if (argc < 2)
    return fprintf(stderr, "bench-profile MODEL.so [THREADS [SYMBOL_VALUE]]\n"),
           2;
  if (sinter_load(argv[1], NULL, &model, &error))
    return fail(NULL, &error);
  sinter_info_of(model, &info);
  if (sinter_program_open(model, &open, NULL, 0, &program, &error) ||
      sinter_context_init(program, 0, NULL, 0, NULL, 0, &context, &error))
    return fail(model, &error);
  for (uint32_t i = 0; i < info.n_inputs; ++i)
    if (bind(model, context, i, argc > 3 ? atoi(argv[3]) : 1))
      return fprintf(stderr, "input %u cannot be set\n", i), 1;
  for (uint32_t i = 0; i < info.n_outputs; ++i)
    sinter_set_alloc(context, info.n_inputs + i, grow, NULL);
  sinter_status status = sinter_run(context, &error);
  if (status == SINTER_E_MEMORY) {
    sinter_set_scratch(context, grow(NULL, (uint64_t)error.expected, 64),
                       (uint64_t)error.expected);
    status = sinter_run(context, &error);
  }
  if (status)
    return fail(model, &error);

  memset(least, 0xff, sizeof least);
  uint64_t records = 0, best = UINT64_MAX;
  for (int run = 0; run < RUNS; ++run) {
    sinter_profile(context, ring, MOST_RECORDS);
    if (sinter_run(context, &error))
      return fail(model, &error);
    records = sinter_profile_count(context);
    uint64_t all = ring[records - 1].end - ring[0].begin;
    best = all < best ? all : best;
    for (uint64_t i = 0; i < records && i < MOST_RECORDS; ++i)
      if (ring[i].end - ring[i].begin < least[i])
        least[i] = ring[i].end - ring[i].begin;
  }
  print_records(model, ring, least, records, best);
  sinter_context_close(context);
  sinter_program_close(program);
  sinter_unload(model);
  return 0;
}
