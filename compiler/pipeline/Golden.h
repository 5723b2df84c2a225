// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Golden vectors: inputs from a seed and what the reference evaluator makes of
// them. A server runs them through a version before it takes traffic, so a
// damaged object, a wrong machine or a fault of the compiler shows there and
// not in an answer.
#ifndef SINTER_COMPILER_PIPELINE_GOLDEN_H
#define SINTER_COMPILER_PIPELINE_GOLDEN_H

#include "compiler/pipeline/CompileOptions.h"

namespace sinter {

struct GoldenOptions {
  uint64_t seed = 1;
  /// Extents of dimensions that are left open: rows of a batch, a picture's
  /// two, anything else.
  int64_t rows = 1, height = 224, width = 224, length = 16;
};

struct GoldenTensor {
  std::string name; // "input.NAME" or "output.NAME", as in golden.npz
  uint8_t dtype;    // ONNX's number
  std::vector<int64_t> dims;
  std::vector<char> bytes;        // little endian, row-major
  std::vector<std::string> texts; // of SINTER_STRING, in place of bytes
};

struct Golden {
  /// All inputs, then the outputs that rounding does not decide.
  std::vector<GoldenTensor> tensors;
  /// The largest |difference| / largest |value| of an output that passes: four
  /// times the error of plain fp32, at least 1e-4. Where values are coarse on
  /// the way, at least four such roundings, and what moving the inputs by a
  /// quarter of one changes.
  double tolerance = 0;
};

/// Evaluates the model, slowly: the oracle is plain, not fast. Inputs are
/// normal values of deviation 1, or 0 and 1 for integers, which are a valid
/// index, mask and token of most models. Fails with the evaluator's sentence
/// where the model refuses them.
llvm::Expected<Golden> makeGolden(const CompileOptions &options,
                                  const GoldenOptions &golden);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_GOLDEN_H
