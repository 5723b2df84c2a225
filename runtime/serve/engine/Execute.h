// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One run: rows of one or more jobs through one context. A job alone is bound
// where its bytes lie; several are gathered into the lane's memory. Outputs get
// fresh memory that the answers share, each with its rows of it, uncopied.
#ifndef SINTER_SERVE_ENGINE_EXECUTE_H
#define SINTER_SERVE_ENGINE_EXECUTE_H

#include "runtime/serve/engine/Queue.h"
#include "sinter/sinter.h"

namespace sinter::serve {

/// The memory of one run at a time: scratch and gathered inputs, shared by all
/// models. As many lanes as threads bound how many runs there are. Scratch is
/// mapped, so that a lane which ends gives it back whatever the heap would do.
struct Lane {
  Lane() = default;
  Lane(const Lane &) = delete;
  ~Lane();
  bool grow(uint64_t bytes);

  void *scratch = nullptr;
  uint64_t scratchBytes = 0;
  std::vector<std::vector<std::byte>> staging;
  std::vector<sinter_sample> samples; ///< of a run that is timed
};

struct Part {
  JobPtr job;
  int64_t firstRow = 0, rows = 0;
};

/// A run under way, so that it can be stopped from outside.
struct Run {
  std::shared_ptr<Version> version; ///< as long as it runs
  std::vector<Part> parts;
  int64_t rows = 0;
  bool wide = false, timed = false; ///< timed: by operator
  Nanos expectedEnd = 0;
  uint64_t limit = 0; ///< bytes of scratch, or of one output

  void stop();
  /// The context is in a run from begin to end; end says whether stop() came.
  void begin(sinter_context *context);
  bool end();

private:
  std::mutex mutex;
  sinter_context *context = nullptr;
  bool stopped = false;
};

struct RunResult {
  Status status;
  std::vector<JobPiece> pieces; ///< one for each part
  TimePoint started, bound, computed, finished;
  int64_t padded = 0;
};

RunResult execute(Version &version, Lane &lane, Run &run);

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_EXECUTE_H
