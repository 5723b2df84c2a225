// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the body of one kernel function. It hides the calling convention
// (runtime/include/sinter/image.h), keeps every integer folded where it is
// constant, and speaks of memory as pointers and byte offsets: no memref, whose
// descriptors lose what we know about strides.
//
// All integers are i64, all vectors one-dimensional. Bools are bytes in memory
// and i1 in registers; loads and stores here convert.

#ifndef SINTER_CODEGEN_CPU_KERNELBUILDER_H
#define SINTER_CODEGEN_CPU_KERNELBUILDER_H

#include "dialects/sym/Dim.h"
#include "dialects/target/Target.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include <optional>

namespace sinter::cpu {

using Values = llvm::SmallVector<mlir::Value, 16>;

class KernelBuilder {
public:
  /// Starts `symbol` in `module`; all buffer addresses are loaded at entry.
  KernelBuilder(mlir::ModuleOp module, mlir::Location loc,
                llvm::StringRef symbol, unsigned numBuffers,
                const Target &target);
  /// Ends the function. Nothing may be emitted afterwards.
  void finish();

  const Target &target;
  mlir::OpBuilder b;
  mlir::Location loc;

  // Arguments of the kernel.
  mlir::Value buffer(unsigned i) const { return buffers[i]; }
  mlir::Value begin() const { return beginItem; }
  mlir::Value end() const { return endItem; }
  mlir::Value scratch() const { return scratchBase; }
  mlir::Value workerPointer() const { return worker; }
  /// ORs `bits` (i32) into the worker's fault word.
  void fault(mlir::Value bits);

  /// Value of a dimension over the formal parameters p0, p1, ... Computed at
  /// function entry, once.
  mlir::Value dim(sym::DimAttr dim);

  // Integers (i64) and conditions (i1), folded where constant.
  mlir::Value c(int64_t value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value div(mlir::Value x, mlir::Value y); // operands not negative
  mlir::Value mod(mlir::Value x, mlir::Value y);
  mlir::Value ceilDiv(mlir::Value x, mlir::Value y);
  mlir::Value floorDivSigned(mlir::Value x,
                             mlir::Value y); // yields 0 for y = 0
  mlir::Value min(mlir::Value x, mlir::Value y);
  mlir::Value max(mlir::Value x, mlir::Value y);
  mlir::Value add(mlir::Value x, int64_t y) { return add(x, c(y)); }
  mlir::Value sub(mlir::Value x, int64_t y) { return sub(x, c(y)); }
  mlir::Value mul(mlir::Value x, int64_t y) { return mul(x, c(y)); }
  mlir::Value less(mlir::Value x, mlir::Value y);
  mlir::Value equal(mlir::Value x, mlir::Value y);
  mlir::Value both(mlir::Value x, mlir::Value y);
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y);
  static std::optional<int64_t> constant(mlir::Value value);

  // Control flow. Loops over a constant range of at most one step are emitted
  // without a loop.
  using Body = llvm::function_ref<void(mlir::Value iv)>;
  using CarriedBody =
      llvm::function_ref<Values(mlir::Value iv, mlir::ValueRange carried)>;
  void loop(mlir::Value lower, mlir::Value upper, int64_t step, Body body);
  Values loop(mlir::Value lower, mlir::Value upper, int64_t step,
              mlir::ValueRange init, CarriedBody body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise = nullptr);
  /// Runs `body` for each work item with its coordinates in the grid `counts`
  /// (outermost first; the product of the counts is the number of items).
  void items(llvm::ArrayRef<mlir::Value> counts,
             llvm::function_ref<void(llvm::ArrayRef<mlir::Value>)> body);

  // Pointers, in bytes.
  mlir::Value at(mlir::Value pointer, mlir::Value bytes);
  mlir::Value at(mlir::Value pointer, int64_t bytes);
  static int64_t bytesOf(mlir::Type element);

  // Memory. `count` limits the lanes touched (i64; null: all). Lanes beyond
  // `count` are neither read nor written and load as zero.
  mlir::Value loadScalar(mlir::Type element, mlir::Value pointer);
  void storeScalar(mlir::Value value, mlir::Value pointer);
  mlir::Value load(mlir::Type element, unsigned lanes, mlir::Value pointer,
                   mlir::Value count = nullptr);
  /// A load that is never joined with an equal one: it becomes the memory
  /// operand of its only use.
  mlir::Value loadOperand(mlir::Type element, unsigned lanes,
                          mlir::Value pointer);
  void store(mlir::Value vector, mlir::Value pointer,
             mlir::Value count = nullptr);
  mlir::Value loadBroadcast(mlir::Type element, unsigned lanes,
                            mlir::Value pointer);
  /// Lanes `stride` elements apart: 0 broadcasts, 1 is `load`, others gather.
  mlir::Value loadLanes(mlir::Type element, unsigned lanes, mlir::Value pointer,
                        sym::DimAttr stride, mlir::Value count = nullptr);
  void storeLanes(mlir::Value vector, mlir::Value pointer, sym::DimAttr stride,
                  mlir::Value count = nullptr);
  /// Asks for the line at `pointer`; locality 3 is L1, 2 is L2.
  void prefetch(mlir::Value pointer, unsigned locality);

  // Vectors.
  mlir::Value splat(mlir::Value scalar, unsigned lanes);
  mlir::Value zeros(mlir::Type element, unsigned lanes);
  mlir::Value fma(mlir::Value x, mlir::Value y, mlir::Value acc);
  /// vector<lanes x i1>: lane < count.
  mlir::Value mask(unsigned lanes, mlir::Value count);

private:
  mlir::Value dimHere(sym::DimAttr dim);
  mlir::Value lanePointers(mlir::Type element, unsigned lanes,
                           mlir::Value pointer, mlir::Value stride);
  mlir::Value allLanes(unsigned lanes);

  Values buffers;
  mlir::Value paramsBase, beginItem, endItem, worker, scratchBase;
  mlir::Operation *entryEnd; // code that runs once goes before it
  llvm::DenseMap<mlir::Attribute, mlir::Value> dims;
  llvm::DenseMap<int64_t, mlir::Value> constants;
};

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_KERNELBUILDER_H
