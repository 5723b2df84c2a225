// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations whose addresses depend on data run as extern kernels: C functions
// compiled with the model. dialects/kernel/ExternTable.def says what views,
// integers and floats each of them takes; this file makes the calls.
// Enumerations count in the order of the lists below.

#include "passes/lower/KernelEmitter.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace sinter::lower {
namespace {

struct ExternCall {
  StringRef callee = {};
  SmallVector<Value> inputs = {};
  SmallVector<int64_t> integers = {};
  SmallVector<double> floats = {};
  sym::Dims dims = {}; // integers that may depend on symbols, behind the others
  bool isSpatial = false; // views in the order [N, spatial..., C]
};

int64_t position(StringRef name, ArrayRef<StringRef> names) {
  return llvm::find(names, name) - names.begin();
}

int64_t reductionOf(StringRef name) {
  return position(name, {"none", "add", "mul", "min", "max"});
}

ExternCall call(graph::ExternOp op) {
  ExternCall result{op.getCallee(), llvm::to_vector(op.getInputs())};
  llvm::append_range(result.floats, op.getFloats());
  result.dims = sym::Dims(op.getIntegers().getDims());
  return result;
}
ExternCall call(graph::GatherOp op) {
  return {"gather", {op.getInput(), op.getIndices()}, {int64_t(op.getAxis())}};
}
ExternCall call(graph::GatherElementsOp op) {
  return {"gather_elements",
          {op.getInput(), op.getIndices()},
          {int64_t(op.getAxis())}};
}
ExternCall call(graph::GatherNDOp op) {
  return {"gather_nd",
          {op.getInput(), op.getIndices()},
          {int64_t(op.getBatchDims())}};
}
ExternCall call(graph::ScatterElementsOp op) {
  return {"scatter_elements",
          {op.getInput(), op.getIndices(), op.getUpdates()},
          {int64_t(op.getAxis()), reductionOf(op.getReduction())}};
}
ExternCall call(graph::ScatterNDOp op) {
  return {"scatter_nd",
          {op.getInput(), op.getIndices(), op.getUpdates()},
          {reductionOf(op.getReduction())}};
}
ExternCall call(graph::ResizeOp op) {
  ExternCall result{"resize", {op.getInput()}};
  result.integers = {
      position(op.getMode(), {"nearest", "linear", "cubic"}),
      position(op.getCoordinateMode(),
               {"half_pixel", "asymmetric", "align_corners",
                "pytorch_half_pixel", "half_pixel_symmetric",
                "tf_crop_and_resize"}),
      position(op.getNearestMode(),
               {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}),
      op.getExcludeOutside(), op.getAntialias()};
  result.floats = {op.getCubicCoeffA().convertToDouble(),
                   op.getExtrapolationValue().convertToDouble()};
  llvm::append_range(result.floats, op.getScales());
  size_t rank = op.getScales().size();
  for (size_t i = 0; i < 2 * rank; ++i)
    result.floats.push_back(op.getRoi().empty() ? double(i >= rank)
                                                : op.getRoi()[i]);
  return result;
}
ExternCall call(graph::PadOp op) {
  ExternCall result{"pad", {op.getInput()}};
  result.integers = {
      position(op.getMode(), {"constant", "edge", "reflect", "wrap"})};
  result.dims = sym::Dims(op.getLow().getDims());
  return result;
}
ExternCall call(graph::TopKOp op) {
  return {"topk",
          {op.getInput()},
          {int64_t(op.getAxis()), op.getLargest(), op.getSorted()}};
}
ExternCall call(graph::NonZeroOp op) { return {"nonzero", {op.getInput()}}; }
ExternCall call(graph::ArgReduceOp op) {
  return {"arg_reduce",
          {op.getInput()},
          {int64_t(op.getAxis()), op.getKind() == "max", op.getSelectLast()}};
}
ExternCall call(graph::CumSumOp op) {
  return {"cumsum",
          {op.getInput()},
          {int64_t(op.getAxis()), op.getExclusive(), op.getReverse()}};
}
ExternCall call(graph::LrnOp op) {
  return {"lrn",
          {op.getInput()},
          {1, int64_t(op.getSize())},
          {op.getAlpha().convertToDouble(), op.getBeta().convertToDouble(),
           op.getBias().convertToDouble()}};
}
ExternCall call(graph::PoolOp op) {
  ExternCall result{
      "max_pool_indices", {op.getInput()}, {op.getColumnMajorIndices()}};
  for (ArrayRef<int64_t> list :
       {op.getKernel(), op.getStrides(),
        op.getPads().take_front(op.getKernel().size()), op.getDilations()})
    llvm::append_range(result.integers, list);
  return result;
}
ExternCall call(graph::ConvTransposeOp op) {
  ExternCall result{"conv_transpose",
                    {op.getInput(), op.getFilter()},
                    {int64_t(op.getGroup())}};
  result.isSpatial = true;
  if (op.getBias())
    result.inputs.push_back(op.getBias());
  size_t spatial = op.getStrides().size();
  auto filter = cast<RankedTensorType>(op.getFilter().getType());
  for (ArrayRef<int64_t> list :
       {filter.getShape().drop_front(2), op.getStrides(),
        op.getPads().take_front(spatial), op.getDilations()})
    llvm::append_range(result.integers, list);
  return result;
}

/// [N, C, spatial...] from [N, spatial..., C], or the other way round.
Place reordered(const Place &place, bool isLast, bool wantsLast) {
  if (isLast == wantsLast || place.rank() < 3)
    return place;
  SmallVector<int64_t> order{0};
  if (!wantsLast)
    order.push_back(place.rank() - 1);
  for (unsigned i = wantsLast ? 2 : 1, end = place.rank() - !wantsLast; i < end;
       ++i)
    order.push_back(i);
  if (wantsLast)
    order.push_back(1);
  return transpose(place, order);
}

} // namespace

