// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SINTER_CODEGEN_CPU_PASSES_TD
#define SINTER_CODEGEN_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def CompileKernels : Pass<"sinter-compile-kernels", "mlir::ModuleOp"> {
  let summary = "Compiles every kernel.define to machine code.";
  let description = [{
    What a worker of a compile does, in this process and with a debugger at
    hand: an abort of LLVM, a hang or a diagnostic of an emitter shows here. A
    reproducer that a compile saved is such a file; its second line is the
    command. Each kernel is reported with the size of its object.

      kernel.define @kernel ...
      ==>
      remark: compiled for x86-64-v3: 4312 bytes
  }];
  let options = [
    Option<"isa", "isa", "std::string", "\"x86-64-v3\"", "The target.">,
    Option<"plain", "plain", "bool", "false",
           "Plain code, as it is made where the other fails.">,
    Option<"out", "out", "std::string", "\"\"",
           "Keep the object of the last kernel in this file.">
  ];
}

#endif // SINTER_CODEGEN_CPU_PASSES_TD
