// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random views for the property tests of kernels: any order of axes in memory,
// gaps, broadcasts, sizes that are constants or parameters. A view knows its
// type as text and how to reach its elements as numbers.

#ifndef SINTER_TEST_UNIT_VIEWCASES_H
#define SINTER_TEST_UNIT_VIEWCASES_H

#include "test/unit/KernelRunner.h"
#include <functional>
#include <memory>
#include <random>

namespace sinter::test {

using Shape = std::vector<int64_t>;

/// Draws sizes, orders and values; the same seed gives the same case.
struct Random {
  std::mt19937 engine;
  explicit Random(unsigned seed) : engine(seed) {}
  int64_t below(int64_t n) { return int64_t(engine() % uint64_t(n)); }
  bool oneIn(int64_t n) { return below(n) == 0; }
  int64_t size(); // 0, 1, small, around vector lengths, primes
};

/// Sizes of a domain; some are parameters p0, p1, ...
struct Domain {
  Shape dims;
  std::vector<std::string> text;
  std::vector<int64_t> params;
  /// `dynamic`: each axis is a parameter with probability one half.
  Domain(Shape dims, bool dynamic, Random &random);
};

struct TestView {
  std::string element; // "f32", "ui8", ...
  Shape dims, strides;
  std::vector<std::string> dimText, strideText;
  std::shared_ptr<Guarded> memory;

  std::string type() const; // !kernel.view<...>
  int64_t bytes() const;    // of an element
  int64_t elements() const; // from the first to the last one reached
  void allocate(Random &random);
  void *data() const { return memory->data(); }
  int64_t offset(const Shape &index) const;
  double get(const Shape &index) const;
  void set(const Shape &index, double value) const;
  /// Fills every reachable element with small numbers that the type can hold.
  void fill(Random &random, double low = -4, double high = 4);
};

/// A view of `domain`: axes in `order` of memory (outermost first; empty: row
/// major), `gap` elements behind each row, `repeated` axes with stride 0.
TestView makeView(const Domain &domain, const std::string &element,
                  std::vector<unsigned> order = {}, int64_t gap = 0,
                  std::vector<bool> repeated = {});
/// Any of the above; `mayRepeat` allows broadcast axes.
TestView randomView(const Domain &domain, const std::string &element,
                    Random &random, bool mayRepeat);

/// A view as `result`, in memory of its own: what a kernel may write over.
TestView twinOf(const TestView &result, Random &random);

/// Calls `visit` for every index of `dims`, last axis fastest.
void forEachIndex(const Shape &dims,
                  const std::function<void(const Shape &)> &visit);

/// Parses `text` (one kernel.define), compiles it for every target (emulated
/// where this machine lacks it), and calls `check` with the kernel, its number
/// of items and scratch, and the name of the target. Fails the current test
/// when it does not compile.
struct Prepared {
  LoadedKernel *kernel;
  int64_t items, scratch;
  std::string isa;
  bool sharesBits; // with all other targets that do; not without FMA
};
void forEachTarget(const std::string &text, const std::vector<int64_t> &params,
                   const std::function<void(const Prepared &)> &check);

} // namespace sinter::test

#endif // SINTER_TEST_UNIT_VIEWCASES_H
