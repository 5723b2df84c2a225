// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The options of the compile that made an object, as its manifest says them.
#ifndef SINTER_TOOLS_SINTER_REPACKOPTIONS_H
#define SINTER_TOOLS_SINTER_REPACKOPTIONS_H

#include "compiler/pipeline/CompileOptions.h"
#include "llvm/Support/JSON.h"

namespace sinter {

/// Refuses a manifest that lacks them.
llvm::Error readRepackOptions(const llvm::json::Object &manifest,
                              CompileOptions &compile);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_REPACKOPTIONS_H
