// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The descriptor of a model that tests and fuzz targets build by hand.

#ifndef SINTER_TEST_UNIT_IMAGEMODEL_H
#define SINTER_TEST_UNIT_IMAGEMODEL_H

#include "sinter/model.h"

#include <cstring>
#include <vector>

namespace sinter {

/// All that it is given has to outlive it. Its weights are bytes, or come from
/// a file where `weights` is null.
inline sinter_model modelOf(const std::vector<uint8_t> &image,
                            const sinter_isa &isa, const char *manifest = "{}",
                            const void *weights = nullptr,
                            uint64_t weightsBytes = 0) {
  return {SINTER_MODEL_MAGIC,
          SINTER_ABI_MAJOR,
          SINTER_ABI_MINOR,
          sizeof(sinter_model),
          1,
          image.data(),
          image.size(),
          &isa,
          &sinter_walker,
          manifest,
          std::strlen(manifest),
          weights,
          weightsBytes,
          {}};
}

} // namespace sinter

#endif // SINTER_TEST_UNIT_IMAGEMODEL_H
