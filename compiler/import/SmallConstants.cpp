// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exporters compute sizes from numbers that are constants only after some
// arithmetic: sqrt(196) for the side of a grid, ln(10000) for positions. The
// simplifier would fold them, but a shape that needs one is known here or
// never. So a result of at most 64 elements that a few pure operations make
// from constants is computed at once, by the evaluator, as the simplifier
// would.
#include "compiler/evaluate/ConstantFolder.h"
#include "compiler/import/ModelImporter.h"
#include "compiler/import/Values.h"
#include "dialects/graph/ConstantData.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace sinter::importer {
namespace {

constexpr int64_t mostElements = 64;
constexpr unsigned mostOperations = 16; // what one operator composes

/// Static, small, and of elements that take whole bytes.
bool isSmall(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !hasAtMost(type, mostElements) ||
      !type.getElementType().isIntOrFloat())
    return false;
  unsigned bits = type.getElementType().getIntOrFloatBitWidth();
  return bits == 1 || bits >= 8;
}

std::optional<ConstantTensor>
compute(Value value, const ConstantEvaluator &evaluator, unsigned &left) {
  Operation *op = value.getDefiningOp();
  if (!op || !isSmall(value))
    return std::nullopt;
  if (isa<graph::ConstantOp>(op)) {
    std::optional<graph::ConstantData> data = graph::readConstant(value);
    return data ? std::optional(ConstantTensor{data->type, data->expanded()})
                : std::nullopt;
  }
  if (!isa<graph::GraphDialect>(op->getDialect()) || !isPure(op) ||
      op->getNumRegions() != 0 || op->getNumResults() != 1 ||
      op->getNumOperands() == 0 || left == 0)
    return std::nullopt;
  --left;
  std::vector<ConstantTensor> operands;
  for (Value operand : op->getOperands()) {
    std::optional<ConstantTensor> tensor = compute(operand, evaluator, left);
    if (!tensor)
      return std::nullopt;
    operands.push_back(std::move(*tensor));
  }
  auto results = evaluator.evaluate(op, operands);
  if (!results || results->front().type != value.getType())
    return std::nullopt;
  return std::move(results->front());
}

} // namespace

std::optional<TensorValue> ModelImporter::smallConstant(Value value,
                                                        StringRef name) {
  if (!value.getDefiningOp() || isa<graph::ConstantOp>(value.getDefiningOp()))
    return std::nullopt;
  static const std::shared_ptr<const ConstantEvaluator> evaluator =
      evaluate::makeConstantEvaluator();
  unsigned left = mostOperations;
  std::optional<ConstantTensor> tensor = compute(value, *evaluator, left);
  if (!tensor)
    return std::nullopt;
  return constantOf(tensor->type, std::move(tensor->bytes), name);
}

} // namespace sinter::importer
