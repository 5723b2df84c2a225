// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Entry, integers and control flow of KernelBuilder; memory and vectors are in
// KernelBuilderMemory.cpp.

#include "codegen/cpu/KernelBuilder.h"
#include "dialects/Support/Check.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

// sinter_worker: { void *scratch; uint64_t scratch_bytes; uint32_t fault;
// uint32_t index; }
constexpr int64_t kWorkerScratch = 0, kWorkerFault = 16;

} // namespace

KernelBuilder::KernelBuilder(ModuleOp module, Location loc, StringRef symbol,
                             unsigned numBuffers, const Target &target)
    : target(target), b(module.getContext()), loc(loc) {
  b.setInsertionPointToEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i64 = b.getI64Type();
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                  {pointer, pointer, i64, i64, pointer});
  auto function = LLVM::LLVMFuncOp::create(b, loc, symbol, type);
  function.setVisibility_(LLVM::Visibility::Hidden);
  for (unsigned argument : {0u, 1u, 4u})
    function.setArgAttr(argument, LLVM::LLVMDialect::getNoAliasAttrName(),
                        b.getUnitAttr());
  Block *entry = function.addEntryBlock(b);
  paramsBase = entry->getArgument(1);
  beginItem = entry->getArgument(2);
  endItem = entry->getArgument(3);
  worker = entry->getArgument(4);

  b.setInsertionPointToStart(entry);
  for (unsigned i = 0; i < numBuffers; ++i)
    buffers.push_back(LLVM::LoadOp::create(
        b, loc, pointer, at(entry->getArgument(0), int64_t(8) * i),
        /*alignment=*/8, /*isVolatile=*/false, /*isNonTemporal=*/false,
        /*isInvariant=*/true));
  scratchBase =
      LLVM::LoadOp::create(b, loc, pointer, at(worker, kWorkerScratch), 8);
  // Everything constant or needed once is put before this operation; it has no
  // use itself and vanishes.
  entryEnd = LLVM::UndefOp::create(b, loc, i64);
}

void KernelBuilder::finish() { LLVM::ReturnOp::create(b, loc, ValueRange{}); }

void KernelBuilder::fault(Value bits) {
  Value address = at(worker, kWorkerFault);
  Value old = LLVM::LoadOp::create(b, loc, b.getI32Type(), address, 4);
  LLVM::StoreOp::create(b, loc, arith::OrIOp::create(b, loc, old, bits),
                        address, 4);
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Value KernelBuilder::c(int64_t value) {
  Value &cached = constants[value];
  if (!cached) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(entryEnd);
    cached = arith::ConstantIntOp::create(b, loc, value, 64);
  }
  return cached;
}

std::optional<int64_t> KernelBuilder::constant(Value value) {
  APInt integer;
  if (matchPattern(value, m_ConstantInt(&integer)))
    return integer.getSExtValue();
  return std::nullopt;
}

Value KernelBuilder::add(Value x, Value y) {
  std::optional<int64_t> cx = constant(x), cy = constant(y);
  if (cx && cy)
    return c(*cx + *cy);
  if (cx == 0)
    return y;
  if (cy == 0)
    return x;
  return arith::AddIOp::create(b, loc, x, y, arith::IntegerOverflowFlags::nsw);
}

Value KernelBuilder::sub(Value x, Value y) {
  std::optional<int64_t> cx = constant(x), cy = constant(y);
  if (cx && cy)
    return c(*cx - *cy);
  if (cy == 0)
    return x;
  return x == y ? c(0)
                : arith::SubIOp::create(b, loc, x, y,
                                        arith::IntegerOverflowFlags::nsw);
}

Value KernelBuilder::mul(Value x, Value y) {
  std::optional<int64_t> cx = constant(x), cy = constant(y);
  if (cx && cy)
    return c(*cx * *cy);
  if (cx == 0 || cy == 0)
    return c(0);
  if (cx == 1)
    return y;
  if (cy == 1)
    return x;
  return arith::MulIOp::create(b, loc, x, y, arith::IntegerOverflowFlags::nsw);
}

Value KernelBuilder::div(Value x, Value y) {
  std::optional<int64_t> cx = constant(x), cy = constant(y);
  if (cx && cy && *cy > 0)
    return c(*cx / *cy);
  return cy == 1 ? x : arith::DivUIOp::create(b, loc, x, y);
}

Value KernelBuilder::mod(Value x, Value y) {
  std::optional<int64_t> cx = constant(x), cy = constant(y);
  if (cx && cy && *cy > 0)
    return c(*cx % *cy);
  return cy == 1 ? c(0) : arith::RemUIOp::create(b, loc, x, y);
}

Value KernelBuilder::ceilDiv(Value x, Value y) {
  return div(add(x, sub(y, 1)), y);
}

// The normal form of dims divides towards minus infinity and by zero yields
// zero; `divsi` does neither.
Value KernelBuilder::floorDivSigned(Value x, Value y) {
  Value zero = c(0);
  Value isZero = equal(y, zero);
  Value divisor = select(isZero, c(1), y);
  Value quotient = arith::DivSIOp::create(b, loc, x, divisor);
  Value rest = sub(x, mul(quotient, divisor));
  Value inexact =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, rest, zero);
  Value opposite = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                         less(rest, zero), less(divisor, zero));
  Value floored = select(both(inexact, opposite), sub(quotient, 1), quotient);
  return select(isZero, zero, floored);
}

