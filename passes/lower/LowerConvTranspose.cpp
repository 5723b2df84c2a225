// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A transposed convolution with stride s is s convolutions of stride 1, one for
// each residue of the output coordinate (and for each axis), which write every
// s-th element of the result. Where there is one map, those along the last axis
// are one convolution with s maps, which lie side by side in the result.

#include "passes/lower/Products.h"

using namespace mlir;

namespace sinter::lower {

namespace {
/// One residue class of output coordinates along one axis: a convolution of
/// stride 1 with every stride-th tap, reversed.
struct Phase {
  int64_t first; // first output coordinate
  int64_t taps;
  int64_t firstTap; // tap of the last kernel position
  int64_t start;    // input coordinate of the first tap of output `first`
};
} // namespace

/// Output o gets input i by tap k where i * stride + k * dilation - pad = o.
/// With dilation 1: k = residue + stride * j, i = (o + pad - residue) / stride
/// - j.
static Phase phaseOf(int64_t residue, int64_t kernel, int64_t stride,
                     int64_t pad) {
  Phase phase;
  phase.first = ((residue - pad) % stride + stride) % stride;
  phase.taps = (kernel - residue + stride - 1) / stride;
  phase.firstTap = residue;
  phase.start = (phase.first + pad - residue) / stride - (phase.taps - 1);
  return phase;
}

namespace {
/// Sizes along the spatial axes, at least two of them.
struct TransposedShape {
  SmallVector<int64_t> kernel, strides, pads, tapStrides;
  int64_t groups, depth, n, inputStride, outputStride; // strides of the filter

  /// No output gets more than one tap, and none lies outside the input's reach.
  bool isExact = false;

  /// The residues along the last axis are maps: all read the same input.
  bool isMerged = false;

