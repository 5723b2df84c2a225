// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the shape functions (Shapes*.cpp) share: short names, and checks whose
// messages a user can read, because the importer shows them with the node.
#ifndef SINTER_DIALECTS_GRAPH_SHAPESUPPORT_H
#define SINTER_DIALECTS_GRAPH_SHAPESUPPORT_H

#include "dialects/Support/Check.h"
#include "dialects/graph/Broadcast.h"
#include "dialects/graph/GraphOps.h"
#include "mlir/IR/Diagnostics.h"

namespace sinter::graph {

using sym::constantDim;
using sym::DimAttr;
using sym::Dims;
using OptionalLocation = std::optional<mlir::Location>;
using Types = llvm::SmallVectorImpl<mlir::Type>;

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline Dims dimsOf(mlir::Value value) { return sym::dimsOf(tensorType(value)); }
inline mlir::Type elementOf(mlir::Value value) {
  return tensorType(value).getElementType();
}

/// Sums of products of i16 are i32: a quantised operand without its zero point.
/// So are those of unsigned bytes and signed ones.
inline mlir::Type sumTypeOf(mlir::Value value) {
  mlir::Type element = elementOf(value);
  return element.isSignlessInteger(16) || element.isUnsignedInteger(8)
             ? mlir::IntegerType::get(element.getContext(), 32)
             : element;
}
inline int64_t rankOf(mlir::Value value) { return tensorType(value).getRank(); }
inline bool isBool(mlir::Type type) { return type.isInteger(1); }

/// "[N, 3, 224, 224]"
std::string textOf(llvm::ArrayRef<DimAttr> dims);

/// 0 <= axis < rank, or an error that names both.
mlir::LogicalResult checkAxis(OptionalLocation location, int64_t axis,
                              int64_t rank);
mlir::LogicalResult checkRank(OptionalLocation location, llvm::StringRef what,
                              mlir::Value value, int64_t rank);
/// Equal as far as can be known.
mlir::LogicalResult checkEqual(OptionalLocation location, llvm::StringRef what,
                               DimAttr found, llvm::StringRef other,
                               DimAttr expected);
mlir::LogicalResult checkSameElement(OptionalLocation location, mlir::Value a,
                                     mlir::Value b);
/// Operands of a product: of one type, unsigned bytes and signed ones, or f32
/// and halves.
mlir::LogicalResult checkFactors(OptionalLocation location, mlir::Value a,
                                 mlir::Value b);
mlir::LogicalResult checkCount(OptionalLocation location, llvm::StringRef what,
                               size_t found, size_t expected);

} // namespace sinter::graph

#endif // SINTER_DIALECTS_GRAPH_SHAPESUPPORT_H
