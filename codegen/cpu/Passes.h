// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pass that shows the code generator alone (see Passes.td).
#ifndef SINTER_CODEGEN_CPU_PASSES_H
#define SINTER_CODEGEN_CPU_PASSES_H

#include "mlir/Pass/Pass.h"

namespace sinter {

#define GEN_PASS_DECL
#include "codegen/cpu/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "codegen/cpu/Passes.h.inc"

} // namespace sinter

#endif // SINTER_CODEGEN_CPU_PASSES_H
