// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SINTER_PASSES_LOWER_PASSES_TD
#define SINTER_PASSES_LOWER_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerToExec : Pass<"sinter-lower-to-exec", "::mlir::ModuleOp"> {
  let summary = "Turns groups into kernels and tensors into places in memory.";
  let description = [{
    Every func.func becomes an exec.program; every graph.group, and every operation
    outside a group, one or more kernel.defines with their launches. Equal kernels
    are one define. Transposes, slices, broadcasts and most reshapes are strides;
    operands of a concat are computed in place; the padding of a convolution is a
    halo of zeros that belongs to the producer's buffer.

      %0 = graph.matmul %x, %w
      ==>
      kernel.define @k0_contract ...
      exec.launch @k0_contract(%x, %w, %y) ...
  }];
  let dependentDialects = ["::sinter::exec::ExecDialect", "::sinter::kernel::KernelDialect"];
}

#endif // SINTER_PASSES_LOWER_PASSES_TD
