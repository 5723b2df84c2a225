// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations whose addresses depend on data run as extern kernels: C functions
// compiled with the model. Callee, views, integers and floats of each:
//
//   gather           (input, indices) -> y         [axis]
//   gather_elements  (input, indices) -> y         [axis]
//   gather_nd        (input, indices) -> y         [batch_dims]
//   scatter_elements (indices, updates) -> y       [axis, reduction]    y holds the input
//   scatter_nd       (indices, updates) -> y       [reduction]          y holds the input
//   resize           (input) -> y                  [mode, coordinates, nearest, exclude, antialias]
//                                                  {cubic_a, extrapolation, scales.., roi..}
//   pad              (input) -> y                  [mode, low..]
//   topk             (input) -> values, indices    [axis, largest, sorted]
//   nonzero          (input) -> indices, count     []
//   arg_reduce       (input) -> y                  [axis, keep_dims, select_last, is_max]
//   cumsum           (input) -> y                  [axis, exclusive, reverse]
//   lrn              (input) -> y                  [size] {alpha, beta, bias}
//   pool_indices     (input) -> y, indices         [column_major, kernel.., strides.., pads..,
//                                                   dilations..]
//   conv_transpose   (input, filter, bias?) -> y   [group, strides.., pads.., dilations..]
//
// Enumerations count in the order of the lists below.

#include "passes/lower/KernelEmitter.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace sinter::lower {
namespace {

struct ExternCall {
  StringRef callee;
  SmallVector<Value> inputs;
  SmallVector<int64_t> integers;
  SmallVector<double> floats;
  sym::Dims dims; // integers that may depend on symbols, behind the others
  Value copied;   // what the first output holds before the call
};

int64_t position(StringRef name, ArrayRef<StringRef> names) {
  return llvm::find(names, name) - names.begin();
}

int64_t reductionOf(StringRef name) {
  return position(name, {"none", "add", "mul", "min", "max"});
}

ExternCall call(graph::GatherOp op) {
  return {"gather", {op.getInput(), op.getIndices()}, {int64_t(op.getAxis())}, {}, {}, {}};
}
ExternCall call(graph::GatherElementsOp op) {
  return {"gather_elements", {op.getInput(), op.getIndices()}, {int64_t(op.getAxis())}, {}, {}, {}};
}
ExternCall call(graph::GatherNDOp op) {
  return {"gather_nd", {op.getInput(), op.getIndices()}, {int64_t(op.getBatchDims())}, {}, {}, {}};
}
ExternCall call(graph::ScatterElementsOp op) {
  return {"scatter_elements",
          {op.getIndices(), op.getUpdates()},
          {int64_t(op.getAxis()), reductionOf(op.getReduction())},
          {},
          {},
          op.getInput()};
}
ExternCall call(graph::ScatterNDOp op) {
  return {"scatter_nd",
          {op.getIndices(), op.getUpdates()},
          {reductionOf(op.getReduction())},
          {},
          {},
          op.getInput()};
}
ExternCall call(graph::ResizeOp op) {
  ExternCall result{"resize", {op.getInput()}, {}, {}, {}, {}};
  result.integers = {
      position(op.getMode(), {"nearest", "linear", "cubic"}),
      position(op.getCoordinateMode(),
               {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                "asymmetric", "tf_crop_and_resize"}),
      position(op.getNearestMode(), {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}),
      op.getExcludeOutside(), op.getAntialias()};
  result.floats = {op.getCubicCoeffA().convertToDouble(),
                   op.getExtrapolationValue().convertToDouble()};
  llvm::append_range(result.floats, op.getScales());
  llvm::append_range(result.floats, op.getRoi());
  return result;
}
ExternCall call(graph::PadOp op) {
  return {"pad", {op.getInput()}, {position(op.getMode(), {"constant", "edge", "reflect", "wrap"})},
          {}, sym::Dims(op.getLow().getDims()), {}};
}
ExternCall call(graph::TopKOp op) {
  return {"topk", {op.getInput()}, {int64_t(op.getAxis()), op.getLargest(), op.getSorted()}, {},
          {}, {}};
}
ExternCall call(graph::NonZeroOp op) { return {"nonzero", {op.getInput()}, {}, {}, {}, {}}; }
ExternCall call(graph::ArgReduceOp op) {
  return {"arg_reduce",
          {op.getInput()},
          {int64_t(op.getAxis()), op.getKeepDims(), op.getSelectLast(), op.getKind() == "max"},
          {},
          {},
          {}};
}
ExternCall call(graph::CumSumOp op) {
  return {"cumsum", {op.getInput()}, {int64_t(op.getAxis()), op.getExclusive(), op.getReverse()},
          {}, {}, {}};
}
ExternCall call(graph::LrnOp op) {
  return {"lrn",
          {op.getInput()},
          {int64_t(op.getSize())},
          {op.getAlpha().convertToDouble(), op.getBeta().convertToDouble(),
           op.getBias().convertToDouble()},
          {},
          {}};
}
ExternCall call(graph::PoolOp op) {
  ExternCall result{"pool_indices", {op.getInput()}, {op.getColumnMajorIndices()}, {}, {}, {}};
  for (ArrayRef<int64_t> list :
       {op.getKernel(), op.getStrides(), op.getPads(), op.getDilations()})
    llvm::append_range(result.integers, list);
  return result;
}
ExternCall call(graph::ConvTransposeOp op) {
  ExternCall result{"conv_transpose", {op.getInput(), op.getFilter()}, {int64_t(op.getGroup())},
                    {}, {}, {}};
  if (op.getBias())
    result.inputs.push_back(op.getBias());
  for (ArrayRef<int64_t> list : {op.getStrides(), op.getPads(), op.getDilations()})
    llvm::append_range(result.integers, list);
  return result;
}

} // namespace

