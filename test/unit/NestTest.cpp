// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nests of random shape, layout, element type and reduction against plain
// loops, on every target, under guard pages, with the items split differently;
// the same bits from every target.

#include "test/unit/ViewCases.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <optional>

using namespace sinter::test;

namespace {

// A scalar function as the text of a region and as C++. Arguments %a0, %a1, ..
struct Function {
  std::vector<std::string> inputs;
  std::string output, body; // body defines %r
  std::function<double(const std::vector<double> &, const Shape &)> compute;
};

const std::vector<Function> &functions() {
  static const std::vector<Function> list = {
      {{"f32"},
       "f32",
       "%r = kernel.apply \"neg\"(%a0) : (f32) -> f32",
       [](auto &v, auto &) { return -v[0]; }},
      {{"f32", "f32"},
       "f32",
       "%r = kernel.apply \"add\"(%a0, %a1) : (f32, f32) -> f32",
       [](auto &v, auto &) { return double(float(v[0]) + float(v[1])); }},
      {{"f32", "f32", "i1"},
       "f32",
       "%r = kernel.apply \"select\"(%a2, %a0, %a1) : (i1, f32, f32) -> f32",
       [](auto &v, auto &) { return v[2] ? v[0] : v[1]; }},
      {{"i64"},
       "f32",
       "%r = kernel.cast %a0 : i64 to f32",
       [](auto &v, auto &) { return v[0]; }},
      {{"ui8"},
       "f32",
       "%s = kernel.const 0.5 : f32\n%c = kernel.cast %a0 : ui8 to f32\n"
       "%r = kernel.apply \"mul\"(%c, %s) : (f32, f32) -> f32",
       [](auto &v, auto &) { return v[0] * 0.5; }},
      {{"f32", "f32"},
       "i1",
       "%r = kernel.apply \"less\"(%a0, %a1) : (f32, f32) -> i1",
       [](auto &v, auto &) { return double(v[0] < v[1]); }},
      {{"i1", "i1"},
       "i1",
       "%r = kernel.apply \"xor\"(%a0, %a1) : (i1, i1) -> i1",
       [](auto &v, auto &) { return double(v[0] != v[1]); }},
      {{"i64", "i64"},
       "i64",
       "%r = kernel.apply \"mul\"(%a0, %a1) : (i64, i64) -> i64",
       [](auto &v, auto &) { return v[0] * v[1]; }},
      {{"f16"},
       "f32",
       "%c = kernel.cast %a0 : f16 to f32\n"
       "%r = kernel.apply \"abs\"(%c) : (f32) -> f32",
       [](auto &v, auto &) { return std::fabs(v[0]); }},
      {{"f64"},
       "f64",
       "%r = kernel.apply \"mul\"(%a0, %a0) : (f64, f64) -> f64",
       [](auto &v, auto &) { return v[0] * v[0]; }},
      {{"i32"},
       "i64",
       "%i = kernel.index 0\n%j = kernel.cast %a0 : i32 to i64\n"
       "%r = kernel.apply \"add\"(%i, %j) : (i64, i64) -> i64",
       [](auto &v, const Shape &at) { return v[0] + double(at[0]); }},
      {{"i8"},
       "i8",
       "%r = kernel.apply \"max\"(%a0, %a0) : (i8, i8) -> i8",
       [](auto &v, auto &) { return v[0]; }},
  };
  return list;
}

struct Nest {
  std::vector<TestView> inputs;
  TestView output;
  std::vector<int64_t> params;
  int64_t axes = 0;
  std::string combine = "none";
  const Function *function;
  std::optional<size_t> overwritten; // input whose memory the result takes

