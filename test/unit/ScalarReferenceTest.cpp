// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values that are known by heart, NaN and integer edges: everything else is
// judged by these functions.
#include "dialects/scalar/ScalarReference.h"

#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <initializer_list>
#include <limits>

using namespace sinter::scalar;

namespace {

double real(Kind kind, double a, double b = 0, double c = 0) {
  double operands[] = {a, b, c};
  return evaluateFloat(kind, operands);
}

int64_t integer(Kind kind, int64_t a, int64_t b = 0, bool isUnsigned = false,
                unsigned bits = 32) {
  int64_t operands[] = {a, b, 0};
  bool fault = false;
  int64_t result = evaluateInteger(kind, operands, isUnsigned, bits, fault);
  EXPECT_FALSE(fault);
  return result;
}

const double notANumber = std::nan("");

} // namespace

TEST(ScalarReference, KnownValues) {
  EXPECT_DOUBLE_EQ(real(Kind::k_sigmoid, 0), 0.5);
  EXPECT_DOUBLE_EQ(real(Kind::k_softplus, 0), std::log(2.0));
  EXPECT_DOUBLE_EQ(real(Kind::k_gelu, 1),
                   0.5 * (1 + std::erf(1 / std::sqrt(2.0))));
  EXPECT_DOUBLE_EQ(real(Kind::k_hard_swish, 3), 3);
  EXPECT_DOUBLE_EQ(real(Kind::k_hard_swish, -3), 0);
  EXPECT_DOUBLE_EQ(real(Kind::k_leaky_relu, -2, 0.25), -0.5);
  EXPECT_DOUBLE_EQ(real(Kind::k_elu, -1, 2), 2 * (std::exp(-1.0) - 1));
  EXPECT_DOUBLE_EQ(real(Kind::k_round, 2.5), 2);
  EXPECT_DOUBLE_EQ(real(Kind::k_round, -1.5), -2);
  EXPECT_DOUBLE_EQ(real(Kind::k_clip, 7, -1, 3), 3);
  EXPECT_DOUBLE_EQ(real(Kind::k_select, 1, 8, 9), 8);
}

TEST(ScalarReference, DoesNotOverflowWhereTheResultIsFinite) {
  EXPECT_EQ(real(Kind::k_sigmoid, -1e4), 0);
  EXPECT_EQ(real(Kind::k_sigmoid, 1e4), 1);
  EXPECT_EQ(real(Kind::k_softplus, 1e4), 1e4);
}

TEST(ScalarReference, NanStaysNan) {
  for (Kind kind : {Kind::k_relu, Kind::k_clip, Kind::k_sign, Kind::k_abs,
                    Kind::k_sigmoid, Kind::k_hard_swish, Kind::k_leaky_relu,
                    Kind::k_thresholded_relu, Kind::k_shrink, Kind::k_gelu})
    EXPECT_TRUE(std::isnan(real(kind, notANumber, 1, 2)))
        << static_cast<int>(kind);
  EXPECT_TRUE(std::isnan(real(Kind::k_max, notANumber, 1)));
  EXPECT_TRUE(std::isnan(real(Kind::k_min, 1, notANumber)));
  EXPECT_EQ(real(Kind::k_equal, notANumber, notANumber), 0);
}

TEST(ScalarReference, Float32RoundsEveryStep) {
  float operands[] = {16777216.0f, 1.0f};
  EXPECT_EQ(evaluateFloat32(Kind::k_add, operands), 16777216.0f);
}

TEST(ScalarReference, ModTakesTheSignOfTheDivisor) {
  EXPECT_EQ(integer(Kind::k_mod, -7, 3), 2);
  EXPECT_EQ(integer(Kind::k_mod, 7, -3), -2);
  EXPECT_EQ(integer(Kind::k_fmod, -7, 3), -1);
  EXPECT_DOUBLE_EQ(real(Kind::k_mod, -7, 3), 2);
  EXPECT_DOUBLE_EQ(real(Kind::k_fmod, -7, 3), -1);
}

TEST(ScalarReference, IntegerEdges) {
  int64_t least = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(integer(Kind::k_div, least, -1), least);
  EXPECT_EQ(integer(Kind::k_mod, least, -1), 0);
  EXPECT_EQ(integer(Kind::k_div, -7, 2), -3);
  EXPECT_EQ(integer(Kind::k_pow, 3, 4), 81);
  EXPECT_EQ(integer(Kind::k_pow, 2, -1), 0);
  EXPECT_EQ(integer(Kind::k_max, -1, 1, true, 64), -1);
  EXPECT_EQ(integer(Kind::k_shift_left, 1, 32), 0);
  EXPECT_EQ(integer(Kind::k_shift_right, -8, 1), -4);
  EXPECT_EQ(integer(Kind::k_shift_right, -8, 32), -1);
  EXPECT_EQ(integer(Kind::k_shift_right, 0xffffffff, 28, true, 32), 15);
  EXPECT_EQ(integer(Kind::k_shift_right, 1, 32, true, 32), 0);
}

TEST(ScalarReference, IntegerDivisionByZeroIsAFault) {
  int64_t operands[] = {5, 0};
  for (Kind kind : {Kind::k_div, Kind::k_mod, Kind::k_fmod}) {
    bool fault = false;
    EXPECT_EQ(evaluateInteger(kind, operands, false, 32, fault), 0);
    EXPECT_TRUE(fault);
  }
}
