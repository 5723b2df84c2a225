// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products. A constant right side is packed into panels; batch axes that
// lie behind each other become rows.

#include "passes/lower/Products.h"

using namespace mlir;

namespace sinter::lower {

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
        return op->emitOpError(
                   "has a filter whose size is known at run time only, ")
               << sym::toString(value)
               << "; expected a constant. Give it with --dim";
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

void emitContract(Lowering &lowering, const Cluster &cluster, const Place &a,
                  const RightSide &b, Epilogue &epilogue, ScalarStart start) {
  KernelEmitter emitter(lowering, cluster.loc, "contract");
  emitter.addView(a);
  if (b.isPanels)
    emitter.addPanels(b.panels, 1, b.n, b.k, a.element());
  else
    emitter.addView(b.place);
  epilogue.addTo(emitter);
  emitter.launch(
      epilogue.outputs.size(), [&](OpBuilder &builder, ValueRange arguments) {
        size_t extras = epilogue.extras.size();
        auto root = kernel::ContractOp::create(
            builder, builder.getUnknownLoc(), arguments[0], arguments[1],
            arguments.slice(2, extras), arguments.drop_front(2 + extras));
        epilogue.emit(root.getEpilogue(), kernel::accumulatorType(a.element()),
                      start);
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
    b.hasBatch |= !sym::isConstant(b.place.dims[i], 1) &&
                  !sym::isConstant(b.place.strides[i], 0);
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

} // namespace sinter::lower