  std::string text() const {
    std::string args, names, types, block, blockArgs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      std::string n = std::to_string(i), comma = i ? ", " : "";
      args += comma + "%x" + n + ": " + inputs[i].type();
      names += comma + "%x" + n;
      types += comma + inputs[i].type();
      blockArgs += comma + "%a" + n + ": " + inputs[i].element;
    }
    return "kernel.define @k (" + args + ") -> (%y: " + output.type() +
           ") params = " + std::to_string(params.size()) +
           " {\nkernel.nest ins(" + names + " : " + types +
           ") outs(%y : " + output.type() + ") attributes {combine = [\"" +
           combine + "\"], axes = " + std::to_string(axes) +
           " : i64} {\n^bb0(" + blockArgs + "):\n" + function->body +
           "\nkernel.yield %r : " + function->output + "\n}, {}\n}\n";
  }
  double expected(const Shape &at) const {
    std::vector<double> v;
    for (const TestView &input : inputs)
      v.push_back(input.get(at));
    return function->compute(v, at);
  }
};

Nest draw(unsigned seed, bool reduces) {
  Random random(seed);
  Nest nest;
  Shape dims(1 + random.below(4));
  for (int64_t &dim : dims)
    dim = random.size();
  if (random.oneIn(4))
    dims[random.below(dims.size())] = 100 + random.below(reduces ? 500 : 80);
  int64_t total = 1;
  for (int64_t &dim : dims)
    total *= dim = total * dim > 60000 ? 1 : dim;
  Domain domain(dims, random.oneIn(2), random);
  nest.params = domain.params;
  nest.function = &functions()[random.below(reduces ? 2 : functions().size())];
  for (const std::string &element : nest.function->inputs) {
    nest.inputs.push_back(randomView(domain, element, random, true));
    nest.inputs.back().allocate(random);
    nest.inputs.back().fill(random);
  }
  if (reduces) {
    nest.axes = 1 + random.below(dims.size());
    nest.combine =
        std::vector<std::string>{"sum", "max", "min", "prod"}[random.below(4)];
    if (nest.combine == "prod") // products that neither vanish nor overflow
      for (TestView &input : nest.inputs)
        input.fill(random, nest.inputs.size() > 1 ? 0.45 : 0.95,
                   nest.inputs.size() > 1 ? 0.55 : 1.05);
    Domain kept = domain;
    for (size_t i = dims.size() - nest.axes; i < dims.size(); ++i) {
      kept.dims[i] = 1;
      kept.text[i] = "1";
    }
    nest.output = randomView(kept, nest.function->output, random, false);
    for (size_t i = dims.size() - nest.axes; i < dims.size(); ++i) {
      nest.output.strides[i] = 0;
      nest.output.strideText[i] = "0";
    }
    nest.output.dims = domain.dims;
    nest.output.dimText = domain.text;
    // Without elements to reduce there still are results.
    TestView shape = nest.output;
    for (size_t i = dims.size() - nest.axes; i < dims.size(); ++i)
      shape.dims[i] = 1;
    nest.output.memory =
        std::make_shared<Guarded>(shape.elements() * shape.bytes());
  } else {
    nest.output = randomView(domain, nest.function->output, random, false);
    nest.output.allocate(random);
    size_t chosen = random.below(std::max<size_t>(1, nest.inputs.size()));
    if (random.oneIn(2) && chosen < nest.inputs.size() &&
        nest.inputs[chosen].element == nest.output.element) {
      nest.inputs[chosen] = twinOf(nest.output, random);
      nest.overwritten = chosen;
    }
  }
  return nest;
}

Nest drawPlanes(unsigned seed) {
  Random random(seed);
  Nest nest;
  Domain domain(
      {1 + random.below(3), 1 + random.below(70), 2 + random.below(4)},
      /*dynamic=*/false, random);
  if (random.oneIn(2)) {
    domain.text[1] = "p0";
    nest.params = {domain.dims[1]};
  }
  nest.function = &functions()[random.below(functions().size())];
  for (const std::string &element : nest.function->inputs) {
    nest.inputs.push_back(
        makeView(domain, element, {0, 2, 1}, random.below(3)));
    nest.inputs.back().allocate(random);
    nest.inputs.back().fill(random);
  }
  nest.output = makeView(domain, nest.function->output);
  nest.output.allocate(random);
  return nest;
}

