// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The border of a model knows tensors only. A sequence goes in as one tensor
// and comes out as one output for each element; what a model declares of an
// output may settle an extent that a Squeeze left open.
#ifndef SINTER_COMPILER_IMPORT_BORDER_H
#define SINTER_COMPILER_IMPORT_BORDER_H

#include "compiler/import/ModelImporter.h"

namespace sinter::importer {

/// A sequence is fed as one tensor, its elements along the first axis; an
/// optional is fed, so it holds something.
TensorValue likeInput(ModelImporter &importer, const onnx::ValueInfo &info,
                      TensorValue value);

/// A Squeeze without axes leaves extents that are open. Where the model
/// declares so many axes less for an output they are 1, by its own word: a
/// check says so.
mlir::Value likeDeclared(ModelImporter &importer, const onnx::ValueInfo &info,
                         mlir::Value value);

/// What an output holds: a tensor, or the elements of a sequence of known
/// length, each under a name of its own.
std::vector<std::pair<std::string, TensorValue>>
partsOf(ModelImporter &importer, const onnx::ValueInfo &info,
        const TensorValue &value);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_BORDER_H
