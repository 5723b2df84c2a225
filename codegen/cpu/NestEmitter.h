// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shared state of the ways to run a nest: along vectors (EmitNest.cpp), by
// transposed tiles (EmitTranspose.cpp), by interleaved planes
// (EmitInterleave.cpp), with a reduction (EmitReduce.cpp).

#ifndef SINTER_CODEGEN_CPU_NESTEMITTER_H
#define SINTER_CODEGEN_CPU_NESTEMITTER_H

#include "codegen/cpu/PlanWalker.h"

namespace sinter::cpu {

class NestEmitter : PlanWalker {
public:
  NestEmitter(KernelBuilder &kb, kernel::DefineOp define, kernel::NestOp root);
  void emit();

private:
  void emitVectors(const Cursor &cursor);
  void emitTiles(const Cursor &cursor);
  void emitReductions(const Cursor &cursor);

  // EmitNest.cpp: the region on one vector.
  Values prologue(const Cursor &cursor, const Values &loaded, int axis,
                  unsigned lanes, mlir::Value count);
  void store(const Cursor &cursor, const Values &values, int axis,
             unsigned lanes, mlir::Value count);

  // EmitTranspose.cpp.
  struct Tile;
  void emitTile(const Tile &tile);
  Values loadTransposed(const Tile &tile, unsigned input);

  // EmitInterleave.cpp.
  bool isInterleave() const;
  void emitInterleave(const Cursor &cursor);
  void storePlanes(const Cursor &cursor, llvm::ArrayRef<Values> results,
                   unsigned lanes, mlir::Value count);

  // EmitReduce.cpp.
  Values identities(unsigned lanes);
  mlir::Value combine(unsigned output, mlir::Value x, mlir::Value y);
  Values reduceStep(const Cursor &cursor, Values accumulators, int axis,
                    unsigned lanes, mlir::Value count);
  void storeReduced(const Cursor &cursor, Values accumulators, int axis,
                    unsigned lanes, mlir::Value count);
  unsigned chainsOfRow(mlir::Value extent);
  void reduceLanes(const Cursor &cursor);
  unsigned wideColumns();
  void reduceColumns(const Cursor &cursor);
  void reduceOneByOne(const Cursor &cursor);

  kernel::NestOp root;
  llvm::SmallVector<mlir::Type> valueTypes; // what the prologue yields
};

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_NESTEMITTER_H
