// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model's server as source: see ServerSource.cpp.
#ifndef SINTER_TOOLS_SINTER_SERVERSOURCE_H
#define SINTER_TOOLS_SINTER_SERVERSOURCE_H

#include "compiler/pipeline/CompileOptions.h"

namespace sinter {

/// Writes main.cpp, CMakeLists.txt, NAME.o and NAME.h into the folder that
/// options.outputPath names.
llvm::Error writeServerSource(const CompileOptions &options);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_SERVERSOURCE_H
