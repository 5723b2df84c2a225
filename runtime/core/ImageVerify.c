// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An image is a file somebody may have damaged, so nothing in it is believed:
// this pass looks at every count and index once and never reads outside the
// given bytes. What it lets through, the walker may index without a check; what
// depends on run-time values (offsets, sizes) is checked in each run. O(bytes).

#include "runtime/core/Walk.h"

typedef struct {
  const sinter_image *image;
  uint32_t nodes, consts, symbols, strings, fixed;
  sinter_error *error;
} verifier;

static bool bad(const verifier *v, uint32_t section, uint32_t index) {
  if (v->error)
    *v->error = walk_error(SINTER_E_CORRUPT, SINTER_WHY_IMAGE, SINTER_NONE,
                           section, index);
  return false;
}

uint64_t sinter_image_hash(const void *bytes, uint64_t n) {
  const uint8_t *p = bytes;
  uint64_t hash = 0x53494E5445520001ull ^ n;
  for (; n;) {
    uint64_t word = 0, take = n < 8 ? n : 8;
    __builtin_memcpy(&word, p, 8 <= n ? 8 : take);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
    hash ^= hash >> 32;
    p += take, n -= take;
  }
  return hash;
}

uint64_t sinter_dtype_bytes(uint32_t dtype) {
  switch (dtype) {
  case SINTER_U8:
  case SINTER_I8:
  case SINTER_BOOL:
    return 1;
  case SINTER_U16:
  case SINTER_I16:
  case SINTER_F16:
  case SINTER_BF16:
    return 2;
  case SINTER_F32:
  case SINTER_I32:
  case SINTER_U32:
    return 4;
  case SINTER_F64:
  case SINTER_I64:
  case SINTER_U64:
    return 8;
  case SINTER_STRING:
    return 16;
  default:
    return 0;
  }
}

static bool check_sections(const verifier *v) {
  static const uint8_t size[SINTER_SEC_COUNT] = {1,
                                                 sizeof(sinter_image_node),
                                                 sizeof(sinter_image_symbol),
                                                 8,
                                                 sizeof(sinter_image_tensor),
                                                 4,
                                                 sizeof(sinter_image_op),
                                                 sizeof(sinter_image_kernel),
                                                 sizeof(sinter_image_record),
                                                 sizeof(sinter_image_buffer),
                                                 4,
                                                 8,
                                                 sizeof(sinter_image_text)};
  const sinter_image *image = v->image;
  for (uint32_t i = 0; i < SINTER_SEC_COUNT; ++i) {
    uint64_t begin = image->section[i].offset;
    uint64_t bytes = (uint64_t)image->section[i].count * size[i];
    if (begin % 8 || begin < sizeof(sinter_image) || begin > image->bytes ||
        bytes > image->bytes - begin)
      return bad(v, i, 0);
  }
  if (image->section[SINTER_SEC_VARIANTS].count)
    return bad(v, SINTER_SEC_VARIANTS, 0);
  const char *strings = image_section(image, SINTER_SEC_STRINGS);
  if (!v->strings || strings[v->strings - 1])
    return bad(v, SINTER_SEC_STRINGS, 0);
  return true;
}

static bool check_counts(const verifier *v) {
  const sinter_image *i = v->image;
  const sinter_section *s = i->section;
  uint64_t tensors =
      (uint64_t)i->n_inputs + i->n_outputs + i->n_states + i->n_taps;
  bool ok = (uint64_t)v->symbols + v->consts <= i->n_entry_slots &&
            i->n_entry_slots <= i->n_slots && i->n_slots <= i->bytes &&
            i->n_entry_ops <= s[SINTER_SEC_OPS].count &&
            tensors == s[SINTER_SEC_TENSORS].count && i->n_inputs <= 0xFFFF &&
            i->n_outputs <= 0xFFFF && i->arena_slot < i->n_entry_slots &&
            i->scratch_slot < i->n_entry_slots && i->flags == 0 &&
            i->state_bytes < 1ull << 62 && i->weights_bytes < 1ull << 62;
  return ok || bad(v, SINTER_SEC_COUNT, 0);
}

