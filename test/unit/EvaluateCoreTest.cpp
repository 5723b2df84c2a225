// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ONNX node cases cannot see: storage types, rounding, the two modes,
// faults, and the blocked product loops against the formula.
#include "compiler/evaluate/core/Operations.h"
#include "compiler/evaluate/core/Walk.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace sinter::evaluate;

namespace {

Value floats(Shape shape, std::vector<float> data) {
  return {ElementKind::F32, std::move(shape), std::move(data)};
}

Value ints(Shape shape, std::vector<int64_t> data) {
  return {ElementKind::I64, std::move(shape), std::move(data)};
}

// Small whole numbers: every sum below is exact, so comparisons are too.
Value counted(Shape shape, int modulus = 7) {
  Value value = makeValue(ElementKind::F32, std::move(shape), Mode::Declared);
  int i = 0;
  for (float &x : value.as<float>())
    x = static_cast<float>(i++ % modulus - modulus / 2);
  return value;
}

float at(const Value &value, Shape index) {
  return value.as<float>()[offsetOf(index, stridesOf(value.shape))];
}

} // namespace

TEST(EvaluateCore, EveryHalfAndBrainFloatRoundTrips) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    double half = decodeHalf(static_cast<uint16_t>(bits)),
           brain = decodeBrain(static_cast<uint16_t>(bits));
    if (!std::isnan(half))
      EXPECT_EQ(encodeHalf(half), bits);
    else
      EXPECT_TRUE(std::isnan(decodeHalf(encodeHalf(half))));
    if (!std::isnan(brain))
      EXPECT_EQ(encodeBrain(brain), bits);
    else
      EXPECT_TRUE(std::isnan(decodeBrain(encodeBrain(brain))));
  }
}

TEST(EvaluateCore, HalfTiesGoToEven) {
  EXPECT_EQ(decodeHalf(encodeHalf(2049)), 2048);
  EXPECT_EQ(decodeHalf(encodeHalf(2051)), 2052);
  EXPECT_TRUE(std::isinf(decodeHalf(encodeHalf(65520))));
  EXPECT_EQ(decodeHalf(encodeHalf(65519)), 65504);
}

TEST(EvaluateCore, DoubleModeKeepsDoublePrecision) {
  float third = 1.0f / 3;
  const char *bytes = reinterpret_cast<const char *>(&third);
  Value value = fromBytes(ElementKind::F32, {1}, bytes, Mode::Double);
  Fault fault;
  Value square = map(sinter::scalar::Kind::k_mul, {&value, &value},
                     ElementKind::F32, Mode::Double, fault);
  EXPECT_EQ(square.as<double>()[0], double(third) * double(third));
  EXPECT_EQ(toTensor(square).kind, ElementKind::F64);
}

TEST(EvaluateCore, IntegersWrapToTheirType) {
  Value value{ElementKind::I8, {2}, std::vector<int64_t>{200, -129}};
  settle(value, Mode::Declared);
  EXPECT_EQ(value.as<int64_t>(), (std::vector<int64_t>{-56, 127}));
}

TEST(EvaluateCore, CastSaturates) {
  Value value = floats({4}, {300, -300, NAN, 1.9f});
  EXPECT_EQ(cast(value, ElementKind::I8, Mode::Declared).as<int64_t>(),
            (std::vector<int64_t>{127, -128, 0, 1}));
  EXPECT_EQ(cast(value, ElementKind::U8, Mode::Declared).as<int64_t>(),
            (std::vector<int64_t>{255, 0, 0, 1}));
}

