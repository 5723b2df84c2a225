// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// New rows in their places of a cache, once more: first the old ones, then the
// new ones over them.
#include "compiler/evaluate/core/Extern.h"

#include "compiler/evaluate/core/Walk.h"

#include <algorithm>

namespace sinter::evaluate {

void writeRows(ExternCall &call, Fault &fault) {
  const Value &past = *call.inputs[0], &fresh = *call.inputs[1],
              &starts = *call.inputs[2];
  Value &out = call.results[0];
  Around to(out.shape, call.integers[0]);
  bool isCircular = call.integers[1] != 0;
  int64_t perBatch = out.shape[0] ? to.outer / out.shape[0] : 0;
  auto copyFrom = [&](const Value &from, bool isNew) {
    Around a(from.shape, call.integers[0]);
    for (int64_t outer = 0; outer < a.outer; ++outer) {
      int64_t start = isNew ? int64_t(realAt(starts, outer / perBatch)) : 0;
      if (!isCircular && (start < 0 || start + a.extent > to.extent))
        return fault.set("rows are written outside of the cache");
      for (int64_t i = 0; i < a.extent; ++i) {
        int64_t j = start + i;
        if (isCircular)
          j = (j % to.extent + to.extent) % to.extent;
        for (int64_t inner = 0; inner < a.inner; ++inner)
          setReal(out, (outer * to.extent + j) * to.inner + inner,
                  realAt(from, (outer * a.extent + i) * a.inner + inner));
      }
    }
  };
  copyFrom(past, false);
  Around rows(fresh.shape, call.integers[0]);
  for (int64_t outer = 0; call.integers[2] && outer < to.outer; ++outer) {
    int64_t end = int64_t(realAt(starts, outer / perBatch)) + rows.extent;
    for (int64_t i = std::max<int64_t>(end, 0) * to.inner;
         i < to.extent * to.inner; ++i)
      setReal(out, outer * to.extent * to.inner + i, 0);
  }
  copyFrom(fresh, true);
}

} // namespace sinter::evaluate
