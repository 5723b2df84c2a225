// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter compile`: the pipeline, and what a user sees of it.
#include "tools/sinter/Commands.h"

#include "compiler/pipeline/Pipeline.h"

using namespace sinter;

ExitCode sinter::runCompile(const Arguments &arguments) {
  return printError(arguments.file, compileModel(arguments.compile));
}
