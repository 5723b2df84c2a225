// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What sizes computed in floats can be at most. A model that scales a picture
// until its longer side is 1333 computes
//
//   floor(height * min(800 / min(height, width), 1333 / max(height, width)))
//
// in floats: the size is read when the model runs, but memory is reserved for
// the smaller of height * 800 / min(...) and height * 1333 / max(...), which
// are dimensions. Ratios of dimensions are followed through the few operators
// that such code is made of; elements of small tensors, one by one. What is
// known of a result lies on its operation, as the attribute graph.most.
#ifndef SINTER_COMPILER_IMPORT_UPPERBOUNDS_H
#define SINTER_COMPILER_IMPORT_UPPERBOUNDS_H

#include "compiler/import/ModelImporter.h"

namespace sinter::importer {

class NodeImport;

/// One element of a tensor: at least 0, and at most each of the ratios.
struct UpperBound {
  struct Ratio {
    DimAttr over, under;
  };
  DimAttr known; // it is this integer; else null
  llvm::SmallVector<Ratio, 2> most;
  bool isExact = false; // it is the only ratio, up to rounding
  bool isTight = false; // it is the smallest of them, up to rounding
};

/// The elements of a small tensor; empty when nothing is known of any.
std::vector<UpperBound> boundsOf(ModelImporter &model,
                                 const TensorValue &value);
/// A dimension that the element, as an integer, does not exceed; null when
/// there is none.
DimAttr mostOf(ModelImporter &model, const UpperBound &bound);
/// Follows the node that was imported: bounds of its first result.
void followBounds(NodeImport &node);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_UPPERBOUNDS_H
