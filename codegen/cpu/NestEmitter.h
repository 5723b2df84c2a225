// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shared state of the three ways to run a nest: along vectors (EmitNest.cpp),
// by transposed tiles (EmitTranspose.cpp), with a reduction (EmitReduce.cpp).

#ifndef SINTER_CODEGEN_CPU_NESTEMITTER_H
#define SINTER_CODEGEN_CPU_NESTEMITTER_H

#include "codegen/cpu/KernelBuilder.h"
#include "dialects/kernel/NestPlan.h"

namespace sinter::cpu {

class NestEmitter {
public:
  NestEmitter(KernelBuilder &kb, kernel::DefineOp define, kernel::NestOp root);
  void emit();

private:
  /// Where the current element lies in every view, and its coordinates.
  struct Cursor {
    Values inputs, extras, outputs;
    Values coordinates; // one for each axis of the plan
  };
  Cursor start();
  /// The cursor `count` elements further along `axis`.
  Cursor advance(const Cursor &cursor, unsigned axis, mlir::Value count);

  /// Extent of the block that `at` stands at the start of, along a parallel
  /// axis; constant wherever it can be.
  mlir::Value extentOf(unsigned axis, const Cursor &at);
  /// Loops over the parallel axes but `skipped`, within the block.
  void loopOuter(unsigned axis, llvm::ArrayRef<int> skipped, const Cursor &at,
                 llvm::function_ref<void(const Cursor &)> body);
  /// Steps of `lanes` from 0 to `extent`, then what is left: in one masked
  /// step, or one by one where masks are dear. `body(i, lanes, count)`.
  void
  vectorLoop(mlir::Value extent, unsigned lanes,
             llvm::function_ref<void(mlir::Value, unsigned, mlir::Value)> body);
  bool hasCheapMasks() const;

  void emitVectors(const Cursor &cursor);
  void emitTiles(const Cursor &cursor);
  void emitReductions(const Cursor &cursor);

  // EmitNest.cpp: loads, region, stores for one vector.
  mlir::Value loadOperand(const kernel::NestPlan::Operand &operand,
                          mlir::Value pointer, int axis, unsigned lanes,
                          mlir::Value count);
  Values loadInputs(const Cursor &cursor, int axis, unsigned lanes,
                    mlir::Value count);
  Values prologue(const Cursor &cursor, const Values &loaded, int axis,
                  unsigned lanes, mlir::Value count);
  void finish(const Cursor &cursor, Values values, int axis, unsigned lanes,
              mlir::Value count);

  // EmitTranspose.cpp.
  struct Tile;
  void emitTile(const Tile &tile);
  Values loadTransposed(const Tile &tile, unsigned input);

  // EmitReduce.cpp.
  using Step = llvm::function_ref<Values(const Cursor &, Values)>;
  Values identities(unsigned lanes);
  mlir::Value combine(unsigned output, mlir::Value x, mlir::Value y);
  Values reduceStep(const Cursor &cursor, Values accumulators, int axis,
                    unsigned lanes, mlir::Value count);
  Values loopReduced(unsigned axis, unsigned end, const Cursor &cursor,
                     Values carried, Step step);
  void storeReduced(const Cursor &cursor, Values accumulators, int axis,
                    unsigned lanes, mlir::Value count);
  void reduceLanes(const Cursor &cursor);
  void reduceColumns(const Cursor &cursor);
  void reduceOneByOne(const Cursor &cursor);

  KernelBuilder &kb;
  kernel::DefineOp define;
  kernel::NestOp root;
  kernel::NestPlan plan;
  llvm::SmallVector<int64_t> blocks;
  llvm::SmallVector<mlir::Type> valueTypes; // what the prologue yields
  unsigned lanes;                           // of a full vector
};

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_NESTEMITTER_H
