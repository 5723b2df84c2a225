// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops and pointers of a plan. Nothing is done twice at a tail: outputs may
// share memory with inputs.

#include "codegen/cpu/PlanWalker.h"
#include "codegen/cpu/RegionVectorizer.h"

using namespace mlir;
using sinter::kernel::NestPlan;

namespace sinter::cpu {

static unsigned computeBits(Type type) {
  unsigned bits = std::max(type.getIntOrFloatBitWidth(), 8u);
  return isa<FloatType>(type) ? std::max(bits, 32u) : bits;
}

unsigned widestBits(Operation *root) {
  unsigned bits = 8;
  for (Value view : root->getOperands())
    bits = std::max(
        bits, computeBits(cast<kernel::ViewType>(view.getType()).getElement()));
  root->walk([&](Operation *op) {
    for (Value result : op->getResults())
      bits = std::max(bits, computeBits(result.getType()));
  });
  return bits;
}

PlanWalker::PlanWalker(KernelBuilder &kb, kernel::DefineOp define,
                       NestPlan plan, unsigned lanes)
    : kb(kb), define(define), plan(std::move(plan)),
      items(*kernel::itemPlanOf(define)), lanes(lanes) {
  if (std::optional<ArrayRef<int64_t>> given = define.getBlocks();
      given && given->size() == items.blocks.size())
    items.blocks.assign(given->begin(), given->end());
}

void PlanWalker::forEachItem(llvm::function_ref<void(const Cursor &)> body) {
  Values counts;
  for (sym::DimAttr count : items.counts())
    counts.push_back(kb.dim(count));
  kb.items(counts, [&](ArrayRef<Value> coordinates) {
    Cursor cursor = start();
    for (unsigned axis = 0; axis < plan.parallel; ++axis)
      cursor =
          advance(cursor, axis, kb.mul(coordinates[axis], items.blocks[axis]));
    body(cursor);
  });
}

PlanWalker::Cursor PlanWalker::start() {
  Cursor cursor;
  for (const NestPlan::Operand &operand : plan.inputs)
    cursor.inputs.push_back(kb.buffer(operand.buffer));
  for (const NestPlan::Operand &operand : plan.extras)
    cursor.extras.push_back(kb.buffer(operand.buffer));
  for (const NestPlan::Operand &operand : plan.outputs)
    cursor.outputs.push_back(kb.buffer(operand.buffer));
  cursor.coordinates.assign(plan.extents.size(), kb.c(0));
  return cursor;
}

PlanWalker::Cursor PlanWalker::advance(const Cursor &cursor, unsigned axis,
                                       Value count) {
  Cursor next = cursor;
  auto move = [&](Values &pointers, ArrayRef<NestPlan::Operand> operands) {
    for (auto [pointer, operand] : llvm::zip(pointers, operands)) {
      int64_t bytes = KernelBuilder::bytesOf(operand.element);
      pointer =
          kb.at(pointer, kb.mul(count, kb.dim(operand.strides[axis] * bytes)));
    }
  };
  move(next.inputs, plan.inputs);
  move(next.extras, plan.extras);
  move(next.outputs, plan.outputs);
  next.coordinates[axis] = kb.add(next.coordinates[axis], count);
  return next;
}

Value PlanWalker::extentOf(unsigned axis, const Cursor &at) {
  Value extent = kb.dim(plan.extents[axis]);
  std::optional<int64_t> known = KernelBuilder::constant(extent);
  int64_t block = items.blocks[axis];
  if (block == 0 || (known && *known <= block))
    return extent;
  if (known && *known % block == 0)
    return kb.c(block);
  return kb.min(kb.c(block), kb.sub(extent, at.coordinates[axis]));
}

void PlanWalker::loopOuter(unsigned axis, ArrayRef<int> skipped,
                           const Cursor &at,
                           llvm::function_ref<void(const Cursor &)> body) {
  if (axis == plan.parallel)
    return body(at);
  if (llvm::is_contained(skipped, int(axis)))
    return loopOuter(axis + 1, skipped, at, body);
  kb.loop(kb.c(0), extentOf(axis, at), 1, [&](Value i) {
    loopOuter(axis + 1, skipped, advance(at, axis, i), body);
  });
}

bool PlanWalker::hasCheapMasks() const {
  if (kb.target.vec.cheapMasks)
    return true;
  auto isWide = [](const NestPlan::Operand &operand) {
    return KernelBuilder::bytesOf(operand.element) >= 4;
  };
  return llvm::all_of(plan.inputs, isWide) &&
         llvm::all_of(plan.extras, isWide) &&
         llvm::all_of(plan.outputs, isWide);
}

void PlanWalker::vectorLoop(
    Value extent, unsigned lanes,
    llvm::function_ref<void(Value, unsigned, Value)> body) {
  Value whole = kb.mul(kb.div(extent, kb.c(lanes)), lanes);
  kb.loop(kb.c(0), whole, lanes, [&](Value i) { body(i, lanes, nullptr); });
  Value rest = kb.sub(extent, whole);
  if (KernelBuilder::constant(rest) == 0 || lanes == 1)
    return;
  if (hasCheapMasks())
    kb.ifThen(kb.less(kb.c(0), rest), [&] { body(whole, lanes, rest); });
  else
    kb.loop(whole, extent, 1, [&](Value i) { body(i, 1, nullptr); });
}

Value PlanWalker::loadOperand(const NestPlan::Operand &operand, Value pointer,
                              int axis, unsigned lanes, Value count) {
  sym::DimAttr stride = axis < 0 || lanes == 1
                            ? sym::constantDim(define.getContext(), 1)
                            : operand.strides[axis];
  return kb.loadLanes(operand.element, lanes, pointer, stride, count);
}

Values PlanWalker::loadInputs(const Cursor &cursor, int axis, unsigned lanes,
                              Value count) {
  Values loaded;
  for (auto [operand, pointer] : llvm::zip(plan.inputs, cursor.inputs))
    loaded.push_back(loadOperand(operand, pointer, axis, lanes, count));
  return loaded;
}

Values PlanWalker::loopReduced(unsigned axis, unsigned end,
                               const Cursor &cursor, Values carried,
                               Step step) {
  if (axis == end)
    return step(cursor, carried);
  return kb.loop(kb.c(0), kb.dim(plan.extents[axis]), 1, carried,
                 [&](Value i, ValueRange inner) {
                   return loopReduced(axis + 1, end, advance(cursor, axis, i),
                                      Values(inner.begin(), inner.end()), step);
                 });
}

Values PlanWalker::finished(Region &epilogue, const Cursor &cursor,
                            Values values, int axis, unsigned lanes,
                            Value count) {
  if (epilogue.empty())
    return values;
  for (auto [operand, pointer] : llvm::zip(plan.extras, cursor.extras))
    values.push_back(loadOperand(operand, pointer, axis, lanes, count));
  Value active = count ? kb.mask(lanes, count) : Value();
  return emitRegion(kb, epilogue, values, lanes, nullptr, active);
}

void PlanWalker::finish(Region &epilogue, const Cursor &cursor, Values values,
                        int axis, unsigned lanes, Value count) {
  values = finished(epilogue, cursor, values, axis, lanes, count);
  sym::DimAttr single = sym::constantDim(define.getContext(), 1);
  for (auto [operand, pointer, value] :
       llvm::zip(plan.outputs, cursor.outputs, values))
    kb.storeLanes(value, pointer,
                  axis < 0 || lanes == 1 ? single : operand.strides[axis],
                  count);
}

} // namespace sinter::cpu
