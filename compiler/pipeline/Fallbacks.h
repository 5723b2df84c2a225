// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that run as plain code because LLVM failed on them: the user is told,
// and the object remembers.
#ifndef SINTER_COMPILER_PIPELINE_FALLBACKS_H
#define SINTER_COMPILER_PIPELINE_FALLBACKS_H

#include "compiler/pipeline/KernelFarm.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace sinter {

/// One warning a fallback among `codes`, the results of `jobs`: the kernel, its
/// nodes in `module`, why, and the reproducer. For stderr.
std::string fallbackWarnings(mlir::ModuleOp module, llvm::StringRef file,
                             const std::vector<KernelJob> &jobs,
                             const std::vector<KernelCode> &codes);

/// The same for the manifest: [{kernel, isa, nodes}], nothing of this machine.
llvm::json::Array fallbackRows(mlir::ModuleOp module,
                               const std::vector<KernelJob> &jobs,
                               const std::vector<KernelCode> &codes);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_FALLBACKS_H
