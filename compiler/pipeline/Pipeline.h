// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler as one call: a model file in, an object file out. The floors are
// run in the order of docs/architecture.md; each is one function of Pipeline.cpp.
#ifndef SINTER_COMPILER_PIPELINE_PIPELINE_H
#define SINTER_COMPILER_PIPELINE_PIPELINE_H

#include "compiler/pipeline/CompileOptions.h"

namespace sinter {

/// Writes what `options` asks for. Nothing is left of a failed compile. Errors
/// carry a code of the table; those of the model have been printed already, and
/// the error that comes back then says only so (isPrinted).
llvm::Error compileModel(const CompileOptions &options);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_PIPELINE_H
