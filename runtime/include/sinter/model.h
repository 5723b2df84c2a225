// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a model object and libsinter.a share: the descriptor that
// `<prefix>_model()` returns, and the walker inside the object. libsinter.a
// opens, loads and lends threads; the walker owns the context and runs the
// image, so an old object keeps its own walker under a newer runtime. Both sides
// only append to these structs and read .size before a later field.
// Programs use sinter/sinter.h; tools that look inside use this file.

#ifndef SINTER_MODEL_H
#define SINTER_MODEL_H

#include "sinter/image.h"
#include "sinter/sinter.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SINTER_MODEL_MAGIC 0x4C444F4Du /* "MODL" */

/* Why an error happened: the sentence of sinter_error_text, and the `reason` of
   checks in the shape program. */
enum sinter_reason {
  SINTER_WHY_NONE,
  SINTER_WHY_DIM_EQUAL,     /* two dimensions must be equal */
  SINTER_WHY_DIM_RANGE,     /* a dimension outside what the operator takes */
  SINTER_WHY_BROADCAST,     /* dimensions that do not broadcast */
  SINTER_WHY_RESHAPE,       /* element counts differ */
  SINTER_WHY_VALUE_RANGE,   /* an axis, index or size outside its limits */
  SINTER_WHY_OVERFLOW,      /* a size over 2^63, or a division by zero */
  SINTER_WHY_INPUT_RANK, SINTER_WHY_INPUT_DIM, SINTER_WHY_SYMBOL_RANGE,
  SINTER_WHY_SYMBOL_DIVISOR, SINTER_WHY_INPUT_DTYPE, SINTER_WHY_NOT_SET,
  SINTER_WHY_TENSOR_SMALL,  /* fewer bytes than the shape needs */
  SINTER_WHY_OUT_OF_SPACE,  /* a buffer outside its space */
  SINTER_WHY_SCRATCH, SINTER_WHY_STATE, SINTER_WHY_ALLOC, SINTER_WHY_ALIGN,
  SINTER_WHY_SLOT, SINTER_WHY_ENTRY, SINTER_WHY_NULL,
  SINTER_WHY_IMAGE,         /* found: the section, expected: the element */
  SINTER_WHY_IMAGE_HASH, SINTER_WHY_WEIGHTS_MISSING, SINTER_WHY_WEIGHTS_SIZE,
  SINTER_WHY_WEIGHTS_ID, SINTER_WHY_NO_NOTE, SINTER_WHY_DLOPEN, SINTER_WHY_OPEN,
  SINTER_WHY_FAULT,         /* found: bits of sinter_fault */
  SINTER_WHY_TEXT_NULL,     /* a length and no data; found: the length */
  SINTER_WHY_TEXT_LONG, SINTER_WHY_TEXT_COUNT,
  SINTER_WHY_COUNT
};

/* CPU features an ISA column needs; on x86-64 a bit also means that the system
   saves the registers (XCR0). Appended to only. */
#define SINTER_ISA_FEATURES(X)                                                  \
  X(SSE3, 0) X(SSSE3, 1) X(SSE41, 2) X(SSE42, 3) X(POPCNT, 4) X(AVX, 5)         \
  X(AVX2, 6) X(FMA, 7) X(F16C, 8) X(BMI1, 9) X(BMI2, 10) X(LZCNT, 11)           \
  X(MOVBE, 12) X(AVX512F, 13) X(AVX512BW, 14) X(AVX512CD, 15) X(AVX512DQ, 16)   \
  X(AVX512VL, 17) X(AVX512VNNI, 18) X(AVX512BF16, 19) X(AVX512FP16, 20)         \
  X(AVXVNNI, 21) X(AVX512VBMI, 22) X(NEON, 40) X(DOTPROD, 41) X(FP16, 42)       \
  X(BF16, 43) X(I8MM, 44) X(SVE, 45)
enum {
#define SINTER_ISA_BIT(name, bit) SINTER_ISA_##name##_BIT = bit,
  SINTER_ISA_FEATURES(SINTER_ISA_BIT)
#undef SINTER_ISA_BIT
};
#define SINTER_ISA(name) (1ull << SINTER_ISA_##name##_BIT)
#define SINTER_ISA_X86_64_V2                                                    \
  (SINTER_ISA(SSE3) | SINTER_ISA(SSSE3) | SINTER_ISA(SSE41) |                   \
   SINTER_ISA(SSE42) | SINTER_ISA(POPCNT))
