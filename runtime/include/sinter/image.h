// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The program image: a compiled model as plain data, run by the walker
// (runtime/core/walker.c). One block of bytes without pointers, little endian,
// 8-byte aligned; every table is named by a section of the header. Kernels are
// machine code beside it; nothing else of a model is. docs/rfcs/0001.
//
// Slots are one int64 array, in this order:
//   [0, n_symbols)          values of the symbols
//   then n_consts           constants, copied from the image once
//   up to n_entry_slots     results of the entry shape program: a function of
//                           the symbols, remembered until a symbol changes
//   up to n_slots           results of SHAPE segments and READ records
// Sizes, offsets, item counts and kernel parameters are all slots. Arithmetic
// that overflows or divides by zero stops the run with SINTER_E_SHAPE.
//
// A reader trusts nothing: sinter_image_verify() checks every count and index,
// and each run checks every offset + size that came out of the shape program.

#ifndef SINTER_IMAGE_H
#define SINTER_IMAGE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SINTER_IMAGE_MAGIC 0x474D4953u /* "SIMG" */
#define SINTER_ABI_MAJOR 1
#define SINTER_ABI_MINOR 0
#define SINTER_NONE 0xFFFFFFFFu
#define SINTER_MAX_RANK 8

/* ---- Kernels ---------------------------------------------------------- */

/* What a thread lends a kernel. A kernel ORs bits of sinter_fault into fault
   when data is bad, clamps, and goes on: it never stops by itself. */
typedef struct sinter_worker {
  void *scratch; /* 64-byte aligned, the thread's own */
  uint64_t scratch_bytes;
  uint32_t fault;
  uint32_t index;
} sinter_worker;

enum sinter_fault {
  SINTER_FAULT_INDEX = 1,  /* an index outside its axis */
  SINTER_FAULT_DIVIDE = 2, /* integer division by zero */
  SINTER_FAULT_BOUND = 4,  /* a loop bound or size outside its limits */
  SINTER_FAULT_VALUE = 8   /* any other value the operator forbids */
};

/* Runs items [begin, end). buffers[i] is the address of view argument i (offset
   applied), params[i] the value of formal parameter i. */
typedef void (*sinter_kernel)(void *const *buffers, const int64_t *params,
                              int64_t begin, int64_t end,
                              sinter_worker *worker);

/* ---- Header ----------------------------------------------------------- */

/* offset: bytes from the start of the image, a multiple of 8; count: elements. */
typedef struct { uint32_t offset, count; } sinter_section;

enum sinter_section_id {
  SINTER_SEC_STRINGS, /* char; every string ends with NUL, so does the table */
  SINTER_SEC_NODES,   /* sinter_image_node */
  SINTER_SEC_SYMBOLS, /* sinter_image_symbol */
  SINTER_SEC_CONSTS,  /* int64_t */
  SINTER_SEC_TENSORS, /* sinter_image_tensor: inputs, outputs, states, taps */
  SINTER_SEC_DIMS,    /* uint32_t slot, named by tensors */
  SINTER_SEC_OPS,     /* sinter_image_op; the entry program comes first */
  SINTER_SEC_KERNELS, /* sinter_image_kernel */
  SINTER_SEC_RECORDS, /* sinter_image_record; starts at 0, ends at END */
  SINTER_SEC_BUFFERS, /* sinter_image_buffer, named by records */
  SINTER_SEC_PARAMS,  /* uint32_t slot, named by launches */
  SINTER_SEC_VARIANTS, /* reserved for decision lists; empty in version 1 */
  SINTER_SEC_TEXTS,   /* sinter_image_text: known texts, ascending by bytes */
  SINTER_SEC_COUNT
};

typedef struct {
  uint32_t magic;
  uint16_t abi_major, abi_minor;
  uint64_t bytes; /* the whole image */
  uint64_t hash;  /* sinter_image_hash() of everything after this field */
  uint64_t weights_bytes; /* least size of the weights blob */
  uint64_t state_bytes;   /* least size of the state area */
  uint32_t n_slots, n_entry_slots, n_entry_ops;
  uint32_t n_inputs, n_outputs, n_states, n_taps;
  uint32_t arena_slot;   /* entry slot: bytes of the arena */
  uint32_t scratch_slot; /* entry slot: bytes of scratch for each worker */
  uint32_t flags;        /* 0 */
  sinter_section section[SINTER_SEC_COUNT];
} sinter_image;

/* ---- Tables ----------------------------------------------------------- */

typedef struct { uint32_t name, op; } sinter_image_node; /* in STRINGS */

