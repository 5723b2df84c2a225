// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The state of emitting one kernel.recurrent: its plan, its arguments, and the
// item at hand. Items, tiles and the products with the input are written in
// EmitRecurrent.cpp, the steps in RecurrentStep.cpp.

#ifndef SINTER_CODEGEN_CPU_RECURRENTEMITTER_H
#define SINTER_CODEGEN_CPU_RECURRENTEMITTER_H

#include "codegen/cpu/RecurrentBytes.h"
#include "codegen/cpu/RecurrentCell.h"
#include "codegen/cpu/RecurrentTile.h"

namespace sinter::cpu {

class RecurrentEmitter {
  using Value = mlir::Value;

public:
  RecurrentEmitter(KernelBuilder &kb, kernel::RecurrentOp op);
  void emit();

private:
  // Set for the item at hand: its first batch row, its rows, its steps.
  Value firstRow, rows, steps;
  Rounding ofInput;
  ViewAccess access(Value view) {
    auto type = mlir::cast<kernel::ViewType>(view.getType());
    return {buffer(view), type.getStrides(), type.getElement()};
  }
  Value buffer(Value argument) {
    return kb.buffer(mlir::cast<mlir::BlockArgument>(argument).getArgNumber());
  }
  Value moved(const ViewAccess &view, unsigned axis, Value index) {
    int64_t bytes = KernelBuilder::bytesOf(view.element);
    return kb.mul(index, kb.dim(view.strides[axis] * bytes));
  }
  Value scratch(int64_t offset, Value row, int64_t rowBytes) {
    return kb.at(kb.at(kb.scratch(), offset), kb.mul(row, rowBytes));
  }
  Value unitBytes(const UnitTile &tile, unsigned vector) {
    return kb.mul(kb.add(tile.first, vector), int64_t(lanes) * 4);
  }
  Value productRow(Value local, Value row) {
    return scratch(plan.products, kb.add(kb.mul(local, plan.rowBlock), row),
                   plan.productRow());
  }
  Value timeOf(Value step) {
    return op.getReverse() ? kb.sub(kb.sub(steps, 1), step) : step;
  }
  /// Vector of a [B, H] view at a row of the item.
  Value stateAt(const ViewAccess &view, Value row, const UnitTile &tile) {
    Value at = kb.at(view.base, moved(view, 0, kb.add(firstRow, row)));
    return kb.at(at, moved(view, 1, kb.mul(tile.first, lanes)));
  }

  // EmitRecurrent.cpp: items, tiles, products with the input.
  void emitItem(Value first);
  Value lengthOf(Value all);
  void forStates(llvm::function_ref<void(Value row, const UnitTile &)> body);
  void loadState(Value from, int64_t to);
  void storeState(Value to, Value from);
  /// Y past the end of a sequence is zero.
  void clearRest(Value all);
  void storeY(Value value, Value time, Value row, const UnitTile &tile,
              unsigned vector);

  using TileBody =
      llvm::function_ref<void(Value row, unsigned count, const UnitTile &)>;
  /// All units times rows [0, count), `tall` rows at once where there are as
  /// many. Units go outside: a panel serves all tall tiles from L1. One row
  /// takes several vectors of units, for independent accumulators.
  void forTiles(Value count, unsigned tall, size_t gates, TileBody body);
  /// Rows at once so that all they need stays in registers.
  unsigned tallRows(int64_t limit);
  Values emitChunk(Value start, mlir::ValueRange hidden);
  Value inputRow(Value time, Value row);
  void project(Value start, Value local, Value row, unsigned count,
               bool overSteps, const UnitTile &tile);
  /// Columns of a bias, from `first`, lie as those of panels; zero without one.
  Value biasAt(Value view, const UnitTile &tile, unsigned v, unsigned gate,
               int64_t first = 0);

  /// One step of one tile of rows and units.
  struct Step {
    Value time, local, oldHidden, newHidden, row;
    unsigned count;
  };

  // RecurrentStep.cpp
  void emitStep(Value time, Value local, Value oldHidden, Value newHidden);
  Value stateRow(Value base, const Step &step, unsigned i) {
    return kb.at(base, kb.mul(kb.add(step.row, i), plan.stateRow()));
  }
  Value scratchRow(int64_t offset, const Step &step, unsigned i) {
    return stateRow(kb.at(kb.scratch(), offset), step, i);
  }
  Value productAt(const Step &step, const UnitTile &tile, unsigned i,
                  unsigned v, unsigned gate);
  /// Sums of `gates` over the old h, which lies in rows from `from`.
  Values recur(const Step &step, const UnitTile &tile, Value from,
               llvm::ArrayRef<unsigned> gates);
  /// The hidden part of a candidate that is scaled by r before the input part
  /// joins: it has sums and a bias of its own.
  bool isApart(unsigned gate);
  /// What joins the sum over the old h.
  Value otherPart(const Step &step, const UnitTile &tile, unsigned i,
                  unsigned v, unsigned gate);
  Value productBias(const UnitTile &tile, unsigned v, unsigned gate);
  Value sum(Value x, Value y);
  void finishTile(const Step &step, const UnitTile &tile);
  void storeHidden(const Step &step, const UnitTile &tile, unsigned i,
                   unsigned v, Value h);
  Value finishLstm(const Step &step, const UnitTile &tile, unsigned i,
                   unsigned v, llvm::ArrayRef<Value> gates);
  Peepholes peepholesAt(const UnitTile &tile, unsigned v);
  Value oldHiddenAt(const Step &step, const UnitTile &tile, unsigned i,
                    unsigned v);
  /// linear_before_reset: everything is at hand after one pass.
  Value finishGru(const Step &step, const UnitTile &tile, unsigned i,
                  unsigned v, llvm::ArrayRef<Value> gates);
  /// First pass of a GRU: z, and h gated by r, wait in scratch for the second.
  void finishGates(const Step &step, const UnitTile &tile);
  void finishCandidate(const Step &step, const UnitTile &tile);

  // RecurrentBytes.cpp: rows in 8 bits, where weights have 8.
  Rounding roundingOfInput();
  void roundInput(Value start, Value count);
  void roundHidden(Value hidden);
  /// What `sums` over bytes stand for; `facts` of each row.
  Values scaled(llvm::ArrayRef<Value> sums, const UnitTile &tile,
                llvm::ArrayRef<unsigned> gates, llvm::ArrayRef<Value> facts,
                bool isRecurrence);

  KernelBuilder &kb;
  kernel::RecurrentOp op;
  kernel::RecurrentPlan plan;
  RecurrentCell cell;
  mlir::Type f32;
  unsigned lanes;
  PanelOffsets productOffsets;
  llvm::SmallVector<unsigned, 4> allGates;
  Value inputBias, recurrenceBias, initialH, initialC, lengths, peephole;
  Value scales, sumsOfColumns, zeros; // of columns of bytes
};

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_RECURRENTEMITTER_H
