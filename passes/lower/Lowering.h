// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// State of the lowering of one function to one program, shared by its parts:
// Placement.cpp decides where values lie, LowerRoots.cpp and its neighbours
// turn groups into kernels, LowerToExec.cpp walks the function.

#ifndef SINTER_PASSES_LOWER_LOWERING_H
#define SINTER_PASSES_LOWER_LOWERING_H

#include "dialects/exec/ExecOps.h"
#include "dialects/graph/GraphOps.h"
#include "dialects/kernel/KernelOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "passes/lower/Cluster.h"
#include "passes/lower/Place.h"
#include "llvm/ADT/StringMap.h"
#include <deque>

namespace sinter::lower {

class Lowering {
public:
  Lowering(mlir::ModuleOp module, mlir::func::FuncOp function);
  mlir::LogicalResult run();

  // Placement.cpp
  /// The place of a value that has been computed (or is a constant, or a view).
  Place placeOf(mlir::Value value);
  /// Where a kernel must write `value`; writes the halo when it is the first.
  Place destinationOf(mlir::Value value);
  /// A new arena tensor.
  Place makeTemporary(llvm::ArrayRef<sym::DimAttr> dims, mlir::Type element,
                      llvm::ArrayRef<int64_t> low = {},
                      llvm::ArrayRef<int64_t> high = {});
  void copy(const Place &from, const Place &to, mlir::Location loc);
  /// Zeroes a part of memory that nobody else writes; needs no barrier.
  void zeroSlab(const Place &slab, mlir::Location loc);
  /// A row-major copy, unless `place` has stride 1 along the last axis already.
  Place rowContiguous(const Place &place, mlir::Location loc);
  bool hasHalo(mlir::Operation *convolution) const {
    return granted.contains(convolution);
  }

  // Weights.cpp
  mlir::Value bufferOf(Storage &storage);
  /// A blob, row-major over `dims`: element i is source[offset + sum i *
  /// strides], zero behind the limit [outer axis, inner axis, bound], as
  /// #exec.pack.
  struct Packing {
    llvm::SmallVector<int64_t> dims, strides;
    int64_t offset = 0;
    llvm::SmallVector<int64_t> limit;
  };
  Place pack(const Place &source, const Packing &packing);
  /// P16 panels of B[g][k][n]; the strides are those of the source.
  struct PanelSource {
    int64_t groups, n;
    llvm::SmallVector<int64_t> k; // extents, outermost first
    int64_t groupStride, nStride;
    llvm::SmallVector<int64_t> kStrides;
    int64_t offset = 0; // from the first element of the place
  };
  mlir::Value packPanels(const Place &place, const PanelSource &source);

  // Lower*.cpp
  mlir::LogicalResult lowerCluster(Cluster &cluster);
  mlir::LogicalResult lowerContract(Cluster &cluster);
  mlir::LogicalResult lowerConv(Cluster &cluster);
  mlir::LogicalResult lowerConvTranspose(graph::ConvTransposeOp op);
  mlir::LogicalResult lowerWindow(Cluster &cluster);
  mlir::LogicalResult lowerRow(Cluster &cluster);
  mlir::LogicalResult lowerReduce(Cluster &cluster);
  mlir::LogicalResult lowerReduceSteps(Cluster &cluster);
  mlir::LogicalResult lowerNest(Cluster &cluster);
  mlir::LogicalResult lowerRecurrent(graph::RecurrentOp op);
  // LowerComposites.cpp: operations that are one or two nests or rows
  mlir::LogicalResult lowerFromDims(graph::FromDimsOp op);
  mlir::LogicalResult lowerRange(graph::RangeOp op);
  mlir::LogicalResult lowerTrilu(graph::TriluOp op);
  mlir::LogicalResult lowerOneHot(graph::OneHotOp op);
  mlir::LogicalResult lowerPad(graph::PadOp op);
  mlir::LogicalResult lowerBatchNorm(graph::BatchNormOp op);
  mlir::LogicalResult lowerGroupNorm(graph::GroupNormOp op);
  mlir::LogicalResult lowerExtern(mlir::Operation *op);
  mlir::LogicalResult lowerResize(graph::ResizeOp op);

  mlir::MLIRContext *context() { return module.getContext(); }
  sym::DimAttr dim(int64_t value) { return sym::constantDim(context(), value); }

  /// Stable addresses: places point at storages.
  std::deque<Storage> storages;

  mlir::ModuleOp module;
  mlir::func::FuncOp function;
  exec::ProgramOp program;
  mlir::OpBuilder builder;         // where records go
  mlir::OpBuilder allocs, defines; // start of the program, start of the module
  llvm::StringMap<mlir::StringAttr> kernels; // text of a define -> its name

private:
  mlir::LogicalResult createProgram();
  mlir::LogicalResult lowerBlock(mlir::Block &block);
  mlir::LogicalResult lowerOperation(mlir::Operation *op);
  mlir::LogicalResult lowerGroup(graph::GroupOp group);
  mlir::LogicalResult lowerApart(Cluster &cluster);
  mlir::LogicalResult lowerIf(graph::IfOp op);
  mlir::LogicalResult lowerLoop(graph::LoopOp op);
  // LowerMovement.cpp
  mlir::LogicalResult lowerMovement(mlir::Operation *op);
  Place copyForReshape(graph::ReshapeOp op, const Place &source);
  void lowerConcat(graph::ConcatOp op);
  void finishOutputs();

  // Placement.cpp
  void assignDestinations();
  void claimOutputs(mlir::Block &block, mlir::ValueRange targets);
  void claimConcat(graph::ConcatOp op);
  // Halos.cpp
  void requestHalos();
  bool requestHalo(mlir::Value value, llvm::SmallVector<int64_t> low,
                   llvm::SmallVector<int64_t> high);
  Storage &ownStorage(mlir::Value value);
  void zeroHalo(Storage &storage, mlir::Location loc);

  /// A value that lies inside another one (concat) or is another one (a result
  /// of graph.if, a tensor of the caller).
  struct Claim {
    mlir::Value target; // null: `storage`
    Storage *storage = nullptr;
    std::optional<unsigned> axis; // of a concat
    sym::DimAttr start;
  };
  llvm::DenseMap<mlir::Value, Claim> claims;
  llvm::DenseMap<mlir::Value, Storage *> owned;
  llvm::DenseMap<mlir::Value, Place> places;
  llvm::DenseSet<mlir::Operation *> granted;
  llvm::SmallVector<Storage *> outputs;
};

/// Bytes of one element in memory (a bool is a byte).
int64_t elementBytes(mlir::Type element);

/// Whether `op` is a view of its operand, decided without a kernel.
bool isView(mlir::Operation *op);

/// Whether a kernel writes `value`, at any place it is given. The coordinates
/// of non-zero elements lie in rows of their bound until they are counted.
bool isComputed(mlir::Value value);

} // namespace sinter::lower

#endif // SINTER_PASSES_LOWER_LOWERING_H
