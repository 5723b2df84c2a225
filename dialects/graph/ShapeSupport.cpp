// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Wording of the checks that shape functions share.

#include "dialects/graph/ShapeSupport.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace sinter::graph {

std::string textOf(ArrayRef<DimAttr> dims) {
  std::string text = "[";
  for (DimAttr dim : dims)
    text += (text.size() == 1 ? "" : ", ") + sym::toString(dim);
  return text + "]";
}

LogicalResult checkAxis(OptionalLocation location, int64_t axis, int64_t rank) {
  if (axis >= 0 && axis < rank)
    return success();
  return emitOptionalError(location, "axis ", axis,
                           " is outside a tensor of rank ", rank);
}

LogicalResult checkRank(OptionalLocation location, StringRef what, Value value,
                        int64_t rank) {
  if (rankOf(value) == rank)
    return success();
  return emitOptionalError(location, what, " has rank ", rankOf(value),
                           ", expected ", rank);
}

LogicalResult checkEqual(OptionalLocation location, StringRef what,
                         DimAttr found, StringRef other, DimAttr expected) {
  if (mayBeEqual(found, expected))
    return success();
  return emitOptionalError(location, what, " is ", sym::toString(found),
                           " but ", other, " is ", sym::toString(expected));
}

LogicalResult checkSameElement(OptionalLocation location, Value a, Value b) {
  if (elementOf(a) == elementOf(b))
    return success();
  return emitOptionalError(location, "element types differ: ", elementOf(a),
                           " and ", elementOf(b));
}

LogicalResult checkFactors(OptionalLocation location, Value a, Value b) {
  Type left = elementOf(a), right = elementOf(b);
  if ((left.isUnsignedInteger(8) && right.isSignlessInteger(8)) ||
      (left.isF32() && (right.isF16() || right.isBF16())))
    return success();
  return checkSameElement(location, a, b);
}

LogicalResult checkCount(OptionalLocation location, StringRef what,
                         size_t found, size_t expected) {
  if (found == expected)
    return success();
  return emitOptionalError(location, what, " has ", found, " values, expected ",
                           expected);
}

} // namespace sinter::graph
