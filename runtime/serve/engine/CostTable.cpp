// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/engine/CostTable.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace sinter::serve {

namespace {
constexpr size_t maxPoints = 64;
constexpr double unknownRow =
    1e6; // a model nobody has estimated or run: 1 ms a row
constexpr double gain = 0.125; // of a new sample
constexpr double outlier = 3;  // times the average: counts as that much
constexpr double threadGain =
    0.7; // what another thread adds until it was measured
constexpr double alike = 0.125;  // estimates of two versions that cost the same
constexpr uint32_t trusted = 4;  // samples until a size stands for itself
constexpr uint32_t oldAge = 256; // runs of other sizes until it must again
constexpr double telling = 32;   // runs that show how a size spreads
} // namespace

CostTable::Point &CostTable::at(int64_t rows) {
  auto place =
      std::lower_bound(points.begin(), points.end(), rows,
                       [](const Point &p, int64_t n) { return p.rows < n; });
  if (place != points.end() && place->rows == rows)
    return *place;
  if (points.size() < maxPoints)
    return *points.insert(place, Point{rows, {0, 0}, 0, {0, 0}, {0, 0}, {}});
  return nearest(rows); // full: it stands for this one
}

CostTable::Point &CostTable::nearest(int64_t rows) {
  return *std::min_element(
      points.begin(), points.end(), [&](const Point &a, const Point &b) {
        return std::abs(a.rows - rows) < std::abs(b.rows - rows);
      });
}

void CostTable::estimate(int64_t rows, int64_t ns) {
  Point &point = at(rows);
  point.estimated = double(std::max<int64_t>(ns, 1));
  if (!point.samples[0])
    point.ns[0] = point.estimated;
}

void CostTable::inherit(const CostTable &other) {
  auto isEstimate = [](const Point &point) { return point.estimated > 0; };
  auto same = [](const Point &a, const Point &b) {
    return a.rows == b.rows &&
           std::abs(a.estimated - b.estimated) <= a.estimated * alike;
  };
  std::vector<Point> own, theirs;
  std::copy_if(points.begin(), points.end(), std::back_inserter(own),
               isEstimate);
  std::copy_if(other.points.begin(), other.points.end(),
               std::back_inserter(theirs), isEstimate);
  if (own.empty() || threads != other.threads ||
      !std::equal(own.begin(), own.end(), theirs.begin(), theirs.end(), same))
    return;
  points = other.points;
  wakes = other.wakes;
}

void CostTable::observe(int64_t rows, bool wide, double ns, double weight) {
  rows = std::max<int64_t>(rows, 1);
  if (points.empty())
    return;
  Point &point = nearest(rows);
  point.runs[wide].add(
      ns * double(std::max<int64_t>(point.rows, 1)) / double(rows), weight);
}

void CostTable::measure(int64_t rows, bool wide, int64_t ns) {
  Point &point = at(rows);
  rows = std::max<int64_t>(rows, 1);
  double sample = double(std::max<int64_t>(ns, 1)) *
                  double(std::max<int64_t>(point.rows, 1)) / double(rows);
  double &known = point.ns[wide];
  // The compiler's machine is nominal: what one size shows, holds for the rest.
  if (!wide && !point.samples[0] && known > 0)
    for (Point &other : points)
      if (&other != &point && !other.samples[0] && !other.samples[1])
        other.ns[0] *= sample / known;
  // Noise only ever adds: the best of the first few.
  if (!point.samples[wide] || known <= 0)
    known = sample;
  else if (point.samples[wide] < trusted)
    known = std::min(known, sample);
  else
    known += gain * (std::min(sample, known * outlier) - known);
  point.samples[wide] = std::min<uint32_t>(point.samples[wide] + 1, 1u << 30);
  // A size that looked dear is not chosen, so nothing would ever correct it.
  for (Point &other : points)
    if (&other != &point && ++other.age[wide] > oldAge &&
        other.samples[wide] >= trusted)
      other.samples[wide] = 1;
  point.age[wide] = 0;
}

