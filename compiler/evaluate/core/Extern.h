// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions that graph.extern names, once more and plainly: what the C code
// behind kernel.extern is held against. Results have the shapes that the
// operation states; where fewer elements are found the rest is zero.

#ifndef SINTER_COMPILER_EVALUATE_CORE_EXTERN_H
#define SINTER_COMPILER_EVALUATE_CORE_EXTERN_H

#include "compiler/evaluate/core/Operations.h"

namespace sinter::evaluate {

struct ExternCall {
  std::string callee;
  std::vector<const Value *> inputs;
  Ints integers;
  std::vector<double> floats;
  std::vector<Value> results; // zeros of the stated types
};

/// Any element as a double; integers are exact up to 2^53.
inline double realAt(const Value &value, int64_t i) {
  return std::visit([&](const auto &data) { return double(data[i]); },
                    value.data);
}
inline void setReal(Value &value, int64_t i, double x) {
  std::visit(
      [&](auto &data) {
        data[i] = static_cast<std::decay_t<decltype(data[0])>>(x);
      },
      value.data);
}

/// False when no function has that name.
bool runExtern(ExternCall &call, Fault &fault);

// ExternSample.cpp
void gridSample(ExternCall &call);
void deformColumns(ExternCall &call);
void col2im(ExternCall &call);
// ExternRegions.cpp
void roiAlign(ExternCall &call, Fault &fault);
void maxRoiPool(ExternCall &call, Fault &fault);
void suppress(ExternCall &call, Fault &fault);
// ExternCache.cpp
void writeRows(ExternCall &call, Fault &fault);
// ExternLinear.cpp
void linearAttention(ExternCall &call);
void bitCast(ExternCall &call);
// ExternNgrams.cpp
void ngrams(ExternCall &call);
// ExternTrees.cpp
void trees(ExternCall &call, Fault &fault);
void pairProbabilities(ExternCall &call);
// ExternSets.cpp
void unique(ExternCall &call);
void determinant(ExternCall &call);
void inverse(ExternCall &call);
void cumulativeProduct(ExternCall &call);

} // namespace sinter::evaluate

#endif // SINTER_COMPILER_EVALUATE_CORE_EXTERN_H
