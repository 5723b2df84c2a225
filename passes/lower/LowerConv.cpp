// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions: channels last, padding in the halo of the input, filters in
// panels or, depthwise, in a table. A 1x1 convolution over pixels that lie
// behind each other is a matrix product.

#include "passes/lower/Products.h"

using namespace mlir;

namespace sinter::lower {

Place insertUnitAxis(const Place &place, unsigned axis) {
  Place result = place;
  MLIRContext *context = place.element().getContext();
  result.dims.insert(result.dims.begin() + axis, sym::constantDim(context, 1));
  result.strides.insert(result.strides.begin() + axis,
                        sym::constantDim(context, 0));
  return result;
}

Place toChannelsLast(const Place &place) {
  SmallVector<int64_t> permutation{0};
  for (unsigned i = 2; i < place.rank(); ++i)
    permutation.push_back(i);
  permutation.push_back(1);
  return transpose(place, permutation);
}

namespace {
struct ConvShape {
  SmallVector<int64_t> kernel, strides, dilations, low, high; // spatial
  SmallVector<int64_t> tapStrides; // of the filter, along the kernel
  int64_t groups, channels, maps, mapStride, channelStride;

  int64_t n() const { return maps / groups; }
  int64_t depth() const { return channels / groups; }
  int64_t positions() const {
    int64_t result = 1;
    for (int64_t extent : kernel)
      result *= extent;
    return result;
  }
  Lowering::PanelSource panels() const {
    Lowering::PanelSource source{groups,    n(),        kernel, n() * mapStride,
                                 mapStride, tapStrides, 0};
    source.k.push_back(depth());
    source.kStrides.push_back(channelStride);
    return source;
  }
};
} // namespace

static ConvShape shapeOf(graph::ConvOp op, const Place &filter) {
  SmallVector<int64_t> extents = constants(filter.dims),
                       steps = constants(filter.strides);
  ConvShape shape;
  shape.groups = op.getGroup();
  shape.maps = extents[0];
  shape.channels = extents[1] * shape.groups;
  shape.mapStride = steps[0];
  shape.channelStride = steps[1];
  shape.kernel.assign(extents.begin() + 2, extents.end());
  shape.tapStrides.assign(steps.begin() + 2, steps.end());
  shape.strides = llvm::to_vector(op.getStrides());
  shape.dilations = llvm::to_vector(op.getDilations());
  shape.low = llvm::to_vector(op.getPads().take_front(shape.kernel.size()));
  shape.high = llvm::to_vector(op.getPads().drop_front(shape.kernel.size()));
  return shape;
}

/// One spatial axis is the second of two.
static void addRowAxis(ConvShape &shape) {
  for (auto *list : {&shape.kernel, &shape.strides, &shape.dilations})
    list->insert(list->begin(), 1);
  for (auto *list : {&shape.low, &shape.high, &shape.tapStrides})
    list->insert(list->begin(), 0);
}

static bool isPointwise(const ConvShape &shape) {
  auto isOne = [](int64_t x) { return x == 1; };
  auto isZero = [](int64_t x) { return x == 0; };
  return shape.groups == 1 && llvm::all_of(shape.kernel, isOne) &&
         llvm::all_of(shape.strides, isOne) &&
         llvm::all_of(shape.low, isZero) && llvm::all_of(shape.high, isZero);
}

/// The padded input, channels last: the halo where there is one, else a copy.
static Place paddedInput(Lowering &lowering, const Place &input,
                         const ConvShape &shape, bool hasHalo, Location loc) {
  SmallVector<int64_t> low{0}, high{0};
  llvm::append_range(low, shape.low);
  llvm::append_range(high, shape.high);
  low.push_back(0);
  high.push_back(0);
  if (isRowContiguous(input) && hasHalo)
    return grow(input, low, high);
  SmallVector<int64_t> haloLow, haloHigh;
  for (size_t i = 0; i < low.size(); ++i) {
    haloLow.push_back(std::max<int64_t>(low[i], 0));
    haloHigh.push_back(std::max<int64_t>(high[i], 0));
  }
  Place copy =
      lowering.makeTemporary(input.dims, input.element(), haloLow, haloHigh);
  lowering.copy(input, copy, loc);
  return grow(copy, low, high);
}

/// The convolution as a matrix product over pixels, when they lie behind each
/// other.
static bool emitPointwise(Lowering &lowering, const Cluster &cluster,
                          const ConvShape &shape, const Place &filter,
                          const Place &input, const Epilogue &epilogue,
                          bool hasBias) {
  Epilogue flat = epilogue;
  Place a = input;
  SmallVector<Place *> rows = flat.places();
  rows.push_back(&a);
  if (collapse(rows, 0, a.rank() - 1, 1) != 1)
    return false;
  RightSide b = filterSide(lowering, filter, shape.panels(), shape.depth());
  emitContract(lowering, cluster, a, b, flat, addBias(hasBias));
  return true;
}

/// Products with the zeros around the image are worth leaving out where they
/// are many: small images, wide dilations. The decision costs each tile a few
/// divisions.
static bool readsManyZeros(const ConvShape &shape, size_t axis,
                           const Place &padded, const Place &output) {
  constexpr int64_t kUnknownExtent = 40; // lines of an image not known yet
  constexpr int64_t kShare = 16;
  int64_t low = std::max<int64_t>(shape.low[axis], 0),
          high = std::max<int64_t>(shape.high[axis], 0);
  std::optional<int64_t> in = sym::asConstant(padded.dims[axis + 1]),
                         out = sym::asConstant(output.dims[axis + 1]);
  int64_t live = in ? *in - low - high : kUnknownExtent;
  int64_t lines = out ? *out : (kUnknownExtent - 1) / shape.strides[axis] + 1;
  // For each position of the kernel, the outputs for which it lies before the
  // first line or behind the last.
  int64_t dead = 0, taps = shape.kernel[axis], step = shape.strides[axis];
  for (int64_t k = 0; k < taps; ++k) {
    int64_t shift = k * shape.dilations[axis];
    int64_t before = std::max<int64_t>(0, (low - shift + step - 1) / step);
    int64_t end = std::max<int64_t>(0, (low + live - shift + step - 1) / step);
    dead += std::min(before, lines) + std::max<int64_t>(0, lines - end);
  }
  return dead * kShare >= lines * taps;
}

/// Where `readsManyZeros`, the lines of zeros at each end of the padded input.
static void addBorders(kernel::ConvOp root, const ConvShape &shape,
                       const Place &padded, const Place &output) {
  SmallVector<int64_t> low(shape.low.size(), 0), high(low);
  bool any = false;
  for (size_t i = 0; i < low.size(); ++i) {
    if (shape.kernel[i] == 1 || !readsManyZeros(shape, i, padded, output))
      continue;
    low[i] = std::max<int64_t>(shape.low[i], 0);
    high[i] = std::max<int64_t>(shape.high[i], 0);
    any |= low[i] || high[i];
  }
  if (!any)
    return;
  root.setBorderLow(low);
  root.setBorderHigh(high);
}

static void emitConv(Lowering &lowering, const Cluster &cluster,
                     const ConvShape &shape, const Place &filter,
                     const Place &input, Epilogue &epilogue, bool hasBias) {
  KernelEmitter emitter(lowering, cluster.loc, "conv");
  emitter.addView(input);
  bool alongK = false;
  bool isDepthwise =
      shape.groups == shape.channels && shape.groups == shape.maps;
  if (isDepthwise) {
    Lowering::Packing table{shape.kernel, shape.tapStrides, 0, {}};
    table.dims.push_back(shape.channels);
    table.strides.push_back(shape.mapStride);
    emitter.addView(
        *reshape(lowering.pack(filter, table), {lowering.dim(shape.positions()),
                                                lowering.dim(shape.channels)}));
  } else {
    RightSide side = filterSide(
        lowering, filter, shape.panels(),
        contiguousRun(input, shape.depth(), shape.kernel, shape.dilations));
    side.addTo(emitter, shape.groups);
    alongK = side.alongK;
  }
  epilogue.addTo(emitter);
  emitter.launch(epilogue.outputs.size(), [&](OpBuilder &b,
                                              ValueRange arguments) {
    size_t extras = epilogue.extras.size();
    auto root = kernel::ConvOp::create(
        b, b.getUnknownLoc(), arguments[0], arguments[1],
        arguments.slice(2, extras), arguments.drop_front(2 + extras),
        shape.kernel, shape.strides, shape.dilations, shape.groups,
        /*border_low=*/nullptr, /*border_high=*/nullptr, alongK);
    if (!isDepthwise)
      addBorders(root, shape, input, epilogue.outputs[0]);
    epilogue.emit(root.getEpilogue(), kernel::accumulatorType(input.element()),
                  addBias(hasBias));
  });
  epilogue.finish(cluster.loc);
}

LogicalResult Lowering::lowerConv(Cluster &cluster) {
  auto op = cast<graph::ConvOp>(cluster.root);
  Place input = placeOf(cluster.outer(op.getInput()));
  Place filter = placeOf(cluster.outer(op.getFilter()));
  if (failed(checkFilter(op, filter)))
    return failure();
  ConvShape shape = shapeOf(op, filter);
  Epilogue epilogue(*this, cluster, {});
  if (!op.getChannelsLast()) {
    input = toChannelsLast(input);
    epilogue.forEach(toChannelsLast);
  }
  bool hasBias = bool(op.getBias());
  if (hasBias)
    epilogue.addBias(broadcast(placeOf(cluster.outer(op.getBias())),
                               epilogue.outputs[0].dims));
  if (shape.kernel.size() == 1) {
    auto insert = [](const Place &place) { return insertUnitAxis(place, 1); };
    input = insert(input);
    epilogue.forEach(insert);
    addRowAxis(shape);
  }
  epilogue.makeOutputsRowContiguous();
  input = paddedInput(*this, input, shape, hasHalo(op), cluster.loc);
  if (!isPointwise(shape) ||
      !emitPointwise(*this, cluster, shape, filter, input, epilogue, hasBias))
    emitConv(*this, cluster, shape, filter, input, epilogue, hasBias);
  return success();
}

} // namespace sinter::lower
