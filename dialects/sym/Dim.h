// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Symbolic integers. A `DimAttr` is always in normal form: a sum of terms, each
// an integer times a product of atoms; an atom is a symbol, a floordiv, a min
// or a max of normal forms. Terms and atoms are ordered structurally, never by
// address, so the form (and every object built from it) is reproducible.
//
// Arithmetic here is exact on mathematical integers; a constant that would
// leave int64 saturates, and the shape program checks overflow again at run
// time.

#ifndef SINTER_DIALECTS_SYM_DIM_H
#define SINTER_DIALECTS_SYM_DIM_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include <optional>

namespace sinter::sym {
/// Sum and Product keep their constant in `value`: Sum = value + operands,
/// Product = value * operands.
enum class DimKind : uint8_t {
  Constant,
  Symbol,
  Sum,
  Product,
  FloorDiv,
  Min,
  Max
};
} // namespace sinter::sym

#include "dialects/sym/SymDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/sym/SymAttrs.h.inc"

namespace sinter::sym {

using Dims = llvm::SmallVector<DimAttr, 6>;

DimAttr constantDim(mlir::MLIRContext *context, int64_t value);
DimAttr symbolDim(mlir::MLIRContext *context, llvm::StringRef name);

DimAttr operator+(DimAttr a, DimAttr b);
DimAttr operator-(DimAttr a, DimAttr b);
DimAttr operator*(DimAttr a, DimAttr b);
DimAttr operator+(DimAttr a, int64_t b);
DimAttr operator-(DimAttr a, int64_t b);
DimAttr operator*(DimAttr a, int64_t b);
/// Division by zero yields zero; shape functions refuse it before it gets here.
DimAttr floorDiv(DimAttr a, DimAttr b);
DimAttr floorDiv(DimAttr a, int64_t b);
DimAttr ceilDiv(DimAttr a, DimAttr b);
DimAttr ceilDiv(DimAttr a, int64_t b);
DimAttr mod(DimAttr a, DimAttr b);
DimAttr minDim(DimAttr a, DimAttr b);
DimAttr maxDim(DimAttr a, DimAttr b);
DimAttr product(mlir::MLIRContext *context, llvm::ArrayRef<DimAttr> dims);

std::optional<int64_t> asConstant(DimAttr dim);
bool isConstant(DimAttr dim, int64_t value);

/// The value for given symbol values; nullopt when a symbol is missing or the
/// arithmetic leaves int64.
std::optional<int64_t>
evaluate(DimAttr dim,
         llvm::function_ref<std::optional<int64_t>(llvm::StringRef)> symbol);

/// Replaces symbols; a null result of `replace` keeps the symbol.
DimAttr substitute(DimAttr dim,
                   llvm::function_ref<DimAttr(llvm::StringRef)> replace);

/// Calls `visit` for each symbol, in order of first appearance, once each.
void forEachSymbol(DimAttr dim,
                   llvm::function_ref<void(llvm::StringRef)> visit);

/// Interval of values when every symbol lies in the range that `symbol` gives
/// (inclusive). Saturates at the ends of int64.
struct Range {
  int64_t min, max;
};
Range rangeOf(DimAttr dim, llvm::function_ref<Range(llvm::StringRef)> symbol);

/// `B * S + 1`, as printed in types and messages.
std::string toString(DimAttr dim);

/// `[B, S, 384]`: the form every type and attribute with a list of dims uses.
mlir::ParseResult parseDims(mlir::AsmParser &parser, Dims &dims);
void printDims(mlir::AsmPrinter &printer, llvm::ArrayRef<DimAttr> dims);

// Tensor types. A static tensor carries no encoding.
Dims dimsOf(mlir::RankedTensorType type);
mlir::RankedTensorType tensorOf(llvm::ArrayRef<DimAttr> dims,
                                mlir::Type element);
DimAttr elementCount(mlir::RankedTensorType type);

} // namespace sinter::sym

#endif // SINTER_DIALECTS_SYM_DIM_H
