// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel speaks of memory, not of tensors: types say where every element lies,
// so that an emitter needs nothing but the define.

#ifndef SINTER_DIALECTS_KERNEL_DIALECT_TD
#define SINTER_DIALECTS_KERNEL_DIALECT_TD

include "dialects/sym/SymDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::sinter::kernel";
  let summary = "One define is one launch: a root, its scalar regions, its schedules.";
  let description = [{
    A `kernel.define` works on views of memory in destination-passing form. Sizes
    and strides are `#sym.dim` over the formal parameters p0, p1, ...; a launch
    gives their values, so equal kernels are compiled once. The define names no
    target: a schedule does.
  }];
  let dependentDialects = ["::sinter::sym::SymDialect"];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
}

def Kernel_ViewType : TypeDef<Kernel_Dialect, "View"> {
  let mnemonic = "view";
  let summary = "Strided window of memory";
  let description = [{
    Dims and strides are in elements; stride 0 repeats (broadcast), strides may be
    negative. The address of the first element is the launch's buffer argument. No
    byte outside the elements reached is ever read or written.

        !kernel.view<[1, 58, 58, 64] x f32, [215296, 3712, 64, 1]>
        !kernel.view<[p0, 384] x f32, [384, 1]>
  }];
  let parameters = (ins ArrayRefParameter<"::sinter::sym::DimAttr">:$dims,
                        "::mlir::Type":$element,
                        ArrayRefParameter<"::sinter::sym::DimAttr">:$strides);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    unsigned getRank() const { return getDims().size(); }
    bool isStatic() const;
  }];
}

def Kernel_PanelsType : TypeDef<Kernel_Dialect, "Panels"> {
  let mnemonic = "panels";
  let summary = "Packed constant matrix, `groups` times [n/16][k][16]";
  let description = [{
    The one weight layout of every ISA: element (g, k, n) lies at
    ((g * ceil(n/16) + n/16) * k_total + k) * 16 + n%16. Columns past n are zero.
    64-byte aligned. For a convolution k runs over (kernel positions, channel).
    Signed bytes lie as [n/16][k/4][16][4], for dot products of four with unsigned
    ones: k is a multiple of four there.
  }];
  let parameters = (ins "int64_t":$groups, "int64_t":$n, "int64_t":$k,
                        "::mlir::Type":$element);
  let assemblyFormat = "`<` $groups `groups` `,` `n` `=` $n `,` `k` `=` $k `,` $element `>`";
}

def Kernel_ScheduleAttr : AttrDef<Kernel_Dialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "How one target runs a define";
  let description = [{
    Every schedule that verifies is correct: it changes speed, never results.
    `isa` names the target; the numbers mean, for the root they belong to:
    tile_m x tile_n the register tile (rows, columns in elements), unroll the steps
    of the innermost loop, prefetch the lines of the next column tile that a panel
    asks for in each trip of the innermost loop (0: none).
  }];
  let parameters = (ins "::mlir::StringAttr":$isa, "::mlir::StringAttr":$algo,
                        "int64_t":$tile_m, "int64_t":$tile_n, "int64_t":$unroll,
                        "int64_t":$prefetch);
  let assemblyFormat = "`<` struct(params) `>`";
}

#endif // SINTER_DIALECTS_KERNEL_DIALECT_TD
