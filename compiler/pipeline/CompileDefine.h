// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The border between the pipeline and a kernel worker: a define as text on one
// side, machine code on the other.
#ifndef SINTER_COMPILER_PIPELINE_COMPILEDEFINE_H
#define SINTER_COMPILER_PIPELINE_COMPILEDEFINE_H

#include "compiler/pipeline/KernelFarm.h"
#include "dialects/kernel/KernelOps.h"

namespace sinter {

/// The job of a define for an ISA: named `kernel`, with only that schedule and
/// no locations, so that equal kernels of any model are equal texts.
KernelJob makeKernelJob(kernel::DefineOp define, llvm::StringRef isa);

/// The compiler that a worker process serves: one MLIR context, no threads.
KernelCompiler makeKernelCompiler();

/// The text of a floor below the define: LLVM IR or assembly.
enum class KernelText { Llvm, Asm };
llvm::Expected<std::string> kernelText(const KernelJob &job, KernelText kind);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_COMPILEDEFINE_H
