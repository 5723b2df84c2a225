// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the arrivals that `sinter serve --simulate` replays. What is refused
// has a reason; what is taken is replayed to its end, and every request in it
// is answered, refused or too late.
#include "runtime/serve/engine/Options.h"
#include "runtime/serve/engine/Simulation.h"

#include <cstdlib>

using namespace sinter::serve;

static const char manifest[] =
    R"({"costs": [{"rows": 1, "us": 100, "runs": [[90, 3], [400, 1]]},
                  {"rows": 8, "us": 300}], "wakes": [[20, 9], [900, 1]],
        "batch": {"independent": true, "symbol": "N"},
        "inputs": [{"name": "x", "type": "f32", "shape": ["N", 4]}],
        "outputs": [{"name": "y", "type": "f32", "shape": ["N", 4]}]})";

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  std::vector<SimulatedArrival> arrivals;
  Status status = parseTrace(text, arrivals);
  if (status.ok() == !status.message.empty())
    std::abort();
  if (!status.ok() || arrivals.size() > 512)
    return 0;
  CostTable costs;
  SimulationOptions options;
  ModelOptions model;
  if (!planOf(manifest, model, costs, options.policy).ok())
    std::abort();
  options.lanes = 2;
  options.maxQueue = 64;
  SimulationResult result = simulate(arrivals, costs, options);
  if (result.answered + result.refused + result.late != arrivals.size() ||
      describe(result, options).empty())
    std::abort();
  if (simulate(arrivals, costs, options).latencies != result.latencies)
    std::abort();
  return 0;
}
