// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products. A constant right side is packed into panels; batch axes that
// lie behind each other become rows.

#include "passes/lower/Products.h"
#include "dialects/kernel/TileProblem.h"

#include <numeric>

using namespace mlir;

namespace sinter::lower {

/// What a depth known at run time stands for.
constexpr int64_t kUnknownDepth = 128;

SmallVector<int64_t> constants(ArrayRef<sym::DimAttr> dims) {
  SmallVector<int64_t> result;
  for (sym::DimAttr dim : dims)
    result.push_back(sym::asConstant(dim).value_or(-1));
  return result;
}

LogicalResult checkFilter(Operation *op, const Place &filter) {
  for (ArrayRef<sym::DimAttr> list : {ArrayRef<sym::DimAttr>(filter.dims),
                                      ArrayRef<sym::DimAttr>(filter.strides)})
    for (sym::DimAttr value : list)
      if (!sym::asConstant(value))
        return op->emitError(
                   "has a filter whose size is known at run time only, ")
               << sym::toString(value) << "; expected a constant, as in --dim "
               << sym::toString(value) << "=64 [SINTER-I014]";
  return success();
}

ScalarStart addBias(bool hasBias) {
  if (!hasBias)
    return {};
  return [](OpBuilder &builder, ValueRange arguments) {
    Value bias = castTo(builder, arguments[1], arguments[0].getType());
    return apply(builder, "add", {arguments[0], bias});
  };
}

void RightSide::addTo(KernelEmitter &emitter, int64_t groups) const {
  if (isPanels)
    emitter.addPanels(panels, groups, n, k, element);
  else
    emitter.addView(place);
}

int64_t contiguousRun(const Place &input, int64_t depth,
                      ArrayRef<int64_t> kernel, ArrayRef<int64_t> dilations) {
  bool joins = dilations.back() == 1 &&
               sym::isConstant(input.dims.back(), depth) &&
               sym::isConstant(input.strides[input.rank() - 2], depth);
  return joins ? depth * kernel.back() : depth;
}

void emitContract(Lowering &lowering, const Cluster &cluster, const Place &a,
                  const RightSide &b, Epilogue &epilogue, ScalarStart start) {
  KernelEmitter emitter(lowering, cluster.loc, "contract");
  emitter.addView(a);
  b.addTo(emitter, 1);
  epilogue.addTo(emitter);
  emitter.launch(epilogue.outputs.size(), [&](OpBuilder &builder,
                                              ValueRange arguments) {
    size_t extras = epilogue.extras.size();
    auto root = kernel::ContractOp::create(
        builder, builder.getUnknownLoc(), arguments[0], arguments[1],
        arguments.slice(2, extras), arguments.drop_front(2 + extras), b.alongK);
    epilogue.emit(root.getEpilogue(), kernel::accumulatorType(a.element()),
                  start);
  });
  epilogue.finish(cluster.loc);
}

RightSide filterSide(Lowering &lowering, const Place &filter,
                     const Lowering::PanelSource &source, int64_t contiguous) {
  RightSide side;
  side.n = source.n;
  side.k = 1;
  for (int64_t extent : source.k)
    side.k *= extent;
  int64_t run = std::max<int64_t>(contiguous, 1);
  side.element = filter.element();
  if (source.groups != 1 || side.element.isSignlessInteger(8) ||
      !kernel::paysAlongK(side.n, side.k / run, run)) {
    side.isPanels = true;
    side.panels = lowering.packPanels(filter, source);
    return side;
  }
  Lowering::Packing packing{{source.n}, {source.nStride}, source.offset, {}};
  llvm::append_range(packing.dims, source.k);
  llvm::append_range(packing.strides, source.kStrides);
  side.place = transpose(*reshape(lowering.pack(filter, packing),
                                  {lowering.dim(side.n), lowering.dim(side.k)}),
                         {1, 0});
  side.alongK = true;
  return side;
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
    b.hasBatch |= !sym::isConstant(b.place.dims[i], 1) &&
                  !sym::isConstant(b.place.strides[i], 0);
  // A constant of which a part is taken whose size is not known stays as it is.
  bool isOpen = !sym::asConstant(b.place.dims[batch]) ||
                !sym::asConstant(b.place.dims[batch + 1]);
  if (b.place.storage->kind != Storage::Weight || b.hasBatch || isOpen) {
    // Read as it lies: along k where it is contiguous.
    std::optional<int64_t> k = sym::asConstant(b.place.dims[batch]),
                           n = sym::asConstant(b.place.dims[batch + 1]);
    b.alongK = n && sym::isConstant(b.place.strides[batch], 1) &&
               kernel::paysAlongK(*n, 1, k.value_or(kUnknownDepth));
    return b;
  }
  SmallVector<int64_t> dims = constants(b.place.dims),
                       strides = constants(b.place.strides);
  return filterSide(lowering, b.place,
                    {1,
                     dims[batch + 1],
                     {dims[batch]},
                     0,
                     strides[batch + 1],
                     {strides[batch]},
                     0},
                    dims[batch]);
}

/// Few rows, and columns whose k is contiguous: from the other side they are
/// few columns along k.
static bool isTurned(const Place &a, const RightSide &b) {
  unsigned row = a.rank() - 2;
  std::optional<int64_t> m = sym::asConstant(a.dims[row]);
  return m && !b.isPanels && !b.alongK &&
         sym::isConstant(b.place.strides[row], 1) &&
         kernel::paysAlongK(
             *m, 1, sym::asConstant(a.dims.back()).value_or(kUnknownDepth));
}

static void turn(Place &a, RightSide &b, Epilogue &epilogue) {
  SmallVector<int64_t> permutation(a.rank());
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation[a.rank() - 1], permutation[a.rank() - 2]);
  auto swapped = [&](const Place &place) {
    return transpose(place, permutation);
  };
  Place columns = swapped(a);
  a = swapped(b.place);
  b.place = columns;
  b.alongK = true;
  epilogue.forEach(swapped);
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
  if (isTurned(a, b))
    turn(a, b, epilogue);
  emitContract(*this, cluster, a, b, epilogue, {});
  return success();
}

} // namespace sinter::lower
