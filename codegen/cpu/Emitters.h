// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function a root. Each emits the body of a kernel that verified, for the
// schedule of `kb.target`; what it cannot emit it reports at the root.

#ifndef SINTER_CODEGEN_CPU_EMITTERS_H
#define SINTER_CODEGEN_CPU_EMITTERS_H

#include "codegen/cpu/KernelBuilder.h"
#include "dialects/kernel/KernelOps.h"

namespace sinter::cpu {

mlir::LogicalResult emitContract(KernelBuilder &kb, kernel::DefineOp define,
                                 kernel::ContractOp root);
mlir::LogicalResult emitConv(KernelBuilder &kb, kernel::DefineOp define,
                             kernel::ConvOp root);
mlir::LogicalResult emitExtern(KernelBuilder &kb, kernel::DefineOp define,
                               kernel::ExternOp root);
mlir::LogicalResult emitNest(KernelBuilder &kb, kernel::DefineOp define,
                             kernel::NestOp root);
mlir::LogicalResult emitRecurrent(KernelBuilder &kb, kernel::DefineOp define,
                                  kernel::RecurrentOp root);

mlir::LogicalResult emitRow(KernelBuilder &kb, kernel::DefineOp define,
                            kernel::RowOp root);
mlir::LogicalResult emitWindow(KernelBuilder &kb, kernel::DefineOp define,
                               kernel::WindowOp root);

} // namespace sinter::cpu

#endif // SINTER_CODEGEN_CPU_EMITTERS_H
