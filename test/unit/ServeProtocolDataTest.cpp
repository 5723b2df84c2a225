// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers to the last bit, both ways, for every type; random values by a fixed
// generator, and the texts where two roundings would go wrong.
#include "test/unit/ServeProtocol.h"

#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/protocol/JsonWriter.h"

#include <cmath>
#include <limits>
#include <random>

using namespace sinter::serve;
using namespace sinter::serve::test;

namespace {

std::string inputJson(uint8_t dtype, const std::string &shape,
                      const std::string &data) {
  return R"({"inputs":[{"name":"x","shape":)" + shape + R"(,"datatype":")" +
         std::string(dataTypeName(dtype)) + R"(","data":)" + data + "}]}";
}

std::string written(uint8_t dtype, std::vector<int64_t> dims,
                    const std::string &bytes) {
  Response response;
  response.outputs = {tensorOf("y", dtype, std::move(dims), bytes)};
  InferReply reply;
  Status status = renderInfer({}, response, false, nullptr, reply);
  if (!status.ok())
    return status.message;
  size_t at = reply.json.find("\"data\":") + 7;
  return reply.json.substr(at, reply.json.size() - at - 3);
}

/// Tensor -> JSON -> tensor.
void expectRoundTrip(uint8_t dtype, int64_t count, const std::string &bytes) {
  InferCall call;
  Status status = parse(inputJson(dtype, "[" + std::to_string(count) + "]",
                                  written(dtype, {count}, bytes)),
                        call);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(bytesOf(call.request.inputs[0]), bytes) << dataTypeName(dtype);
}

template <typename T> void integersRoundTrip(uint8_t dtype) {
  std::mt19937_64 random(dtype);
  std::vector<T> values = {std::numeric_limits<T>::min(),
                           std::numeric_limits<T>::max(), 0, 1};
  for (int i = 0; i < 500; ++i)
    values.push_back(T(random() >> (random() % 64)));
  expectRoundTrip(dtype, int64_t(values.size()), bytesOf(values));
}

template <typename T> std::vector<T> finite(uint32_t seed, T exponentMask) {
  std::mt19937_64 random(seed);
  std::vector<T> values = {0, T(T(1) << (sizeof(T) * 8 - 1)), 1};
  while (values.size() < 2000) {
    T bits = T(random());
    if ((bits & exponentMask) != exponentMask)
      values.push_back(bits);
  }
  return values;
}

float readFloat(const std::string &text) {
  InferCall call;
  Status status = parse(inputJson(SINTER_F32, "[1]", "[" + text + "]"), call);
  EXPECT_TRUE(status.ok()) << status.message;
  float value = NAN;
  if (status.ok())
    std::memcpy(&value, call.request.inputs[0].data, 4);
  return value;
}

std::string fault(uint8_t dtype, const std::string &shape,
                  const std::string &data) {
  return faultOf(inputJson(dtype, shape, data));
}

} // namespace

TEST(JsonData, IntegersRoundTrip) {
  integersRoundTrip<int64_t>(SINTER_I64);
  integersRoundTrip<int32_t>(SINTER_I32);
  integersRoundTrip<int16_t>(SINTER_I16);
  integersRoundTrip<int8_t>(SINTER_I8);
  integersRoundTrip<uint64_t>(SINTER_U64);
  integersRoundTrip<uint32_t>(SINTER_U32);
  integersRoundTrip<uint16_t>(SINTER_U16);
  integersRoundTrip<uint8_t>(SINTER_U8);
  expectRoundTrip(SINTER_BOOL, 3, std::string("\0\1\1", 3));
}

TEST(JsonData, RealsRoundTrip) {
  expectRoundTrip(SINTER_F32, 2000, bytesOf(finite<uint32_t>(1, 0x7F800000)));
  expectRoundTrip(SINTER_F64, 2000,
                  bytesOf(finite<uint64_t>(2, uint64_t(0x7FF) << 52)));
  expectRoundTrip(SINTER_F16, 2000, bytesOf(finite<uint16_t>(3, 0x7C00)));
  expectRoundTrip(SINTER_BF16, 2000, bytesOf(finite<uint16_t>(4, 0x7F80)));
}

TEST(JsonData, OneRoundingToFloat) {
  // 1 + 2^-24 lies between two floats; the texts lie just beside it, nearer to
  // it than any other double is.
  EXPECT_EQ(readFloat("1.000000059604644775390625"), 1.0f);
  EXPECT_EQ(readFloat("1.00000005960464477539062500000001"),
            1.0f + std::ldexp(1.0f, -23));
  EXPECT_EQ(readFloat("1.00000005960464477539062499999999"), 1.0f);
  EXPECT_EQ(readFloat("16777217"), 16777216.0f);
  EXPECT_EQ(readFloat("1e-45"), std::numeric_limits<float>::denorm_min());
  EXPECT_TRUE(std::signbit(readFloat("-0")));
  EXPECT_EQ(readFloat("3.4028235677973362e38"),
            std::numeric_limits<float>::max());
}

