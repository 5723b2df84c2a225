// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that map one expression over vectors of any length: how scalar
// operations and casts are run in tests.

#ifndef SINTER_TEST_UNIT_MAPKERNELS_H
#define SINTER_TEST_UNIT_MAPKERNELS_H

#include "codegen/cpu/KernelBuilder.h"
#include "test/unit/KernelRunner.h"
#include <map>

namespace sinter::test {

/// An object whose kernels are loaded when they are first asked for.
struct Compiled {
  std::string object;
  std::map<std::string, std::unique_ptr<LoadedKernel>> loaded;
  LoadedKernel &operator[](const std::string &name) {
    auto &kernel = loaded[name];
    if (!kernel)
      kernel = std::make_unique<LoadedKernel>(object, name);
    return *kernel;
  }
};

using Emit = llvm::function_ref<mlir::Value(
    cpu::KernelBuilder &, llvm::ArrayRef<mlir::Value>, mlir::Value)>;

/// Adds the kernel `name` to `module`: `arity` inputs and one output of p0
/// elements each; `emit` gets the operands and the mask of their lanes.
inline void emitMap(mlir::ModuleOp module, const cpu::Target &target,
                    const std::string &name, mlir::Type in, mlir::Type out,
                    unsigned arity, Emit emit) {
  using cpu::KernelBuilder;
  using mlir::Value;
  KernelBuilder kb(module, module.getLoc(), name, arity + 1, target);
  unsigned lanes = target.lanes();
  Value total = kb.dim(sym::symbolDim(module.getContext(), "p0"));
  kb.items({kb.c(1)}, [&](llvm::ArrayRef<Value>) {
    kb.loop(kb.c(0), total, lanes, [&](Value i) {
      Value count = kb.sub(total, i);
      llvm::SmallVector<Value, 3> operands;
      for (unsigned k = 0; k < arity; ++k)
        operands.push_back(kb.load(
            in, lanes,
            kb.at(kb.buffer(k), kb.mul(i, KernelBuilder::bytesOf(in))), count));
      kb.store(emit(kb, operands, kb.mask(lanes, count)),
               kb.at(kb.buffer(arity), kb.mul(i, KernelBuilder::bytesOf(out))),
               count);
    });
  });
  kb.finish();
}

} // namespace sinter::test

#endif // SINTER_TEST_UNIT_MAPKERNELS_H