static bool check_names(const verifier *v) {
  const sinter_image *image = v->image;
  const sinter_image_node *nodes = image_section(image, SINTER_SEC_NODES);
  for (uint32_t i = 0; i < v->nodes; ++i)
    if (nodes[i].name >= v->strings || nodes[i].op >= v->strings)
      return bad(v, SINTER_SEC_NODES, i);
  const sinter_image_kernel *kernels = image_section(image, SINTER_SEC_KERNELS);
  for (uint32_t i = 0; i < image->section[SINTER_SEC_KERNELS].count; ++i)
    if (kernels[i].name >= v->strings)
      return bad(v, SINTER_SEC_KERNELS, i);
  return true;
}

/* A NUL behind each text, so that a caller may read it as a C string. */
static bool check_texts(const verifier *v) {
  const sinter_image_text *texts = image_section(v->image, SINTER_SEC_TEXTS);
  const char *strings = image_section(v->image, SINTER_SEC_STRINGS);
  for (uint32_t i = 0; i < v->image->section[SINTER_SEC_TEXTS].count; ++i)
    if (texts[i].at >= v->strings ||
        texts[i].bytes >= v->strings - texts[i].at ||
        strings[texts[i].at + texts[i].bytes])
      return bad(v, SINTER_SEC_TEXTS, i);
  return true;
}

static bool check_tensors(const verifier *v) {
  const sinter_image *image = v->image;
  const sinter_image_tensor *tensors = image_section(image, SINTER_SEC_TENSORS);
  const uint32_t *dims = image_section(image, SINTER_SEC_DIMS);
  uint32_t n_dims = image->section[SINTER_SEC_DIMS].count;
  uint32_t first_state = image->n_inputs + image->n_outputs;
  for (uint32_t i = 0; i < image->section[SINTER_SEC_TENSORS].count; ++i) {
    const sinter_image_tensor *t = &tensors[i];
    bool is_input = i < image->n_inputs;
    bool is_state = i >= first_state && i < first_state + image->n_states;
    uint32_t limit =
        is_input || is_state ? image->n_entry_slots : image->n_slots;
    if (t->name >= v->strings || !sinter_dtype_bytes(t->dtype) ||
        t->rank > SINTER_MAX_RANK || t->dims > n_dims ||
        t->rank > n_dims - t->dims || t->bytes >= limit ||
        (is_state ? t->offset >= limit : t->offset != SINTER_NONE) ||
        (t->alias != SINTER_NONE && t->alias >= image->n_inputs))
      return bad(v, SINTER_SEC_TENSORS, i);
    for (uint32_t k = 0; k < t->rank; ++k)
      if (dims[t->dims + k] >= limit)
        return bad(v, SINTER_SEC_DIMS, t->dims + k);
  }
  const sinter_image_symbol *symbols = image_section(image, SINTER_SEC_SYMBOLS);
  for (uint32_t i = 0; i < v->symbols; ++i) {
    const sinter_image_symbol *s = &symbols[i];
    if (s->name >= v->strings || s->bind > SINTER_BIND_VALUE ||
        s->tensor >= image->n_inputs || s->divisor < 1 || s->min > s->max)
      return bad(v, SINTER_SEC_SYMBOLS, i);
    const sinter_image_tensor *t = &tensors[s->tensor];
    if (s->bind == SINTER_BIND_DIM
            ? s->index >= t->rank
            : t->dtype != SINTER_I64 && t->dtype != SINTER_I32)
      return bad(v, SINTER_SEC_SYMBOLS, i);
  }
  return true;
}

static bool check_ops(const verifier *v) {
  const sinter_image *image = v->image;
  const sinter_image_op *ops = image_section(image, SINTER_SEC_OPS);
  for (uint32_t i = 0; i < image->section[SINTER_SEC_OPS].count; ++i) {
    const sinter_image_op *op = &ops[i];
    bool entry = i < image->n_entry_ops;
    uint32_t limit = entry ? image->n_entry_slots : image->n_slots;
    uint32_t first = entry ? v->fixed : image->n_entry_slots;
    bool is_check =
        op->code == SINTER_OP_CHECK_EQ || op->code == SINTER_OP_CHECK_RANGE;
    if (op->code >= SINTER_OP_COUNT || op->reason >= SINTER_WHY_COUNT ||
        op->a >= limit || op->b >= limit || op->c >= limit ||
        (is_check ? op->dst != SINTER_NONE
                  : op->dst < first || op->dst >= limit) ||
        (op->node != SINTER_NONE && op->node >= v->nodes))
      return bad(v, SINTER_SEC_OPS, i);
  }
  return true;
}

