// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One walk over the types of the results.
#include "compiler/evaluate/Resolution.h"

using namespace mlir;

static double resolutionOf(Operation *op) {
  auto isFloat = [](Type type) {
    return isa<FloatType>(getElementTypeOrSelf(type));
  };
  double result = 0;
  for (Type type : op->getResultTypes()) {
    Type element = getElementTypeOrSelf(type);
    bool isQuantised = element.isInteger() &&
                       element.getIntOrFloatBitWidth() > 1 &&
                       element.getIntOrFloatBitWidth() <= 8 &&
                       llvm::any_of(op->getOperandTypes(), isFloat);
    if (element.isBF16() || isQuantised)
      return 0x1p-8;
    if (element.isF16())
      result = 0x1p-11;
  }
  return result;
}

double sinter::evaluate::resolutionOf(func::FuncOp main) {
  double result = 0;
  main.walk([&](Operation *op) {
    if (op->getNumOperands()) // not a constant
      result = std::max(result, ::resolutionOf(op));
  });
  return result;
}
