// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C API (C11): model -> program -> context.
//
//   model    constant bytes: linked (`<prefix>_model()`) or sinter_load()ed
//   program  a model bound to this machine: ISA, weights, width. Immutable,
//            shared by any number of threads
//   context  one run at a time; its memory is the caller's, or the hook's
//
// No function but load, open and init allocates; sinter_run at width 1 makes no
// allocation, lock or system call. Structs with .size: set it to sizeof. Enums
// only grow. Every `error` may be NULL. docs/rfcs/0006.

#ifndef SINTER_SINTER_H
#define SINTER_SINTER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef int32_t sinter_status;
enum {
  SINTER_OK = 0,
  SINTER_E_ARG = -1,       /* a call that can never work */
  SINTER_E_SHAPE = -2,     /* the model cannot take these dimensions */
  SINTER_E_DTYPE = -3,     /* a tensor of another element type */
  SINTER_E_MEMORY = -4,    /* .found bytes given, .expected needed */
  SINTER_E_ISA = -5,       /* no code for this CPU; .expected: missing bits */
  SINTER_E_ABI = -6,       /* model newer than this runtime */
  SINTER_E_DATA = -7,      /* an index or value out of range inside a kernel */
  SINTER_E_CANCELLED = -8, /* sinter_cancel() */
  SINTER_E_DEADLINE = -9,  /* sinter_set_deadline() */
  SINTER_E_BUSY = -10,     /* the context is running on another thread */
  SINTER_E_DEVICE = -11,   /* an accelerator failed or is absent */
  SINTER_E_IO = -12,       /* a file could not be read; .found: errno */
  SINTER_E_CORRUPT = -13   /* image or weights are damaged */
};

enum { /* the numbers of ONNX's TensorProto.DataType */
  SINTER_F32 = 1, SINTER_U8 = 2, SINTER_I8 = 3, SINTER_U16 = 4, SINTER_I16 = 5,
  SINTER_I32 = 6, SINTER_I64 = 7, SINTER_STRING = 8, SINTER_BOOL = 9,
  SINTER_F16 = 10, SINTER_F64 = 11, SINTER_U32 = 12, SINTER_U64 = 13,
  SINTER_BF16 = 16
};

typedef struct sinter_model sinter_model;
typedef struct sinter_program sinter_program;
typedef struct sinter_context sinter_context;

/* Row-major, contiguous, any alignment. device and flags are 0. */
typedef struct {
  void *data;
  uint64_t bytes;
  int64_t dim[8];
  uint8_t rank, dtype, device, flags;
  uint32_t reserved;
} sinter_tensor;

/* An element of a tensor of texts (SINTER_STRING): bytes, UTF-8 as a rule, with
   no end mark; data may be NULL when bytes is 0. An input's texts are borrowed
   like its memory, until the tensor is bound again. An output's point into the
   model or into the texts of the inputs: they live as long as both. A text has
   less than 2^31 bytes, the inputs of a run less than 2^31 texts. */
typedef struct {
  const char *data;
  uint64_t bytes;
} sinter_text;

/* What went wrong, as plain data; sinter_error_text() makes the sentence.
   Indices that do not apply are 0xFFFFFFFF. arg: the tensor's slot; axis: its
   dimension; reason: one of sinter_reason (sinter/model.h). */
typedef struct {
  sinter_status code;
  uint32_t reason, node, kernel, arg, axis;
  int64_t found, expected;
} sinter_error;

/* Writes one line: status, node and operator, what was found and expected, what
   to do. Returns the full length, as snprintf does. model may be NULL. */
int sinter_error_text(const sinter_model *model, const sinter_error *error,
                      char *buf, size_t n);

/* ---- Services ---------------------------------------------------------- */

enum { SINTER_HOST_GANG = 1 }; /* parallel() runs all n calls at the same time */

/* Everything a model needs from outside. NULL functions = built-in. A pool that
   may run calls one after another must not set GANG. acquire: how many threads
   this run may have (at most n, 1 = none free); release gives them back. wait
   sleeps while *word == value; wake wakes all sleepers. */
typedef struct sinter_host {
  uint32_t size, width, flags;
  void *self;
  void (*parallel)(void *self, uint32_t n, void (*fn)(void *, uint32_t), void *);
  void *(*alloc)(void *self, uint64_t bytes, uint64_t align);
  void (*free)(void *self, void *memory);
  uint64_t (*now_ns)(void *self);
  void (*log)(void *self, int level, const char *text);
  uint32_t (*acquire)(void *self, uint32_t n);
  void (*release)(void *self, uint32_t n);
  void (*wait)(void *self, const uint32_t *word, uint32_t value);
  void (*wake)(void *self, const uint32_t *word);
} sinter_host;

/* Our pool: gang, spins 20 us at most, then parks. width 0 = the CPUs this
   process may use (affinity and cgroup quota). Runs of several contexts share
   it; who finds it taken, or is a fork()ed child, runs at width 1. */
sinter_status sinter_pool_create(uint32_t width, uint32_t flags, sinter_host *out);
void sinter_pool_destroy(sinter_host *pool); /* no run may be in it */

/* ---- Model ------------------------------------------------------------- */

/* Loads a .so that `sinter compile` wrote (also /proc/self/fd/N). On success
   *out lives until sinter_unload. host (may be NULL) logs. */
sinter_status sinter_load(const char *path, const sinter_host *host,
                          const sinter_model **out, sinter_error *error);
void sinter_unload(const sinter_model *model);

