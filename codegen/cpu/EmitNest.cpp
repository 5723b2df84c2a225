// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise kernels. The plan (dialects/kernel/NestPlan.h) has merged what
// can be merged; here its axes become loops, the innermost one in steps of a
// vector. A vector has as many lanes as the widest element type of the kernel
// allows. Nothing is computed twice at a tail: outputs may share memory with
// inputs.

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/NestEmitter.h"
#include "codegen/cpu/RegionVectorizer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using sinter::kernel::NestPlan;

namespace sinter::cpu {
NestEmitter::NestEmitter(KernelBuilder &kb, kernel::DefineOp define,
                         kernel::NestOp root)
    : PlanWalker(kb, define, kernel::planOf(root),
                 kb.target.lanes(widestBits(root))),
      root(root) {
  if (root.getPrologue().empty())
    for (Value input : root.getInputs())
      valueTypes.push_back(
          cast<kernel::ViewType>(input.getType()).getElement());
  else
    llvm::append_range(valueTypes,
                       root.getPrologue().front().back().getOperandTypes());
}

Values NestEmitter::prologue(const Cursor &cursor, const Values &loaded,
                             int axis, unsigned lanes, Value count) {
  auto index = [&](unsigned domainAxis) -> Value {
    int mine = plan.axisOf[domainAxis];
    Value first = mine < 0 ? kb.c(0) : cursor.coordinates[mine];
    Value splat = kb.splat(first, lanes);
    if (mine < 0 || mine != axis || lanes == 1)
      return splat;
    SmallVector<int64_t> numbers(lanes);
    for (unsigned lane = 0; lane < lanes; ++lane)
      numbers[lane] = lane;
    auto type = cast<VectorType>(splat.getType());
    Value steps = arith::ConstantOp::create(
        kb.b, kb.loc, DenseIntElementsAttr::get(type, numbers));
    return arith::AddIOp::create(kb.b, kb.loc, splat, steps);
  };
  Value active = count ? kb.mask(lanes, count) : Value();
  return emitRegion(kb, root.getPrologue(), loaded, lanes, index, active);
}

void NestEmitter::store(const Cursor &cursor, const Values &values, int axis,
                        unsigned lanes, Value count) {
  finish(root.getEpilogue(), cursor, values, axis, lanes, count);
}

void NestEmitter::emitVectors(const Cursor &cursor) {
  int axis = plan.vectorAxis;
  if (axis < 0) { // a single element
    Values loaded = loadInputs(cursor, -1, 1, nullptr);
    return store(cursor, prologue(cursor, loaded, -1, 1, nullptr), -1, 1,
                 nullptr);
  }
  loopOuter(0, {axis}, cursor, [&](const Cursor &row) {
    vectorLoop(extentOf(axis, row), lanes,
               [&](Value i, unsigned lanes, Value count) {
                 Cursor at = advance(row, axis, i);
                 Values loaded = loadInputs(at, axis, lanes, count);
                 store(at, prologue(at, loaded, axis, lanes, count), axis,
                       lanes, count);
               });
  });
}

void NestEmitter::emit() {
  forEachItem([&](const Cursor &cursor) {
    if (root.getAxes() > 0)
      emitReductions(cursor);
    else if (isInterleave())
      emitInterleave(cursor);
    else if (plan.transposeAxis >= 0 && hasCheapMasks())
      emitTiles(cursor);
    else
      emitVectors(cursor);
  });
}

LogicalResult emitNest(KernelBuilder &kb, kernel::DefineOp define,
                       kernel::NestOp root) {
  NestEmitter(kb, define, root).emit();
  return success();
}

} // namespace sinter::cpu
