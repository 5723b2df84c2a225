// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel is named by its define; the nodes are those of its launches.
#include "compiler/pipeline/Fallbacks.h"

#include "dialects/Support/ErrorCodes.h"
#include "dialects/exec/ExecOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace sinter;
namespace json = llvm::json;

static llvm::SetVector<llvm::StringRef> nodesOf(mlir::ModuleOp module,
                                                llvm::StringRef kernel) {
  llvm::SetVector<llvm::StringRef> nodes;
  module.walk([&](exec::LaunchOp launch) {
    if (launch.getKernel() != kernel)
      return;
    launch.getLoc()->walk([&](mlir::Location inner) {
      auto named = mlir::dyn_cast<mlir::NameLoc>(inner);
      if (named)
        nodes.insert(named.getName().getValue());
      return named ? mlir::WalkResult::interrupt()
                   : mlir::WalkResult::advance();
    });
  });
  return nodes;
}

std::string sinter::fallbackWarnings(mlir::ModuleOp module,
                                     llvm::StringRef file,
                                     const std::vector<KernelJob> &jobs,
                                     const std::vector<KernelCode> &codes) {
  std::string text;
  for (auto [job, code] : llvm::zip(jobs, codes)) {
    if (!code.isFallback())
      continue;
    llvm::SetVector<llvm::StringRef> nodes = nodesOf(module, job.display);
    // Some kernels belong to no node: a change of layout, say.
    std::string of =
        nodes.empty() ? "" : " of node '" + llvm::join(nodes, "', '") + "'";
    text += file.str() + ": warning: kernel '" + job.display + "'" + of +
            " could not be compiled for " + job.isa +
            "; plain code with the same results runs instead, slower"
            "\n  " +
            llvm::StringRef(code.failure).rtrim().str() +
            "\n  please report it with the file " + code.reproducer +
            "; to see it again: " + reproduceCommand(job, code.reproducer) +
            "\n  [" + errorText(ErrorCode::C003).code +
            "] see docs/error-codes.md\n";
  }
  return text;
}

json::Array sinter::fallbackRows(mlir::ModuleOp module,
                                 const std::vector<KernelJob> &jobs,
                                 const std::vector<KernelCode> &codes) {
  json::Array rows;
  for (auto [job, code] : llvm::zip(jobs, codes)) {
    if (!code.isFallback())
      continue;
    json::Array nodes;
    for (llvm::StringRef node : nodesOf(module, job.display))
      nodes.push_back(json::fixUTF8(node));
    rows.push_back(json::Object{{"kernel", json::fixUTF8(job.display)},
                                {"isa", job.isa},
                                {"nodes", std::move(nodes)}});
  }
  return rows;
}