LogicalResult Lowering::lowerExtern(Operation *op) {
  ExternCall found =
      llvm::TypeSwitch<Operation *, ExternCall>(op)
          .Case<graph::ExternOp, graph::GatherOp, graph::GatherElementsOp,
                graph::GatherNDOp, graph::ScatterElementsOp, graph::ScatterNDOp,
                graph::ResizeOp, graph::PadOp, graph::TopKOp, graph::NonZeroOp,
                graph::ArgReduceOp, graph::CumSumOp, graph::LrnOp,
                graph::PoolOp, graph::ConvTransposeOp>(
              [](auto typed) { return call(typed); })
          .Default([](Operation *) { return ExternCall(); });
  if (found.callee.empty())
    return op->emitOpError(
        "has no kernel; expected an operation of the list in "
        "docs/operators.md");
  auto nonZero = dyn_cast<graph::NonZeroOp>(op);
  if (nonZero) {
    sym::Dims dims =
        sym::dimsOf(cast<RankedTensorType>(nonZero.getResult().getType()));
    dims[1] =
        sym::elementCount(cast<RankedTensorType>(nonZero.getInput().getType()));
    places[nonZero.getResult()] = makeTemporary(dims, builder.getI64Type());
  }
  bool isConvolution = isa<graph::PoolOp, graph::ConvTransposeOp>(op);
  auto ordered = [&](const Place &place) {
    return isConvolution
               ? reordered(place, op->hasAttr("channels_last"), found.isSpatial)
               : place;
  };
  KernelEmitter emitter(*this, op->getLoc(), found.callee);
  for (auto [i, input] : llvm::enumerate(found.inputs))
    emitter.addView(i == 0 ? ordered(placeOf(input)) : placeOf(input),
                    /*keepScalar=*/true);
  for (Value result : op->getResults()) {
    Place place = ordered(destinationOf(result));
    auto arg = dyn_cast<graph::ArgReduceOp>(op);
    if (arg && !arg.getKeepDims()) {
      place.dims.insert(place.dims.begin() + arg.getAxis(), dim(1));
      place.strides.insert(place.strides.begin() + arg.getAxis(), dim(0));
    }
    emitter.addView(place, /*keepScalar=*/true);
  }
  sym::Dims integers;
  for (int64_t value : found.integers)
    integers.push_back(dim(value));
  for (sym::DimAttr value : found.dims)
    integers.push_back(emitter.formal(value));
  emitter.launch(op->getNumResults(), [&](OpBuilder &b, ValueRange arguments) {
    kernel::ExternOp::create(
        b, b.getUnknownLoc(), found.callee,
        arguments.take_front(found.inputs.size()),
        arguments.drop_front(found.inputs.size()),
        integers.empty() ? nullptr : sym::DimsAttr::get(context(), integers),
        llvm::ArrayRef<double>(found.floats));
  });
  if (nonZero)
    places[nonZero.getResult()].dims =
        sym::dimsOf(cast<RankedTensorType>(nonZero.getResult().getType()));
  return success();
}

} // namespace sinter::lower
