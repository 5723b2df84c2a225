// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory and vectors of KernelBuilder. Loads and stores claim the alignment of
// one element only: views start anywhere, and unaligned access within a cache
// line costs nothing on the machines we know.

#include "codegen/cpu/KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

// Bools are bytes, and signedness belongs to operations, not to registers. bf16
// moves as its bits: LLVM calls a library where a register of it meets memory.
Type storageOf(Type element) {
  if (element.isBF16())
    return IntegerType::get(element.getContext(), 16);
  if (auto integer = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(),
                            std::max(integer.getWidth(), 8u));
  return element;
}

Type vectorOf(Type element, unsigned lanes) {
  return VectorType::get({int64_t(lanes)}, element);
}

// Bytes to bools, bits to bf16, and back; other types pass.
Value fromStorage(KernelBuilder &kb, Value value, Type element) {
  if (element.isBF16())
    return arith::BitcastOp::create(
        kb.b, kb.loc,
        isa<VectorType>(value.getType())
            ? cast<VectorType>(value.getType()).clone(element)
            : element,
        value);
  if (!element.isInteger(1))
    return value;
  Value zero = arith::ConstantOp::create(kb.b, kb.loc,
                                         kb.b.getZeroAttr(value.getType()));
  return arith::CmpIOp::create(kb.b, kb.loc, arith::CmpIPredicate::ne, value,
                               zero);
}

Value toStorage(KernelBuilder &kb, Value value) {
  Type type = value.getType();
  if (getElementTypeOrSelf(type).isBF16()) {
    Type bits = kb.b.getIntegerType(16);
    return arith::BitcastOp::create(
        kb.b, kb.loc,
        isa<VectorType>(type) ? cast<VectorType>(type).clone(bits) : bits,
        value);
  }
  if (!getElementTypeOrSelf(type).isInteger(1))
    return value;
  Type byte = kb.b.getI8Type();
  Type wide = isa<VectorType>(type)
                  ? vectorOf(byte, cast<VectorType>(type).getNumElements())
                  : byte;
  return arith::ExtUIOp::create(kb.b, kb.loc, wide, value);
}

/// The first `count` lanes as whole stores of fewer lanes each: where masks are
/// not cheap, a masked store costs many of them.
void storeParts(KernelBuilder &kb, Value vector, Value pointer, int64_t count,
                unsigned alignment) {
  int64_t done = 0;
  for (int64_t part = 64; part > 0; part /= 2) {
    if (!(count & part))
      continue;
    SmallVector<int32_t> lanes;
    for (int64_t lane = 0; lane < part; ++lane)
      lanes.push_back(int32_t(done + lane));
    Value piece =
        LLVM::ShuffleVectorOp::create(kb.b, kb.loc, vector, vector, lanes);
    LLVM::StoreOp::create(kb.b, kb.loc, piece, kb.at(pointer, done * alignment),
                          alignment);
    done += part;
  }
}

} // namespace

Value KernelBuilder::at(Value pointer, Value bytes) {
  if (std::optional<int64_t> known = constant(bytes))
    return at(pointer, *known);
  return LLVM::GEPOp::create(b, loc, pointer.getType(), b.getI8Type(), pointer,
                             LLVM::GEPArg(bytes));
}

Value KernelBuilder::at(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  if (bytes != int32_t(bytes)) // constants of getelementptr have 32 bits
    return LLVM::GEPOp::create(b, loc, pointer.getType(), b.getI8Type(),
                               pointer, LLVM::GEPArg(c(bytes)));
  return LLVM::GEPOp::create(b, loc, pointer.getType(), b.getI8Type(), pointer,
                             LLVM::GEPArg(int32_t(bytes)));
}

int64_t KernelBuilder::bytesOf(Type element) {
  if (isa<LLVM::LLVMPointerType>(element))
    return 8;
  return (element.getIntOrFloatBitWidth() + 7) / 8;
}

Value KernelBuilder::loadScalar(Type element, Value pointer) {
  Value raw = LLVM::LoadOp::create(b, loc, storageOf(element), pointer,
                                   bytesOf(element));
  return fromStorage(*this, raw, element);
}

void KernelBuilder::storeScalar(Value value, Value pointer) {
  Value raw = toStorage(*this, value);
  LLVM::StoreOp::create(b, loc, raw, pointer, bytesOf(raw.getType()));
}

Value KernelBuilder::load(Type element, unsigned lanes, Value pointer,
                          Value count) {
  Type storage = storageOf(element);
  Type type = vectorOf(storage, lanes);
  unsigned alignment = bytesOf(element);
  Value raw;
  if (count)
    raw = LLVM::MaskedLoadOp::create(b, loc, type, pointer, mask(lanes, count),
                                     zeros(storage, lanes), alignment);
  else
    raw = LLVM::LoadOp::create(b, loc, type, pointer, alignment);
  return fromStorage(*this, raw, element);
}

