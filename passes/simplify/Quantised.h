// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantised operands as the importer writes them, taken apart:
//
//   centred   cast(q) - zero                 in i16 or i32
//   real      float(cast(q) - zero) * scale
//
// and constants that are still expressions: the scale of a filter would be gone
// after they are folded.
#ifndef SINTER_PASSES_SIMPLIFY_QUANTISED_H
#define SINTER_PASSES_SIMPLIFY_QUANTISED_H

#include "passes/simplify/Folder.h"
#include "passes/simplify/Matching.h"

namespace sinter::simplify {

/// Computes expressions over constants.
class Constants {
public:
  explicit Constants(const ConstantEvaluator &evaluator)
      : evaluator(evaluator) {}
  std::optional<ConstantTensor> valueOf(mlir::Value value) const;
  std::optional<std::vector<int64_t>> integersOf(mlir::Value value) const;
  std::optional<std::vector<double>> floatsOf(mlir::Value value) const;
  /// The one number of all elements.
  std::optional<double> numberOf(mlir::Value value) const;
  const ConstantEvaluator &evaluator;
};

std::optional<std::vector<int64_t>> integersOf(const ConstantTensor &tensor);

/// (bytes - zero) * scale. `zero` is null for none, `scale` of a centred
/// operand is null.
struct Quantised {
  mlir::Value bytes, zero, scale;
};

/// `value`, of any integer or of f32, as bytes with one zero point and one
/// scale for all elements; nullopt otherwise.
std::optional<Quantised> quantisedOf(mlir::Value value);

/// A constant factor of a product: integers, and of a real one the scale, one
/// number or one for each output.
struct QuantisedConstant {
  ConstantTensor integers;
  std::vector<int64_t> numbers; // the same
  std::vector<double> scale;    // empty for integers
};

/// `axis` is that of the outputs.
std::optional<QuantisedConstant> quantisedConstantOf(const Constants &constants,
                                                     mlir::Value value,
                                                     int64_t axis);

} // namespace sinter::simplify

#endif // SINTER_PASSES_SIMPLIFY_QUANTISED_H
