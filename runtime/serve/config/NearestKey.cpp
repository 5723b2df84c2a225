// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which key somebody meant who mistyped it: the one with the fewest edits
// between, as long as they are few.
#include "runtime/serve/config/Schema.h"

#include <algorithm>

namespace sinter::serve {

static size_t distance(const std::string &a, const std::string &b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min(
          {row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string nearestKey(const std::string &wrongKey,
                       const std::vector<std::string> &keys) {
  std::string best;
  size_t least = std::max<size_t>(3, wrongKey.size() / 3) + 1;
  for (const std::string &key : keys)
    if (size_t edits = distance(wrongKey, key); edits < least) {
      least = edits;
      best = key;
    }
  return best;
}

} // namespace sinter::serve
