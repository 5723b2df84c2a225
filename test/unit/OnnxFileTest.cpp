// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The wire reader and the schema table: bytes by hand, so that no other
// reader's habits are taken for the format.
#include "compiler/import/Diagnostics.h"
#include "compiler/import/Proto.h"
#include "compiler/import/Schema.h"
#include "compiler/import/WireReader.h"

#include <gtest/gtest.h>
#include <string>

using namespace sinter;
using namespace sinter::onnx;
using namespace std::string_literals;

namespace {

std::string message(uint8_t tag, const std::string &payload) {
  std::string result(1, char(tag));
  size_t length = payload.size();
  for (; length >= 0x80; length >>= 7)
    result += char((length & 0x7f) | 0x80);
  return result + char(length) + payload;
}

TEST(WireReader, ReadsEveryWireType) {
  std::string bytes = "\x08\x96\x01"s + "\x11" + std::string(8, '\1') +
                      "\x1a\x02hi" + "\x25" + std::string(4, '\2');
  WireReader reader(bytes);
  Field field;
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.number, 1u);
  EXPECT_EQ(field.asInt(), 150);
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.number64, 0x0101010101010101u);
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.bytes, "hi");
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.number64, 0x02020202u);
  EXPECT_FALSE(reader.next(field));
  EXPECT_FALSE(reader.failed());
}

TEST(WireReader, NeverLeavesTheBytes) {
  for (const std::string &bytes :
       {"\x08"s, "\x08\x96"s, "\x11\1\2\3"s, "\x1a\x05hi"s, "\x25\1"s,
        "\x00\x01"s, "\x0b"s, "\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s,
        "\x08"s + std::string(11, '\xff')}) {
    WireReader reader(bytes);
    Field field;
    while (reader.next(field)) {
    }
    EXPECT_TRUE(reader.failed()) << bytes.size();
  }
}

TEST(Proto, ParsesPackedAndUnpackedAlike) {
  // dims 2, 3 unpacked then 4 packed; int64 data unpacked 7, packed 8, 300.
  std::string bytes = "\x08\x02\x08\x03\x0a\x01\x04\x10\x07"s + "\x38\x07" +
                      "\x3a\x03\x08\xac\x02";
  Tensor tensor;
  const char *problem = nullptr;
  ASSERT_TRUE(parseTensor(bytes, tensor, problem)) << problem;
  EXPECT_EQ(tensor.dims, (std::vector<int64_t>{2, 3, 4}));
  EXPECT_EQ(tensor.type, DataType::Int64);
  std::string data;
  for (Text chunk : tensor.ints64)
    data += chunk;
  EXPECT_EQ(data, "\x07\x08\xac\x02");
}

TEST(Proto, RefusesDepthAndWrongWireTypes) {
  std::string graph;
  for (int i = 0; i < 100; ++i)
    graph = message(0x0a, message(0x2a, message(0x32, graph)));
  Model model;
  const char *problem = nullptr;
  EXPECT_FALSE(parseModel(message(0x3a, graph), model, problem));
  EXPECT_STREQ(problem, "its messages nest deeper than 64 levels");
  EXPECT_FALSE(parseModel("\x38\x01", model, problem)); // graph as a number
  EXPECT_STREQ(problem, "a field has the wrong wire type");
}

TEST(Schema, PicksTheVersionInForce) {
  EXPECT_EQ(findSchema("Clip", 7)->since, 6);
  EXPECT_EQ(findSchema("Clip", 11)->since, 11);
  EXPECT_EQ(findSchema("Clip", 12)->since, 12);
  EXPECT_EQ(findSchema("Clip", newestOpset())->since, 13);
  EXPECT_EQ(findSchema("Gelu", 19), nullptr);
  EXPECT_EQ(firstOpset("Gelu"), 20);
  EXPECT_EQ(findSchema("Frobnicate", 20), nullptr);
  EXPECT_EQ(firstOpset("Frobnicate"), 0);
}

TEST(Schema, TellsFormalsApart) {
  const Schema *conv = findSchema("Conv", 11);
  ASSERT_EQ(conv->inputs.size(), 3u);
  EXPECT_TRUE(conv->inputs[2].isOptional);
  EXPECT_EQ(conv->requiredInputs(), 2u);
  EXPECT_EQ(Schema::formal(conv->inputs, 3), nullptr);
  EXPECT_EQ(typeNames(conv->maskOf(conv->inputs[0])), "float, float16, double");
  EXPECT_EQ(conv->attribute("group")->initial, "1");
  const Schema *concat = findSchema("Concat", 13);
  EXPECT_NE(Schema::formal(concat->inputs, 50), nullptr);
  EXPECT_TRUE(concat->attribute("axis")->isRequired);
}

TEST(Diagnostics, GroupsAndEscapes) {
  Diagnostics faults("m.onnx");
  faults.add({ErrorCode::I003, "a\x1b[2J", "F\"oo", "bad\xff", "", ""});
  faults.add({ErrorCode::I003, "b", "F\"oo", "bad\xff", "", ""});
  std::string text = faults.text();
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("the same in 1 more: 'b'"), std::string::npos) << text;
  EXPECT_NE(text.find("[SINTER-I003] see docs/error-codes.md"),
            std::string::npos);
}

} // namespace
