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
namespace {

// Short floats are computed in f32.
unsigned computeBits(Type type) {
  unsigned bits = std::max(type.getIntOrFloatBitWidth(), 8u);
  return isa<FloatType>(type) ? std::max(bits, 32u) : bits;
}

unsigned widestBits(kernel::NestOp root) {
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

} // namespace

NestEmitter::NestEmitter(KernelBuilder &kb, kernel::DefineOp define,
                         kernel::NestOp root)
    : kb(kb), define(define), root(root), plan(kernel::planOf(root)),
      blocks(kernel::itemPlanOf(define)->blocks),
      lanes(kb.target.lanes(widestBits(root))) {
  if (std::optional<ArrayRef<int64_t>> given = define.getBlocks();
      given && given->size() == blocks.size())
    blocks.assign(given->begin(), given->end());
  if (root.getPrologue().empty())
    for (Value input : root.getInputs())
      valueTypes.push_back(
          cast<kernel::ViewType>(input.getType()).getElement());
  else
    llvm::append_range(valueTypes,
                       root.getPrologue().front().back().getOperandTypes());
}

NestEmitter::Cursor NestEmitter::start() {
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

NestEmitter::Cursor NestEmitter::advance(const Cursor &cursor, unsigned axis,
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

Value NestEmitter::extentOf(unsigned axis, const Cursor &at) {
  Value extent = kb.dim(plan.extents[axis]);
  std::optional<int64_t> known = KernelBuilder::constant(extent);
  int64_t block = blocks[axis];
  if (block == 0 || (known && *known <= block))
    return extent;
  if (known && *known % block == 0)
    return kb.c(block);
  return kb.min(kb.c(block), kb.sub(extent, at.coordinates[axis]));
}

void NestEmitter::loopOuter(unsigned axis, ArrayRef<int> skipped,
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

bool NestEmitter::hasCheapMasks() const {
  if (kb.target.vec.cheapMasks)
    return true;
  auto isWide = [](const NestPlan::Operand &operand) {
    return KernelBuilder::bytesOf(operand.element) >= 4;
  };
  return llvm::all_of(plan.inputs, isWide) &&
         llvm::all_of(plan.extras, isWide) &&
         llvm::all_of(plan.outputs, isWide);
}

void NestEmitter::vectorLoop(
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

Value NestEmitter::loadOperand(const NestPlan::Operand &operand, Value pointer,
                               int axis, unsigned lanes, Value count) {
  sym::DimAttr stride = axis < 0 || lanes == 1
                            ? sym::constantDim(define.getContext(), 1)
                            : operand.strides[axis];
  return kb.loadLanes(operand.element, lanes, pointer, stride, count);
}

Values NestEmitter::loadInputs(const Cursor &cursor, int axis, unsigned lanes,
                               Value count) {
  Values loaded;
  for (auto [operand, pointer] : llvm::zip(plan.inputs, cursor.inputs))
    loaded.push_back(loadOperand(operand, pointer, axis, lanes, count));
  return loaded;
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

void NestEmitter::finish(const Cursor &cursor, Values values, int axis,
                         unsigned lanes, Value count) {
  if (!root.getEpilogue().empty()) {
    for (auto [operand, pointer] : llvm::zip(plan.extras, cursor.extras))
      values.push_back(loadOperand(operand, pointer, axis, lanes, count));
    Value active = count ? kb.mask(lanes, count) : Value();
    values = emitRegion(kb, root.getEpilogue(), values, lanes, nullptr, active);
  }
  sym::DimAttr single = sym::constantDim(define.getContext(), 1);
  for (auto [operand, pointer, value] :
       llvm::zip(plan.outputs, cursor.outputs, values))
    kb.storeLanes(value, pointer,
                  axis < 0 || lanes == 1 ? single : operand.strides[axis],
                  count);
}

void NestEmitter::emitVectors(const Cursor &cursor) {
  int axis = plan.vectorAxis;
  if (axis < 0) { // a single element
    Values loaded = loadInputs(cursor, -1, 1, nullptr);
    return finish(cursor, prologue(cursor, loaded, -1, 1, nullptr), -1, 1,
                  nullptr);
  }
  loopOuter(0, {axis}, cursor, [&](const Cursor &row) {
    vectorLoop(extentOf(axis, row), lanes,
               [&](Value i, unsigned lanes, Value count) {
                 Cursor at = advance(row, axis, i);
                 Values loaded = loadInputs(at, axis, lanes, count);
                 finish(at, prologue(at, loaded, axis, lanes, count), axis,
                        lanes, count);
               });
  });
}

void NestEmitter::emit() {
  kernel::ItemPlan items = *kernel::itemPlanOf(define);
  items.blocks = blocks;
  Values counts;
  for (sym::DimAttr count : items.counts())
    counts.push_back(kb.dim(count));
  kb.items(counts, [&](ArrayRef<Value> coordinates) {
    Cursor cursor = start();
    for (unsigned axis = 0; axis < plan.parallel; ++axis)
      cursor = advance(cursor, axis, kb.mul(coordinates[axis], blocks[axis]));
    if (plan.reduced() > 0 || root.getAxes() > 0)
      emitReductions(cursor);
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
