// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table itself. What each row computes is in ScalarReference.cpp.

#include "dialects/scalar/ScalarOps.h"

namespace sinter::scalar {

static const Row rows[] = {
#define SINTER_SCALAR(name, arity, operands, result, doc)                      \
  {#name, arity, Domain::operands, Result::result, doc},
#include "dialects/scalar/ScalarOps.def"
};

llvm::ArrayRef<Row> table() { return rows; }

const Row &rowOf(Kind kind) { return rows[static_cast<unsigned>(kind)]; }

std::optional<Kind> kindOf(llvm::StringRef name) {
  for (unsigned i = 0; i < std::size(rows); ++i)
    if (rows[i].name == name)
      return static_cast<Kind>(i);
  return std::nullopt;
}

} // namespace sinter::scalar
