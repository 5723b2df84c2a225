// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks the views of a plan (dialects/kernel/NestPlan.h): pointers that move
// along axes, loops over blocks, vectors with their tails, loads and stores of
// one vector in every view. What is computed with them is the root's affair.

#ifndef SINTER_CODEGEN_CPU_PLANWALKER_H
#define SINTER_CODEGEN_CPU_PLANWALKER_H

#include "codegen/cpu/KernelBuilder.h"
#include "dialects/kernel/NestPlan.h"

namespace sinter::cpu {

class PlanWalker {
public:
  /// `items` is the default cut; the define's blocks win.
  PlanWalker(KernelBuilder &kb, kernel::DefineOp define, kernel::NestPlan plan,
             unsigned lanes);

protected:
  /// Where the current element lies in every view, and its coordinates.
  struct Cursor {
    Values inputs, extras, outputs;
    Values coordinates; // one for each axis of the plan
  };
  /// The cursor `count` elements further along `axis`.
  Cursor advance(const Cursor &cursor, unsigned axis, mlir::Value count);
  /// Runs `body` at the start of the block of each item.
  void forEachItem(llvm::function_ref<void(const Cursor &)> body);
  /// Extent of the block that `at` stands at the start of, along a parallel
  /// axis; constant wherever it can be.
  mlir::Value extentOf(unsigned axis, const Cursor &at);
  /// Loops over the parallel axes but `skipped`, within the block.
  void loopOuter(unsigned axis, llvm::ArrayRef<int> skipped, const Cursor &at,
                 llvm::function_ref<void(const Cursor &)> body);
  /// Loops over the axes [axis, end), whole, carrying values.
  using Step = llvm::function_ref<Values(const Cursor &, Values)>;
  Values loopReduced(unsigned axis, unsigned end, const Cursor &cursor,
                     Values carried, Step step);
  /// Steps of `lanes` from 0 to `extent`, then what is left: in one masked
  /// step, or one by one where masks are dear. `body(i, lanes, count)`.
  void
  vectorLoop(mlir::Value extent, unsigned lanes,
             llvm::function_ref<void(mlir::Value, unsigned, mlir::Value)> body);
  bool hasCheapMasks() const;

  /// One vector along `axis` (-1: a single element); `count` limits its lanes.
  mlir::Value loadOperand(const kernel::NestPlan::Operand &operand,
                          mlir::Value pointer, int axis, unsigned lanes,
                          mlir::Value count);
  Values loadInputs(const Cursor &cursor, int axis, unsigned lanes,
                    mlir::Value count);
  /// `epilogue` on values and extras.
  Values finished(mlir::Region &epilogue, const Cursor &cursor, Values values,
                  int axis, unsigned lanes, mlir::Value count);
  /// As above, and stores to the outputs.
  void finish(mlir::Region &epilogue, const Cursor &cursor, Values values,
              int axis, unsigned lanes, mlir::Value count);

  KernelBuilder &kb;
  kernel::DefineOp define;
  kernel::NestPlan plan;
  kernel::ItemPlan items;
  unsigned lanes; // of a full vector

private:
  Cursor start();
};

/// Bits of a lane when `root` computes with its widest type; short floats are
/// computed in f32.
unsigned widestBits(mlir::Operation *root);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_PLANWALKER_H
