// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts of n-grams, once more: every window in a map of the grams.
#include "compiler/evaluate/core/Extern.h"

#include <map>

namespace sinter::evaluate {

void ngrams(ExternCall &call) {
  const auto &x = call.inputs[0]->as<int64_t>();
  const auto &grams = call.inputs[1]->as<int64_t>();
  const auto &columns = call.inputs[2]->as<int64_t>();
  Value &out = call.results[0];
  int64_t rows = call.inputs[0]->shape[0], width = call.inputs[0]->shape[1],
          count = call.inputs[1]->shape[0], n = call.inputs[1]->shape[1];
  std::map<std::vector<int64_t>, int64_t> known;
  for (int64_t gram = 0; gram < count; ++gram)
    known[{grams.begin() + gram * n, grams.begin() + (gram + 1) * n}] =
        columns[gram];
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t step = 1; step <= call.integers[0] && (n - 1) * step < width;
         ++step)
      for (int64_t start = 0; start + (n - 1) * step < width; ++start) {
        std::vector<int64_t> window;
        for (int64_t i = 0; i < n; ++i)
          window.push_back(x[row * width + start + i * step]);
        if (auto found = known.find(window); found != known.end()) {
          int64_t at = row * out.shape[1] + found->second;
          setReal(out, at, realAt(out, at) + 1);
        }
      }
}

} // namespace sinter::evaluate
