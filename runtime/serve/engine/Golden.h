// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A version proves itself before it serves: golden.npz holds an array for each
// tensor, `input.NAME` and `output.NAME` (compiler/pipeline/Golden.h makes
// them). Several cases are told apart by a number in front: `0/input.x`,
// `1/input.x`. The tolerance is the manifest's.
#ifndef SINTER_SERVE_ENGINE_GOLDEN_H
#define SINTER_SERVE_ENGINE_GOLDEN_H

#include "runtime/serve/engine/Execute.h"

namespace sinter::serve {

struct GoldenCase {
  std::vector<Tensor> inputs, outputs;
};

/// The cases of the file behind a descriptor; a damaged file is an error.
Status readGolden(int descriptor, const Version &version,
                  std::vector<GoldenCase> &cases);

/// Runs every case on one thread of the caller.
Status selfTest(const std::shared_ptr<Version> &version,
                const std::vector<GoldenCase> &cases, double tolerance,
                uint64_t runLimit);

/// Inputs for so many rows, to measure with: a golden case's rows over and
/// over, else zeros; empty when a shape is known to nobody.
std::vector<Tensor> sampleInputs(const Version &version,
                                 const std::vector<GoldenCase> &cases,
                                 int64_t rows);

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_GOLDEN_H
