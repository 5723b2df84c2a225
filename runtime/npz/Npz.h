// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and writes NumPy's .npz: a zip of .npy arrays, as numpy.savez makes it.
// For tools and for the executable form of a model; the runtime itself never
// needs it. C11 and libc only. A file is hostile until proved otherwise: every
// offset and size is checked against the bytes that are there.
//
// Texts ('<U' and '|S') are records of sinter_text; '<U' is written.
//
// Refused, with a sentence: pickled objects, compressed members
// (savez_compressed), Fortran order, big endian, more than 8 dimensions.

#ifndef SINTER_RUNTIME_NPZ_NPZ_H
#define SINTER_RUNTIME_NPZ_NPZ_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *name; /* without .npy */
  uint8_t dtype;    /* ONNX's number, sinter/sinter.h */
  uint8_t rank;
  int64_t dim[8];
  const void *data; /* row-major, any alignment */
  uint64_t bytes;
  void *own; /* memory of texts that were read; NULL to write */
} sinter_npz_array;

typedef struct {
  sinter_npz_array *arrays;
  uint32_t count;
  char *file; /* what arrays point into */
} sinter_npz;

/* Both return 0, or -1 with a sentence in error. path "-" is stdin or stdout.
   `out` is empty after a failure; sinter_npz_free() takes it in any state. */
int sinter_npz_read(const char *path, sinter_npz *out, char *error, uint64_t n);
int sinter_npz_write(const char *path, const sinter_npz_array *arrays,
                     uint32_t count, char *error, uint64_t n);
/* One .npy file as an npz of one array, which has the path for a name. */
int sinter_npy_read(const char *path, sinter_npz *out, char *error, uint64_t n);
void sinter_npz_free(sinter_npz *npz);

#ifdef __cplusplus
}
#endif
#endif
