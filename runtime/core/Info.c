// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a model tells about itself, read from its image; nothing is stored
// twice. The image was not verified yet when a program asks before it opens, so
// these functions verify it once per call of sinter_info_of and else stay
// inside the tables by their counts.

#include "runtime/core/Runtime.h"

#include <string.h>

static const sinter_image *image_of(const sinter_model *model) {
  return model->image;
}

static const void *table(const sinter_model *model, int section) {
  return (const uint8_t *)model->image +
         image_of(model)->section[section].offset;
}

static const char *text_at(const sinter_model *model, uint32_t offset) {
  uint32_t n = image_of(model)->section[SINTER_SEC_STRINGS].count;
  return offset < n ? (const char *)table(model, SINTER_SEC_STRINGS) + offset
                    : "";
}

sinter_status sinter_info_of(const sinter_model *model, sinter_info *out) {
  sinter_status status = model_check(model, 0);
  if (!status)
    status = model->walker->verify(model->image, model->image_bytes, 0);
  if (status || !out)
    return status ? status : SINTER_E_ARG;
  const sinter_image *image = image_of(model);
  sinter_info info = {out->size,
                      image->n_inputs,
                      image->n_outputs,
                      image->section[SINTER_SEC_SYMBOLS].count,
                      model->n_isas,
                      image->section[SINTER_SEC_NODES].count,
                      model->weights_bytes,
                      image->state_bytes};
  memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
  return SINTER_OK;
}

sinter_status sinter_tensor_info_of(const sinter_model *model, uint32_t slot,
                                    sinter_tensor_info *out) {
  const sinter_image *image = image_of(model);
  if (!out || slot >= image->n_inputs + image->n_outputs)
    return SINTER_E_ARG;
  const sinter_image_tensor *t = table(model, SINTER_SEC_TENSORS);
  const uint32_t *dims = table(model, SINTER_SEC_DIMS);
  const int64_t *consts = table(model, SINTER_SEC_CONSTS);
  uint32_t n_symbols = image->section[SINTER_SEC_SYMBOLS].count;
  uint32_t n_consts = image->section[SINTER_SEC_CONSTS].count;
  t += slot;
  sinter_tensor_info info = {out->size,
                             t->rank,
                             t->dtype,
                             slot >= image->n_inputs,
                             text_at(model, t->name),
                             {0},
                             {0}};
  for (uint32_t k = 0; k < t->rank && k < SINTER_MAX_RANK; ++k) {
    uint32_t s = dims[t->dims + k];
    bool constant = s >= n_symbols && s - n_symbols < n_consts;
    info.symbol[k] = s < n_symbols ? s : SINTER_NONE;
    info.dim[k] = constant ? consts[s - n_symbols] : -1;
  }
  memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
  return SINTER_OK;
}

sinter_status sinter_symbol_info_of(const sinter_model *model, uint32_t index,
                                    sinter_symbol_info *out) {
  if (!out || index >= image_of(model)->section[SINTER_SEC_SYMBOLS].count)
    return SINTER_E_ARG;
  const sinter_image_symbol *s = table(model, SINTER_SEC_SYMBOLS);
  s += index;
  sinter_symbol_info info = {out->size, text_at(model, s->name), s->min, s->max,
                             s->divisor};
  memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
  return SINTER_OK;
}

const char *sinter_isa_name(const sinter_model *model, uint32_t index) {
  return index < model->n_isas ? model->isas[index].name : 0;
}

const char *sinter_node_name(const sinter_model *model, uint32_t node) {
  const sinter_image_node *nodes = table(model, SINTER_SEC_NODES);
  bool ok = node < image_of(model)->section[SINTER_SEC_NODES].count;
  return ok ? text_at(model, nodes[node].name) : 0;
}

const char *sinter_kernel_name(const sinter_model *model, uint32_t kernel) {
  const sinter_image_kernel *kernels = table(model, SINTER_SEC_KERNELS);
  bool ok = kernel < image_of(model)->section[SINTER_SEC_KERNELS].count;
  return ok ? text_at(model, kernels[kernel].name) : 0;
}

sinter_status sinter_known_text(const sinter_model *model, uint32_t index,
                                sinter_text *out) {
  if (!out || index >= image_of(model)->section[SINTER_SEC_TEXTS].count)
    return SINTER_E_ARG;
  const sinter_image_text *t = table(model, SINTER_SEC_TEXTS);
  out->data = text_at(model, t[index].at);
  out->bytes = t[index].bytes;
  return SINTER_OK;
}

const char *sinter_manifest(const sinter_model *model) {
  return model->manifest;
}
