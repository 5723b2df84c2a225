// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX file in, graph dialect out. One call reads the whole model, reports
// every fault it can find, and only then gives up.
#ifndef SINTER_COMPILER_IMPORT_IMPORT_H
#define SINTER_COMPILER_IMPORT_IMPORT_H

#include "compiler/import/Diagnostics.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace sinter {

struct ImportOptions {
  /// --shape NAME=1,3,224,224 or NAME=N,3,H,W: numbers or names of symbols.
  struct InputShape {
    std::string input;
    std::vector<std::string> dims;
  };
  /// --dim H=32..4096.
  struct DimRange {
    std::string symbol;
    int64_t min, max;
  };
  std::vector<InputShape> shapes;
  std::vector<DimRange> dims;
};

/// A module with graph.symbol operations and one function @main, whose
/// arguments and results carry `graph.name`; null when `faults` is not empty
/// afterwards. Loads the dialects it needs. Weights stay in the file, which the
/// weight store of `context` keeps mapped: do not change it while the module
/// lives.
mlir::OwningOpRef<mlir::ModuleOp> importModel(llvm::StringRef path,
                                              mlir::MLIRContext &context,
                                              const ImportOptions &options,
                                              Diagnostics &faults);

/// The operators that can be imported, with the opsets in which each changed,
/// as the page docs/operators.md.
std::string operatorPage();

} // namespace sinter

#endif // SINTER_COMPILER_IMPORT_IMPORT_H
