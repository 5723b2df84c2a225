// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The clauses that verifiers of several roots share.

#include "dialects/kernel/VerifyRoot.h"

using namespace mlir;

namespace sinter::kernel {

Types elementsOf(ValueRange views) {
  Types types;
  for (Value view : views)
    types.push_back(elementOf(view));
  return types;
}

std::string describe(ArrayRef<sym::DimAttr> dims) {
  std::string text = "[";
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(dims, os,
                        [&](sym::DimAttr dim) { os << sym::toString(dim); });
  return text + "]";
}

LogicalResult verifyDims(Operation *op, ValueRange views, StringRef name,
                         ArrayRef<sym::DimAttr> expected) {
  for (auto [i, view] : llvm::enumerate(views))
    if (dimsOf(view) != expected)
      return op->emitOpError()
             << name << " " << i << " has dims " << describe(dimsOf(view))
             << ", expected " << describe(expected);
  return success();
}

LogicalResult verifyDim(Operation *op, const Twine &what, sym::DimAttr found,
                        sym::DimAttr expected) {
  if (found == expected)
    return success();
  return op->emitOpError() << what.str() << " is " << sym::toString(found)
                           << ", expected " << sym::toString(expected);
}

LogicalResult verifyLength(Operation *op, StringRef name, size_t found,
                           size_t expected) {
  if (found == expected)
    return success();
  return op->emitOpError() << "'" << name << "' has " << found
                           << " entries, expected " << expected;
}

LogicalResult verifyOutputs(Operation *op, ValueRange extras,
                            ValueRange outputs) {
  if (outputs.empty())
    return op->emitOpError("has no output");
  ArrayRef<sym::DimAttr> dims = dimsOf(outputs[0]);
  if (failed(verifyDims(op, outputs, "output", dims)))
    return failure();
  return verifyDims(op, extras, "extra", dims);
}

LogicalResult verifyRegion(Operation *op, Region &region, StringRef name,
                           const Types &inputs, const Types &results,
                           bool hasIndex) {
  auto matches = [](TypeRange found, const Types &expected) {
    return llvm::equal(found, expected,
                       [](Type a, Type b) { return !b || a == b; });
  };
  if (region.empty()) {
    if (matches(inputs, results))
      return success();
    return op->emitOpError() << "has an empty " << name << ", but takes "
                             << inputs.size() << " values where "
                             << results.size() << " of given types are needed";
  }
  if (!region.hasOneBlock())
    return op->emitOpError() << name << " must be a single block";
  Block &block = region.front();
  if (block.getNumArguments() != inputs.size())
    return op->emitOpError() << name << " has " << block.getNumArguments()
                             << " arguments, expected " << inputs.size();
  for (auto [i, argument] : llvm::enumerate(block.getArguments()))
    if (argument.getType() != inputs[i])
      return op->emitOpError()
             << name << " argument " << i << " is " << argument.getType()
             << ", expected " << inputs[i];
  for (Operation &inner : block) {
    if (!isa<ApplyOp, CastOp, ConstOp, DimOp, IndexOp, YieldOp>(inner))
      return inner.emitOpError() << "is not a scalar operation";
    if (isa<IndexOp>(inner) && !hasIndex)
      return inner.emitOpError()
             << "is allowed only in the prologue of kernel.nest";
  }
  auto yield =
      dyn_cast_or_null<YieldOp>(block.empty() ? nullptr : &block.back());
  if (!yield)
    return op->emitOpError() << name << " must end with kernel.yield";
  if (!matches(yield.getOperandTypes(), results)) {
    InFlightDiagnostic error = op->emitOpError() << name << " yields (";
    llvm::interleaveComma(yield.getOperandTypes(), error);
    error << "), expected (";
    llvm::interleaveComma(results, error, [&](Type type) {
      if (type)
        error << type;
      else
        error << "any type";
    });
    return error << ")";
  }
  return success();
}

LogicalResult verifyEpilogue(Operation *op, Region &epilogue, Types values,
                             ValueRange extras, ValueRange outputs) {
  values.append(elementsOf(extras));
  return verifyRegion(op, epilogue, "epilogue", values, elementsOf(outputs));
}

LogicalResult verifyPanels(Operation *op, PanelsType panels, int64_t groups,
                           sym::DimAttr n, sym::DimAttr k) {
  if (panels.getGroups() != groups)
    return op->emitOpError() << "panels have " << panels.getGroups()
                             << " groups, expected " << groups;
  MLIRContext *context = op->getContext();
  if (failed(verifyDim(op, "n of the panels",
                       sym::constantDim(context, panels.getN()), n)))
    return failure();
  return verifyDim(op, "k of the panels",
                   sym::constantDim(context, panels.getK()), k);
}

LogicalResult verifySameRank(Operation *op, StringRef name, Value view,
                             Value output, size_t least) {
  size_t found = dimsOf(view).size(), expected = dimsOf(output).size();
  if (found >= least && found == expected)
    return success();
  return op->emitOpError() << name << " has rank " << found
                           << " and the output " << expected
                           << "; expected the same rank, at least " << least;
}

LogicalResult verifySteps(Operation *op, StringRef name,
                          ArrayRef<int64_t> values, size_t spatial,
                          int64_t least) {
  if (failed(verifyLength(op, name, values.size(), spatial)))
    return failure();
  for (int64_t value : values)
    if (value < least)
      return op->emitOpError() << "'" << name << "' has " << value
                               << ", expected at least " << least;
  return success();
}

} // namespace sinter::kernel