/* Where a symbol gets its value when a run begins. */
enum sinter_bind {
  SINTER_BIND_DIM,   /* dimension `index` of input `tensor` */
  SINTER_BIND_VALUE, /* element `index` of integer input `tensor` */
};
typedef struct {
  uint32_t name;
  uint32_t bind, tensor, index;
  int64_t min, max, divisor; /* inclusive; divisor >= 1 */
} sinter_image_symbol;

/* Bytes [at, at + bytes) of STRINGS; a NUL follows. Kernels see a text as its
   handle, an i64: an index here, or, behind those, the place among the texts of
   the inputs where it first stands. Equal texts have equal handles; handle 0 is
   the empty text wherever a tensor of texts exists. docs/rfcs/0014. */
typedef struct { uint32_t at, bytes; } sinter_image_text;

typedef struct {
  uint32_t name;
  uint16_t dtype; /* ONNX's TensorProto.DataType number */
  uint16_t rank;
  uint32_t dims;   /* first of `rank` entries of DIMS */
  uint32_t bytes;  /* slot: least size of the data */
  uint32_t offset; /* slot, for states: offset in the state area; else NONE */
  uint32_t alias;  /* output: the input that may share its memory; else NONE */
} sinter_image_tensor;

enum sinter_op {
  SINTER_OP_ADD, SINTER_OP_SUB, SINTER_OP_MUL, /* dst = a op b */
  SINTER_OP_FLOORDIV, SINTER_OP_CEILDIV, SINTER_OP_MOD, /* b > 0 */
  SINTER_OP_MIN, SINTER_OP_MAX,
  SINTER_OP_ALIGN,       /* dst = a rounded up to a multiple of b, b > 0 */
  SINTER_OP_EQ,          /* dst = a == b */
  SINTER_OP_LT,          /* dst = a < b */
  SINTER_OP_SELECT,      /* dst = a != 0 ? b : c */
  SINTER_OP_CHECK_EQ,    /* a == b, else SINTER_E_SHAPE; dst is NONE */
  SINTER_OP_CHECK_RANGE, /* b <= a <= c, else SINTER_E_SHAPE; dst is NONE */
  SINTER_OP_COUNT
};
typedef struct {
  uint16_t code;
  uint16_t reason; /* checks: sinter_reason, the sentence of the error */
  uint32_t dst, a, b, c; /* slots; unused ones are 0 */
  uint32_t node;         /* to blame, or NONE */
} sinter_image_op;

typedef struct {
  uint32_t name;
  uint32_t n_buffers, n_params;
} sinter_image_kernel;

enum sinter_space {
  SINTER_SPACE_ARENA, SINTER_SPACE_WEIGHTS,
  SINTER_SPACE_INPUT, SINTER_SPACE_OUTPUT, /* index: which one */
  SINTER_SPACE_STATE,
  SINTER_SPACE_COUNT
};
typedef struct {
  uint16_t space, index;
  uint32_t offset, bytes; /* slots */
} sinter_image_buffer;

enum sinter_record_kind {
  SINTER_REC_LAUNCH, /* a kernel, b first buffer, c first param, d items slot,
                        e grain slot (least items a thread), f MACs slot,
                        g bytes slot (both for profiles), h variant = NONE */
  SINTER_REC_SHAPE,  /* run ops [a, a + b); they lie after the entry program */
  SINTER_REC_READ,   /* slot a = element b (slot) of buffer c; d = dtype, one of
                        INT32 INT64 BOOL UINT8 */
  SINTER_REC_BRANCH, /* when slot a is 0, go to record b */
  SINTER_REC_JUMP,   /* go to record a */
  SINTER_REC_COPY,   /* buffer a = buffer b, the bytes of a */
  SINTER_REC_FILL,   /* buffer a = the byte in slot b */
  SINTER_REC_TAP,    /* show buffer b as tap a (counted from the first tap) */
  SINTER_REC_END,
  SINTER_REC_COUNT
};

/* DYNAMIC: names a slot >= n_entry_slots, so it is resolved each time it runs.
   NOWAIT: no barrier behind it; the next record must be a LAUNCH, COPY or FILL
   that touches nothing other threads still read or write. Unused fields: 0. */
enum { SINTER_RECF_DYNAMIC = 1, SINTER_RECF_NOWAIT = 2 };

typedef struct {
  uint16_t kind, flags;
  uint32_t node; /* index in NODES, or NONE */
  uint32_t a, b, c, d, e, f, g, h;
} sinter_image_record;

/* The checksum in the header. */
uint64_t sinter_image_hash(const void *bytes, uint64_t n);
/* Bytes of an element; 0: no such type. */
uint64_t sinter_dtype_bytes(uint32_t dtype);

#ifdef __cplusplus
}
#endif
#endif
