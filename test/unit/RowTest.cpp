// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmax and norms of random shape and layout against plain loops in double,
// on every target, under guard pages; the same bits from every target and
// split.

#include "test/unit/ViewCases.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <optional>

using namespace sinter::test;

namespace {

struct Row {
  std::string kind;
  std::vector<TestView> inputs,
      extras; // two inputs are added; extras: scale, bias
  TestView output;
  std::vector<int64_t> params;
  int64_t axes;
  std::optional<size_t> overwritten; // operand whose memory the result takes

  std::string text() const {
    std::string args, ins, inTypes, outs = output.type(), extra, extraTypes;
    auto add = [](std::string &list, const std::string &part) {
      list += (list.empty() ? "" : ", ") + part;
    };
    for (size_t i = 0; i < inputs.size(); ++i) {
      add(args, "%x" + std::to_string(i) + ": " + inputs[i].type());
      add(ins, "%x" + std::to_string(i));
      add(inTypes, inputs[i].type());
    }
    for (size_t i = 0; i < extras.size(); ++i) {
      add(args, "%e" + std::to_string(i) + ": " + extras[i].type());
      add(extra, "%e" + std::to_string(i));
      add(extraTypes, extras[i].type());
    }
    std::string prologue =
        inputs.size() < 2 ? "{}"
                          : "{\n^bb0(%a: f32, %b: f32):\n%r = kernel.apply "
                            "\"add\"(%a, %b) : (f32, f32) -> f32\n"
                            "kernel.yield %r : f32\n}";
    std::string epilogue =
        extras.empty()
            ? "{}"
            : "{\n^bb0(%v: f32, %s: f32, %b: f32):\n%m = kernel.apply "
              "\"mul\"(%v, %s) : (f32, f32) -> f32\n%r = kernel.apply "
              "\"add\"(%m, %b) : (f32, f32) -> f32\nkernel.yield %r : f32\n}";
    return "kernel.define @k (" + args + ") -> (%y: " + outs +
           ") params = " + std::to_string(params.size()) + " {\nkernel.row \"" +
           kind + "\" ins(" + ins + " : " + inTypes + ") " +
           (extras.empty() ? ""
                           : "extras(" + extra + " : " + extraTypes + ") ") +
           "outs(%y : " + outs +
           ") attributes {axes = " + std::to_string(axes) +
           " : i64, epsilon = 1.0e-5 : f64} " + prologue + ", " + epilogue +
           "\n}\n";
  }
  double value(const Shape &at) const {
    double sum = 0;
    for (const TestView &input : inputs)
      sum += input.get(at);
    return sum;
  }
};

Row draw(unsigned seed) {
  static const char *kinds[] = {"softmax", "log_softmax", "layer_norm",
                                "rms_norm"};
  Random random(seed);
  Row row;
  row.kind = kinds[random.below(4)];
  Shape dims(1 + random.below(3));
  for (int64_t &dim : dims)
    dim = random.size();
  if (random.oneIn(3))
    dims.back() = 60 + random.below(100);
  Domain domain(dims, random.oneIn(2), random);
  row.params = domain.params;
  row.axes = 1 + random.below(dims.size());
  for (int64_t i = 0; i < 1 + random.below(2); ++i)
    row.inputs.push_back(randomView(domain, "f32", random, true));
  if (random.oneIn(2))
    for (int i = 0; i < 2; ++i)
      row.extras.push_back(randomView(domain, "f32", random, true));
  row.output = randomView(domain, "f32", random, false);
  row.output.allocate(random);
  for (auto *list : {&row.inputs, &row.extras})
    for (TestView &view : *list) {
      view.allocate(random);
      view.fill(random);
    }
  if (random.oneIn(2)) {
    std::vector<TestView> &list =
        row.extras.empty() || random.oneIn(2) ? row.inputs : row.extras;
    row.overwritten = random.below(list.size());
    list[*row.overwritten] = twinOf(row.output, random);
    if (&list == &row.extras)
      *row.overwritten += row.inputs.size();
  }
  return row;
}

void checkRow(const Row &row, const Shape &outer, const Shape &inner,
              const std::string &label) {
  Shape at = outer;
  size_t first = outer.size() - inner.size();
  auto forRow = [&](const std::function<void()> &visit) {
    forEachIndex(inner, [&](const Shape &index) {
      std::copy(index.begin(), index.end(), at.begin() + first);
      visit();
    });
  };
  double most = -INFINITY, total = 0, sum = 0, squares = 0, n = 0;
  forRow([&] { most = std::max(most, row.value(at)); });
  forRow([&] { total += std::exp(row.value(at) - most); });
  forRow([&] { sum += row.value(at), n += 1; });
  double mean = row.kind == "layer_norm" ? sum / n : 0;
  forRow([&] { squares += std::pow(row.value(at) - mean, 2); });
  forRow([&] {
    double x = row.value(at), want;
    if (row.kind == "softmax")
      want = std::exp(x - most) / total;
    else if (row.kind == "log_softmax")
      want = x - most - std::log(total);
    else
      want = (x - mean) / std::sqrt(squares / n + 1e-5);
    if (!row.extras.empty())
      want = want * row.extras[0].get(at) + row.extras[1].get(at);
    // A row without variance divides what rounding left by sqrt(epsilon).
    double spread = std::sqrt(squares / n + 1e-5);
    bool isNorm = row.kind.find("norm") != std::string::npos;
    double slack = isNorm ? 5e-6 * std::fabs(x) / spread : 0;
    if (!(std::fabs(row.output.get(at) - want) <=
          2e-5 * std::max(1.0, std::fabs(want)) + slack))
      ADD_FAILURE() << label << ": got " << row.output.get(at) << ", expected "
                    << want << "\n"
                    << row.text();
  });
}

TEST(Row, RandomShapesAndLayouts) {
  for (unsigned seed = 1; seed <= 60 && !HasFailure(); ++seed) {
    Row row = draw(seed);
    std::vector<void *> buffers;
    for (auto *list : {&row.inputs, &row.extras})
      for (TestView &view : *list)
        buffers.push_back(view.data());
    buffers.push_back(row.output.data());
    std::string first, before;
    if (row.overwritten) {
      void *&buffer = buffers[*row.overwritten];
      before.assign(static_cast<char *>(buffer), row.output.memory->size());
      buffer = row.output.data();
    }
    forEachTarget(row.text(), row.params, [&](const Prepared &run) {
      for (int64_t parts : {1, 3}) {
        std::memset(row.output.data(), 0xAB, row.output.memory->size());
        std::memcpy(row.output.data(), before.data(), before.size());
        run.kernel->run(buffers, row.params, run.items, run.scratch, parts);
        Shape outer = row.output.dims;
        Shape inner(outer.end() - row.axes, outer.end());
        std::fill(outer.end() - row.axes, outer.end(), 1);
        forEachIndex(outer, [&](const Shape &at) {
          if (!HasFailure())
            checkRow(row, at, inner, run.isa + " seed " + std::to_string(seed));
        });
        std::string bits(static_cast<char *>(row.output.data()),
                         row.output.memory->size());
        if (first.empty() && run.sharesBits)
          first = bits;
        EXPECT_TRUE(bits == first || !run.sharesBits)
            << "bits differ on " << run.isa << "\n"
            << row.text();
      }
    });
  }
}

} // namespace
