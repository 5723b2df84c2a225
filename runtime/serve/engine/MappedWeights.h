// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights where they lie: inside an executable, an archive or a memory file. A
// server that is ready after one run cannot copy a hundred megabytes first, and
// processes that map one file share its pages.
#ifndef SINTER_SERVE_ENGINE_MAPPEDWEIGHTS_H
#define SINTER_SERVE_ENGINE_MAPPEDWEIGHTS_H

#include "runtime/serve/engine/Status.h"
#include "sinter/sinter.h"

#include <cstddef>

namespace sinter::serve {

class MappedWeights {
public:
  MappedWeights() = default;
  MappedWeights(MappedWeights &&other) noexcept { *this = std::move(other); }
  MappedWeights &operator=(MappedWeights &&other) noexcept;
  ~MappedWeights();

  /// Maps what is a .weights file at that place of another one. The descriptor
  /// may be closed afterwards.
  static Status map(int file, uint64_t offset, uint64_t bytes,
                    MappedWeights &out);
  bool isThere() const { return base != nullptr; }
  /// Behind the header.
  const std::byte *data() const;
  uint64_t bytes() const;
  /// Whether the weights are those that the model was compiled with.
  bool belongTo(const sinter_model *model) const;

private:
  std::byte *base = nullptr; // at a page
  size_t mapped = 0, begin = 0;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_MAPPEDWEIGHTS_H
