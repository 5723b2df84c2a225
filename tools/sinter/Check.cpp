// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter check`: every fault of a model in one run, without compiling its
// kernels.
#include "tools/sinter/Commands.h"

#include "compiler/pipeline/Pipeline.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;

ExitCode sinter::runCheck(const Arguments &arguments) {
  Diagnostics faults(arguments.file);
  bool ok = checkModel(arguments.compile, faults);
  if (arguments.json) {
    llvm::outs() << faults.json() << "\n";
  } else {
    for (const std::string &note : faults.allNotes())
      llvm::outs() << arguments.file << ": note: " << note << "\n";
    llvm::errs() << faults.text();
    if (ok)
      llvm::outs() << arguments.file << ": ok\n";
  }
  return ok ? ExitCode::Ok : exitCodeOf(faults.text());
}
