// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints the graph of an ONNX file, or its faults: the tool of the importer's
// tests, as sinter-opt is that of the passes. Users have `sinter check` and
// `sinter compile --emit=graph`.
//
//   sinter-import --operators        writes docs/operators.md
//   sinter-import MODEL.onnx [--quiet] [--shape NAME=1,3,H,W]...
//   [--dim H=1..64]...
#include "compiler/import/Import.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;

static int usage() {
  llvm::errs() << "usage: sinter-import MODEL.onnx [--quiet] "
                  "[--shape NAME=1,3,H,W]... [--dim H=1..64]...\n";
  return 2;
}

static bool addShape(llvm::StringRef text, ImportOptions &options) {
  auto [name, list] = text.rsplit('=');
  llvm::SmallVector<llvm::StringRef> parts;
  list.split(parts, ',');
  options.shapes.push_back({name.str(), {}});
  for (llvm::StringRef part : parts)
    options.shapes.back().dims.push_back(part.str());
  return !name.empty() && name != text;
}

static bool addRange(llvm::StringRef text, ImportOptions &options) {
  auto [name, range] = text.rsplit('=');
  auto [low, high] = range.split("..");
  ImportOptions::DimRange dim{name.str(), 0, 0};
  bool isBad = low.getAsInteger(10, dim.min) || high.getAsInteger(10, dim.max);
  options.dims.push_back(dim);
  return !isBad;
}

int main(int argc, char **argv) {
  ImportOptions options;
  std::string model;
  bool isQuiet = false;
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef argument = argv[i];
    if (argument == "--operators") {
      llvm::outs() << operatorPage();
      return 0;
    }
    if (argument == "--quiet")
      isQuiet = true;
    else if (argument == "--shape" && i + 1 < argc) {
      if (!addShape(argv[++i], options))
        return usage();
    } else if (argument == "--dim" && i + 1 < argc) {
      if (!addRange(argv[++i], options))
        return usage();
    } else if (model.empty() && !argument.starts_with("--"))
      model = argument.str();
    else
      return usage();
  }
  if (model.empty())
    return usage();
  Diagnostics faults(model);
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      importModel(model, context, options, faults);
  llvm::errs() << faults.text();
  if (module && !isQuiet) {
    mlir::OpPrintingFlags flags;
    module->print(llvm::outs(), flags.elideLargeElementsAttrs(64));
    llvm::outs() << "\n";
  }
  return module ? 0 : 3;
}