typedef struct {
  uint32_t size, n_inputs, n_outputs, n_symbols, n_isas, n_nodes;
  uint64_t weights_bytes, state_bytes;
} sinter_info;
sinter_status sinter_info_of(const sinter_model *model, sinter_info *out);

/* slot: inputs first, then outputs. dim[i] is the extent, -1 when it depends on
   symbols; symbol[i] is the symbol when it is just one, else 0xFFFFFFFF. */
typedef struct {
  uint32_t size, rank, dtype, is_output;
  const char *name;
  int64_t dim[8];
  uint32_t symbol[8];
} sinter_tensor_info;
sinter_status sinter_tensor_info_of(const sinter_model *model, uint32_t slot,
                                    sinter_tensor_info *out);
typedef struct {
  uint32_t size;
  const char *name;
  int64_t min, max, divisor;
} sinter_symbol_info;
sinter_status sinter_symbol_info_of(const sinter_model *model, uint32_t index,
                                    sinter_symbol_info *out);
/* The name of an ISA column, best first; NULL past the last. */
const char *sinter_isa_name(const sinter_model *model, uint32_t index);
/* A text that the model holds (a label, a category), in ascending order;
   SINTER_E_ARG past the last. */
sinter_status sinter_known_text(const sinter_model *model, uint32_t index, sinter_text *out);
const char *sinter_node_name(const sinter_model *model, uint32_t node);
const char *sinter_kernel_name(const sinter_model *model, uint32_t kernel);
const char *sinter_manifest(const sinter_model *model); /* JSON, for tools */

/* ---- Program ----------------------------------------------------------- */

/* isa_mask: columns allowed, 0 = all. width: threads of a run, 0 = the host's.
   host NULL = one pool of this process, made on first use. Weights that are not
   in the object come from `weights`, or `weights_path`, or the file NAME.weights
   beside NAME.so. */
typedef struct {
  uint32_t size, isa_mask, width, flags;
  const sinter_host *host;
  const void *weights;
  uint64_t weights_bytes;
  const char *weights_path;
} sinter_open_args;
uint64_t sinter_program_bytes(const sinter_model *, const sinter_open_args *);
/* mem: sinter_program_bytes(), 64-byte aligned; NULL = the alloc hook's. */
sinter_status sinter_program_open(const sinter_model *, const sinter_open_args *,
                                  void *mem, uint64_t n, sinter_program **out,
                                  sinter_error *error);
/* Reads all weights once, so that the first run does not; locked: keep them. */
sinter_status sinter_program_prefault(sinter_program *, int locked);
uint32_t sinter_program_width(const sinter_program *);
uint32_t sinter_program_isa(const sinter_program *);
void sinter_program_close(sinter_program *); /* after all its contexts */

/* ---- Context ----------------------------------------------------------- */

/* Memory of a run with these symbols (n_symbols values, in order). scratch may
   be shared by contexts that never run at once; state is the context's own.
   entry is 0. est_us is 0 when the model carries no cost. */
typedef struct {
  uint32_t size, align;
  uint64_t scratch, state;
  double est_us;
} sinter_need;
sinter_status sinter_need_of(const sinter_program *, uint32_t entry,
                             const int64_t *symbols, sinter_need *out,
                             sinter_error *error);
/* Memory 64-byte aligned. state NULL = the alloc hook's. scratch may come later. */
sinter_status sinter_context_init(const sinter_program *, uint32_t entry,
                                  void *scratch, uint64_t n, void *state,
                                  uint64_t ns, sinter_context **out,
                                  sinter_error *error);
/* Other scratch memory from the next run on: after SINTER_E_MEMORY, say. */
sinter_status sinter_set_scratch(sinter_context *, void *scratch, uint64_t n);
void sinter_context_close(sinter_context *);

/* Binds an input or output; memory is borrowed until it is bound again. Inputs
   are never written. An output may be larger than the result, its dims and rank
   are ignored: read them with sinter_get after the run. */
sinter_status sinter_set(sinter_context *, uint32_t slot, const sinter_tensor *);
/* An output whose memory is asked for when its size is known. */
sinter_status sinter_set_alloc(sinter_context *, uint32_t slot,
                               void *(*grow)(void *self, uint64_t bytes,
                                             uint64_t align),
                               void *self);
/* The tensor as bound; for outputs with the bytes and dims of the last run. */
sinter_status sinter_get(const sinter_context *, uint32_t slot, sinter_tensor *);
sinter_status sinter_run(sinter_context *, sinter_error *error);
/* For devices. A CPU program runs here and calls done before it returns. */
sinter_status sinter_run_async(sinter_context *, void *queue,
                               void (*done)(void *, sinter_status), void *self);
/* Any thread, also from signal handlers; they stop the run at its next record.
   A cancel hits the run in progress or, if there is none, the next one.
   mono_ns: CLOCK_MONOTONIC, 0 = none. */
void sinter_cancel(sinter_context *);
void sinter_set_deadline(sinter_context *, uint64_t mono_ns);
sinter_status sinter_state_reset(sinter_context *); /* zeros */
sinter_status sinter_state_copy(const sinter_context *, void *to, uint64_t n);

/* One sample a record, a ring of n; begin and end are host.now_ns. */
typedef struct {
  uint32_t node, kernel;
  uint64_t begin, end, bytes, macs;
} sinter_sample;
void sinter_profile(sinter_context *, sinter_sample *ring, uint32_t n);
uint64_t sinter_profile_count(const sinter_context *); /* since sinter_profile */
/* Called in the run for each tensor the model was compiled to --tap. */
void sinter_tap(sinter_context *,
                void (*fn)(void *, uint32_t node, const sinter_tensor *),
                void *self);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
