// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inner tensors as further outputs of a model. A tap that a user names is set
// before any pass, so that exactly this tensor stays; `diff` taps what is left
// when fusion is done, so that the kernels are those of the plain compile.
#ifndef SINTER_COMPILER_PIPELINE_TAPS_H
#define SINTER_COMPILER_PIPELINE_TAPS_H

#include "compiler/import/Diagnostics.h"
#include "compiler/pipeline/CompileOptions.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace sinter {

/// One output for each result of each named ONNX node, called "NODE", "NODE:1",
/// ... A name that is no node of the main graph is a fault.
bool tapNodes(mlir::func::FuncOp main, const std::vector<std::string> &nodes,
              Diagnostics &faults);

/// One output for every value of the main graph that a kernel computes, in the
/// order of the program, named after the last node of the kernel; equal names
/// get "#2", "#3".
void tapEverything(mlir::func::FuncOp main);

/// The graph that a compile with `tapAll` lowers: for the evaluator. Null with
/// the reason in `faults`.
mlir::OwningOpRef<mlir::ModuleOp> importTapped(const CompileOptions &options,
                                               mlir::MLIRContext &context,
                                               Diagnostics &faults);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_TAPS_H
