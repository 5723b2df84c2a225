// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Transposes, slices, broadcasts and most reshapes are views. A reshape that no
// strides describe (it joins axes which do not lie behind each other: a channel
// shuffle, heads that come back together) is one copy. That copy keeps the
// order of its source in memory, and makes the halo of the convolution behind
// it, if that is the only reader.

#include "passes/lower/Lowering.h"

using namespace mlir;

namespace sinter::lower {
namespace {

/// The convolution with padding that alone reads a value, through transposes.
struct PaddedReader {
  graph::ConvOp conv;
  SmallVector<int64_t>
      order; // axis i of the convolution's input is axis order[i]
  SmallVector<int64_t> low, high;
};

PaddedReader paddedReaderOf(Value value) {
  PaddedReader reader;
  for (int64_t i = 0; i < cast<RankedTensorType>(value.getType()).getRank();
       ++i)
    reader.order.push_back(i);
  while (value.hasOneUse()) {
    OpOperand &use = *value.use_begin();
    if (auto transposeOp = dyn_cast<graph::TransposeOp>(use.getOwner())) {
      SmallVector<int64_t> order;
      for (int64_t axis : transposeOp.getPermutation())
        order.push_back(reader.order[axis]);
      reader.order = order;
      value = transposeOp.getResult();
    } else if (auto group = dyn_cast<graph::GroupOp>(use.getOwner())) {
      value = group.getBody().getArgument(use.getOperandNumber());
    } else {
      auto conv = dyn_cast<graph::ConvOp>(use.getOwner());
      if (!conv || use.getOperandNumber() != 0 || !conv.getChannelsLast())
        return reader;
      reader.conv = conv;
      size_t spatial = conv.getStrides().size();
      reader.low.assign(spatial + 2, 0);
      reader.high.assign(spatial + 2, 0);
      for (size_t i = 0; i < spatial; ++i) {
        reader.low[i + 1] = std::max<int64_t>(conv.getPads()[i], 0);
        reader.high[i + 1] = std::max<int64_t>(conv.getPads()[spatial + i], 0);
      }
      return reader;
    }
  }
  return reader;
}

} // namespace

/// The result of a reshape that needs a copy, at the place where it was copied.
Place Lowering::copyForReshape(graph::ReshapeOp op, const Place &source) {
  sym::Dims dims =
      sym::dimsOf(cast<RankedTensorType>(op.getResult().getType()));
  PaddedReader reader = paddedReaderOf(op.getResult());
  if (reader.conv && !hasHalo(reader.conv)) {
    sym::Dims stored;
    for (int64_t axis : reader.order)
      stored.push_back(dims[axis]);
    Place padded =
        makeTemporary(stored, source.element(), reader.low, reader.high);
    Place result = transpose(padded, inverse(reader.order));
    if (std::optional<Place> target = reshape(result, source.dims)) {
      granted.insert(reader.conv);
      copy(source, *target, op.getLoc());
      return result;
    }
  }
  SmallVector<int64_t> order = orderForReshape(source, dims);
  Place ordered = transpose(source, order),
        whole = makeTemporary(ordered.dims, source.element());
  std::optional<Place> view = reshape(transpose(whole, inverse(order)), dims);
  if (!view) {
    ordered = source;
    whole = makeTemporary(source.dims, source.element());
    view = reshape(whole, dims);
  }
  copy(ordered, whole, op.getLoc());
  return *view;
}

LogicalResult Lowering::lowerMovement(Operation *op) {
  Value value = op->getResult(0);
  if (auto transposeOp = dyn_cast<graph::TransposeOp>(op)) {
    places[value] = transpose(placeOf(transposeOp.getInput()),
                              transposeOp.getPermutation());
  } else if (auto sliceOp = dyn_cast<graph::SliceOp>(op)) {
    places[value] =
        slice(placeOf(sliceOp.getInput()), sliceOp.getStarts().getDims(),
              sliceOp.getSizes().getDims(), sliceOp.getSteps());
  } else if (auto broadcastOp = dyn_cast<graph::BroadcastOp>(op)) {
    places[value] = broadcast(placeOf(broadcastOp.getInput()),
                              sym::dimsOf(broadcastOp.getResult().getType()));
  } else {
    auto reshapeOp = cast<graph::ReshapeOp>(op);
    Place source = placeOf(reshapeOp.getInput());
    std::optional<Place> view =
        reshape(source, sym::dimsOf(reshapeOp.getResult().getType()));
    places[value] = view ? *view : copyForReshape(reshapeOp, source);
  }
  return success();
}

} // namespace sinter::lower