LogicalResult Lowering::lowerExtern(Operation *op) {
  ExternCall found =
      llvm::TypeSwitch<Operation *, ExternCall>(op)
          .Case<graph::GatherOp, graph::GatherElementsOp, graph::GatherNDOp,
                graph::ScatterElementsOp, graph::ScatterNDOp, graph::ResizeOp, graph::PadOp,
                graph::TopKOp, graph::NonZeroOp, graph::ArgReduceOp, graph::CumSumOp,
                graph::LrnOp, graph::PoolOp, graph::ConvTransposeOp>(
              [](auto typed) { return call(typed); })
          .Default([](Operation *) { return ExternCall(); });
  if (found.callee.empty())
    return op->emitOpError("has no kernel; expected an operation of the list in "
                           "docs/generated/operators.md");
  // Channels last is a permutation of the views: the C functions see ONNX order.
  bool isLast = op->hasAttr("channels_last");
  auto onnxOrder = [&](const Place &place) {
    if (!isLast || place.rank() < 3)
      return place;
    SmallVector<int64_t> order{0, int64_t(place.rank()) - 1};
    for (unsigned i = 1; i + 1 < place.rank(); ++i)
      order.push_back(i);
    return transpose(place, order);
  };
  if (found.copied)
    copy(placeOf(found.copied), destinationOf(op->getResult(0)), op->getLoc());
  KernelEmitter emitter(*this, op->getLoc(), found.callee);
  for (auto [i, input] : llvm::enumerate(found.inputs))
    emitter.addView(i == 0 ? onnxOrder(placeOf(input)) : placeOf(input), true);
  for (Value result : op->getResults())
    emitter.addView(onnxOrder(destinationOf(result)), true);
  sym::Dims integers;
  for (int64_t value : found.integers)
    integers.push_back(dim(value));
  for (sym::DimAttr value : found.dims)
    integers.push_back(emitter.formal(value));
  emitter.launch(op->getNumResults(), [&](OpBuilder &b, ValueRange arguments) {
    kernel::ExternOp::create(
        b, b.getUnknownLoc(), found.callee, arguments.take_front(found.inputs.size()),
        arguments.drop_front(found.inputs.size()),
        integers.empty() ? nullptr : sym::DimsAttr::get(context(), integers),
        llvm::ArrayRef<double>(found.floats));
  });
  return success();
}

} // namespace sinter::lower