Value KernelBuilder::loadOperand(Type element, unsigned lanes, Value pointer) {
  Value raw =
      LLVM::LoadOp::create(b, loc, vectorOf(storageOf(element), lanes), pointer,
                           bytesOf(element), /*isVolatile=*/true);
  return fromStorage(*this, raw, element);
}

void KernelBuilder::store(Value vector, Value pointer, Value count) {
  Value raw = toStorage(*this, vector);
  auto type = cast<VectorType>(raw.getType());
  unsigned alignment = bytesOf(type.getElementType());
  std::optional<int64_t> known = count ? constant(count) : std::nullopt;
  if (known && *known > 0 && *known < type.getNumElements() &&
      !target.vec.cheapMasks)
    storeParts(*this, raw, pointer, *known, alignment);
  else if (count)
    LLVM::MaskedStoreOp::create(b, loc, raw, pointer,
                                mask(type.getNumElements(), count), alignment);
  else
    LLVM::StoreOp::create(b, loc, raw, pointer, alignment);
}

Value KernelBuilder::loadBroadcast(Type element, unsigned lanes,
                                   Value pointer) {
  return splat(loadScalar(element, pointer), lanes);
}

Value KernelBuilder::lanePointers(Type element, unsigned lanes, Value pointer,
                                  Value stride) {
  auto indexType = VectorType::get({int64_t(lanes)}, b.getI64Type());
  SmallVector<int64_t> numbers;
  for (unsigned lane = 0; lane < lanes; ++lane)
    numbers.push_back(lane * bytesOf(element));
  Value steps = arith::ConstantOp::create(
      b, loc, DenseIntElementsAttr::get(indexType, numbers));
  Value offsets = arith::MulIOp::create(b, loc, steps, splat(stride, lanes));
  Type pointers = VectorType::get({int64_t(lanes)}, pointer.getType());
  return LLVM::GEPOp::create(b, loc, pointers, b.getI8Type(), pointer,
                             LLVM::GEPArg(offsets));
}

Value KernelBuilder::allLanes(unsigned lanes) {
  Type type = vectorOf(b.getI1Type(), lanes);
  return arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(cast<ShapedType>(type), true));
}

Value KernelBuilder::loadLanes(Type element, unsigned lanes, Value pointer,
                               sym::DimAttr stride, Value count) {
  if (sym::isConstant(stride, 1))
    return load(element, lanes, pointer, count);
  if (sym::isConstant(stride, 0))
    return loadBroadcast(element, lanes, pointer);
  Type storage = storageOf(element);
  Value pointers = lanePointers(element, lanes, pointer, dim(stride));
  Value raw = LLVM::masked_gather::create(
      b, loc, vectorOf(storage, lanes), pointers,
      count ? mask(lanes, count) : allLanes(lanes),
      ValueRange{zeros(storage, lanes)}, bytesOf(element));
  return fromStorage(*this, raw, element);
}

void KernelBuilder::storeLanes(Value vector, Value pointer, sym::DimAttr stride,
                               Value count) {
  if (sym::isConstant(stride, 1))
    return store(vector, pointer, count);
  Value raw = toStorage(*this, vector);
  auto type = cast<VectorType>(raw.getType());
  unsigned lanes = type.getNumElements();
  Value pointers =
      lanePointers(type.getElementType(), lanes, pointer, dim(stride));
  LLVM::masked_scatter::create(b, loc, raw, pointers,
                               count ? mask(lanes, count) : allLanes(lanes),
                               bytesOf(type.getElementType()));
}

void KernelBuilder::prefetch(Value pointer, unsigned locality) {
  LLVM::Prefetch::create(b, loc, pointer, /*rw=*/0, locality, /*cache=*/1);
}

Value KernelBuilder::splat(Value scalar, unsigned lanes) {
  return vector::BroadcastOp::create(b, loc, vectorOf(scalar.getType(), lanes),
                                     scalar);
}

Value KernelBuilder::zeros(Type element, unsigned lanes) {
  return arith::ConstantOp::create(b, loc,
                                   b.getZeroAttr(vectorOf(element, lanes)));
}

Value KernelBuilder::fma(Value x, Value y, Value acc) {
  return vector::FMAOp::create(b, loc, x, y, acc);
}

Value KernelBuilder::mask(unsigned lanes, Value count) {
  auto type = VectorType::get({int64_t(lanes)}, b.getI32Type());
  SmallVector<int32_t> numbers;
  for (unsigned lane = 0; lane < lanes; ++lane)
    numbers.push_back(lane);
  Value steps = arith::ConstantOp::create(
      b, loc, DenseIntElementsAttr::get(type, numbers));
  // Clamped: a count beyond 32 bits must not wrap to a small one.
  Value limit = max(min(count, c(lanes)), c(0));
  Value narrow = arith::TruncIOp::create(b, loc, b.getI32Type(), limit);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, steps,
                               splat(narrow, lanes));
}

} // namespace sinter::cpu
