// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a run costs, estimated: nothing is timed while compiling. A launch takes
// the longer of its arithmetic at the peak of one core and its bytes at the
// bandwidth of memory, at a nominal machine (docs/manifest.md):
//
//   us = sum over launches of max(operations / peak, bytes / bandwidth)
//
// The figures rank batch sizes and kernels. A server that knows its machine
// corrects them by what it measures.
#ifndef SINTER_COMPILER_PIPELINE_COSTMODEL_H
#define SINTER_COMPILER_PIPELINE_COSTMODEL_H

#include "dialects/exec/LateSizes.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/target/Target.h"
#include "passes/plan/ReferenceShape.h"
#include "mlir/IR/BuiltinOps.h"

namespace sinter {

/// One launch at one shape.
struct KernelCost {
  exec::LaunchOp launch;
  kernel::DefineOp define;
  double macs = 0, operations = 0, bytes = 0, us = 0;
};

class CostModel {
public:
  CostModel(mlir::ModuleOp module, exec::ProgramOp program,
            const cpu::Target &target)
      : symbols(module), program(program), target(target), late(program) {}

  /// The launches of a run in order; of two branches, the dearer one.
  std::vector<KernelCost> launches(const ReferenceShape &shape);
  double microseconds(const ReferenceShape &shape);
  /// Bytes of the arena of a planned program.
  int64_t arenaBytes(const ReferenceShape &shape);

private:
  KernelCost costOf(exec::LaunchOp launch, const ReferenceShape &shape);
  std::vector<KernelCost> costsOf(mlir::Block &block,
                                  const ReferenceShape &shape);
  double valueOf(sym::DimAttr dim, const ReferenceShape &shape) const;

  mlir::SymbolTable symbols;
  exec::ProgramOp program;
  const cpu::Target &target;
  exec::LateSizes late;
};

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_COSTMODEL_H
