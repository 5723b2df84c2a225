// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that decide how kernels are run.

#ifndef SINTER_PASSES_SCHEDULE_PASSES_H
#define SINTER_PASSES_SCHEDULE_PASSES_H

#include "dialects/kernel/KernelDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace sinter {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/schedule/Passes.h.inc"
} // namespace sinter

#endif // SINTER_PASSES_SCHEDULE_PASSES_H
