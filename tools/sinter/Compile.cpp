// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter compile`: the pipeline, and what a user sees of it.
#include "tools/sinter/Commands.h"

#include "compiler/pipeline/Pipeline.h"
#include "tools/sinter/ServeFile.h"
#include "tools/sinter/ServerSource.h"

using namespace sinter;

ExitCode sinter::runCompile(const Arguments &arguments) {
  const CompileOptions &options = arguments.compile;
  if (arguments.serverSource)
    return printError(arguments.file, writeServerSource(options));
  bool isServer = options.emit == EmitKind::Object &&
                  llvm::StringRef(options.outputPath).ends_with(".serve");
  return printError(arguments.file, isServer ? writeServeFile(options, true)
                                             : compileModel(options));
}