TEST(JsonData, TextsKeepEveryByte) {
  std::string odd("nul\0tab\t\"\\/\x7f", 12),
      wide = "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
  expectRoundTrip(SINTER_STRING, 4,
                  framed({odd, wide, "", std::string(70000, 'z')}));
  InferCall call;
  ASSERT_TRUE(
      parse(inputJson(SINTER_STRING, "[2]", R"(["\u0000\ud83d\ude00","\/"])"),
            call)
          .ok());
  EXPECT_EQ(bytesOf(call.request.inputs[0]),
            framed({std::string("\0\xF0\x9F\x98\x80", 5), "/"}));
  EXPECT_NE(written(SINTER_STRING, {2}, framed({"ok", "\xFF"}))
                .find("no UTF-8 at element 1"),
            std::string::npos);
  EXPECT_NE(fault(SINTER_STRING, "[1]", R"(["\ud83d"])"), "accepted");
  EXPECT_NE(fault(SINTER_STRING, "[1]", "[\"\xFF\"]"), "accepted");
  EXPECT_NE(fault(SINTER_STRING, "[1]", "[\"a\nb\"]"), "accepted");
  EXPECT_NE(fault(SINTER_STRING, "[1]", "[3]").find("expected BYTES, found 3"),
            std::string::npos);
}

TEST(JsonData, NotANumberIsRefusedBothWays) {
  for (const char *text :
       {"NaN", "Infinity", "-Infinity", "nan", "inf", "1e999", "1e39", "0x1p3",
        "1.", ".5", "01", "+1", "--1", "1e", "\"1\"", "true", "null", "{}"})
    EXPECT_NE(fault(SINTER_F32, "[1]", std::string("[") + text + "]"),
              "accepted")
        << text;
  EXPECT_NE(fault(SINTER_F32, "[1]", "[1e39]")
                .find("1e39 is outside the range of FP32"),
            std::string::npos);
  EXPECT_NE(fault(SINTER_F32, "[1]", "[null]").find("binary_data"),
            std::string::npos);
  for (const char *name : {"NaN", "-Infinity", "Infinity"})
    EXPECT_NE(fault(SINTER_F32, "[2]", std::string("[1, ") + name + "]")
                  .find("NaN and infinities are sent as binary_data"),
              std::string::npos)
        << name;
  EXPECT_NE(fault(SINTER_F16, "[1]", "[65520]"), "accepted");
  EXPECT_EQ(fault(SINTER_F16, "[1]", "[65519]"), "accepted");
  EXPECT_NE(fault(SINTER_BF16, "[1]", "[3.4e38]"), "accepted");
  EXPECT_NE(written(SINTER_F32, {2}, bytesOf<float>({1, NAN}))
                .find("NaN at element 1, which JSON"),
            std::string::npos);
  EXPECT_NE(written(SINTER_F64, {1}, bytesOf<double>({-INFINITY}))
                .find("binary_data true"),
            std::string::npos);
}

TEST(JsonData, IntegersNeverWrap) {
  EXPECT_NE(
      fault(SINTER_I8, "[1]", "[128]").find("128 is outside the range of INT8"),
      std::string::npos);
  EXPECT_NE(fault(SINTER_U8, "[1]", "[-1]"), "accepted");
  EXPECT_NE(fault(SINTER_I64, "[1]", "[9223372036854775808]"), "accepted");
  EXPECT_NE(fault(SINTER_U64, "[1]", "[18446744073709551616]"), "accepted");
  EXPECT_NE(fault(SINTER_I32, "[1]", "[1.0]"), "accepted");
  EXPECT_NE(fault(SINTER_BOOL, "[1]", "[1]").find("expected BOOL, found 1"),
            std::string::npos);
}

TEST(JsonData, ShapesAndNesting) {
  for (const char *data : {"[1,2,3,4,5,6]", "[[1,2,3],[4,5,6]]"})
    EXPECT_EQ(fault(SINTER_I32, "[2,3]", data), "accepted") << data;
  EXPECT_EQ(fault(SINTER_I32, "[2,1,2]", "[[1,2],[3,4]]"), "accepted");
  EXPECT_EQ(fault(SINTER_I32, "[]", "[5]"), "accepted");
  EXPECT_EQ(fault(SINTER_I32, "[0,3]", "[]"), "accepted");
  EXPECT_EQ(fault(SINTER_I32, "[2,0]", "[[],[]]"), "accepted");
  for (const char *data :
       {"[[1,2,3],[4,5]]", "[[1,2,3,4],[5,6]]", "[1,2,3,4,5]",
        "[1,2,3,4,5,6,7]", "[[1,2,3],4,5,6]", "[1,[2,3],4]",
        "[[[1],[2],[3]],[[4],[5],[6]]]", "[]", "5", "{}", "[[1,2],[3,4],[5,6]]",
        "[1,2,3,4,5,6", "[1,2,3,4,5,6]]", "[1,2,,4,5,6]", "[1 2 3 4 5 6]"})
    EXPECT_NE(fault(SINTER_I32, "[2,3]", data), "accepted") << data;
  EXPECT_NE(fault(SINTER_I32, "[1000000000]", "[1]").find("fewer elements"),
            std::string::npos);
}

TEST(JsonWriter, TextsAreAlwaysUtf8) {
  JsonWriter json;
  json.open('[')
      .string(
          std::string("a\0\xC0\x80\xED\xA0\x80\xF4\x90\x80\x80\xE2\x82", 13))
      .close(']');
  EXPECT_EQ(json.text.substr(0, 9), "[\"a\\u0000");
  EXPECT_EQ(json.text.find('\xC0'), std::string::npos);
  EXPECT_EQ(errorJson("a \"b\"\n"), R"({"error":"a \"b\"\u000a"})");
}
