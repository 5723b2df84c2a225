// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a launch does, over the formal parameters of its kernel: the image keeps
// both figures for the width of a run, for profiles and for rooflines.
#ifndef SINTER_CODEGEN_IMAGE_LAUNCHCOST_H
#define SINTER_CODEGEN_IMAGE_LAUNCHCOST_H

#include "dialects/kernel/KernelOps.h"

namespace sinter {

/// Bytes of the elements of an operand, a view or panels; what is broadcast
/// counts once.
sym::DimAttr bytesOf(mlir::Type operand);

/// Multiply-adds of the root; 0 for roots that have none to speak of.
sym::DimAttr macsOf(kernel::DefineOp define);

} // namespace sinter

#endif // SINTER_CODEGEN_IMAGE_LAUNCHCOST_H
