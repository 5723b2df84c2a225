// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Between NumPy's arrays of texts and records of sinter_text.
#ifndef SINTER_RUNTIME_NPZ_NPZTEXT_H
#define SINTER_RUNTIME_NPZ_NPZTEXT_H

#include "runtime/npz/Npz.h"
#include "sinter/sinter.h"

/* `count` elements of `width` units (4: code points, 1: bytes) as records that
   the array owns; -1 without memory. */
int sinter_npz_decode(const char *data, uint64_t count, uint64_t width,
                      int unit, sinter_npz_array *array);
/* Code points of the longest text, at least 1. */
uint64_t sinter_npz_width(const sinter_npz_array *array);
/* The array's texts as '<U', to be freed; NULL without memory. */
char *sinter_npz_encode(const sinter_npz_array *array, uint64_t width,
                        uint64_t *bytes);

#endif
