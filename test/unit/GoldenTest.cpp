// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Golden vectors of models over x, [N, 6]: what they hold, that a seed decides
// them, and how much they allow.
#include "compiler/pipeline/Golden.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"
#include <cstring>

namespace sinter {
namespace {

std::string bytes(int number, const std::string &content) {
  return std::string{char(number << 3 | 2), char(content.size())} + content;
}

std::string number(int field, int value) {
  return {char(field << 3), char(value)};
}

std::string value(const std::string &name, int type) {
  std::string shape = bytes(1, bytes(2, "N")) + bytes(1, number(1, 6));
  return bytes(1, name) + bytes(2, bytes(1, number(1, type) + bytes(2, shape)));
}

std::string node(const std::string &op, const std::string &in,
                 const std::string &out) {
  return bytes(1, bytes(1, in) + bytes(2, out) + bytes(4, op));
}

std::string cast(const std::string &in, const std::string &out, int type) {
  std::string to =
      bytes(1, "to") + number(3, type) + std::string("\xa0\x01\x02");
  return bytes(1,
               bytes(1, in) + bytes(2, out) + bytes(4, "Cast") + bytes(5, to));
}

enum { F32 = 1, U8 = 2, I64 = 7, F16 = 10 };

class GoldenTest : public testing::Test {
protected:
  GoldenTest() {
    EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("golden", "onnx", path));
    options.modelPath = path.str().str();
    write(node("Relu", "x", "y"), F32);
  }
  ~GoldenTest() override { llvm::sys::fs::remove(path); }

  /// A model that makes y, of a type, from x.
  void write(const std::string &nodes, int type) {
    std::string graph = nodes + bytes(2, "g") + bytes(11, value("x", F32)) +
                        bytes(12, value("y", type));
    std::error_code code;
    llvm::raw_fd_ostream out(path, code);
    out << number(1, 8) << bytes(8, number(2, 17)) << bytes(7, graph);
  }

  Golden make(GoldenOptions golden) {
    auto made = makeGolden(options, golden);
    if (made)
      return std::move(*made);
    ADD_FAILURE() << llvm::toString(made.takeError());
    return {};
  }

  llvm::SmallString<128> path;
  CompileOptions options;
};

TEST_F(GoldenTest, HoldsInputsAndWhatTheEvaluatorMakesOfThem) {
  GoldenOptions three;
  three.rows = 3;
  Golden golden = make(three);
  ASSERT_EQ(golden.tensors.size(), 2u);
  const GoldenTensor &x = golden.tensors[0], &y = golden.tensors[1];
  EXPECT_EQ(x.name, "input.x");
  EXPECT_EQ(y.name, "output.y");
  EXPECT_EQ(x.dtype, 1);
  EXPECT_EQ(x.dims, (std::vector<int64_t>{3, 6}));
  EXPECT_EQ(y.dims, x.dims);
  ASSERT_EQ(x.bytes.size(), 18 * sizeof(float));
  ASSERT_EQ(y.bytes.size(), x.bytes.size());
  bool isNegative = false;
  for (size_t i = 0; i < 18; ++i) {
    float in, out;
    std::memcpy(&in, &x.bytes[i * sizeof in], sizeof in);
    std::memcpy(&out, &y.bytes[i * sizeof out], sizeof out);
    EXPECT_EQ(out, in > 0 ? in : 0);
    isNegative |= in < 0;
  }
  EXPECT_TRUE(isNegative);
  EXPECT_EQ(golden.tolerance, 1e-4);
}

TEST_F(GoldenTest, ASeedDecidesThem) {
  GoldenOptions first, other;
  other.seed = 2;
  EXPECT_EQ(make(first).tensors[0].bytes, make(first).tensors[0].bytes);
  EXPECT_NE(make(first).tensors[0].bytes, make(other).tensors[0].bytes);
  EXPECT_EQ(make(first).tensors[0].dims, (std::vector<int64_t>{1, 6}));
}

TEST_F(GoldenTest, CoarseValuesMayFallToTheOtherSide) {
  write(cast("x", "half", F16) + cast("half", "y", F32), F32);
  EXPECT_EQ(make({}).tolerance, 0x1p-9);
  write(cast("x", "byte", U8) + cast("byte", "y", F32), F32);
  EXPECT_EQ(make({}).tolerance, 0x1p-6);
}

TEST_F(GoldenTest, LeavesOutWhatRoundingDecides) {
  write(node("Ceil", "x", "up") + cast("up", "y", I64), I64);
  EXPECT_EQ(make({}).tensors.size(), 2u);
  // As large as this, neighbours in f32 are whole numbers apart.
  write(node("Exp", "x", "a") + node("Exp", "a", "b") + node("Exp", "b", "c") +
            cast("c", "y", I64),
        I64);
  GoldenOptions many;
  many.rows = 9;
  EXPECT_EQ(make(many).tensors.size(), 1u);
  write(cast("x", "y", U8), U8);
  EXPECT_EQ(make({}).tensors.size(), 1u);
}

TEST_F(GoldenTest, AMissingModelIsAnError) {
  options.modelPath += ".none";
  auto made = makeGolden(options, {});
  ASSERT_FALSE(bool(made));
  EXPECT_NE(llvm::toString(made.takeError()).find("SINTER-U001"),
            std::string::npos);
}

} // namespace
} // namespace sinter
