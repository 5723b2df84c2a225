// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The serving engine as a C library: batching, versions, canaries and limits in
// your own service, without the network. Same engine as `sinter serve`.
//
//   server   models in versions, a queue and batches for each, one pool of threads
//   request  inputs in, one answer out, on a thread of the server or the caller's
//
// Every function may be called from any thread. Structs with .size: set it to
// sizeof; fields are only appended. Functions that can fail return a code and
// write a sentence into `text` (may be NULL). In CMake link sinter::sinter_serve_engine
// of build/SinterServer.cmake; by hand libsinter_serve_engine.a, libsinter_serve_types.a,
// libsinter_npz.a, libsinter.a and -lstdc++ -lm -pthread -ldl. docs/embed.md shows both.

#ifndef SINTER_SERVER_H
#define SINTER_SERVER_H

#include "sinter/sinter.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct sinter_server sinter_server;
typedef struct sinter_ticket sinter_ticket;

/* What came of a call. UNAVAILABLE: not now, ask again after retry_ms; with 0 there, waiting
 * brings nothing. */
typedef int32_t sinter_server_code;
enum {
  SINTER_SERVER_OK = 0,
  SINTER_SERVER_INVALID = 1,
  SINTER_SERVER_NOT_FOUND = 2,
  SINTER_SERVER_UNAVAILABLE = 3,
  SINTER_SERVER_UNSUPPORTED = 4,
  SINTER_SERVER_INTERNAL = 5,
  SINTER_SERVER_DEADLINE = 6,
  SINTER_SERVER_CANCELLED = 7
};

/* ---- Server -------------------------------------------------------------- */

/* All but size may be 0. repository: a folder of MODEL/VERSION/ bundles.
   state_dir: labels outlive the process there. threads 0 = the CPUs of this
   process. latest 0 = 1: so many of the newest versions are served. */
typedef struct {
  uint32_t size, threads;
  const char *repository, *state_dir;
  uint64_t memory_budget;
  uint32_t latest, max_batch, max_queue, priority_levels;
  uint64_t max_delay_us, deadline_us;
  uint32_t preserve_order, no_warm_up;
} sinter_server_options;

sinter_server_code sinter_server_create(const sinter_server_options *, sinter_server **out,
                                        char *text, size_t n);
/* Waits for what runs; what waits is answered UNAVAILABLE. */
void sinter_server_destroy(sinter_server *);

/* A model that is linked in (`<prefix>_model()`) or sinter_load()ed; it must live
   as long as the server. */
sinter_server_code sinter_server_add(sinter_server *, const char *name, uint64_t version,
                                     const sinter_model *, char *text, size_t n);
/* From the repository: loaded beside what runs, self-tested, then swapped. */
sinter_server_code sinter_server_load(sinter_server *, const char *model, char *text, size_t n);
sinter_server_code sinter_server_unload(sinter_server *, const char *model, char *text, size_t n);
/* version NULL or "" removes the label. `stable` is what requests without a
   version get. */
sinter_server_code sinter_server_label(sinter_server *, const char *model, const char *label,
                                       const char *version, char *text, size_t n);
/* A share of the clients gets `canary`; it is taken back when it fails, gives
   NaN or is slow. NULL ends it. */
sinter_server_code sinter_server_canary(sinter_server *, const char *model, const char *canary,
                                        double percent, char *text, size_t n);
sinter_server_code sinter_server_rollback(sinter_server *, const char *model, char *text, size_t n);
/* OK when it would answer. model NULL = the server as a whole. */
sinter_server_code sinter_server_ready(sinter_server *, const char *model, const char *version);

/* ---- Requests ------------------------------------------------------------- */

/* Row-major; dim[0] is the batch where the model has one. Texts are records of
   sinter_text; sinter_server_run puts those of an output at the head of its memory and
   their bytes behind them. */
typedef struct {
  const char *name;
  sinter_tensor tensor;
} sinter_named_tensor;

/* deadline_ns: CLOCK_MONOTONIC, 0 = none. client: for order and canaries. The
   inputs' memory is borrowed until the answer. */
typedef struct {
  uint32_t size, n_inputs;
  const char *model, *version, *client;
  const sinter_named_tensor *inputs;
  uint64_t deadline_ns, priority;
} sinter_server_request;

/* Borrowed for the time of the call. outputs are in the model's order. */
typedef struct {
  uint32_t size, n_outputs;
  sinter_server_code code;
  uint32_t retry_ms, batch_rows;
  const char *text, *model, *version;
  const sinter_named_tensor *outputs;
  uint64_t queue_ns, compute_ns;
} sinter_server_answer;

/* Calls done exactly once, perhaps before it returns. ticket (may be NULL) gets a
   handle for sinter_server_cancel; free it with sinter_server_forget. */
void sinter_server_submit(sinter_server *, const sinter_server_request *,
                          void (*done)(void *self, const sinter_server_answer *), void *self,
                          sinter_ticket **ticket);
void sinter_server_cancel(sinter_ticket *);
void sinter_server_forget(sinter_ticket *);

/* Submits and waits. The outputs' bytes are copied into outputs[i].data, which has
   outputs[i].bytes; dims and bytes are set. Too small: INVALID, bytes needed in
   the text. */
sinter_server_code sinter_server_run(sinter_server *, const sinter_server_request *,
                                     sinter_tensor *outputs, uint32_t n_outputs, char *text,
                                     size_t n);

typedef struct {
  uint32_t size, circuit_open;
  uint64_t rows, runs, answered, failed, rejected, cancelled, queue_depth;
  uint64_t queue_ns, compute_ns, padded_rows;
} sinter_server_statistics;
/* version NULL or "" = the default one. */
sinter_server_code sinter_server_statistics_of(sinter_server *, const char *model,
                                               const char *version, sinter_server_statistics *);
/* Takes no more; returns when all is answered, or after timeout_ms with the rest
   cancelled. */
void sinter_server_drain(sinter_server *, uint64_t timeout_ms);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
