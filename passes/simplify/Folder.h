// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who computes a constant. Passes lie below the compiler, whose evaluator knows
// what operations mean; whoever builds the pipeline hands it down.
#ifndef SINTER_PASSES_SIMPLIFY_FOLDER_H
#define SINTER_PASSES_SIMPLIFY_FOLDER_H

#include "mlir/IR/Operation.h"
#include <optional>
#include <vector>

namespace sinter {

/// Elements of a static tensor: little-endian, row-major, bools as bytes.
struct ConstantTensor {
  mlir::RankedTensorType type;
  std::vector<char> bytes;
};

class ConstantEvaluator {
public:
  virtual ~ConstantEvaluator() = default;
  /// The results of `op` for these operands, whose shapes may differ from the
  /// types in the IR; nullopt when it cannot be computed.
  virtual std::optional<std::vector<ConstantTensor>>
  evaluate(mlir::Operation *op,
           llvm::ArrayRef<ConstantTensor> operands) const = 0;
};

} // namespace sinter

#endif // SINTER_PASSES_SIMPLIFY_FOLDER_H
