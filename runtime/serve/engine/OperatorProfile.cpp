// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of samples, and their names.
#include "runtime/serve/engine/OperatorProfile.h"

#include "sinter/model.h"

#include <algorithm>

namespace sinter::serve {

void OperatorProfile::add(const std::vector<sinter_sample> &ring,
                          uint64_t written, uint64_t runRows) {
  size_t count = size_t(std::min<uint64_t>(written, ring.size()));
  std::lock_guard<std::mutex> lock(mutex);
  ++runs;
  rows += runRows;
  for (size_t i = 0; i < count; ++i) {
    const sinter_sample &sample = ring[i];
    Totals &totals = operators[{sample.node, sample.kernel}];
    ++totals.calls;
    totals.ns += sample.end > sample.begin ? sample.end - sample.begin : 0;
    totals.macs += sample.macs;
    totals.bytes += sample.bytes;
  }
}

void OperatorProfile::read(const sinter_model *model, ModelProfile &out) const {
  std::lock_guard<std::mutex> lock(mutex);
  out.rate = rate;
  out.runs = runs;
  out.rows = rows;
  for (const auto &[key, totals] : operators) {
    const char *node = sinter_node_name(model, key.first),
               *kernel = key.second == SINTER_NONE
                             ? nullptr
                             : sinter_kernel_name(model, key.second);
    out.operators.push_back({node ? node : "", kernel ? kernel : "",
                             totals.calls, totals.ns, totals.macs,
                             totals.bytes});
    out.ns += totals.ns;
  }
  std::sort(
      out.operators.begin(), out.operators.end(),
      [](const OperatorTime &a, const OperatorTime &b) { return a.ns > b.ns; });
}

} // namespace sinter::serve
