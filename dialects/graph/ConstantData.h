// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and making constants, whether their bytes are in an attribute or in
// the weight store. A pass sees elements; where they live is decided here.
#ifndef SINTER_DIALECTS_GRAPH_CONSTANTDATA_H
#define SINTER_DIALECTS_GRAPH_CONSTANTDATA_H

#include "dialects/graph/GraphOps.h"
#include "mlir/IR/Builders.h"
#include <optional>
#include <string>
#include <vector>

namespace sinter::graph {

/// Above this a constant that is not a splat lives in the weight store.
constexpr size_t largestDenseBytes = 4096;

/// The elements of a constant, little-endian, row-major; bools are bytes.
struct ConstantData {
  mlir::RankedTensorType type;
  bool isSplat;            // `bytes` holds one element
  std::vector<char> bytes; // empty only when there is no element
  std::string name;        // for recipes: the weight's key, or "constant"

  /// All elements, a splat written out.
  std::vector<char> expanded() const;
};

/// Bytes of one element in a buffer: 1 for bool.
size_t elementBytes(mlir::Type element);

/// nullopt when `value` is no constant or its bytes are missing.
std::optional<ConstantData> readConstant(mlir::Value value);

/// The elements of a float constant of at most `most` elements.
std::optional<std::vector<double>> readFloats(mlir::Value value,
                                              int64_t most = 1 << 30);

/// The number that every element of a constant is equal to; only for constants
/// of at most 4 KB and splats. Integers are numbers too.
std::optional<double> readUniform(mlir::Value value);

/// A constant with these elements: a splat when all are equal, dense when
/// small, else a weight called `key` that remembers `recipe`.
mlir::Value makeConstant(mlir::OpBuilder &builder, mlir::Location location,
                         mlir::RankedTensorType type, std::vector<char> bytes,
                         llvm::StringRef key, llvm::StringRef recipe);

/// As makeConstant; each number is rounded to the float type once.
mlir::Value makeFloats(mlir::OpBuilder &builder, mlir::Location location,
                       mlir::RankedTensorType type,
                       llvm::ArrayRef<double> numbers, llvm::StringRef key,
                       llvm::StringRef recipe);

/// A scalar (rank 0) of a float or integer type.
mlir::Value makeScalar(mlir::OpBuilder &builder, mlir::Location location,
                       mlir::Type element, double number);

} // namespace sinter::graph

#endif // SINTER_DIALECTS_GRAPH_CONSTANTDATA_H
