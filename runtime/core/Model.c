// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every file of libsinter.a starts from: is this a model that we know, and
// the record of a fault.

#include "runtime/core/Runtime.h"

sinter_status runtime_error(sinter_error *error, sinter_status code,
                            uint32_t reason, int64_t found, int64_t expected) {
  if (error) {
    sinter_error e = {code,        reason,      SINTER_NONE, SINTER_NONE,
                      SINTER_NONE, SINTER_NONE, found,       expected};
    *error = e;
  }
  return code;
}

sinter_status model_check(const sinter_model *model, sinter_error *error) {
  if (!model)
    return runtime_error(error, SINTER_E_ARG, SINTER_WHY_NULL, 0, 0);
  if (model->magic != SINTER_MODEL_MAGIC)
    return runtime_error(error, SINTER_E_CORRUPT, SINTER_WHY_IMAGE, -1, 0);
  if (model->abi_major != SINTER_ABI_MAJOR ||
      model->abi_minor > SINTER_ABI_MINOR)
    return runtime_error(error, SINTER_E_ABI, SINTER_WHY_NONE, model->abi_major,
                         SINTER_ABI_MAJOR);
  return SINTER_OK;
}
