// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of nodes that the function `trees` walks (ExternTable.def), read
// from the two ways in which ai.onnx.ml writes forests.
#ifndef SINTER_COMPILER_IMPORT_CLASSIC_FOREST_H
#define SINTER_COMPILER_IMPORT_CLASSIC_FOREST_H

#include "compiler/import/classic/Classes.h"
#include <array>

namespace sinter::importer {

struct Forest {
  static constexpr int32_t kLeaf = 6, kTracksNan = 8;

  /// feature, comparison, when true, when false; a leaf: first pair, pairs.
  std::vector<std::array<int32_t, 4>> nodes;
  std::vector<double> splits, weights;
  std::vector<int32_t> targets, roots;

  /// TreeEnsembleClassifier ("class") and TreeEnsembleRegressor ("target"):
  /// lists keyed by numbers of trees and nodes. False after a fault.
  bool readLists(NodeImport &node, const std::string &stem);
  /// TreeEnsemble: inner nodes and leaves apart. False after a fault.
  bool readTables(NodeImport &node);
  /// False after a fault unless features, targets and ways are in range and
  /// every way ends at a leaf.
  bool check(NodeImport &node, int64_t features, int64_t targetCount) const;
  /// Scores [N, targetCount] of `rows`; kind: 0 sum, 1 average, 2 min, 3 max.
  Composer::Name scores(NodeImport &node, Composer &c,
                        const Composer::Name &rows, int64_t targetCount,
                        int64_t kind) const;
};

/// The numbers of a list, or of the tensor that may stand for it.
llvm::SmallVector<double> numbersOf(NodeImport &node, const std::string &name);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_CLASSIC_FOREST_H
