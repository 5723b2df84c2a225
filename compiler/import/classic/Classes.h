// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the classifiers and regressors of ai.onnx.ml have in common: rows of
// features as floats, what happens to the scores at the end, and the labels.
#ifndef SINTER_COMPILER_IMPORT_CLASSIC_CLASSES_H
#define SINTER_COMPILER_IMPORT_CLASSIC_CLASSES_H

#include "compiler/import/Composer.h"
#include "compiler/import/Texts.h"

namespace sinter::importer {

/// Input 0 as rows [N, C] (a vector is one row) of f32, or of f64 when the
/// model says so; a fault and an empty name for another rank or an open C.
Composer::Name featureRows(NodeImport &node, Composer &c);
/// The extent of the last axis of `rows`; -1 after a fault.
int64_t featuresOf(Composer &c, const Composer::Name &rows);

/// The attribute post_transform on scores [N, classes].
Composer::Name transformed(NodeImport &node, Composer &c,
                           const Composer::Name &scores);
Composer::Name transformed(Composer &c, const Composer::Name &scores,
                           llvm::StringRef kind);

/// Numbers, or handles of texts.
struct Labels {
  llvm::SmallVector<int64_t> values;
  bool areTexts = false;
  size_t size() const { return values.size(); }
};
/// The list of an attribute: `texts` of the node when it has it, else
/// `integers`. Empty when it has neither.
Labels listOf(NodeImport &node, llvm::StringRef texts,
              llvm::StringRef integers);
/// As rank 1.
Composer::Name constantOf(NodeImport &node, Composer &c, const Labels &labels);
/// Texts as their handles, i64; other values as they are.
Composer::Name handlesOf(NodeImport &node, Composer &c,
                         const Composer::Name &name);
/// Either list of a classifier's labels; a fault when there are none.
std::optional<Labels> labelsOf(NodeImport &node, const char *integers);
/// labels[index] for each row.
Composer::Name labelled(NodeImport &node, Composer &c,
                        const Composer::Name &index, const Labels &labels);
/// For each row of [N, classes] where the largest is.
Composer::Name largest(Composer &c, const Composer::Name &scores);

/// LabelEncoder and CategoryMapper (Encoders.cpp).
void addEncoders(OpTable &table);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_CLASSIC_CLASSES_H
