// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From one kernel.define to machine code: emit, lower to LLVM, optimise, write
// an ELF object. The loop vectoriser, interleaving, unrolling and SLP are off:
// the emitters wrote the vectors, and LLVM's second guesses cost 20x when they
// go wrong. So is loop strength reduction: our loops have one offset register
// already, and it takes most of the time on tiles with a pointer a row. Runs in
// one thread; global state is the x86 backend's registration and that switch of
// LLVM, so worker processes may call it.

#ifndef SINTER_CODEGEN_CPU_COMPILEKERNEL_H
#define SINTER_CODEGEN_CPU_COMPILEKERNEL_H

#include "dialects/target/Target.h"
#include "mlir/Support/LLVM.h"
#include <string>

namespace mlir {
class DialectRegistry;
class ModuleOp;
} // namespace mlir

namespace sinter::kernel {
class DefineOp;
}

namespace sinter::cpu {

struct CodegenOptions {
  /// Compile the target's schedule, packing and tails with only the features of
  /// x86-64-v3: how AVX-512 kernels are run on a machine without it.
  bool emulatePrims = false;
  /// The plainest code with the same bits, for kernels that make LLVM fail: one
  /// row a tile, vectors of 128 bits, few optimisations.
  bool plain = false;
  std::string *asmText = nullptr;  // receives assembly when set
  std::string *llvmText = nullptr; // receives optimised LLVM IR when set
  std::string *mlirText =
      nullptr; // receives the emitted kernel before lowering
};

/// Registers the dialects and translations that compileKernel needs. Call once
/// on the registry of the context that owns the define.
void registerCodegenDialects(mlir::DialectRegistry &registry);

/// Bytes of an ELF object with the one hidden function `symbol`. On failure a
/// diagnostic was emitted at the define.
mlir::FailureOr<std::string> compileKernel(kernel::DefineOp define,
                                           llvm::StringRef symbol,
                                           const Target &target,
                                           const CodegenOptions &options = {});

/// As compileKernel, for a module of kernel functions that is already emitted.
mlir::FailureOr<std::string> compileModule(mlir::ModuleOp module,
                                           const Target &target,
                                           const CodegenOptions &options = {});

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_COMPILEKERNEL_H
