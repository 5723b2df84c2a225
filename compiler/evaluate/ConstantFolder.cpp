// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folds in Declared mode: a folded value is what plain fp32 would compute when
// the model runs. A fault of data (an index outside its axis) leaves the
// operation in the program, where it becomes an error of the run.
#include "compiler/evaluate/ConstantFolder.h"

#include "compiler/evaluate/Convert.h"
#include "compiler/evaluate/Evaluate.h"

using namespace mlir;

namespace sinter::evaluate {
namespace {

class Folder : public ConstantEvaluator {
public:
  std::optional<std::vector<ConstantTensor>>
  evaluate(Operation *op, ArrayRef<ConstantTensor> operands) const override {
    std::vector<Tensor> inputs;
    for (const ConstantTensor &operand : operands) {
      std::optional<ElementKind> kind = kindOf(operand.type.getElementType());
      if (!kind)
        return std::nullopt;
      inputs.push_back({*kind,
                        Shape(operand.type.getShape().begin(),
                              operand.type.getShape().end()),
                        operand.bytes});
    }
    std::string error;
    auto results = evaluateOp(op, inputs, error);
    if (failed(results) || results->size() != op->getNumResults())
      return std::nullopt;
    std::vector<ConstantTensor> tensors;
    for (auto [value, tensor] : llvm::zip(op->getResults(), *results)) {
      Type element =
          mlir::cast<RankedTensorType>(value.getType()).getElementType();
      tensors.push_back({RankedTensorType::get(tensor.shape, element),
                         std::move(tensor.bytes)});
    }
    return tensors;
  }
};

} // namespace

std::shared_ptr<const ConstantEvaluator> makeConstantEvaluator() {
  return std::make_shared<Folder>();
}

} // namespace sinter::evaluate
