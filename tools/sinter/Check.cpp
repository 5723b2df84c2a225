// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter check`: what a model takes and gives, or every fault of it in one
// run, without compiling its kernels.
#include "tools/sinter/Commands.h"

#include "compiler/pipeline/Pipeline.h"
#include "tools/sinter/Listing.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;
namespace json = llvm::json;

// Names come out of a user's file: they may be no UTF-8.
static json::Object describe(const Fault &fault) {
  return json::Object{{"code", errorText(fault.code).code},
                      {"node", json::fixUTF8(fault.node)},
                      {"op", json::fixUTF8(fault.op)},
                      {"message", json::fixUTF8(fault.message)},
                      {"expected", json::fixUTF8(fault.expected)},
                      {"remedy", json::fixUTF8(fault.remedy)}};
}

static void printJson(const Diagnostics &faults, json::Object model) {
  json::Array list, notes;
  for (const Fault &fault : faults.all())
    list.push_back(describe(fault));
  for (const std::string &note : faults.allNotes())
    notes.push_back(json::fixUTF8(note));
  model["file"] = json::fixUTF8(faults.fileName());
  model["ok"] = faults.empty();
  model["faults"] = std::move(list);
  model["notes"] = std::move(notes);
  llvm::outs() << llvm::formatv("{0:2}\n", json::Value(std::move(model)));
}

ExitCode sinter::runCheck(const Arguments &arguments) {
  Diagnostics faults(arguments.file);
  json::Object model;
  bool ok = checkModel(arguments.compile, faults, model);
  if (arguments.json) {
    printJson(faults, std::move(model));
  } else {
    llvm::errs() << faults.text();
    if (ok) {
      llvm::outs() << arguments.file << ": ok\n";
      printInterface(model);
    }
  }
  return ok ? ExitCode::Ok : exitCodeOf(faults.text());
}
