// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants become exec.weight ops: a source and the strided copy that packs
// it. The bytes are touched only by codegen/weights. Operands that are not
// constant are packed the same way by copies at run time.

#include "dialects/kernel/TileProblem.h"
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
    storage.buffer = exec::WeightOp::create(
        allocs, allocs.getUnknownLoc(), exec::BufferType::get(context()),
        storage.source, TypeAttr::get(storage.element),
        exec::PackAttr::get(context(), {count}, {1}, 0, {}));
    return storage.buffer;
  }
  sym::DimAttr bytes = dim(elementBytes(storage.element));
  for (size_t i = 0; i < storage.dims.size(); ++i)
    bytes =
        bytes * (storage.low.empty()
                     ? storage.dims[i]
                     : storage.dims[i] + (storage.low[i] + storage.high[i]));
  storage.buffer = exec::AllocOp::create(allocs, allocs.getUnknownLoc(),
                                         exec::BufferType::get(context()),
                                         bytes, ValueRange());
  return storage.buffer;
}

/// A weight is packed by the compiler. Anything else is packed by copies into a
/// temporary: whole blocks, the block that the limit cuts, and zeros behind it.
Place Lowering::pack(const Place &source, const Packing &packing) {
  ArrayRef<int64_t> dims = packing.dims, limit = packing.limit;
  if (source.storage->kind == Storage::Weight) {
    Storage &packed = storages.emplace_back();
    packed.kind = Storage::Weight;
    packed.element = source.element();
    for (int64_t extent : dims)
      packed.dims.push_back(dim(extent));
    int64_t offset = *sym::asConstant(source.offset) + packing.offset;
    auto recipe =
        exec::PackAttr::get(context(), dims, packing.strides, offset, limit);
    packed.buffer = exec::WeightOp::create(
        allocs, allocs.getUnknownLoc(), exec::BufferType::get(context()),
        source.storage->source, TypeAttr::get(packed.element), recipe);
    return wholeOf(packed);
  }
  Place from = source;
  from.offset = source.offset + packing.offset;
  from.dims.clear();
  from.strides.clear();
  for (auto [extent, stride] : llvm::zip(dims, packing.strides)) {
    from.dims.push_back(dim(extent));
    from.strides.push_back(dim(stride));
  }
  Place whole = makeTemporary(from.dims, source.element());
  Location loc = builder.getUnknownLoc();
  if (limit.empty()) {
    copy(from, whole, loc);
    return whole;
  }
  unsigned outer = limit[0], inner = limit[1];
  int64_t blocks = limit[2] / dims[inner], tail = limit[2] % dims[inner];
  auto window = [&](Place place, int64_t block, int64_t count, int64_t first,
                    int64_t length) {
    place.offset = place.offset + place.strides[outer] * block +
                   place.strides[inner] * first;
    place.dims[outer] = dim(count);
    place.dims[inner] = dim(length);
    return place;
  };
  if (blocks > 0)
    copy(window(from, 0, blocks, 0, dims[inner]),
         window(whole, 0, blocks, 0, dims[inner]), loc);
  if (tail == 0)
    return whole;
  zeroSlab(window(whole, blocks, 1, tail, dims[inner] - tail), loc);
  copy(window(from, blocks, 1, 0, tail), window(whole, blocks, 1, 0, tail),
       loc);
  return whole;
}

Value Lowering::packPanels(const Place &place, const PanelSource &source) {
  Packing packing;
  packing.dims = {source.groups, (source.n + 15) / 16};
  packing.strides = {source.groupStride, source.nStride * 16};
  llvm::append_range(packing.dims, source.k);
  llvm::append_range(packing.strides, source.kStrides);
  int64_t column = int64_t(packing.dims.size());
  packing.dims.push_back(16);
  packing.strides.push_back(source.nStride);
  // Signed bytes: words of four elements of k.
  if (place.element().isSignlessInteger(8)) {
    int64_t &depth = packing.dims[column - 1];
    int64_t &step = packing.strides[column - 1];
    depth /= kernel::kDotBytes;
    packing.dims.push_back(kernel::kDotBytes);
    packing.strides.push_back(step);
    packing.strides[column - 1] *= kernel::kDotBytes;
  }
  packing.offset = source.offset;
  if (source.n % 16 != 0)
    packing.limit = {1, column, source.n};
  return bufferOf(*pack(place, packing).storage);
}

} // namespace sinter::lower
