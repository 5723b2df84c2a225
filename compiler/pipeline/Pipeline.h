// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler as one call: a model file in, an object file out. The floors are
// run in the order of docs/architecture.md; each is one step of Pipeline.cpp.
#ifndef SINTER_COMPILER_PIPELINE_PIPELINE_H
#define SINTER_COMPILER_PIPELINE_PIPELINE_H

#include "compiler/import/Diagnostics.h"
#include "compiler/pipeline/CompileOptions.h"
#include "llvm/Support/JSON.h"

namespace sinter {

/// Writes what `options` asks for; nothing is left of a compile that fails. The
/// error holds every fault, ready to print (compiler/report).
llvm::Error compileModel(const CompileOptions &options);

/// What `sinter check` prints: everything that `compileModel` would refuse in
/// the model, without making a kernel. True when a compile would pass; `model`
/// is then what it takes and gives, as in a manifest.
bool checkModel(const CompileOptions &options, Diagnostics &faults,
                llvm::json::Object &model);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_PIPELINE_H