  bool isDepthwise() const { return groups > 1 && depth == 1 && n == 1; }
};
} // namespace

static TransposedShape shapeOf(graph::ConvTransposeOp op, const Place &filter) {
  SmallVector<int64_t> extents = constants(filter.dims),
                       steps = constants(filter.strides);
  TransposedShape shape;
  shape.kernel.assign(extents.begin() + 2, extents.end());
  shape.tapStrides.assign(steps.begin() + 2, steps.end());
  shape.strides = llvm::to_vector(op.getStrides());
  shape.pads = llvm::to_vector(op.getPads().take_front(shape.kernel.size()));
  shape.groups = op.getGroup();
  shape.depth = extents[0] / shape.groups;
  shape.n = extents[1];
  shape.inputStride = steps[0];
  shape.outputStride = steps[1];
  auto isZero = [](int64_t amount) { return amount == 0; };
  shape.isExact = ArrayRef<int64_t>(shape.kernel) == op.getStrides() &&
                  llvm::all_of(op.getPads(), isZero) &&
                  llvm::all_of(op.getOutputPadding(), isZero);
  int64_t last = shape.kernel.size() - 1, step = shape.strides[last];
  int64_t grown = op.getOutputPadding()[last] - op.getPads().back();
  shape.isMerged = shape.groups == 1 && shape.n == 1 && step > 1 &&
                   shape.kernel[last] % step == 0 &&
                   shape.pads[last] % step == 0 && grown % step == 0;
  if (shape.kernel.size() == 1) {
    for (auto *list : {&shape.kernel, &shape.strides})
      list->insert(list->begin(), 1);
    for (auto *list : {&shape.pads, &shape.tapStrides})
      list->insert(list->begin(), 0);
  }
  return shape;
}

/// Elements past both ends of the input along one axis that some phase reads;
/// where sizes do not tell, as much as any kernel of this size can reach.
static std::pair<int64_t, int64_t> reachOf(int64_t kernel, int64_t stride,
                                           int64_t pad, sym::DimAttr input,
                                           sym::DimAttr output) {
  int64_t low = 0, high = 0;
  for (int64_t residue = 0; residue < stride; ++residue) {
    Phase phase = phaseOf(residue, kernel, stride, pad);
    sym::DimAttr count = sym::ceilDiv(output - phase.first, stride);
    std::optional<int64_t> past =
        sym::asConstant(count - input + (phase.start + phase.taps - 1));
    int64_t most = (kernel + pad) / stride + 1;
    low = std::max(low, -phase.start);
    high = std::max(high, past.value_or(most));
  }
  return {low, high};
}

/// A halo that serves every phase. Output extents past the input's reach
/// (output padding, unequal pads) need as much on the high side.
static Place withHalo(Lowering &lowering, const Place &input,
                      const TransposedShape &shape, const Place &output,
                      Location loc) {
  if (shape.isExact)
    return lowering.rowContiguous(input, loc);
  SmallVector<int64_t> low(shape.kernel.size() + 2, 0), high = low;
  for (size_t i = 0; i < shape.kernel.size(); ++i)
    std::tie(low[i + 1], high[i + 1]) =
        reachOf(shape.kernel[i], shape.strides[i], shape.pads[i],
                input.dims[i + 1], output.dims[i + 1]);
  Place padded = lowering.makeTemporary(input.dims, input.element(), low, high);
  lowering.copy(input, padded, loc);
  return padded;
}

/// The taps of a phase, [taps..., channels], for a depthwise convolution.
static Place tableOf(Lowering &lowering, const TransposedShape &shape,
                     const Lowering::PanelSource &taps, const Place &filter) {
  Lowering::Packing table{taps.k, taps.kStrides, taps.offset, {}};
  table.dims.back() = shape.groups; // for the one channel of a group
  int64_t positions = 1;
  for (int64_t extent : ArrayRef<int64_t>(taps.k).drop_back())
    positions *= extent;
  return *reshape(lowering.pack(filter, table),
                  {lowering.dim(positions), lowering.dim(shape.groups)});
}

/// The residues along the last axis of `place` as its channels, of which it has
/// one.
static void mergeResidues(Lowering &lowering, Place &place, int64_t stride) {
  unsigned channels = place.rank() - 1;
  place.strides[channels] = place.strides[channels - 1];
  place.dims[channels] = lowering.dim(stride);
}

static void emitPhase(Lowering &lowering, const TransposedShape &shape,
                      ArrayRef<int64_t> residue, const Place &filter,
                      const Place &padded, const Epilogue &whole, bool hasBias,
                      Location loc) {
  Lowering::PanelSource panels{
      shape.groups,       shape.n, {}, shape.depth * shape.inputStride,
      shape.outputStride, {},      0};
  Place in = padded;
  Epilogue epilogue = whole;
  SmallVector<int64_t> taps, ones(shape.kernel.size(), 1);
  for (size_t i = 0; i < shape.kernel.size(); ++i) {
    int64_t stride = shape.strides[i];
    Phase phase = phaseOf(residue[i], shape.kernel[i], stride, shape.pads[i]);
    taps.push_back(phase.taps);
    panels.k.push_back(phase.taps);
    panels.kStrides.push_back(-stride * shape.tapStrides[i]);
    panels.offset +=
        (phase.firstTap + stride * (phase.taps - 1)) * shape.tapStrides[i];
    sym::DimAttr extent = whole.outputs[0].dims[i + 1];
    sym::DimAttr count = sym::ceilDiv(extent - phase.first, stride);
    bool isMerged = shape.isMerged && i + 1 == shape.kernel.size();
    if (isMerged) {
      panels.n = stride;
      panels.nStride = shape.tapStrides[i];
    }
    for (Place *place : epilogue.places()) {
      if (isMerged)
        mergeResidues(lowering, *place, stride);
      place->offset = place->offset + place->strides[i + 1] * phase.first;
      place->strides[i + 1] = place->strides[i + 1] * stride;
      place->dims[i + 1] = count;
    }
    in.offset = in.offset + in.strides[i + 1] * phase.start;
    in.dims[i + 1] = count + (phase.taps - 1);
  }
  panels.k.push_back(shape.depth);
  panels.kStrides.push_back(shape.inputStride);
  KernelEmitter emitter(lowering, loc, "conv_transpose");
  emitter.addView(in);
  bool alongK = false;
  if (shape.isDepthwise()) {
    emitter.addView(tableOf(lowering, shape, panels, filter));
  } else {
    RightSide side = filterSide(lowering, filter, panels,
                                contiguousRun(in, shape.depth, taps, ones));
    side.addTo(emitter, shape.groups);
    alongK = side.alongK;
  }
  epilogue.addTo(emitter);
  emitter.launch(
      epilogue.outputs.size(), [&](OpBuilder &b, ValueRange arguments) {
        size_t extras = epilogue.extras.size();
        auto root = kernel::ConvOp::create(
            b, b.getUnknownLoc(), arguments[0], arguments[1],
            arguments.slice(2, extras), arguments.drop_front(2 + extras), taps,
            ones, ones, shape.groups, nullptr, nullptr, alongK);
        epilogue.emit(root.getEpilogue(), kernel::accumulatorType(in.element()),
                      addBias(hasBias));
      });
}

LogicalResult Lowering::lowerConvTranspose(graph::ConvTransposeOp op) {
  Place filter = placeOf(op.getFilter());
  if (failed(checkFilter(op, filter)))
    return failure();
  for (size_t i = 0; i < op.getStrides().size(); ++i)
    if (op.getDilations()[i] != 1 ||
        *sym::asConstant(filter.dims[i + 2]) < op.getStrides()[i])
      return lowerExtern(op);
  Cluster cluster(op.getLoc());
  cluster.root = op;
  cluster.yields = {op.getResult()};
  cluster.results = {op.getResult()};
  Place input = placeOf(op.getInput());
  Epilogue whole(*this, cluster, {});
  bool hasBias = bool(op.getBias());
  if (!op.getChannelsLast()) {
    input = toChannelsLast(input);
    whole.forEach(toChannelsLast);
  }
  if (hasBias)
    whole.addBias(broadcast(placeOf(op.getBias()), whole.outputs[0].dims));
  if (op.getStrides().size() == 1) {
    auto insert = [](const Place &place) { return insertUnitAxis(place, 1); };
    input = insert(input);
    whole.forEach(insert);
  }
  whole.makeOutputsRowContiguous();
  TransposedShape shape = shapeOf(op, filter);
  Place padded = withHalo(*this, input, shape, whole.outputs[0], op.getLoc());
  SmallVector<int64_t> residue(shape.kernel.size(), 0);
  size_t axis;
  do {
    emitPhase(*this, shape, residue, filter, padded, whole, hasBias,
              op.getLoc());
    axis = residue.size();
    if (shape.isMerged)
      --axis;
    while (axis > 0 && ++residue[axis - 1] == shape.strides[axis - 1])
      residue[--axis] = 0;
  } while (axis > 0);
  whole.finish(op.getLoc());
  return success();
}

} // namespace sinter::lower
