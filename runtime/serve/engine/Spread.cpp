// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/Spread.h"

#include <algorithm>
#include <cmath>

namespace sinter::serve {

namespace {
constexpr double fineness = 16;                 // steps of an octave
constexpr double longest = 1ull << 46;          // 20 hours
constexpr double most = 8192, forgotten = 0.25; // weights
} // namespace

void Spread::add(double ns, double weight) {
  ns = std::clamp(ns, 1.0, longest);
  int octave = 0;
  double place = std::frexp(ns, &octave); // in [0.5, 1)
  uint32_t index =
      uint32_t(double(octave) * fineness + (place - 0.5) * 2 * fineness);
  auto bucket = std::lower_bound(
      buckets.begin(), buckets.end(), index,
      [](const Bucket &b, uint32_t wanted) { return b.index < wanted; });
  if (bucket == buckets.end() || bucket->index != index)
    bucket = buckets.insert(bucket, {index, ns, 0});
  bucket->weight += weight;
  bucket->ns += (ns - bucket->ns) * (weight / bucket->weight);
  total += weight;
  if (total > most)
    fade();
}

void Spread::fade() {
  double scale = most / 2 / total;
  for (Bucket &bucket : buckets)
    bucket.weight *= scale;
  buckets.erase(std::remove_if(buckets.begin(), buckets.end(),
                               [](const Bucket &bucket) {
                                 return bucket.weight < forgotten;
                               }),
                buckets.end());
  total = 0;
  for (const Bucket &bucket : buckets)
    total += bucket.weight;
}

int64_t Spread::quantile(double q) const {
  double left = q * total;
  for (const Bucket &bucket : buckets) {
    left -= bucket.weight;
    if (left < 0)
      return int64_t(bucket.ns);
  }
  return buckets.empty() ? 0 : int64_t(buckets.back().ns);
}

std::vector<Spread::Step> Spread::steps() const {
  std::vector<Step> all;
  for (const Bucket &bucket : buckets)
    all.push_back({bucket.ns, bucket.weight});
  return all;
}

} // namespace sinter::serve
