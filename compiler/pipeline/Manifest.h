// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an object says about itself, written when it is compiled.
// docs/manifest.md is its description, field by field.
#ifndef SINTER_COMPILER_PIPELINE_MANIFEST_H
#define SINTER_COMPILER_PIPELINE_MANIFEST_H

#include "codegen/image/ExecToImage.h"
#include "compiler/pipeline/BatchRows.h"
#include "compiler/pipeline/CompileOptions.h"
#include "dialects/exec/ExecOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace sinter {

/// What a manifest is made from. The batch was found on the graph floor;
/// `fixedBatch` is set where every tensor has that many independent rows.
struct ManifestInputs {
  mlir::ModuleOp module; // planned
  const CompileOptions &options;
  const std::vector<std::string> &isas;
  const ImageResult &image;
  const BatchRows &batch;
  int64_t fixedBatch = 0;
};

/// What a program takes and gives: the fields `inputs`, `outputs`, `symbols`.
llvm::json::Object describeInterface(exec::ProgramOp program);

/// The JSON that travels in an object, for tools and for servers; the runtime
/// never reads it. The same for the same model wherever it lies. Fails when a
/// batch was asked for that the model cannot have. What is known only after the
/// kernels are compiled is missing yet: see fallbackRows.
llvm::Expected<llvm::json::Object> makeManifest(const ManifestInputs &inputs);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_MANIFEST_H