TEST(EvaluateCore, ConvFollowsTheFormula) {
  // 2 groups, stride 2, dilation 2, uneven padding; 21 pixels: two blocks
  // of 16.
  Value x = counted({2, 4, 9, 11}), w = counted({6, 2, 3, 2}, 5),
        bias = counted({6}, 3);
  ConvGeometry g{{2, 1}, {2, 1, 0, 1}, {2, 3}, {}, 2};
  Value y = conv(x, w, &bias, g);
  forEachIndex(y.shape, [&](const Shape &o, int64_t) {
    float sum = at(bias, {o[1]});
    for (int64_t c = 0; c < 2; ++c)
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t j = 0; j < 2; ++j) {
          int64_t h = o[2] * 2 + i * 2 - 2, v = o[3] + j * 3 - 1;
          if (h >= 0 && h < 9 && v >= 0 && v < 11)
            sum +=
                at(w, {o[1], c, i, j}) * at(x, {o[0], o[1] / 3 * 2 + c, h, v});
        }
    ASSERT_EQ(at(y, o), sum);
  });
}

TEST(EvaluateCore, ConvTransposeScattersWhatConvGathers) {
  Value x = counted({1, 4, 5}), w = counted({4, 3, 3}, 5);
  ConvGeometry g{{2}, {1, 0}, {2}, {1}, 2};
  Value y = convTranspose(x, w, nullptr, g);
  ASSERT_EQ(y.shape, (Shape{1, 6, 13}));
  std::vector<float> expected(6 * 13);
  for (int64_t c = 0; c < 4; ++c)
    for (int64_t m = 0; m < 3; ++m)
      for (int64_t i = 0; i < 5; ++i)
        for (int64_t k = 0; k < 3; ++k) {
          int64_t o = i * 2 + k * 2 - 1;
          if (o >= 0 && o < 13)
            expected[(c / 2 * 3 + m) * 13 + o] +=
                at(x, {0, c, i}) * at(w, {c, m, k});
        }
  EXPECT_EQ(y.as<float>(), expected);
}

TEST(EvaluateCore, MatmulBroadcastsAndTransposes) {
  Value a = counted({3, 1, 4, 5}), b = counted({2, 17, 5}, 5);
  Value y = matmul(a, b, false, true);
  ASSERT_EQ(y.shape, (Shape{3, 2, 4, 17}));
  forEachIndex(y.shape, [&](const Shape &o, int64_t) {
    float sum = 0;
    for (int64_t k = 0; k < 5; ++k)
      sum += at(a, {o[0], 0, o[2], k}) * at(b, {o[1], o[3], k});
    ASSERT_EQ(at(y, o), sum);
  });
}

TEST(EvaluateCore, AnEmptyReductionHasItsNeutralValue) {
  Value empty = floats({2, 0}, {});
  EXPECT_EQ(reduce(empty, ReduceKind::Sum, {1}, false).as<float>(),
            (std::vector<float>{0, 0}));
  EXPECT_TRUE(
      std::isinf(reduce(empty, ReduceKind::Max, {1}, false).as<float>()[0]));
}

TEST(EvaluateCore, AnIndexOutsideItsAxisIsAFault) {
  Value x = counted({3, 2});
  for (int64_t index : {3, -4}) {
    Fault fault;
    gather(x, ints({1}, {index}), 0, fault);
    EXPECT_NE(fault.message.find("outside an axis of 3"), std::string::npos);
    Fault scatterFault;
    scatterND(x, ints({1, 1}, {index}), counted({1, 2}), Combine::None,
              scatterFault);
    EXPECT_TRUE(scatterFault);
  }
  Fault none;
  EXPECT_EQ(gather(x, ints({1}, {-1}), 0, none).as<float>()[0], at(x, {2, 0}));
  EXPECT_FALSE(none);
}

TEST(EvaluateCore, TopKOrdersTiesByIndexAndNanFirst) {
  TopK top = topK(floats({5}, {1, NAN, 3, 3, 2}), 4, 0, true);
  EXPECT_EQ(top.indices.as<int64_t>(), (std::vector<int64_t>{1, 2, 3, 4}));
}

TEST(EvaluateCore, PoolWithCeilStartsInsideTheInput) {
  Pool p{PoolKind::Average, {2}, {3}, {1, 1}, {1}};
  p.ceilMode = p.countIncludePad = true;
  Value y = pool(floats({1, 1, 4}, {2, 4, 6, 8}), p, nullptr);
  EXPECT_EQ(y.as<float>(), (std::vector<float>{1, 7}));
}
