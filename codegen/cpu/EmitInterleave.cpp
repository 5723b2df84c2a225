// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Transposes whose contiguous output axis is two to four elements short: planes
// of a picture to pixels, the halves of a channel shuffle. A square tile would
// be mostly empty. Instead each plane is read along the other axis, a full
// vector at a time, run through the region, and the planes are interleaved in
// registers:
//
//   r0 r1 r2 .. | g0 g1 g2 .. | b0 b1 b2 ..  ->  r0 g0 b0 r1 g1 b1 ..

#include "codegen/cpu/NestEmitter.h"
#include "codegen/cpu/VectorShuffle.h"

using namespace mlir;
using sinter::kernel::NestPlan;

namespace sinter::cpu {
namespace {

constexpr int64_t kMostPlanes = 4;

// Lanes [first, first + n) of the interleaved sequence of `planes`.
Value interleave(KernelBuilder &kb, ArrayRef<Value> planes, int64_t first,
                 int64_t n) {
  int64_t count = planes.size();
  Value result = planes[0];
  for (int64_t plane = 0; plane < count; ++plane) {
    SmallVector<int64_t> lanes(n);
    for (int64_t i = 0; i < n; ++i) {
      int64_t element = first + i;
      bool isMine = element % count == plane;
      // Planes before this one are in place already.
      lanes[i] = isMine ? n + element / count : plane == 0 ? 0 : i;
    }
    result = shuffle(kb, plane == 0 ? planes[0] : result, planes[plane], lanes);
  }
  return result;
}

} // namespace

bool NestEmitter::isInterleave() const {
  if (plan.transposeAxis < 0)
    return false;
  std::optional<int64_t> planes =
      sym::asConstant(plan.extents[plan.vectorAxis]);
  int64_t block = items.blocks[plan.vectorAxis];
  if (!planes || *planes < 2 || *planes > kMostPlanes ||
      (block != 0 && block < *planes))
    return false;
  auto isPlain = [&](const NestPlan::Operand &operand) {
    sym::DimAttr stride = operand.strides[plan.transposeAxis];
    return sym::isConstant(stride, 0) || sym::isConstant(stride, 1);
  };
  auto isPacked = [&](const NestPlan::Operand &operand) {
    return sym::isConstant(operand.strides[plan.vectorAxis], 1) &&
           sym::isConstant(operand.strides[plan.transposeAxis], *planes);
  };
  return llvm::all_of(plan.inputs, isPlain) &&
         llvm::all_of(plan.extras, isPlain) &&
         llvm::all_of(plan.outputs, isPacked);
}

void NestEmitter::emitInterleave(const Cursor &cursor) {
  int axis = plan.vectorAxis, along = plan.transposeAxis;
  int64_t planes = *sym::asConstant(plan.extents[axis]);
  loopOuter(0, {axis, along}, cursor, [&](const Cursor &outer) {
    vectorLoop(extentOf(along, outer), lanes,
               [&](Value i, unsigned lanes, Value count) {
                 Cursor first = advance(outer, along, i);
                 SmallVector<Values> results(plan.outputs.size());
                 for (int64_t plane = 0; plane < planes; ++plane) {
                   Cursor at = advance(first, axis, kb.c(plane));
                   Values loaded = loadInputs(at, along, lanes, count);
                   Values values =
                       finished(root.getEpilogue(), at,
                                prologue(at, loaded, along, lanes, count),
                                along, lanes, count);
                   for (auto [list, value] : llvm::zip(results, values))
                     list.push_back(value);
                 }
                 storePlanes(first, results, lanes, count);
               });
  });
}

void NestEmitter::storePlanes(const Cursor &cursor, ArrayRef<Values> results,
                              unsigned lanes, Value count) {
  for (auto [operand, pointer, values] :
       llvm::zip(plan.outputs, cursor.outputs, results)) {
    int64_t bytes = KernelBuilder::bytesOf(operand.element);
    int64_t planes = values.size();
    for (int64_t part = 0; part < planes; ++part) {
      Value left;
      if (count)
        left = kb.max(kb.sub(kb.mul(count, planes), part * lanes), kb.c(0));
      kb.store(interleave(kb, values, part * lanes, lanes),
               kb.at(pointer, part * lanes * bytes), left);
    }
  }
}

} // namespace sinter::cpu
