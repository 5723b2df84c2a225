// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What agreeing outputs are worth: numbers, NaN, nothing, one number.
#include "tools/sinter/Evidence.h"

#include "sinter/sinter.h"
#include <cstring>
#include <gtest/gtest.h>
#include <limits>

using namespace sinter;

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinite = std::numeric_limits<float>::infinity();

HostTensor floats(const char *name, std::vector<float> values) {
  HostTensor tensor;
  tensor.name = name;
  tensor.dtype = SINTER_F32;
  tensor.dims = {int64_t(values.size())};
  tensor.bytes.resize(4 * values.size());
  if (!values.empty())
    std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

HostTensor zeros(const char *name, int64_t count) {
  HostTensor tensor;
  tensor.name = name;
  tensor.dtype = SINTER_I64;
  tensor.dims = {count};
  tensor.bytes.resize(size_t(8 * count));
  return tensor;
}

Evidence of(std::vector<std::vector<HostTensor>> cases) {
  Evidence evidence;
  for (const auto &outputs : cases)
    evidence.add(outputs);
  return evidence;
}

TEST(Evidence, NumbersProve) {
  Evidence evidence = of({{floats("y", {1, nan}), zeros("i", 3)}});
  EXPECT_FALSE(evidence.isNone());
  EXPECT_TRUE(evidence.warnings().empty());
}

TEST(Evidence, NothingButNanProvesNothing) {
  Evidence evidence = of({{floats("y", {nan, nan}), floats("z", {})}});
  EXPECT_TRUE(evidence.isNone());
  ASSERT_EQ(evidence.warnings().size(), 3u); // and what to do
  EXPECT_NE(evidence.warnings()[0].find("'y' is NaN everywhere"),
            std::string::npos);
  EXPECT_NE(evidence.warnings()[1].find("'z' is empty"), std::string::npos);
}

TEST(Evidence, AnotherOutputOrCaseProves) {
  EXPECT_FALSE(of({{floats("y", {nan}), zeros("i", 1)}}).isNone());
  EXPECT_FALSE(of({{floats("y", {nan})}, {floats("y", {2})}}).isNone());
  EXPECT_EQ(of({{floats("y", {nan}), zeros("i", 1)}}).warnings().size(), 2u);
}

TEST(Evidence, EmptyOutputsAreComparedByShape) {
  EXPECT_FALSE(of({{floats("y", {})}}).isNone());
  EXPECT_FALSE(of({}).isNone());
}

TEST(Evidence, OneNumberEverywhereIsSaid) {
  EXPECT_EQ(of({{floats("y", {3, 3})}}).warnings().size(), 2u);
  EXPECT_EQ(of({{floats("y", {3})}, {floats("y", {3})}}).warnings().size(), 2u);
  EXPECT_TRUE(of({{floats("y", {3})}}).warnings().empty());
  EXPECT_TRUE(of({{floats("y", {3})}, {floats("y", {4})}}).warnings().empty());
}

TEST(Evidence, InfinitiesAreNoNumbers) {
  Evidence evidence = of({{floats("y", {infinite, -infinite, nan})}});
  EXPECT_FALSE(evidence.isNone());
  EXPECT_NE(evidence.warnings()[0].find("no finite number"), std::string::npos);
}

} // namespace
