// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an engine is made with. Front ends do not see it; the configuration of
// the server (runtime/serve/config) fills it.
#ifndef SINTER_SERVE_ENGINE_OPTIONS_H
#define SINTER_SERVE_ENGINE_OPTIONS_H

#include "runtime/serve/engine/Bundle.h"
#include "runtime/serve/engine/Limits.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace sinter::serve {

enum class VersionPolicy { latest, all, specific };

/// How one model is batched, limited and versioned.
struct ModelOptions {
  std::string name; ///< empty: the defaults of all models
  VersionPolicy policy = VersionPolicy::latest;
  uint32_t latest = 1;            ///< with latest: how many
  std::vector<uint64_t> versions; ///< with specific
  uint32_t maxBatch = 0;          ///< rows; 0 = what the cost table says
  uint64_t maxDelayUs =
      0; ///< fixed delay (max_queue_delay_microseconds); 0 = by cost
  std::vector<uint32_t>
      preferredBatch;       ///< Triton's preferred_batch_size; empty = by cost
  uint64_t deadlineUs = 0;  ///< of requests that bring none; 0 = none
  uint32_t maxQueue = 1024; ///< requests waiting; past it 503
  uint64_t maxQueueBytes = 256u << 20;
  uint32_t priorityLevels = 1;
  Limit limit;                ///< of all clients together
  bool preserveOrder = false; ///< answers of a client in the order it asked

  /// When a canary is taken back: more failures, NaN or time than the default
  /// version has, judged after so many answers.
  uint32_t guardAnswers = 50;
  double guardErrorPercent = 5; ///< above the default version's
  double guardLatencyFactor =
      2; ///< of its mean time in runs; 0 = not looked at

  /// So many runs failed in a row: refused (or degraded) for that long, then
  /// one request tries. 0 = never.
  uint32_t breakerFailures = 5;
  uint32_t breakerOpenMs = 1000;
  std::string degradeTo; ///< MODEL or MODEL:VERSION that answers in its place

  /// What an input may hold; an input without a rule may hold anything.
  struct InputRule {
    std::string input;
    std::vector<std::vector<int64_t>>
        shapes; ///< one must fit, -1 = any; empty = all
    bool finite = false;
    bool ranged = false; ///< min and max, inclusive
    double min = -HUGE_VAL, max = HUGE_VAL;
    bool own = false; ///< said of this model, which must have that input
  };
  std::vector<InputRule> inputRules;
};

/// Something an operator wants to read: a load, a swap, a rollback, a refusal.
struct EngineEvent {
  enum class Kind {
    loaded,
    unloaded,
    failed,
    label,
    traffic,
    rollback,
    circuit
  } kind;
  std::string model, version, text;
};

struct EngineOptions {
  std::string repository; ///< folder of MODEL/VERSION/ bundles; empty with an
                          ///< embedded model
  std::string stateDir;   ///< labels; empty = in memory only
  uint32_t threads =
      0; ///< 0 = the CPUs of this process (affinity, cgroup quota)
  uint64_t memoryBudget =
      0;               ///< bytes; 0 = none: idle models are unloaded past it
  LimitOptions limits; ///< rates and concurrency of clients and models
  ModelOptions defaults;
  std::vector<ModelOptions> models;
  /// An object that is part of this executable: a descriptor and where the
  /// model and its weights lie in it, or a model that is linked in.
  struct Embedded {
    std::string name, version = "1";
    int descriptor = -1;
    uint64_t offset = 0, bytes = 0;
    uint64_t weightsOffset = 0, weightsBytes = 0; ///< 0 = in the object
    const sinter_model *linked = nullptr;
    std::string manifest; ///< empty = the object's own
    int golden = -1;      ///< descriptor of golden.npz, which the engine takes
    /// Makes the bundle in place of all that, golden vectors included.
    std::function<Status(Bundle &)> open;
  };
  std::vector<Embedded> embedded;
  /// Called from any thread; must not call the engine. Empty = nobody listens.
  std::function<void(const EngineEvent &)> onEvent;
  uint32_t profileRate =
      0;              ///< one run in so many is timed by operator; 0 = none
  bool warmUp = true; ///< measure batch sizes when nothing else is to be done
  /// Opens (and verifies) one version of the repository; empty = openFolder.
  BundleOpener openBundle;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_OPTIONS_H
