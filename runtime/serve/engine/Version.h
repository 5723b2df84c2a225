// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One loaded version of a model: the mapped object, its programs (one thread,
// and all of them), contexts that are free, its interface and what is known of
// its batch. Requests hold it by shared_ptr; it is unmapped after the last of
// them.
#ifndef SINTER_SERVE_ENGINE_VERSION_H
#define SINTER_SERVE_ENGINE_VERSION_H

#include "runtime/serve/engine/Bundle.h"
#include "runtime/serve/engine/Description.h"
#include "runtime/serve/engine/OperatorProfile.h"
#include "runtime/serve/engine/Queue.h"
#include "runtime/serve/engine/Request.h"
#include "runtime/serve/engine/Snapshot.h"
#include "runtime/serve/engine/Statistics.h"

#include <atomic>
#include <memory>
#include <mutex>

namespace sinter::serve {

struct ModelOptions;

struct TensorInterface {
  std::string name;
  uint8_t dtype = 0;
  uint64_t elementBytes = 0;
  std::vector<int64_t> dims;     ///< -1 = depends on symbols
  std::vector<uint32_t> symbols; ///< when it is just one
  bool shared = false;           ///< has no rows: the same for a whole batch
};

/// How rows go together. fixed > 0: the object takes exactly that many rows, so
/// fewer are padded. divisor: rows are a multiple of it.
struct BatchRule {
  bool batches = false;
  int64_t fixed = 0, divisor = 1, most = 1;
};

/// A program with its idle contexts. Thread-safe.
class Program {
public:
  Program() = default;
  Program(const Program &) = delete;
  ~Program() { close(); }
  void close(); ///< with no run under way
  Status open(const sinter_model *model, const Bundle &bundle, uint32_t width,
              const sinter_host *pool);
  bool isOpen() const { return program != nullptr; }
  sinter_context *take(Status &status);
  void give(sinter_context *context);
  sinter_program *get() const { return program; }

private:
  sinter_program *program = nullptr;
  std::mutex mutex;
  std::vector<sinter_context *> idle;
};

class Version {
public:
  /// pool: the engine's threads for wide runs; its width 1 = none. The caller
  /// owns the version; Reaper::own() says how it dies.
  static std::unique_ptr<Version>
  load(const std::string &model, uint64_t number, Bundle &&bundle,
       std::shared_ptr<const ModelOptions> options, const sinter_host *pool,
       Status &status);
  ~Version();

  /// Names, types and shapes against the interface; fills rows and the shape
  /// key (equal keys may share a batch).
  Status check(const Request &request, int64_t &rows, std::string &key) const;
  /// Against the operator's rules, which hold for clients only.
  Status checkAllowed(const Request &request) const;
  /// A sentence for a failed run.
  Status explain(const sinter_error &error) const;
  ModelDescription describe() const;
  ModelProfile readProfile() const;

  const std::string &model() const { return modelName; }
  const std::string &number() const { return versionText; }

  /// Without a lock; whoever holds it sees these options to the end.
  std::shared_ptr<const ModelOptions> options() const {
    return current.read([](const OptionsPointer &now) { return now; });
  }
  /// From now on, for requests to come. The queue's share of them is set by
  /// tuneQueue, with the scheduler's lock.
  void setOptions(std::shared_ptr<const ModelOptions> next);
  void tuneQueue(const ModelOptions &next);
  /// That rules of this model's own name inputs that it has.
  Status checkRules(const ModelOptions &asked) const;

  uint64_t version = 0, stamp = 0;
  std::vector<TensorInterface> inputs, outputs;
  BatchRule batch;
  std::string manifest;
  Program narrow, wide;
  uint64_t objectBytes = 0;
  Queue queue; ///< guarded by the scheduler
  mutable Counters counters;
  std::unique_ptr<OperatorProfile> profile; ///< null: runs are not timed
  /// A canary: its answers are searched for NaN. Set and read by any thread.
  std::atomic<bool> watched{false};
  std::atomic<int64_t> usedAt{0}; ///< nanoseconds, steady clock
  double tolerance = 1e-4;        ///< of golden vectors and shadow answers
  int golden() const { return bundle.golden; }

private:
  using OptionsPointer = std::shared_ptr<const ModelOptions>;
  Version() = default;
  Status readInterface();
  void readManifest();

  std::string modelName, versionText;
  Snapshot<OptionsPointer> current{std::make_unique<const OptionsPointer>()};
  Bundle bundle;
  const sinter_model *object = nullptr;
  bool loaded = false; // by sinter_load
};

/// "2x3x4", for messages.
std::string shapeText(const std::vector<int64_t> &dims);

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_VERSION_H
