// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which branches of If nodes read an input of the model.
#ifndef SINTER_COMPILER_IMPORT_BRANCHINPUTS_H
#define SINTER_COMPILER_IMPORT_BRANCHINPUTS_H

#include "compiler/import/Proto.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include <map>
#include <set>
#include <string>

namespace sinter::importer {

/// A name of an extent holds among the inputs that one run reads. Those that
/// different branches read may differ: a merged decoder is given an empty cache
/// where it does not look at it. So each set of readers has its own symbol.
class BranchInputs {
public:
  explicit BranchInputs(const onnx::Graph &graph);

  /// The symbol that stands for the extent `name` of `input`.
  std::string symbolFor(llvm::StringRef input, llvm::StringRef name);
  /// The symbol that `branch` uses for what `symbol` stands for: that of the
  /// inputs with the most readers.
  std::string within(const onnx::Graph &branch, llvm::StringRef symbol) const;
  /// The name in the model; what `symbolFor` was given for it.
  llvm::StringRef nameOf(llvm::StringRef symbol) const;
  /// The inputs whose extents have another name within `branch`.
  std::vector<std::string> differing(const onnx::Graph &branch) const;

private:
  /// The branches that read; none stands for everything outside of them.
  using Readers = std::set<const onnx::Graph *>;
  struct Family {
    std::string name, symbol;
    Readers readers;
  };
  const Family *leading(const onnx::Graph &branch, llvm::StringRef name) const;

  llvm::StringMap<Readers> readers;
  llvm::StringMap<std::vector<std::string>> symbolsOf; // of an input
  std::vector<Family> families;
};

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_BRANCHINPUTS_H
