// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytes of constants as values: what an element is worth, and which tensors are
// small and integral enough to be followed as dimensions.
#ifndef SINTER_COMPILER_IMPORT_VALUES_H
#define SINTER_COMPILER_IMPORT_VALUES_H

#include "compiler/import/Proto.h"
#include "compiler/import/Schema.h"
#include "dialects/sym/Dim.h"
#include "mlir/IR/BuiltinTypes.h"

namespace sinter::importer {

/// Signed integers are signless, unsigned ones ui8..ui64, bool i1, strings
/// si64 (Texts.h). Null for types that no operation takes.
mlir::Type typeOf(mlir::MLIRContext &context, onnx::DataType type);
/// The reverse, for messages and type checks.
onnx::DataType dataTypeOf(mlir::Type type);
/// Stored bits of one element: 8 for bool.
unsigned bitsOf(mlir::Type element);

/// Whether the shape is static with at most `most` elements. Extents come out
/// of a file: their product may be more than a number holds.
bool hasAtMost(mlir::RankedTensorType type, int64_t most);
/// The type, where its size is static and no memory can hold it; else nothing.
std::string beyondMemory(mlir::RankedTensorType type);
constexpr const char *fitsMemory =
    "at most 2^47 elements, which is all that memory can hold";

/// Element `i` of tightly packed bytes.
mlir::Attribute elementAt(mlir::Type element, llvm::ArrayRef<char> bytes,
                          int64_t i);
std::optional<double> realAt(mlir::Type element, llvm::ArrayRef<char> bytes,
                             int64_t i);

/// Contents as dimensions: integers and bools of at most 1024 elements, floats
/// when all of them are integral.
std::optional<sym::Dims> knownContents(mlir::MLIRContext &context,
                                       mlir::RankedTensorType type,
                                       llvm::ArrayRef<char> bytes);
/// The reverse; nullopt when one is no constant.
std::optional<std::vector<char>> bytesOf(mlir::RankedTensorType type,
                                         llvm::ArrayRef<sym::DimAttr> contents);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_VALUES_H
