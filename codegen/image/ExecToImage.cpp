// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every size in a program is a polynomial of symbols; the image wants slots.
// The builder shares equal operations and folds constants, so this file simply
// says what each size is, as often as it is needed, and writes the records.
// ImageTables.cpp writes what stands before them.

#include "codegen/image/ExecToImage.h"

#include "codegen/image/LaunchCost.h"
#include "codegen/image/ProgramWriter.h"
#include "dialects/Support/Check.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace sinter {

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

Slot ProgramWriter::fold(sym::DimAttr dim,
                         Slot (ImageBuilder::*combine)(Slot, Slot),
                         Slot start) {
  Slot value = start;
  for (sym::DimAttr operand : dim.getOperands()) {
    Slot next = slot(operand);
    value = value.valid() ? (builder.*combine)(value, next) : next;
  }
  return value;
}

Slot ProgramWriter::slot(sym::DimAttr dim) {
  switch (dim.getKind()) {
  case sym::DimKind::Constant:
    return builder.constant(dim.getValue());
  case sym::DimKind::Symbol: {
    auto it = values.find(dim.getName().getValue());
    if (it != values.end())
      return it->second;
    unbound.insert(dim.getName().getValue().str());
    return builder.constant(0);
  }
  case sym::DimKind::Sum: {
    Slot sum = fold(dim, &ImageBuilder::add, {});
    return dim.getValue() == 0
               ? sum
               : builder.add(sum, builder.constant(dim.getValue()));
  }
  case sym::DimKind::Product: {
    Slot product = fold(dim, &ImageBuilder::mul, {});
    return dim.getValue() == 1
               ? product
               : builder.mul(product, builder.constant(dim.getValue()));
  }
  case sym::DimKind::FloorDiv:
    return builder.floorDiv(slot(dim.getOperands()[0]),
                            slot(dim.getOperands()[1]));
  case sym::DimKind::Min:
    return fold(dim, &ImageBuilder::min, {});
  case sym::DimKind::Max:
    return fold(dim, &ImageBuilder::max, {});
  }
  SINTER_UNREACHABLE("a kind of dimension");
}

/// The least items that are worth waking a thread for: about two microseconds
/// at 40 multiply-adds or 16 bytes a nanosecond.
Slot ProgramWriter::grainOf(Slot items, Slot macs, Slot bytes) {
  Slot one = builder.constant(1);
  Slot nanoseconds = builder.add(builder.floorDiv(macs, builder.constant(40)),
                                 builder.floorDiv(bytes, builder.constant(16)));
  Slot wanted = builder.mul(items, builder.constant(2000));
  return builder.max(one,
                     builder.floorDiv(wanted, builder.max(nanoseconds, one)));
}

//===----------------------------------------------------------------------===//
// Records
//===----------------------------------------------------------------------===//

BufferRef ProgramWriter::reference(Value buffer, sym::DimAttr offset) {
  const BufferPlace &place = buffers[buffer];
  // An empty tensor has no first element: its offset (behind a halo, say) may
  // lie outside.
  Slot from = builder.min(slot(offset), place.bytes);
  return {place.space, place.index, builder.add(place.offset, from),
          builder.sub(place.bytes, from)};
}

void ProgramWriter::writeLaunch(exec::LaunchOp op) {
  auto define = symbols.lookup<kernel::DefineOp>(op.getKernel());
  std::vector<BufferRef> references;
  for (auto [buffer, offset] :
       llvm::zip(op.getBuffers(), op.getOffsets().getDims()))
    references.push_back(reference(buffer, offset));
  std::vector<Slot> params;
  for (sym::DimAttr param : op.getParams().getDims())
    params.push_back(slot(param));
  auto actual = [&](sym::DimAttr formal) {
    return slot(sym::substitute(formal, [&](StringRef name) -> sym::DimAttr {
      unsigned index = 0;
      if (!name.consume_front("p") || name.getAsInteger(10, index) ||
          index >= op.getParams().getDims().size())
        return {};
      return op.getParams().getDims()[index];
    }));
  };
  sym::DimAttr bytes = dim(0);
  for (Type type : define.getBody().getArgumentTypes())
    bytes = bytes + bytesOf(type);
  LaunchWork work;
  work.items = define.getItemsAttr() ? actual(define.getItemsAttr())
                                     : builder.constant(1);
  work.macs = actual(macsOf(define));
  work.bytes = actual(bytes);
  work.grain = grainOf(work.items, work.macs, work.bytes);
  // Sizes that depend on data are computed between records, which is a barrier.
  work.noWait = op.getNoWait() && late.empty() &&
                isa_and_nonnull<exec::LaunchOp>(op->getNextNode());
  builder.launch(kernelIndex(define), references, params, work,
                 nodeOf(op.getLoc()));
}

