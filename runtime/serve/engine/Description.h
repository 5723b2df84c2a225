// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What front ends and the status page may know of a model: plain data, copied
// out.
#ifndef SINTER_SERVE_ENGINE_DESCRIPTION_H
#define SINTER_SERVE_ENGINE_DESCRIPTION_H

#include "runtime/serve/engine/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace sinter::serve {

struct TensorDescription {
  std::string name;
  uint8_t dtype = 0;
  std::vector<int64_t> dims; ///< -1 where it may vary; with the batch dimension
};

struct ModelDescription {
  std::string name, version;
  std::vector<std::string> versions; ///< ready ones, ascending
  std::vector<TensorDescription> inputs, outputs;
  int64_t maxBatch = 0;  ///< 0 when dimension 0 is no batch
  int32_t batchDim = -1; ///< dimension 0, or -1 when the model has none
  std::string manifest;  ///< JSON, as the compiler wrote it
};

enum class VersionState { loading, ready, unloading, unavailable };

struct IndexEntry {
  std::string name, version;
  VersionState state = VersionState::unavailable;
  std::string reason;              ///< why it is unavailable
  std::vector<std::string> labels; ///< that point at it
};

/// A count and the nanoseconds it took together (Triton's statistics).
struct Duration {
  uint64_t count = 0, ns = 0;
};

struct BatchStatistics {
  uint64_t size = 0;
  Duration computeInput, computeInfer, computeOutput;
};

struct ModelStatistics {
  std::string name, version;
  uint64_t lastInferenceMs = 0; ///< since 1970
  uint64_t inferenceCount = 0;  ///< rows
  uint64_t executionCount = 0;  ///< batches
  Duration success, fail, queue, computeInput, computeInfer, computeOutput;
  std::vector<BatchStatistics> batches;
  uint64_t queueDepth = 0, oldestUs = 0, rejected = 0, cancelled = 0,
           paddedRows = 0;
  uint64_t memoryBytes = 0;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_DESCRIPTION_H