Value KernelBuilder::min(Value x, Value y) {
  std::optional<int64_t> cx = constant(x), cy = constant(y);
  if (cx && cy)
    return c(std::min(*cx, *cy));
  return x == y ? x : arith::MinSIOp::create(b, loc, x, y);
}

Value KernelBuilder::max(Value x, Value y) {
  std::optional<int64_t> cx = constant(x), cy = constant(y);
  if (cx && cy)
    return c(std::max(*cx, *cy));
  return x == y ? x : arith::MaxSIOp::create(b, loc, x, y);
}

Value KernelBuilder::less(Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, x, y);
}

Value KernelBuilder::equal(Value x, Value y) {
  return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, x, y);
}

Value KernelBuilder::both(Value x, Value y) {
  return b.createOrFold<arith::AndIOp>(loc, x, y);
}

Value KernelBuilder::select(Value condition, Value x, Value y) {
  return b.createOrFold<arith::SelectOp>(loc, condition, x, y);
}

Value KernelBuilder::dim(sym::DimAttr attr) {
  auto found = dims.find(attr);
  if (found != dims.end())
    return found->second;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(entryEnd);
  Value value = dimHere(attr);
  dims[attr] = value;
  return value;
}

Value KernelBuilder::dimHere(sym::DimAttr attr) {
  llvm::ArrayRef<sym::DimAttr> operands = attr.getOperands();
  switch (attr.getKind()) {
  case sym::DimKind::Constant:
    return c(attr.getValue());
  case sym::DimKind::Symbol: {
    unsigned index;
    StringRef name = attr.getName().getValue();
    SINTER_CHECK(name.consume_front("p") && !name.getAsInteger(10, index),
                 "a kernel's dims are over p0, p1, ...");
    return LLVM::LoadOp::create(b, loc, b.getI64Type(),
                                at(paramsBase, int64_t(8) * index), 8);
  }
  case sym::DimKind::Sum: {
    Value sum = c(attr.getValue());
    for (sym::DimAttr operand : operands)
      sum = add(sum, dim(operand));
    return sum;
  }
  case sym::DimKind::Product: {
    Value result = c(attr.getValue());
    for (sym::DimAttr operand : operands)
      result = mul(result, dim(operand));
    return result;
  }
  case sym::DimKind::FloorDiv:
    return floorDivSigned(dim(operands[0]), dim(operands[1]));
  case sym::DimKind::Min:
  case sym::DimKind::Max: {
    Value result = dim(operands[0]);
    for (sym::DimAttr operand : operands.drop_front())
      result = attr.getKind() == sym::DimKind::Min ? min(result, dim(operand))
                                                   : max(result, dim(operand));
    return result;
  }
  }
  SINTER_UNREACHABLE("kinds of dims");
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

void KernelBuilder::loop(Value lower, Value upper, int64_t step, Body body) {
  loop(lower, upper, step, ValueRange{}, [&](Value iv, ValueRange) {
    body(iv);
    return Values{};
  });
}

Values KernelBuilder::loop(Value lower, Value upper, int64_t step,
                           ValueRange init, CarriedBody body) {
  std::optional<int64_t> first = constant(lower), last = constant(upper);
  if (first && last && *first >= *last)
    return Values(init.begin(), init.end());
  if (first && last && *first + step >= *last)
    return body(lower, init);
  auto loop = scf::ForOp::create(b, loc, lower, upper, c(step), init);
  OpBuilder::InsertionGuard guard(b);
  // scf.for without results makes its own terminator.
  if (init.empty())
    b.setInsertionPoint(loop.getBody()->getTerminator());
  else
    b.setInsertionPointToStart(loop.getBody());
  Values results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!init.empty())
    scf::YieldOp::create(b, loc, results);
  return Values(loop.getResults().begin(), loop.getResults().end());
}

void KernelBuilder::ifThen(Value condition, llvm::function_ref<void()> then,
                           llvm::function_ref<void()> otherwise) {
  if (std::optional<int64_t> known = constant(condition)) {
    if (*known)
      then();
    else if (otherwise)
      otherwise();
    return;
  }
  auto op =
      scf::IfOp::create(b, loc, condition, /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&op.getThenRegion().front());
  then();
  if (!otherwise)
    return;
  b.setInsertionPointToStart(&op.getElseRegion().front());
  otherwise();
}

void KernelBuilder::items(ArrayRef<Value> counts,
                          llvm::function_ref<void(ArrayRef<Value>)> body) {
  auto loop = scf::ForOp::create(b, loc, beginItem, endItem, c(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  Value rest = loop.getInductionVar();
  SmallVector<Value> coordinates(counts.size());
  for (size_t i = counts.size(); i-- > 1;) {
    // A count of one has coordinate zero, and division by it folds away.
    coordinates[i] = mod(rest, counts[i]);
    rest = div(rest, counts[i]);
  }
  if (!counts.empty())
    coordinates[0] = constant(counts[0]) == 1 ? c(0) : rest;
  body(coordinates);
}

} // namespace sinter::cpu
