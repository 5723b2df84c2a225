// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The batcher on a made-up clock: arrivals in, latencies out, no thread and no
// model. It asks the same decide() and expectedTime() as the scheduler, so what
// it shows is what the server does when runs cost what the table says. For
// capacity planning (`sinter serve --simulate TRACE`) and for tests. Where the
// table knows how runs spread and how late threads wake, each run and each wake
// is drawn from that, the same ones every time; decisions go by the mean, as
// the scheduler's do.
#ifndef SINTER_SERVE_ENGINE_SIMULATION_H
#define SINTER_SERVE_ENGINE_SIMULATION_H

#include "runtime/serve/engine/BatchPolicy.h"
#include "runtime/serve/engine/Status.h"

#include <map>
#include <string>

namespace sinter::serve {

struct ModelOptions;

struct SimulatedArrival {
  Nanos time = 0;
  int64_t rows = 1;
  Nanos deadline = never; ///< from its arrival
  uint64_t priority = 1;
};

struct SimulationOptions {
  PolicyOptions policy;
  uint32_t lanes = 1;
  size_t maxQueue = 1024;
  bool varies = true; ///< false: every run takes its mean, every wake nothing
  uint64_t seed = 1;
};

struct SimulationResult {
  std::vector<Nanos> latencies; ///< of answered requests, ascending
  uint64_t answered = 0, rows = 0;
  uint64_t refused = 0; ///< at once
  uint64_t late = 0;    ///< gave up in the queue
  uint64_t missed = 0;  ///< answered behind their deadline
  Nanos busy = 0, end = 0;
  std::map<int64_t, uint64_t> batches; ///< runs by rows

  Nanos quantile(double q) const;
};

SimulationResult simulate(const std::vector<SimulatedArrival> &arrivals,
                          const CostTable &costs,
                          const SimulationOptions &options);

/// One arrival a line: `microseconds[,rows[,deadline in
/// microseconds[,priority]]]`; empty lines and lines that begin with # are left
/// out. Times must not fall.
Status parseTrace(const std::string &text, std::vector<SimulatedArrival> &out);

/// What the batcher would know of a model from its manifest alone.
Status planOf(const std::string &manifest, const ModelOptions &options,
              CostTable &costs, PolicyOptions &policy);

/// Puts what a server measured, as its /costs.json shows it, in place of the
/// compiler's estimates in a manifest.
Status takeMeasured(const std::string &measured, const std::string &model,
                    std::string &manifest);

/// All of it: a trace and a manifest in, the page of describe() out, and the
/// latencies beside it that there would be if nothing varied.
Status simulateTrace(const std::string &trace, const std::string &manifest,
                     const ModelOptions &options, uint32_t threads,
                     std::string &page);

/// The result as a page of text: the latency curve, refusals, batch sizes.
std::string describe(const SimulationResult &result,
                     const SimulationOptions &options);

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_SIMULATION_H