void ProgramWriter::writeRead(exec::ReadOp op) {
  if (op.getInputElement())
    return; // known from the start
  Slot variable = values[op.getSymbol()];
  uint32_t node = nodeOf(op.getLoc());
  builder.read(variable, reference(op.getSource(), op.getOffset()),
               builder.constant(0), onnxDataType(op.getElement()), node);
  exec::SymbolOp symbol = late.find(op.getSymbol());
  if (!symbol)
    return;
  Slot most = builder.constant(symbol.getMax());
  if (sym::DimAttr bound = late.boundOf(op.getSymbol()))
    most = builder.min(most, slot(bound));
  builder.checkRange(variable, builder.constant(symbol.getMin()), most, node,
                     SINTER_WHY_VALUE_RANGE);
  finishSizes(op.getSymbol());
}

/// Sizes of outputs whose last unknown was `symbol`.
void ProgramWriter::finishSizes(StringRef symbol) {
  isRead.insert(symbol);
  for (const LateSize &output : lateSizes) {
    bool names = false, isComplete = true;
    sym::forEachSymbol(output.size, [&](StringRef name) {
      names |= name == symbol;
      isComplete &= !late.find(name) || isRead.contains(name);
    });
    if (names && isComplete)
      builder.assign(output.variable, slot(output.size));
  }
}

void ProgramWriter::writeIf(exec::IfOp op) {
  uint32_t node = nodeOf(op.getLoc()), otherwise = builder.label(),
           end = builder.label();
  Slot condition = builder.variable();
  builder.read(condition, reference(op.getCondition(), op.getOffset()),
               builder.constant(0),
               /*BOOL=*/9, node);
  builder.branchIfZero(condition, otherwise, node);
  (void)write(op.getThenRegion().front());
  builder.jump(end);
  builder.bind(otherwise);
  (void)write(op.getElseRegion().front());
  builder.bind(end);
}

void ProgramWriter::writeLoop(exec::LoopOp op) {
  uint32_t node = nodeOf(op.getLoc()), begin = builder.label(),
           end = builder.label();
  Slot condition = builder.variable();
  builder.bind(begin);
  builder.read(condition, reference(op.getCondition(), op.getOffset()),
               builder.constant(0),
               /*BOOL=*/9, node);
  builder.branchIfZero(condition, end, node);
  (void)write(op.getBody().front());
  builder.jump(begin);
  builder.bind(end);
}

LogicalResult ProgramWriter::write(Block &block) {
  for (Operation &op : block)
    llvm::TypeSwitch<Operation *>(&op)
        .Case([&](exec::LaunchOp launch) { writeLaunch(launch); })
        .Case([&](exec::ReadOp read) { writeRead(read); })
        .Case([&](exec::IfOp branch) { writeIf(branch); })
        .Case([&](exec::LoopOp loop) { writeLoop(loop); })
        .Case([&](exec::CheckOp check) {
          builder.checkEqual(slot(check.getLeft()), slot(check.getRight()),
                             nodeOf(check.getLoc()));
        });
  return success();
}

LogicalResult ProgramWriter::run() {
  declareSymbols();
  declareTexts();
  if (failed(declareTensors()))
    return failure();
  declareWeights();
  declareArena();
  if (failed(write(program.getBody().front())))
    return failure();
  for (const Tap &tap : taps)
    builder.showTap(tap.tensor, tap.from, tap.node);
  int64_t scratch = 0;
  for (kernel::DefineOp define : result.kernels)
    scratch = std::max(scratch, int64_t(define.getScratch().value_or(0)));
  builder.setScratch(builder.constant(scratch));
  for (const std::string &name : unbound)
    return program.emitError()
           << "uses the symbol '" << name << "', which no exec.symbol declares";
  std::string error;
  if (!builder.finish(result.image, error))
    return program.emitError() << "the program cannot be written: " << error;
  return success();
}

LogicalResult buildImage(ModuleOp module, ImageResult &result) {
  auto programs = llvm::to_vector(module.getOps<exec::ProgramOp>());
  if (programs.size() != 1)
    return module.emitError()
           << "has " << programs.size() << " programs; expected one";
  return ProgramWriter(programs[0], result).run();
}

} // namespace sinter
