// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the files of libsinter.a share. Unlike the walker they may use libc.

#ifndef SINTER_RUNTIME_RUNTIME_H
#define SINTER_RUNTIME_RUNTIME_H

#include "sinter/model.h"

#include <stdbool.h>

/* Fills *error (when given) and returns its code. */
sinter_status runtime_error(sinter_error *error, sinter_status code,
                            uint32_t reason, int64_t found, int64_t expected);

/* Copies what the caller set and puts built-ins where he set nothing. */
void host_complete(const sinter_host *given, sinter_host *out);
/* Threads this process may use: affinity and cgroup quota. */
uint32_t cpu_count(void);
/* The pool that programs without a host share; false when it cannot be made. */
bool pool_shared(sinter_host *out);
/* Futex; also without a pool. */
void pool_wait(void *self, const uint32_t *word, uint32_t value);
void pool_wake(void *self, const uint32_t *word);

/* Finds the weights of a program in the object, the arguments or a file. */
sinter_status weights_open(sinter_program *program,
                           const sinter_open_args *args, sinter_error *error);
void weights_close(sinter_program *program);

/* magic, version and sizes of a descriptor. */
sinter_status model_check(const sinter_model *model, sinter_error *error);

#endif
