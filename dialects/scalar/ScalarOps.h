// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C++ view of the scalar-op table (ScalarOps.def): kinds, names, signatures and
// the reference function that defines what each row computes.

#ifndef SINTER_DIALECTS_SCALAR_SCALAROPS_H
#define SINTER_DIALECTS_SCALAR_SCALAROPS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace sinter::scalar {

enum class Kind : uint8_t {
#define SINTER_SCALAR(name, arity, operands, result, doc) k_##name,
#include "dialects/scalar/ScalarOps.def"
};

enum class Domain : uint8_t { Number, Float, Integer, Bool, Any };
enum class Result : uint8_t { Same, Bool };

struct Row {
  llvm::StringRef name;
  unsigned arity;
  Domain operands;
  Result result;
  llvm::StringRef formula;
};

llvm::ArrayRef<Row> table();
const Row &rowOf(Kind kind);
std::optional<Kind> kindOf(llvm::StringRef name);

/// Reference results. Operands are given widened: floats as double (the caller
/// rounds the result to the element type), integers as int64 (the caller
/// wraps), bools as 0 or 1. `fault` is set by integer division by zero.
double evaluateFloat(Kind kind, llvm::ArrayRef<double> operands);
/// As evaluateFloat, every intermediate step rounded to float32.
float evaluateFloat32(Kind kind, llvm::ArrayRef<float> operands);
int64_t evaluateInteger(Kind kind, llvm::ArrayRef<int64_t> operands,
                        bool isUnsigned, unsigned bits, bool &fault);

} // namespace sinter::scalar

#endif // SINTER_DIALECTS_SCALAR_SCALAROPS_H
