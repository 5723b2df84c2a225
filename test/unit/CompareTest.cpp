// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The measure that decides whether a model passes must itself see every
// mistake.
#include "tools/sinter/Compare.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace sinter;

static HostTensor floats(const char *name, std::vector<float> values) {
  HostTensor tensor{name,
                    1,
                    {static_cast<int64_t>(values.size())},
                    std::vector<char>(values.size() * 4)};
  memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

TEST(Compare, RelativeToTheLargestMagnitude) {
  Difference d =
      largestError({floats("y", {1, -10, 3})}, {floats("y", {1, -10, 4})});
  EXPECT_DOUBLE_EQ(d.error, 0.1);
  EXPECT_EQ(d.element, 2u);
  EXPECT_EQ(d.found, 3);
}

TEST(Compare, WorstOutputIsNamed) {
  Difference d = largestError({floats("a", {1}), floats("b", {2})},
                              {floats("a", {1}), floats("b", {1})});
  EXPECT_EQ(d.output, "b");
  EXPECT_DOUBLE_EQ(d.error, 1);
}

TEST(Compare, EachOutputHasItsOwn) {
  std::vector<Difference> all =
      differences({floats("a", {1, -4}), floats("b", {2})},
                  {floats("a", {1, -5}), floats("b", {2})});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].output, "a");
  EXPECT_DOUBLE_EQ(all[0].error, 0.2);
  EXPECT_DOUBLE_EQ(all[0].magnitude, 5);
  EXPECT_EQ(all[1].output, "b");
  EXPECT_EQ(all[1].error, 0);
}

TEST(Compare, NotANumber) {
  float nan = std::nanf("");
  EXPECT_EQ(
      largestError({floats("y", {nan, 1})}, {floats("y", {nan, 1})}).error, 0);
  EXPECT_TRUE(std::isinf(
      largestError({floats("y", {nan, 1})}, {floats("y", {1, 1})}).error));
  EXPECT_TRUE(std::isinf(
      largestError({floats("y", {1, 1})}, {floats("y", {nan, 1})}).error));
}

TEST(Compare, ShapesAndNamesMustMatch) {
  HostTensor row = floats("y", {1, 2});
  row.dims = {1, 2};
  EXPECT_TRUE(std::isinf(largestError({row}, {floats("y", {1, 2})}).error));
  Difference d = largestError({floats("x", {1})}, {floats("y", {1})});
  EXPECT_TRUE(std::isinf(d.error));
  EXPECT_EQ(d.problem, "it is missing");
}

TEST(HostTensor, RandomIsSeededByNameAndSeed) {
  HostTensor a = randomTensor("x", 1, {1000}, 1),
             b = randomTensor("x", 1, {1000}, 1);
  EXPECT_EQ(a.bytes, b.bytes);
  EXPECT_NE(a.bytes, randomTensor("y", 1, {1000}, 1).bytes);
  EXPECT_NE(a.bytes, randomTensor("x", 1, {1000}, 2).bytes);
  double sum = 0, squares = 0;
  for (double value : asDoubles(a)) {
    sum += value;
    squares += value * value;
  }
  EXPECT_LT(std::fabs(sum / 1000), 0.15);
  EXPECT_NEAR(squares / 1000, 1, 0.2);
}

TEST(HostTensor, HalfAndBfloat16Widen) {
  HostTensor half{"h", 10, {1}, {0x00, 0x3C}},
      brain{"b", 16, {1}, {static_cast<char>(0x80), 0x3F}};
  EXPECT_EQ(asDoubles(half)[0], 1.0);
  EXPECT_EQ(asDoubles(brain)[0], 1.0);
}