double reduced(const Nest &nest, Shape at) {
  size_t first = at.size() - nest.axes;
  double result = nest.combine == "prod"  ? 1
                  : nest.combine == "sum" ? 0
                  : nest.combine == "max" ? -INFINITY
                                          : INFINITY;
  Shape inner(nest.output.dims.begin() + first, nest.output.dims.end());
  forEachIndex(inner, [&](const Shape &index) {
    std::copy(index.begin(), index.end(), at.begin() + first);
    double v = nest.expected(at);
    result = nest.combine == "sum"    ? result + v
             : nest.combine == "prod" ? result * v
             : nest.combine == "max"  ? std::max(result, v)
                                      : std::min(result, v);
  });
  return result;
}

void checkOutput(const Nest &nest, const std::string &label) {
  Shape outer = nest.output.dims;
  for (size_t i = outer.size() - nest.axes; i < outer.size(); ++i)
    outer[i] = 1;
  int failures = 0;
  forEachIndex(outer, [&](const Shape &at) {
    double want = nest.axes ? reduced(nest, at) : nest.expected(at);
    if (nest.axes && std::fabs(want) > 3.4e38)
      want = std::copysign(INFINITY, want);
    double got = nest.output.get(at);
    double allowed = nest.axes ? 1e-4 * std::max(10.0, std::fabs(want)) : 0;
    if (!(std::fabs(got - want) <= allowed || got == want) && ++failures <= 2)
      ADD_FAILURE() << label << ": element " << nest.output.offset(at) << " is "
                    << got << ", expected " << want << "\n"
                    << nest.text();
  });
}

void checkNest(unsigned seed, bool reduces, bool interleaves = false) {
  Nest nest = draw(seed, reduces);
  if (interleaves)
    nest = drawPlanes(seed);
  std::vector<void *> buffers;
  for (const TestView &input : nest.inputs)
    buffers.push_back(input.data());
  buffers.push_back(nest.output.data());
  if (nest.overwritten)
    buffers[*nest.overwritten] = nest.output.data();
  std::string first;
  forEachTarget(nest.text(), nest.params, [&](const Prepared &run) {
    for (int64_t parts : {1, 3}) {
      std::memset(nest.output.data(), 0xAB, nest.output.memory->size());
      if (nest.overwritten)
        std::memcpy(nest.output.data(), nest.inputs[*nest.overwritten].data(),
                    nest.output.memory->size());
      EXPECT_EQ(
          run.kernel->run(buffers, nest.params, run.items, run.scratch, parts),
          0u);
      checkOutput(nest, run.isa + " seed " + std::to_string(seed));
      std::string bits(static_cast<char *>(nest.output.data()),
                       nest.output.memory->size());
      if (first.empty() && run.sharesBits)
        first = bits;
      EXPECT_TRUE(bits == first || !run.sharesBits)
          << "bits differ on " << run.isa << "\n"
          << nest.text();
    }
  });
}

TEST(Nest, ElementwiseOverRandomLayouts) {
  for (unsigned seed = 1; seed <= 60 && !HasFailure(); ++seed)
    checkNest(seed, /*reduces=*/false);
}

// Planes to pixels: the output's contiguous axis is 2 to 5 elements short.
TEST(Nest, InterleavesFewPlanes) {
  for (unsigned seed = 2001; seed <= 2016 && !HasFailure(); ++seed)
    checkNest(seed, /*reduces=*/false, /*interleaves=*/true);
}

TEST(Nest, ReductionsOverRandomLayouts) {
  for (unsigned seed = 1001; seed <= 1040 && !HasFailure(); ++seed)
    checkNest(seed, /*reduces=*/true);
}

} // namespace
