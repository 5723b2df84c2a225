// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the classifiers and regressors of ai.onnx.ml have in common: rows of
// features as floats, what happens to the scores at the end, and the labels.
#ifndef SINTER_COMPILER_IMPORT_CLASSIC_CLASSES_H
#define SINTER_COMPILER_IMPORT_CLASSIC_CLASSES_H

#include "compiler/import/Composer.h"

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

/// The integers among a classifier's two lists of labels; a fault when the
/// labels are texts, which no tensor of ours holds, or when there are none.
std::optional<llvm::SmallVector<int64_t>> labelsOf(NodeImport &node,
                                                   const char *integers);
/// labels[index] for each row.
Composer::Name labelled(Composer &c, const Composer::Name &index,
                        llvm::ArrayRef<int64_t> labels);
/// For each row of [N, classes] where the largest is.
Composer::Name largest(Composer &c, const Composer::Name &scores);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_CLASSIC_CLASSES_H
