// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bodies of the functions that kernel.extern calls, as LLVM IR.

#ifndef SINTER_CODEGEN_CPU_EXTERNLIBRARY_H
#define SINTER_CODEGEN_CPU_EXTERNLIBRARY_H

namespace llvm {
class Module;
}

namespace sinter::cpu {

/// Gives `module` the bodies of the extern functions (codegen/cpu/extern) that
/// it calls, as internal functions. Without such calls nothing is read or
/// added.
void linkExternFunctions(llvm::Module &module);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_EXTERNLIBRARY_H
