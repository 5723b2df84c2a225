// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an object says about itself, written when it is compiled.
#ifndef SINTER_COMPILER_PIPELINE_MANIFEST_H
#define SINTER_COMPILER_PIPELINE_MANIFEST_H

#include "compiler/pipeline/CompileOptions.h"
#include "llvm/Support/JSON.h"
#include "mlir/IR/BuiltinOps.h"

namespace sinter {

/// The JSON text that travels in an object, for tools and for servers; the
/// runtime never reads it: inputs, outputs, symbols with their ranges,
/// instruction sets, the hash of the model's file, its metadata, the version of
/// the compiler, the weights that were computed from others (docs/rfcs/0002).
/// The same for the same model wherever it lies.
std::string makeManifest(mlir::ModuleOp module, const CompileOptions &options,
                         const std::vector<std::string> &isas,
                         llvm::json::Array facts);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_MANIFEST_H