double CostTable::raw(const Point &point, bool wide) const {
  if (point.ns[wide] > 0)
    return point.ns[wide];
  double factor = 1 + threadGain * double(threads - 1);
  return wide ? point.ns[0] / factor : point.ns[1] * factor;
}

// Of a size seen a few times only, no more than what smaller runs after each
// other would take, or a larger one.
double CostTable::column(size_t index, bool wide) const {
  const Point &point = points[index];
  double value = raw(point, wide);
  if (!point.samples[wide] || point.samples[wide] >= trusted)
    return value;
  for (size_t i = 0; i < points.size(); ++i) {
    if (!points[i].samples[wide] || points[i].rows < 1)
      continue;
    int64_t runs = (point.rows + points[i].rows - 1) / points[i].rows;
    value = std::min(value, double(runs) * raw(points[i], wide));
  }
  return value;
}

int64_t CostTable::cost(int64_t rows, bool wide) const {
  wide = wide && threads > 1;
  rows = std::max<int64_t>(rows, 1);
  if (points.empty())
    return int64_t(unknownRow * double(rows));
  auto above =
      std::lower_bound(points.begin(), points.end(), rows,
                       [](const Point &p, int64_t n) { return p.rows < n; });
  size_t index = size_t(above - points.begin());
  if (above != points.end() && (above->rows == rows || index == 0))
    return int64_t(column(index, wide));
  if (above == points.end()) {
    const Point &last = points.back();
    double value = column(index - 1, wide);
    double slope = value / double(std::max<int64_t>(last.rows, 1));
    if (points.size() > 1) {
      const Point &before = points[points.size() - 2];
      double rise =
          (value - column(index - 2, wide)) / double(last.rows - before.rows);
      slope = std::clamp(rise, 0.0, slope);
    }
    return int64_t(value + slope * double(rows - last.rows));
  }
  const Point &low = above[-1];
  double part = double(rows - low.rows) / double(above->rows - low.rows);
  double from = column(index - 1, wide), to = column(index, wide);
  return int64_t(from + part * (to - from));
}

// The size itself when it ran often enough, else the nearest that did, else
// any.
const CostTable::Point *CostTable::observed(int64_t rows, bool wide) const {
  const Point *best = nullptr;
  double bestRank = 0;
  for (const Point &point : points) {
    double weight = point.runs[wide].weight();
    if (weight <= 0)
      continue;
    double away = std::abs(
        std::log2(double(std::max<int64_t>(point.rows, 1)) / double(rows)));
    double rank = away + (weight < telling ? 128 : 0);
    if (!best || rank < bestRank) {
      best = &point;
      bestRank = rank;
    }
  }
  return best;
}

int64_t CostTable::quantile(int64_t rows, bool wide, double q) const {
  wide = wide && threads > 1;
  rows = std::max<int64_t>(rows, 1);
  const Point *point = observed(rows, wide);
  if (!point)
    return cost(rows, wide);
  int64_t ns = point->runs[wide].quantile(q);
  if (point->rows == rows)
    return ns;
  double scale = double(cost(rows, wide)) /
                 double(std::max<int64_t>(cost(point->rows, wide), 1));
  return int64_t(double(ns) * scale);
}

bool CostTable::varies() const {
  return wakes.weight() > 0 ||
         std::any_of(points.begin(), points.end(), [](const Point &point) {
           return point.runs[0].weight() + point.runs[1].weight() > 0;
         });
}

std::vector<Spread::Step> CostTable::runs(int64_t rows, bool wide) const {
  for (const Point &point : points)
    if (point.rows == rows)
      return point.runs[wide].steps();
  return {};
}

bool CostTable::isMeasured(int64_t rows, bool wide) const {
  for (const Point &point : points)
    if (point.rows == rows)
      return point.samples[wide] > 0;
  return false;
}

std::vector<int64_t> CostTable::sizes() const {
  std::vector<int64_t> all;
  for (const Point &point : points)
    all.push_back(point.rows);
  return all;
}

} // namespace sinter::serve