static bool check_buffers(const verifier *v) {
  const sinter_image *image = v->image;
  const sinter_image_buffer *buffers = image_section(image, SINTER_SEC_BUFFERS);
  for (uint32_t i = 0; i < image->section[SINTER_SEC_BUFFERS].count; ++i) {
    const sinter_image_buffer *b = &buffers[i];
    uint32_t limit = b->space == SINTER_SPACE_INPUT    ? image->n_inputs
                     : b->space == SINTER_SPACE_OUTPUT ? image->n_outputs
                                                       : 1;
    if (b->space >= SINTER_SPACE_COUNT || b->index >= limit ||
        b->offset >= image->n_slots || b->bytes >= image->n_slots)
      return bad(v, SINTER_SEC_BUFFERS, i);
  }
  const uint32_t *params = image_section(image, SINTER_SEC_PARAMS);
  for (uint32_t i = 0; i < image->section[SINTER_SEC_PARAMS].count; ++i)
    if (params[i] >= image->n_slots)
      return bad(v, SINTER_SEC_PARAMS, i);
  return true;
}

static bool buffer_is_late(const sinter_image *image, uint32_t index) {
  const sinter_image_buffer *b =
      (const sinter_image_buffer *)image_section(image, SINTER_SEC_BUFFERS) +
      index;
  const sinter_image_tensor *tensors = image_section(image, SINTER_SEC_TENSORS);
  return b->offset >= image->n_entry_slots ||
         b->bytes >= image->n_entry_slots ||
         (b->space == SINTER_SPACE_OUTPUT &&
          tensors[image->n_inputs + b->index].bytes >= image->n_entry_slots);
}

static bool is_writable(const sinter_image *image, uint32_t buffer) {
  const sinter_image_buffer *b = image_section(image, SINTER_SEC_BUFFERS);
  return b[buffer].space != SINTER_SPACE_INPUT &&
         b[buffer].space != SINTER_SPACE_WEIGHTS;
}

static bool check_launch(const sinter_image *image,
                         const sinter_image_record *r) {
  const sinter_section *s = image->section;
  const sinter_image_kernel *kernels = image_section(image, SINTER_SEC_KERNELS);
  const uint32_t *params = image_section(image, SINTER_SEC_PARAMS);
  if (r->a >= s[SINTER_SEC_KERNELS].count)
    return false;
  const sinter_image_kernel *k = &kernels[r->a];
  if (r->b > s[SINTER_SEC_BUFFERS].count || r->c > s[SINTER_SEC_PARAMS].count ||
      k->n_buffers > s[SINTER_SEC_BUFFERS].count - r->b ||
      k->n_params > s[SINTER_SEC_PARAMS].count - r->c ||
      r->d >= image->n_slots || r->e >= image->n_slots ||
      r->f >= image->n_slots || r->g >= image->n_slots || r->h != SINTER_NONE)
    return false;
  bool late = false;
  for (uint32_t i = 0; i < k->n_buffers; ++i)
    late |= buffer_is_late(image, r->b + i);
  for (uint32_t i = 0; i < k->n_params; ++i)
    late |= params[r->c + i] >= image->n_entry_slots;
  return !late || (r->flags & SINTER_RECF_DYNAMIC);
}

static bool is_dynamic_enough(const sinter_image *image,
                              const sinter_image_record *r, uint32_t buffer) {
  return (r->flags & SINTER_RECF_DYNAMIC) || !buffer_is_late(image, buffer);
}

static bool check_record(const sinter_image *image,
                         const sinter_image_record *r) {
  const sinter_section *s = image->section;
  uint32_t n_buffers = s[SINTER_SEC_BUFFERS].count;
  uint32_t n_ops = s[SINTER_SEC_OPS].count,
           n_records = s[SINTER_SEC_RECORDS].count;
  switch (r->kind) {
  case SINTER_REC_LAUNCH:
    return check_launch(image, r);
  case SINTER_REC_SHAPE:
    return r->a >= image->n_entry_ops && r->a <= n_ops && r->b <= n_ops - r->a;
  case SINTER_REC_READ:
    return r->a >= image->n_entry_slots && r->a < image->n_slots &&
           r->b < image->n_slots && r->c < n_buffers &&
           is_dynamic_enough(image, r, r->c) &&
           (r->d == SINTER_I32 || r->d == SINTER_I64 || r->d == SINTER_BOOL ||
            r->d == SINTER_U8);
  case SINTER_REC_BRANCH:
    return r->a < image->n_slots && r->b < n_records;
  case SINTER_REC_JUMP:
    return r->a < n_records;
  case SINTER_REC_COPY:
    return r->a < n_buffers && r->b < n_buffers && is_writable(image, r->a) &&
           is_dynamic_enough(image, r, r->a) &&
           is_dynamic_enough(image, r, r->b);
  case SINTER_REC_FILL:
    return r->a < n_buffers && r->b < image->n_slots &&
           is_writable(image, r->a) && is_dynamic_enough(image, r, r->a);
  case SINTER_REC_TAP:
    return r->a < image->n_taps && r->b < n_buffers &&
           is_dynamic_enough(image, r, r->b);
  case SINTER_REC_END:
    return true;
  default:
    return false;
  }
}

