// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the walker's files share. All of it is freestanding C11: no libc but
// memcpy, memset and memmove, no thread-local data, no system call. Everything
// a run needs lies in the state memory of its context:
//   [walk_context][slots][memo][pointers][params][tensors][workers][state
//   tensors]

#ifndef SINTER_RUNTIME_WALK_H
#define SINTER_RUNTIME_WALK_H

#include "sinter/model.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Reasons to leave the fast path; set from any thread. */
enum { ATTN_CANCEL = 1, ATTN_DEADLINE = 2, ATTN_PROFILE = 4 };

typedef struct {
  sinter_tensor tensor;
  void *(*grow)(void *, uint64_t, uint64_t);
  void *grow_self;
  uint64_t grown_in_run;
  int64_t *handles;  /* of an input of texts, in scratch memory */
  uint64_t n_before; /* texts of the inputs before this one */
} walk_tensor;

enum { TEXT_MOST = 0x7FFFFFFF }; /* of texts in a run, of bytes in a text */
typedef struct { /* an unknown text of the inputs, for sorting */
  const uint8_t *data;
  uint32_t bytes, place;
} walk_text;

typedef struct {
  _Alignas(64) sinter_worker worker;
} walk_worker;

/* Counts arrivals; whoever comes last publishes the next generation, whose
   lowest bit tells all threads alike whether the run stops here. */
typedef struct {
  _Alignas(64) _Atomic uint32_t arrived;
  _Alignas(64) _Atomic uint32_t generation;
  _Alignas(64) _Atomic uint32_t sleepers;
} walk_barrier;

typedef struct walk_context {
  sinter_context base;
  const sinter_image *image;
  const sinter_image_record *records;
  const sinter_image_buffer *buffers;
  const sinter_image_kernel *kernels;
  const sinter_image_op *ops;
  const uint32_t *param_slots;
  const sinter_image_tensor *tensor_info;
  const uint32_t *dims;

  int64_t *slots;
  int64_t *memo;   /* symbols of the remembered shapes */
  void **pointers; /* one for each buffer reference */
  int64_t *params; /* one for each entry of PARAMS */
  walk_tensor *tensors;
  walk_worker *workers;
  uint8_t *state;
  uint8_t *scratch;
  uint64_t scratch_bytes;

  walk_text *unknown; /* room for all texts of the inputs */
  uint64_t n_texts;   /* of all inputs */

  bool memo_valid, changed, has_grow, has_texts;
  uint32_t width; /* of the run in progress */
  uint64_t run_count;

  sinter_sample *ring;
  uint32_t ring_size;
  uint64_t ring_count, last_ns;
  void (*tap)(void *, uint32_t, const sinter_tensor *);
  void *tap_self;

  _Atomic uint64_t deadline;
  _Alignas(64) _Atomic uint32_t attention;
  _Atomic uint32_t running;
  _Alignas(64) _Atomic uint32_t raised; /* somebody claimed the error */
  _Atomic uint32_t stop;                /* the error is complete */
  sinter_error error;
  walk_barrier barrier;
} walk_context;

static inline const void *image_section(const sinter_image *image, int id) {
  return (const uint8_t *)image + image->section[id].offset;
}

static inline sinter_error walk_error(sinter_status code, uint32_t reason,
                                      uint32_t node, int64_t found,
                                      int64_t expected) {
  sinter_error error = {code,        reason,      node,  SINTER_NONE,
                        SINTER_NONE, SINTER_NONE, found, expected};
  return error;
}

/* Extents times element size; false on overflow or a negative extent. */
bool tensor_bytes(uint32_t dtype, uint32_t rank, const int64_t *dim,
                  uint64_t *out);
/* Type, rank and the extents that the slots give tensor `index`. */
void walk_tensor_dims(const walk_context *context, uint32_t index,
                      sinter_tensor *tensor);
/* Runs ops [first, first + count). */
bool shape_run(const sinter_image *image, int64_t *slots, uint32_t first,
               uint32_t count, sinter_error *error);
/* Loads constants and symbols, checks ranges, runs the entry program. */
bool shape_enter(const sinter_image *image, int64_t *slots,
                 const int64_t *symbols, sinter_error *error);
/* Bytes of scratch memory for `width` workers, from evaluated slots. */
bool scratch_need(const sinter_image *image, const int64_t *slots,
                  uint32_t width, uint64_t *out);
/* Gives each worker and the texts of the inputs their part of it. */
bool scratch_place(walk_context *context, sinter_error *error);

/* Between texts and handles, before and behind the records. */
bool text_enter(walk_context *context, sinter_error *error);
void text_leave(walk_context *context);

/* Everything before the first record: inputs, symbols, sizes, addresses. */
bool walk_prepare(walk_context *context, sinter_error *error);
/* Addresses and parameters of one record that names late slots. */
bool walk_resolve_record(walk_context *context,
                         const sinter_image_record *record,
                         sinter_error *error);
sinter_status walk_run(sinter_context *context, sinter_error *error);

static inline uint64_t walk_now(const walk_context *context) {
  const sinter_host *host = &context->base.program->host;
  return host->now_ns(host->self);
}

/* Ends the run with an error at a record, unless it ends with one already. */
void walk_raise_at(walk_context *context, const sinter_image_record *record,
                   sinter_status code, uint32_t reason, int64_t found,
                   int64_t expected);
/* The slow path behind a record: cancel, deadline, profile. */
void walk_attend(walk_context *context, uint32_t what,
                 const sinter_image_record *record);
/* What one thread does for all. */
void walk_once(walk_context *context, const sinter_image_record *record);
void walk_resolve_late(walk_context *context,
                       const sinter_image_record *record);

#endif
