// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pools of random window, padding, dilation and layout against plain loops, on
// every target, under guard pages; the same bits from every target and split.

#include "test/unit/ViewCases.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace sinter::test;

namespace {

struct Window {
  std::string kind;
  TestView input, output;
  std::vector<int64_t> params;
  Shape kernel, strides, dilations, pads, endPads;
  bool countsPadding, hasRelu;
  int64_t p;

  static std::string list(const Shape &values) {
    std::string text = "array<i64";
    for (size_t i = 0; i < values.size(); ++i)
      text += (i ? ", " : ": ") + std::to_string(values[i]);
    return text + ">";
  }
  std::string text() const {
    std::string epilogue =
        hasRelu ? "{\n^bb0(%a: " + input.element +
                      "):\n%r = kernel.apply \"relu\"(%a) : (" + input.element +
                      ") -> " + input.element +
                      "\nkernel.yield %r : " + input.element + "\n}"
                : "{}";
    return "kernel.define @k (%x: " + input.type() +
           ") -> (%y: " + output.type() +
           ") params = " + std::to_string(params.size()) +
           " {\nkernel.window \"" + kind + "\" %x : " + input.type() +
           " outs(%y : " + output.type() +
           ") attributes {kernel = " + list(kernel) +
           ", strides = " + list(strides) + ", dilations = " + list(dilations) +
           ", pads = " + list(pads) + ", end_pads = " + list(endPads) +
           (countsPadding ? ", count_include_pad" : "") +
           ", p = " + std::to_string(p) + " : i64} " + epilogue + "\n}\n";
  }
  double expected(const Shape &at) const;
};

double Window::expected(const Shape &at) const {
  bool isMax = kind == "max";
  double acc = isMax ? (input.element == "i8" ? -128 : -INFINITY) : 0,
         count = 0;
  forEachIndex(kernel, [&](const Shape &k) {
    Shape from = at;
    bool inside = true, padded = true;
    for (size_t i = 0; i < k.size(); ++i) {
      int64_t c = at[i + 1] * strides[i] - pads[i] + k[i] * dilations[i];
      from[i + 1] = c;
      inside &= c >= 0 && c < input.dims[i + 1];
      padded &= c < input.dims[i + 1] + endPads[i];
    }
    count += countsPadding ? padded : inside;
    if (!inside)
      return;
    double x = input.get(from);
    acc = isMax               ? std::max(acc, x)
          : kind == "average" ? acc + x
                              : acc + std::pow(std::fabs(x), double(p));
  });
  double result = isMax               ? acc
                  : kind == "average" ? acc / std::max(count, 1.0)
                                      : std::pow(acc, 1.0 / double(p));
  return hasRelu ? std::max(result, 0.0) : result;
}

Window draw(unsigned seed) {
  static const char *kinds[] = {"max", "average", "lp"};
  Random random(seed);
  Window w;
  w.kind = kinds[random.below(3)];
  std::string element = w.kind == "max" && random.oneIn(3) ? "i8" : "f32";
  size_t spatial = 1 + random.below(3);
  int64_t channels = random.oneIn(2) ? random.size() : 20 + random.below(120);
  Shape in{1 + random.below(2)}, out{in[0]};
  for (size_t i = 0; i < spatial; ++i) {
    int64_t size = 1 + random.below(9), k = 1 + random.below(3),
            d = 1 + random.below(2);
    int64_t s = 1 + random.below(3), reach = (k - 1) * d + 1;
    int64_t pad = random.below(k), end = random.below(k);
    if (size + pad + end < reach)
      size = reach;
    w.kernel.push_back(k), w.strides.push_back(s), w.dilations.push_back(d);
    w.pads.push_back(pad), w.endPads.push_back(end);
    in.push_back(size);
    out.push_back((size + pad + end - reach) / s + 1);
  }
  in.push_back(channels), out.push_back(channels);
  bool dynamic = random.oneIn(2);
  Domain inDomain(in, false, random), outDomain(out, false, random);
  if (dynamic) { // sizes along the last spatial axis and of the batch
    inDomain.text[0] = outDomain.text[0] = "p0";
    inDomain.text[spatial] = "p1";
    outDomain.text[spatial] = "p2";
    w.params = {in[0], in[spatial], out[spatial]};
  }
  w.input = makeView(inDomain, element, {}, random.below(3));
  w.output = makeView(outDomain, element, {}, random.below(3));
  w.input.allocate(random);
  w.output.allocate(random);
  w.input.fill(random);
  w.countsPadding = random.oneIn(2);
  w.hasRelu = random.oneIn(2);
  w.p = 1 + random.below(3);
  return w;
}

TEST(Window, RandomPools) {
  for (unsigned seed = 1; seed <= 60 && !HasFailure(); ++seed) {
    Window w = draw(seed);
    std::string first;
    forEachTarget(w.text(), w.params, [&](const Prepared &run) {
      for (int64_t parts : {1, 3}) {
        std::memset(w.output.data(), 0xAB, w.output.memory->size());
        run.kernel->run({w.input.data(), w.output.data()}, w.params, run.items,
                        run.scratch, parts);
        forEachIndex(w.output.dims, [&](const Shape &at) {
          double want = w.expected(at), got = w.output.get(at);
          if (got != want &&
              !(std::fabs(got - want) <=
                1e-5 * std::max(1.0, std::fabs(want))) &&
              !HasFailure())
            ADD_FAILURE() << run.isa << " seed " << seed << ": got " << got
                          << ", expected " << want << "\n"
                          << w.text();
        });
        std::string bits(static_cast<char *>(w.output.data()),
                         w.output.memory->size());
        if (first.empty() && run.sharesBits)
          first = bits;
        EXPECT_TRUE(bits == first || !run.sharesBits)
            << "bits differ on " << run.isa << "\n"
            << w.text();
      }
    });
  }
}

} // namespace
