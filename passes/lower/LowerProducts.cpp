// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products and convolutions. Constant operands are packed into panels;
// batch axes that lie behind each other become rows; a 1x1 convolution over
// unpadded pixels is a matrix product.

#include "passes/lower/Epilogue.h"

using namespace mlir;

namespace sinter::lower {

static SmallVector<int64_t> constants(ArrayRef<sym::DimAttr> dims) {
  SmallVector<int64_t> result;
  for (sym::DimAttr dim : dims)
    result.push_back(sym::asConstant(dim).value_or(-1));
  return result;
}

/// Sizes and strides of a filter are numbers, whoever computes it.
static LogicalResult checkFilter(Operation *op, const Place &filter) {
  for (ArrayRef<sym::DimAttr> list : {ArrayRef<sym::DimAttr>(filter.dims),
                                      ArrayRef<sym::DimAttr>(filter.strides)})
    for (sym::DimAttr value : list)
      if (!sym::asConstant(value))
        return op->emitOpError("has a filter whose size is known at run time only, ")
               << sym::toString(value) << "; expected a constant. Give it with --dim";
  return success();
}

/// a + bias, in the type of the accumulator.
static std::function<Value(OpBuilder &, ValueRange)> addBias(bool hasBias) {
  if (!hasBias)
    return {};
  return [](OpBuilder &builder, ValueRange arguments) {
    Value bias = castTo(builder, arguments[1], arguments[0].getType());
    return apply(builder, "add", {arguments[0], bias});
  };
}

//===----------------------------------------------------------------------===//
// Matrix product
//===----------------------------------------------------------------------===//

namespace {
/// b of a product, as a view or as panels.
struct RightSide {
  Place place;
  bool isPanels = false, hasBatch = false;
  Value panels;
  int64_t n = 0, k = 0;
};
} // namespace

static void emitContract(Lowering &lowering, const Cluster &cluster, const Place &a,
                         const RightSide &b, Epilogue &epilogue,
                         std::function<Value(OpBuilder &, ValueRange)> start) {
  KernelEmitter emitter(lowering, cluster.loc, "contract");
  emitter.addView(a);
  if (b.isPanels)
    emitter.addPanels(b.panels, 1, b.n, b.k, a.element());
  else
    emitter.addView(b.place);
  epilogue.addTo(emitter);
  emitter.launch(epilogue.outputs.size(), [&](OpBuilder &builder, ValueRange arguments) {
    size_t extras = epilogue.extras.size();
    auto root = kernel::ContractOp::create(builder, builder.getUnknownLoc(), arguments[0],
                                           arguments[1], arguments.slice(2, extras),
                                           arguments.drop_front(2 + extras));
    epilogue.emit(root.getEpilogue(), kernel::accumulatorType(a.element()), start);
  });
  epilogue.finish(cluster.loc);
}

static RightSide rightSide(Lowering &lowering, Value value, bool isTransposed) {
  RightSide b;
  b.place = lowering.placeOf(value);
  if (isTransposed) {
    SmallVector<int64_t> permutation;
    for (unsigned i = 0; i < b.place.rank(); ++i)
      permutation.push_back(i);
    std::swap(permutation[b.place.rank() - 1], permutation[b.place.rank() - 2]);
    b.place = transpose(b.place, permutation);
  }
  unsigned batch = b.place.rank() - 2;
  for (unsigned i = 0; i < batch; ++i)
    b.hasBatch |= !sym::isConstant(b.place.dims[i], 1) && !sym::isConstant(b.place.strides[i], 0);
  if (b.place.storage->kind != Storage::Weight || b.hasBatch)
    return b;
  b.isPanels = true;
  b.k = *sym::asConstant(b.place.dims[batch]);
  b.n = *sym::asConstant(b.place.dims[batch + 1]);
  SmallVector<int64_t> strides = constants(b.place.strides);
  b.panels = lowering.packPanels(
      b.place, {1, b.n, {b.k}, 0, strides[batch + 1], {strides[batch]}, 0});
  return b;
}

LogicalResult Lowering::lowerContract(Cluster &cluster) {
  auto op = cast<graph::MatMulOp>(cluster.root);
  Place a = placeOf(cluster.outer(op.getA()));
  if (op.getTransposeA()) {
    SmallVector<int64_t> permutation;
    for (unsigned i = 0; i < a.rank(); ++i)
      permutation.push_back(i);
    std::swap(permutation[a.rank() - 1], permutation[a.rank() - 2]);
    a = transpose(a, permutation);
  }
  a = rowContiguous(a, cluster.loc);
  RightSide b = rightSide(*this, cluster.outer(op.getB()), op.getTransposeB());
  Epilogue epilogue(*this, cluster, {});
  epilogue.makeOutputsRowContiguous();

  unsigned rank = epilogue.outputs[0].rank(), batch = rank - 2;
  sym::Dims dims = epilogue.outputs[0].dims;
  sym::DimAttr k = a.dims.back();
  dims[batch + 1] = k;
  a = broadcast(a, dims);
  SmallVector<Place *> rows = epilogue.places();
  rows.push_back(&a);
  if (!b.hasBatch) {
    // Batch axes are more rows, where strides allow.
    batch = collapse(rows, 0, rank - 1, 1) - 1;
    if (!b.isPanels) {
      Place flat = b.place;
      flat.dims.erase(flat.dims.begin(), flat.dims.end() - 2);
      flat.strides.erase(flat.strides.begin(), flat.strides.end() - 2);
      sym::Dims full(ArrayRef<sym::DimAttr>(a.dims).take_front(batch));
      llvm::append_range(full, flat.dims);
      b.place = broadcast(flat, full);
    }
  } else {
    sym::Dims full(ArrayRef<sym::DimAttr>(a.dims).take_front(batch));
    llvm::append_range(full, ArrayRef<sym::DimAttr>(b.place.dims).take_back(2));
    b.place = broadcast(b.place, full);
    rows.push_back(&b.place);
    collapse(rows, 0, batch, 0);
  }
  emitContract(*this, cluster, a, b, epilogue, {});
  return success();
}

//===----------------------------------------------------------------------===//
// Convolution
//===----------------------------------------------------------------------===//

static Place insertUnitAxis(const Place &place, unsigned axis) {
  Place result = place;
  MLIRContext *context = place.element().getContext();
  result.dims.insert(result.dims.begin() + axis, sym::constantDim(context, 1));
  result.strides.insert(result.strides.begin() + axis, sym::constantDim(context, 0));
  return result;
}

/// [N, C, spatial...] as [N, spatial..., C].
static Place toChannelsLast(const Place &place) {
  SmallVector<int64_t> permutation{0};
  for (unsigned i = 2; i < place.rank(); ++i)
    permutation.push_back(i);
  permutation.push_back(1);
  return transpose(place, permutation);
}

namespace {
struct ConvShape {
  SmallVector<int64_t> kernel, strides, dilations, low, high; // spatial
  int64_t groups, channels, maps;
};
} // namespace

static bool isPointwise(const ConvShape &shape) {
  auto isOne = [](int64_t x) { return x == 1; };
  auto isZero = [](int64_t x) { return x == 0; };
  return shape.groups == 1 && llvm::all_of(shape.kernel, isOne) &&
         llvm::all_of(shape.strides, isOne) && llvm::all_of(shape.low, isZero) &&
         llvm::all_of(shape.high, isZero);
}

/// The padded input, channels last: the halo where there is one, else a copy.
static Place paddedInput(Lowering &lowering, const Place &input, const ConvShape &shape,
                         bool hasHalo, Location loc) {
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
  Place copy = lowering.makeTemporary(input.dims, input.element(), haloLow, haloHigh);
  lowering.copy(input, copy, loc);
  return grow(copy, low, high);
}

LogicalResult Lowering::lowerConv(Cluster &cluster) {
  auto op = cast<graph::ConvOp>(cluster.root);
  Place input = placeOf(cluster.outer(op.getInput()));
  Place filter = placeOf(cluster.outer(op.getFilter()));
  if (failed(checkFilter(op, filter)))
    return failure();
  SmallVector<int64_t> extents = constants(filter.dims), steps = constants(filter.strides);
  ConvShape shape;
  shape.groups = op.getGroup();
  shape.maps = extents[0];
  shape.channels = extents[1] * shape.groups;
  shape.kernel.assign(extents.begin() + 2, extents.end());
  shape.strides = llvm::to_vector(op.getStrides());
  shape.dilations = llvm::to_vector(op.getDilations());
  size_t spatial = shape.kernel.size();
  shape.low = llvm::to_vector(op.getPads().take_front(spatial));
  shape.high = llvm::to_vector(op.getPads().drop_front(spatial));
  SmallVector<int64_t> tapStrides(steps.begin() + 2, steps.end());

  bool hasBias = bool(op.getBias());
  Epilogue epilogue(*this, cluster, {});
  if (!op.getChannelsLast()) {
    input = toChannelsLast(input);
    epilogue.forEach(toChannelsLast);
  }
  if (hasBias)
    epilogue.addBias(broadcast(placeOf(cluster.outer(op.getBias())), epilogue.outputs[0].dims));
  if (spatial == 1) {
    auto insert = [](const Place &place) { return insertUnitAxis(place, 1); };
    input = insert(input);
    epilogue.forEach(insert);
    for (auto *list : {&shape.kernel, &shape.strides, &shape.dilations})
      list->insert(list->begin(), 1);
    for (auto *list : {&shape.low, &shape.high, &tapStrides})
      list->insert(list->begin(), 0);
    spatial = 2;
  }
  epilogue.makeOutputsRowContiguous();
  Type element = input.element();
  input = paddedInput(*this, input, shape, hasHalo(op), cluster.loc);

  int64_t positions = 1;
  for (int64_t extent : shape.kernel)
    positions *= extent;
  int64_t n = shape.maps / shape.groups, depth = shape.channels / shape.groups;
  PanelSource panels{shape.groups, n, shape.kernel, n * steps[0], steps[0], tapStrides, 0};
  panels.k.push_back(depth);
  panels.kStrides.push_back(steps[1]);

  if (isPointwise(shape)) {
    Epilogue flat = epilogue;
    Place a = input;
    SmallVector<Place *> rows = flat.places();
    rows.push_back(&a);
    if (collapse(rows, 0, a.rank() - 1, 1) == 1) {
      RightSide b;
      b.isPanels = true;
      b.n = n;
      b.k = depth;
      b.panels = packPanels(filter, panels);
      emitContract(*this, cluster, a, b, flat, addBias(hasBias));
      return success();
    }
  }

  KernelEmitter emitter(*this, cluster.loc, "conv");
  emitter.addView(input);
  bool isDepthwise = shape.groups == shape.channels && shape.groups == shape.maps && depth == 1;
  if (isDepthwise) {
    SmallVector<int64_t> dims(shape.kernel), strides(tapStrides);
    dims.push_back(shape.channels);
    strides.push_back(steps[0]);
    Place table = pack(filter, {dims, strides, 0, {}});
    emitter.addView(*reshape(table, {dim(positions), dim(shape.channels)}));
  } else {
    emitter.addPanels(packPanels(filter, panels), shape.groups, n, positions * depth,
                      element);
  }
  epilogue.addTo(emitter);
  emitter.launch(epilogue.outputs.size(), [&](OpBuilder &b, ValueRange arguments) {
    size_t extras = epilogue.extras.size();
    auto root = kernel::ConvOp::create(
        b, b.getUnknownLoc(), arguments[0], arguments[1], arguments.slice(2, extras),
        arguments.drop_front(2 + extras), shape.kernel, shape.strides, shape.dilations,
        shape.groups);
    epilogue.emit(root.getEpilogue(), kernel::accumulatorType(element), addBias(hasBias));
  });
  epilogue.finish(cluster.loc);
  return success();
}

//===----------------------------------------------------------------------===//
// Transposed convolution
//===----------------------------------------------------------------------===//

namespace {
/// One residue class of output coordinates along one axis: a convolution of
/// stride 1 with every stride-th tap, reversed.
struct Phase {
  int64_t first;     // first output coordinate
  int64_t taps;
  int64_t firstTap;  // tap of the last kernel position
  int64_t start;     // input coordinate of the first tap of output `first`
};
} // namespace

/// Output o gets input i by tap k where i * stride + k * dilation - pad = o. With
/// dilation 1: k = residue + stride * j, i = (o + pad - residue) / stride - j.
static Phase phaseOf(int64_t residue, int64_t kernel, int64_t stride, int64_t pad) {
  Phase phase;
  phase.first = ((residue - pad) % stride + stride) % stride;
  phase.taps = (kernel - residue + stride - 1) / stride;
  phase.firstTap = residue;
  phase.start = (phase.first + pad - residue) / stride - (phase.taps - 1);
  return phase;
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
  SmallVector<int64_t> extents = constants(filter.dims), steps = constants(filter.strides);
  SmallVector<int64_t> kernel(extents.begin() + 2, extents.end());
  SmallVector<int64_t> tapStrides(steps.begin() + 2, steps.end());
  SmallVector<int64_t> strides = llvm::to_vector(op.getStrides());
  SmallVector<int64_t> pads = llvm::to_vector(op.getPads().take_front(kernel.size()));
  if (kernel.size() == 1) {
    auto insert = [](const Place &place) { return insertUnitAxis(place, 1); };
    input = insert(input);
    whole.forEach(insert);
    kernel.insert(kernel.begin(), 1);
    strides.insert(strides.begin(), 1);
    for (auto *list : {&tapStrides, &pads})
      list->insert(list->begin(), 0);
  }
  whole.makeOutputsRowContiguous();
  size_t spatial = kernel.size();
  Type element = input.element();

  // A halo that serves every phase. Output extents past the input's reach (output
  // padding, unequal pads) need as much on the high side.
  SmallVector<int64_t> halo(spatial + 2, 0);
  for (size_t i = 0; i < spatial; ++i)
    halo[i + 1] = (kernel[i] + pads[i]) / strides[i] + 1;
  Place padded = makeTemporary(input.dims, element, halo, halo);
  copy(input, padded, op.getLoc());

  int64_t groups = op.getGroup(), depth = extents[0] / groups, n = extents[1];
  SmallVector<int64_t> residue(spatial, 0);
  while (true) {
    PanelSource panels{groups, n, {}, depth * steps[0], steps[1], {}, 0};
    Place in = padded;
    Epilogue phaseEpilogue = whole;
    SmallVector<int64_t> taps;
    for (size_t i = 0; i < spatial; ++i) {
      Phase phase = phaseOf(residue[i], kernel[i], strides[i], pads[i]);
      taps.push_back(phase.taps);
      panels.k.push_back(phase.taps);
      panels.kStrides.push_back(-strides[i] * tapStrides[i]);
      panels.offset += (phase.firstTap + strides[i] * (phase.taps - 1)) * tapStrides[i];
      sym::DimAttr extent = whole.outputs[0].dims[i + 1];
      sym::DimAttr count = sym::ceilDiv(extent - phase.first, strides[i]);
      for (Place *place : phaseEpilogue.places()) {
        place->offset = place->offset + place->strides[i + 1] * phase.first;
        place->strides[i + 1] = place->strides[i + 1] * strides[i];
        place->dims[i + 1] = count;
      }
      in.offset = in.offset + in.strides[i + 1] * phase.start;
      in.dims[i + 1] = count + (phase.taps - 1);
    }
    panels.k.push_back(depth);
    panels.kStrides.push_back(steps[0]);
    KernelEmitter emitter(*this, op.getLoc(), "conv_transpose");
    emitter.addView(in);
    int64_t positions = 1;
    for (int64_t count : taps)
      positions *= count;
    emitter.addPanels(packPanels(filter, panels), groups, n, positions * depth, element);
    phaseEpilogue.addTo(emitter);
    emitter.launch(phaseEpilogue.outputs.size(), [&](OpBuilder &b, ValueRange arguments) {
      size_t extras = phaseEpilogue.extras.size();
      SmallVector<int64_t> ones(spatial, 1);
      auto root = kernel::ConvOp::create(b, b.getUnknownLoc(), arguments[0], arguments[1],
                                         arguments.slice(2, extras),
                                         arguments.drop_front(2 + extras), taps, ones, ones,
                                         groups);
      phaseEpilogue.emit(root.getEpilogue(), kernel::accumulatorType(element), addBias(hasBias));
    });
    size_t axis = spatial;
    while (axis > 0 && ++residue[axis - 1] == strides[axis - 1])
      residue[--axis] = 0;
    if (axis == 0)
      break;
  }
  whole.finish(op.getLoc());
  return success();
}

} // namespace sinter::lower
