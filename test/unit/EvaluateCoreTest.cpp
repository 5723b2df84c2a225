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
            (std::vector<int64_t>{127, -128, -128, 1}));
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

TEST(EvaluateCore, LogarithmsOfIntegersSaturate) {
  Value x = ints({3, 2}, {-5, 1, 3, -3, 10, 12});
  EXPECT_EQ(reduce(x, ReduceKind::LogSum, {1}, false).as<int64_t>(),
            (std::vector<int64_t>{INT64_MIN, INT64_MIN, 3}));
  Value large = ints({1}, {3037000500}); // its square wraps, below 0
  EXPECT_EQ(reduce(large, ReduceKind::L2, {0}, false).as<int64_t>(),
            (std::vector<int64_t>{INT64_MIN}));
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

TEST(EvaluateCore, ThreadsChangeNoBit) {
  // Enough work for several threads; the columns of one block give the same
  // bits.
  Value a = makeValue(ElementKind::F32, {96, 160}, Mode::Declared);
  Value b = makeValue(ElementKind::F32, {160, 320}, Mode::Declared);
  float x = 0.1f;
  for (Value *value : {&a, &b})
    for (float &element : value->as<float>())
      element = x = std::fmod(x * 1.7f + 0.3f, 2.0f) - 0.9f;
  Value whole = matmul(a, b, false, false);
  Value part = matmul(a, slice(b, {0, 48}, {160, 16}, {1, 1}), false, false);
  EXPECT_EQ(slice(whole, {0, 48}, {96, 16}, {1, 1}).as<float>(),
            part.as<float>());
}

TEST(EvaluateCore, LstmWithOpenGatesAddsUp) {
  // Weights 0, biases that saturate the gates: c grows by tanh(1) each step.
  auto zeros = [](Shape shape) {
    return makeValue(ElementKind::F32, std::move(shape), Mode::Declared);
  };
  Value input = zeros({3, 2, 4}), weights = zeros({1, 4, 4});
  Value recurrence = zeros({1, 4, 1}), bias = zeros({1, 8});
  bias.as<float>() = {40, 40, 40, 1, 0, 0, 0, 0};
  Value lengths{ElementKind::I32, {2}, std::vector<int64_t>{3, 2}};
  RecurrentOperands operands{&input,   &weights, &recurrence, &bias,
                             &lengths, nullptr,  nullptr,     nullptr};
  using sinter::scalar::Kind;
  Recurrent lstm{Cell::Lstm,
                 Direction::Forward,
                 {Kind::k_sigmoid, Kind::k_tanh, Kind::k_tanh},
                 {1, 1, 1},
                 {0, 0, 0},
                 {}};
  RecurrentResults results = recurrent(operands, lstm);
  EXPECT_NEAR(results.yC.as<float>()[0], 3 * std::tanh(1.0), 1e-6);
  EXPECT_NEAR(results.yC.as<float>()[1], 2 * std::tanh(1.0), 1e-6);
  EXPECT_EQ(at(results.y, {2, 0, 1, 0}), 0) << "behind the end of a short row";
}

TEST(EvaluateCore, TakesTensorsWithoutElements) {
  Value none = floats({2, 0, 4}, {}), some = counted({2, 3, 4});
  Value noRows = floats({0, 3, 4, 4}, {}), filter = counted({2, 3, 3, 3});
  Value channel = counted({3}), noIndex = ints({0}, {});
  Fault fault;
  ConvGeometry g{{1, 1}, {1, 1, 1, 1}, {1, 1}, {0, 0}, 1};
  EXPECT_EQ(conv(noRows, filter, nullptr, g).shape, (Shape{0, 2, 4, 4}));
  EXPECT_EQ(softmax(none, 1, false).count(), 0);
  EXPECT_EQ(softmax(none, 2, true).count(), 0);
  EXPECT_EQ(cumsum(none, 1, false, false).count(), 0);
  EXPECT_EQ(transpose(none, {2, 1, 0}).shape, (Shape{4, 0, 2}));
  EXPECT_EQ(concat({&none, &some, &none}, 1).as<float>(), some.as<float>());
  EXPECT_EQ(slice(some, {0, 3, 0}, {2, 0, 4}, {1, 1, 1}).count(), 0);
  EXPECT_EQ(gather(some, noIndex, 1, fault).shape, (Shape{2, 0, 4}));
  EXPECT_EQ(groupNorm(noRows, channel, channel, 1, 1e-5).count(), 0);
  EXPECT_EQ(normalize(none, nullptr, nullptr, 2, 1e-5, false).result.count(),
            0);
  EXPECT_EQ(normalize(none, nullptr, nullptr, 1, 1e-5, false).result.count(),
            0);
  EXPECT_EQ(
      matmul(floats({2, 0}, {}), floats({0, 3}, {}), false, false).as<float>(),
      std::vector<float>(6, 0));
  EXPECT_EQ(resize(noRows, {0, 3, 8, 8},
                   {"linear", "half_pixel", "", {1, 1, 2, 2}, {}})
                .count(),
            0);
  EXPECT_EQ(topK(none, 0, 1, true).values.count(), 0);
  EXPECT_EQ(nonZero(none).shape, (Shape{3, 0}));
  EXPECT_EQ(scatterND(some, ints({0, 1}, {}), floats({0, 3, 4}, {}),
                      Combine::Add, fault)
                .as<float>(),
            some.as<float>());
  EXPECT_FALSE(fault);
  pad(none, nullptr, PadMode::Edge, {0, 1, 0}, {0, 0, 0}, fault);
  EXPECT_NE(fault.message.find("axis that has none"), std::string::npos);
}