#define SINTER_ISA_X86_64_V3                                                    \
  (SINTER_ISA_X86_64_V2 | SINTER_ISA(AVX) | SINTER_ISA(AVX2) |                  \
   SINTER_ISA(FMA) | SINTER_ISA(F16C) | SINTER_ISA(BMI1) | SINTER_ISA(BMI2) |   \
   SINTER_ISA(LZCNT) | SINTER_ISA(MOVBE))
#define SINTER_ISA_X86_64_V4                                                    \
  (SINTER_ISA_X86_64_V3 | SINTER_ISA(AVX512F) | SINTER_ISA(AVX512BW) |          \
   SINTER_ISA(AVX512CD) | SINTER_ISA(AVX512DQ) | SINTER_ISA(AVX512VL))
/* What this CPU and its system offer. */
uint64_t sinter_host_features(void);

/* One column of kernels: usable when every needed feature is there. */
typedef struct {
  const char *name; /* "x86-64-v4" */
  uint64_t features;
  const sinter_kernel *kernels; /* as many as the image has */
} sinter_isa;

/* A model on this machine. Made by sinter_program_open, read by the walker. */
struct sinter_program {
  uint32_t size, width;
  const sinter_model *model;
  const sinter_kernel *kernels;
  const void *weights;
  uint64_t weights_bytes;
  sinter_host host; /* memory, clock, log: never NULL */
  sinter_host pool; /* threads; only read when width > 1 */
  uint32_t isa, flags;
  void *mapping, *own_memory; /* libsinter's */
  uint64_t mapping_bytes;
};

/* A context begins with its program; the rest belongs to the walker. */
struct sinter_context {
  const sinter_program *program;
  void *own_memory; /* libsinter's */
};

/* The walker's entries; the meaning is that of the function in sinter.h. */
typedef struct sinter_walker_api {
  uint32_t size, reserved;
  sinter_status (*verify)(const void *image, uint64_t n, sinter_error *);
  /* slots: n_slots values of working memory. */
  sinter_status (*need)(const sinter_program *, const int64_t *symbols,
                        int64_t *slots, sinter_need *, sinter_error *);
  uint64_t (*state_bytes)(const sinter_program *);
  sinter_status (*init)(const sinter_program *, void *scratch, uint64_t n,
                        void *state, uint64_t ns, sinter_context **,
                        sinter_error *);
  sinter_status (*set_scratch)(sinter_context *, void *, uint64_t);
  sinter_status (*set)(sinter_context *, uint32_t, const sinter_tensor *);
  sinter_status (*set_alloc)(sinter_context *, uint32_t,
                             void *(*)(void *, uint64_t, uint64_t), void *);
  sinter_status (*get)(const sinter_context *, uint32_t, sinter_tensor *);
  sinter_status (*run)(sinter_context *, sinter_error *);
  void (*cancel)(sinter_context *);
  void (*set_deadline)(sinter_context *, uint64_t);
  sinter_status (*state_reset)(sinter_context *);
  sinter_status (*state_copy)(const sinter_context *, void *, uint64_t);
  void (*profile)(sinter_context *, sinter_sample *, uint32_t);
  uint64_t (*profile_count)(const sinter_context *);
  void (*tap)(sinter_context *, void (*)(void *, uint32_t, const sinter_tensor *),
              void *);
} sinter_walker_api;

/* Defined by the walker object that is linked into every model. */
extern const sinter_walker_api sinter_walker;

/* The descriptor. weights is NULL when they are in a file of their own. */
struct sinter_model {
  uint32_t magic;
  uint16_t abi_major, abi_minor;
  uint32_t size, n_isas;
  const void *image;
  uint64_t image_bytes;
  const sinter_isa *isas; /* best first */
  const sinter_walker_api *walker;
  const char *manifest;
  uint64_t manifest_bytes;
  const void *weights;
  uint64_t weights_bytes;
  uint8_t weights_id[32];
};

/* A .weights file: this header, zeros up to 4096, then the blob. */
#define SINTER_WEIGHTS_MAGIC 0x31545748474E5453ull /* "STNGHWT1" */
#define SINTER_WEIGHTS_OFFSET 4096
typedef struct {
  uint64_t magic, bytes;
  uint8_t id[32];
} sinter_weights_header;

/* The note of a .so: owner "Sinter", this type, the name of the function. */
#define SINTER_NOTE_TYPE 0x53494E54u

/* O(bytes), reads nothing outside [image, image + n). image is 8-byte aligned. */
sinter_status sinter_image_verify(const void *image, uint64_t n,
                                  sinter_error *error);

#ifdef __cplusplus
}
#endif
#endif
