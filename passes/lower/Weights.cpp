// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants become exec.weight ops: a source and the strided copy that packs it.
// The bytes are touched only by codegen/weights.

#include "passes/lower/Lowering.h"

using namespace mlir;

namespace sinter::lower {

int64_t elementBytes(Type element) {
  if (auto complex = dyn_cast<ComplexType>(element))
    return 2 * elementBytes(complex.getElementType());
  return (element.getIntOrFloatBitWidth() + 7) / 8;
}

Value Lowering::bufferOf(Storage &storage) {
  if (storage.buffer)
    return storage.buffer;
  if (storage.kind == Storage::Weight) {
    int64_t count = 1;
    for (sym::DimAttr dim : storage.dims)
      count *= *sym::asConstant(dim);
    storage.buffer = packWeight(storage, {count}, {1}, 0, {});
    return storage.buffer;
  }
  sym::DimAttr bytes = dim(elementBytes(storage.element));
  for (size_t i = 0; i < storage.dims.size(); ++i)
    bytes = bytes * (storage.low.empty() ? storage.dims[i]
                                         : storage.dims[i] + (storage.low[i] + storage.high[i]));
  storage.buffer = exec::AllocOp::create(allocs, allocs.getUnknownLoc(),
                                         exec::BufferType::get(context()),
                                         bytes, ValueRange());
  return storage.buffer;
}

Value Lowering::packWeight(const Storage &storage, ArrayRef<int64_t> dims,
                           ArrayRef<int64_t> strides, int64_t offset, ArrayRef<int64_t> limit) {
  auto pack = exec::PackAttr::get(context(), dims, strides, offset, limit);
  return exec::WeightOp::create(allocs, allocs.getUnknownLoc(), exec::BufferType::get(context()),
                                storage.source, TypeAttr::get(storage.element), pack);
}

Value Lowering::packPanels(const Storage &storage, const PanelSource &source) {
  SmallVector<int64_t> dims{source.groups, (source.n + 15) / 16};
  SmallVector<int64_t> strides{source.groupStride, source.nStride * 16};
  llvm::append_range(dims, source.k);
  llvm::append_range(strides, source.kStrides);
  dims.push_back(16);
  strides.push_back(source.nStride);
  SmallVector<int64_t> limit;
  if (source.n % 16 != 0)
    limit = {1, int64_t(dims.size()) - 1, source.n};
  return packWeight(storage, dims, strides, source.offset, limit);
}

} // namespace sinter::lower
