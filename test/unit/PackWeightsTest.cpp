// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing against its definition: every element of a panel is computed from its
// place.
#include "codegen/weights/PackWeights.h"

#include "dialects/graph/GraphDialect.h"
#include "gtest/gtest.h"
#include <cstring>
#include <numeric>

namespace sinter {
namespace {

std::vector<char> counting(size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 1.0f);
  std::vector<char> bytes(count * sizeof(float));
  memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<float> pack(const std::vector<char> &source,
                        std::vector<int64_t> dims, std::vector<int64_t> strides,
                        int64_t offset, std::vector<int64_t> limit) {
  int64_t total = 1;
  for (int64_t dim : dims)
    total *= dim;
  std::vector<float> out(total, -1.0f);
  EXPECT_TRUE(
      packBytes(source, 4, dims, strides, offset, limit,
                {reinterpret_cast<char *>(out.data()), out.size() * 4}));
  return out;
}

TEST(PackWeights, PanelsOfSixteenAreFilledWithZeros) {
  // B[k=2][n=18] as [n/16][k][16].
  std::vector<float> out =
      pack(counting(36), {2, 2, 16}, {16, 18, 1}, 0, {0, 2, 18});
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[15], 16);
  EXPECT_EQ(out[16], 19); // second row of the first panel
  EXPECT_EQ(out[32], 17); // second panel
  EXPECT_EQ(out[33], 18);
  EXPECT_EQ(out[34], 0);
  EXPECT_EQ(out[48], 35);
  EXPECT_EQ(out[63], 0);
}

TEST(PackWeights, GatesOfTheSameUnitsLieTogether) {
  // Two gates of 3 units, k = 1: [units/16][gate][k][16].
  std::vector<float> out =
      pack(counting(6), {1, 2, 1, 16}, {16, 3, 1, 1}, 0, {0, 3, 3});
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[2], 3);
  EXPECT_EQ(out[3], 0);
  EXPECT_EQ(out[16], 4);
  EXPECT_EQ(out[18], 6);
  EXPECT_EQ(out[19], 0);
}

TEST(PackWeights, NegativeStridesReverse) {
  std::vector<float> out = pack(counting(4), {4}, {-1}, 3, {});
  EXPECT_EQ(out, (std::vector<float>{4, 3, 2, 1}));
}

TEST(PackWeights, FactsNameComputedWeightsOnce) {
  mlir::MLIRContext context;
  auto &store = context.getOrLoadDialect<graph::GraphDialect>()->getWeights();
  context.loadDialect<exec::ExecDialect>();
  std::vector<char> given = counting(2);
  store.addBorrowed("w", given);
  store.addOwned("w.scaled", counting(2), "mul(w, s)");
  auto pack = exec::PackAttr::get(&context, {2}, {1}, 0, {});
  auto reversed = exec::PackAttr::get(&context, {2}, {-1}, 1, {});
  auto f32 = mlir::Float32Type::get(&context);
  auto weight = [&](const char *key) {
    return graph::WeightAttr::get(&context,
                                  mlir::StringAttr::get(&context, key));
  };
  ImageResult result;
  result.weights = {{weight("w"), f32, pack, 0, 8},
                    {weight("w.scaled"), f32, pack, 64, 8},
                    {weight("w.scaled"), f32, reversed, 128, 8}};
  std::string text,
      expected = "[{\"computed\":\"mul(w, s)\",\"weight\":\"w.scaled\"}]";
  llvm::raw_string_ostream(text) << llvm::json::Value(factsOf(result));
  EXPECT_EQ(text, expected);

  std::vector<float> out(2);
  std::string error;
  llvm::MutableArrayRef<char> bytes(reinterpret_cast<char *>(out.data()), 8);
  EXPECT_TRUE(packWeight(result.weights[2], bytes, error));
  EXPECT_EQ(out, (std::vector<float>{2, 1}));
  WeightBlob lost{weight("lost"), f32, pack, 0, 8};
  EXPECT_FALSE(packWeight(lost, bytes, error));
  EXPECT_EQ(error, "weight 'lost' is not in the weight store");
}

TEST(PackWeights, AReadOutsideTheSourceIsRefused) {
  std::vector<char> source = counting(4), out(5 * 4);
  EXPECT_FALSE(packBytes(source, 4, {5}, {1}, 0, {}, out));
  EXPECT_FALSE(packBytes(source, 4, {5}, {-1}, 3, {}, out));
  EXPECT_FALSE(
      packBytes(source, 4, {4}, {1}, 0, {}, out)); // not the blob's size
}

} // namespace
} // namespace sinter
