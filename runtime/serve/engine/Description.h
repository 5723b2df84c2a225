// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What front ends and the status page may know of a model: plain data, copied
// out.
#ifndef SINTER_SERVE_ENGINE_DESCRIPTION_H
#define SINTER_SERVE_ENGINE_DESCRIPTION_H

#include "runtime/serve/engine/Status.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
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

/// Upper bounds of latency buckets in microseconds, the same everywhere and for
/// ever, so that histograms of many servers add up; one more bucket is open.
constexpr std::array<uint64_t, 22> histogramBoundsUs = {
    10,         20,         50,         100,       200,       500,
    1'000,      2'000,      5'000,      10'000,    20'000,    50'000,
    100'000,    200'000,    500'000,    1'000'000, 2'000'000, 5'000'000,
    10'000'000, 20'000'000, 50'000'000, 60'000'000};

/// Observations per bucket (not cumulative) and their sum.
struct Histogram {
  std::array<uint64_t, histogramBoundsUs.size() + 1> counts{};
  uint64_t sumNs = 0;
};

/// A count and the nanoseconds it took together (Triton's statistics).
struct Duration {
  uint64_t count = 0, ns = 0;
};

struct BatchStatistics {
  uint64_t size = 0;
  Duration computeInput, computeInfer, computeOutput;
  Histogram compute;
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
  Histogram request, queueing, compute; ///< whole, waiting, in runs
  uint64_t nanAnswers = 0;              ///< while it was watched as a canary
  uint64_t shadowCompared = 0, shadowDiffered = 0;
  bool circuitOpen = false;
  bool isWarming = false; ///< sizes of batches are yet to be measured
};

/// What batches of a version cost as far as a server knows. Times: nanoseconds,
/// and how often.
struct ModelCosts {
  using Times = std::vector<std::pair<double, double>>;
  struct Size {
    int64_t rows = 0;
    double ns = 0; ///< the mean that batches are planned by
    Times runs;    ///< of one thread, with what it does around them
  };
  std::string name, version;
  std::vector<Size> sizes;
  Times wakes; ///< how late a thread that slept begins
};

/// What one node cost in the runs that were timed. node: ONNX's name, as the
/// model has it. kernel: empty for what is no kernel (shapes, control flow).
struct OperatorTime {
  std::string node, kernel;
  uint64_t calls = 0, ns = 0, macs = 0, bytes = 0;
};

/// Of a version: runs of live traffic timed by operator, one in `rate`.
struct ModelProfile {
  std::string name, version;
  uint64_t rate = 0, runs = 0, rows = 0, ns = 0;
  std::vector<OperatorTime> operators; ///< the longest first
};

/// Traffic beside the default version: a share of the clients goes to `canary`
/// (the same client always), a share of the requests is sent to `shadow` as
/// well and its answers are compared, not given. "" = none.
struct TrafficSplit {
  std::string canary, shadow;
  double canaryPercent = 0, shadowPercent = 0;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_DESCRIPTION_H