static bool check_records(const verifier *v) {
  const sinter_image *image = v->image;
  const sinter_image_record *records = image_section(image, SINTER_SEC_RECORDS);
  uint32_t n = image->section[SINTER_SEC_RECORDS].count;
  if (!n || records[n - 1].kind != SINTER_REC_END)
    return bad(v, SINTER_SEC_RECORDS, n);
  for (uint32_t i = 0; i < n; ++i) {
    const sinter_image_record *r = &records[i];
    bool works = r->kind == SINTER_REC_LAUNCH || r->kind == SINTER_REC_COPY ||
                 r->kind == SINTER_REC_FILL;
    if (r->flags > (SINTER_RECF_DYNAMIC | SINTER_RECF_NOWAIT) ||
        (r->node != SINTER_NONE && r->node >= v->nodes) ||
        !check_record(image, r))
      return bad(v, SINTER_SEC_RECORDS, i);
    if (!(r->flags & SINTER_RECF_NOWAIT))
      continue;
    const sinter_image_record *next = r + 1; /* END is last and has no NOWAIT */
    if (!works || (next->flags & SINTER_RECF_DYNAMIC) ||
        (next->kind != SINTER_REC_LAUNCH && next->kind != SINTER_REC_COPY &&
         next->kind != SINTER_REC_FILL))
      return bad(v, SINTER_SEC_RECORDS, i);
  }
  return true;
}

static sinter_status refuse(sinter_error *error, sinter_status code,
                            uint32_t reason, int64_t found, int64_t expected) {
  if (error)
    *error = walk_error(code, reason, SINTER_NONE, found, expected);
  return code;
}

sinter_status sinter_image_verify(const void *bytes, uint64_t n,
                                  sinter_error *error) {
  const sinter_image *image = bytes;
  if (!bytes || (uintptr_t)bytes % 8)
    return refuse(error, SINTER_E_ARG, SINTER_WHY_ALIGN, (uintptr_t)bytes % 8,
                  8);
  if (n < sizeof(sinter_image) || image->magic != SINTER_IMAGE_MAGIC ||
      image->bytes != n || n > 0xFFFFFFFFu)
    return refuse(error, SINTER_E_CORRUPT, SINTER_WHY_IMAGE, -1, 0);
  if (image->abi_major != SINTER_ABI_MAJOR ||
      image->abi_minor > SINTER_ABI_MINOR)
    return refuse(error, SINTER_E_ABI, SINTER_WHY_NONE, image->abi_major,
                  SINTER_ABI_MAJOR);
  uint64_t hashed = offsetof(sinter_image, hash) + sizeof image->hash;
  if (sinter_image_hash((const uint8_t *)bytes + hashed, n - hashed) !=
      image->hash)
    return refuse(error, SINTER_E_CORRUPT, SINTER_WHY_IMAGE_HASH, 0, 0);

  const sinter_section *s = image->section;
  verifier v = {image,
                s[SINTER_SEC_NODES].count,
                s[SINTER_SEC_CONSTS].count,
                s[SINTER_SEC_SYMBOLS].count,
                s[SINTER_SEC_STRINGS].count,
                0,
                error};
  if (!check_sections(&v) || !check_counts(&v))
    return SINTER_E_CORRUPT;
  v.fixed = v.symbols + v.consts;
  bool ok = check_names(&v) && check_texts(&v) && check_tensors(&v) &&
            check_ops(&v) && check_buffers(&v) && check_records(&v);
  return ok ? SINTER_OK : SINTER_E_CORRUPT;
}
