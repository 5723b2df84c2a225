// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C++ view of the scalar-op table (ScalarOps.def): kinds, names and signatures.
// What each row computes: ScalarReference.h.

#ifndef SINTER_DIALECTS_SCALAR_SCALAROPS_H
#define SINTER_DIALECTS_SCALAR_SCALAROPS_H

#include "dialects/scalar/ScalarReference.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace sinter::scalar {

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

} // namespace sinter::scalar

#endif // SINTER_DIALECTS_SCALAR_SCALAROPS_H
