// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The error measure (shared with docs/rfcs on numerics): the largest absolute
// difference of an output from its reference, over the reference's largest
// magnitude; of several outputs, the worst.
#ifndef SINTER_TOOLS_SINTER_COMPARE_H
#define SINTER_TOOLS_SINTER_COMPARE_H

#include "tools/sinter/HostTensor.h"
#include "llvm/Support/JSON.h"

namespace sinter {

struct Difference {
  double error = 0;     // infinite when shapes, names or NaNs do not match
  double magnitude = 0; // the reference's largest, which error is relative to
  std::string output;   // the worst one
  uint64_t element = 0; // where in it
  double found = 0, expected = 0;
  std::string problem; // why error is infinite
};

/// One for each output of `expected`.
std::vector<Difference> differences(const std::vector<HostTensor> &found,
                                    const std::vector<HostTensor> &expected);
Difference largestError(const std::vector<HostTensor> &found,
                        const std::vector<HostTensor> &expected);

/// JSON knows neither infinity, the error of what has another shape, nor NaN:
/// null stands for them.
llvm::json::Value jsonNumber(double value);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_COMPARE_H
