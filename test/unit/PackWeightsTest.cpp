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
#include <sys/mman.h>
#include <unistd.h>

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
      packBytes(source, 4, dims, strides, offset, limit, 0,
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
  EXPECT_TRUE(packWeight(result.weights[2], 0, bytes, error));
  EXPECT_EQ(out, (std::vector<float>{2, 1}));
  WeightBlob lost{weight("lost"), f32, pack, 0, 8};
  EXPECT_FALSE(packWeight(lost, 0, bytes, error));
  EXPECT_EQ(error, "weight 'lost' is not in the weight store");
}

// A caller may ask for any range of elements, in runs and across them.
TEST(PackWeights, PartsAreThoseOfTheWhole) {
  struct Recipe {
    std::vector<int64_t> dims, strides;
    int64_t offset;
    std::vector<int64_t> limit;
  };
  for (const Recipe &recipe :
       std::vector<Recipe>{{{2, 2, 16}, {16, 18, 1}, 0, {0, 2, 18}},
                           {{2, 16, 2}, {16, 1, 18}, 0, {0, 1, 18}},
                           {{36}, {-1}, 35, {}},
                           {{}, {}, 3, {}}}) {
    std::vector<char> source = counting(36);
    std::vector<float> whole =
        pack(source, recipe.dims, recipe.strides, recipe.offset, recipe.limit);
    for (size_t step : {1, 3, 7, 16, 40})
      for (size_t begin = 0; begin < whole.size(); begin += step) {
        std::vector<float> part(std::min(step, whole.size() - begin), -1.0f);
        ASSERT_TRUE(packBytes(
            source, 4, recipe.dims, recipe.strides, recipe.offset, recipe.limit,
            begin * 4,
            {reinterpret_cast<char *>(part.data()), part.size() * 4}));
        for (size_t i = 0; i < part.size(); ++i)
          EXPECT_EQ(part[i], whole[begin + i]) << begin << " + " << i;
      }
  }
}

// In a file, tensors begin at any byte.
TEST(PackWeights, TheSourceNeedNoAlignment) {
  std::vector<char> shifted(1);
  for (char byte : counting(8))
    shifted.push_back(byte);
  std::vector<float> out(4);
  EXPECT_TRUE(packBytes(llvm::ArrayRef<char>(shifted).drop_front(), 4, {4}, {2},
                        0, {}, 0, {reinterpret_cast<char *>(out.data()), 16}));
  EXPECT_EQ(out, (std::vector<float>{1, 3, 5, 7}));
}

TEST(PackWeights, DigestIsThatOfTheBytes) {
  mlir::MLIRContext context;
  auto &store = context.getOrLoadDialect<graph::GraphDialect>()->getWeights();
  context.loadDialect<exec::ExecDialect>();
  auto pack = exec::PackAttr::get(&context, {2}, {1}, 0, {});
  std::vector<char> given(9 << 20, 1); // three pieces of a hash
  store.addBorrowed("w", given);
  ImageResult result;
  result.weights = {
      {graph::WeightAttr::get(&context, mlir::StringAttr::get(&context, "w")),
       mlir::Float32Type::get(&context), pack, 0, 8}};
  std::string before = weightsDigest(result, 1);
  EXPECT_EQ(before, weightsDigest(result, 3));
  EXPECT_EQ(before.size(), 64u);
  given.back() = 2;
  EXPECT_NE(before, weightsDigest(result, 3));
}

// Pages of a mapped file come back from it; what we own stays.
TEST(PackWeights, ReleasedWeightsCanBeReadAgain) {
  graph::WeightStore store;
  std::vector<char> owned(1 << 16, 3);
  std::string key = store.addOwned("owned", owned, "made");
  store.release(store.find(key)->bytes);
  EXPECT_EQ(store.find(key)->bytes, llvm::ArrayRef<char>(owned));
  char name[] = "/tmp/sinter-weights-XXXXXX";
  int file = mkstemp(name);
  ASSERT_GE(file, 0);
  unlink(name);
  ASSERT_EQ(write(file, owned.data(), owned.size()), ssize_t(owned.size()));
  void *mapped = mmap(nullptr, owned.size(), PROT_READ, MAP_PRIVATE, file, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  llvm::ArrayRef<char> bytes(static_cast<char *>(mapped), owned.size());
  store.keepMapped(nullptr, {bytes.data(), bytes.size()});
  EXPECT_EQ(bytes, llvm::ArrayRef<char>(owned));
  store.release(bytes.drop_front(5));
  EXPECT_EQ(bytes, llvm::ArrayRef<char>(owned));
  munmap(mapped, owned.size());
  close(file);
}

TEST(PackWeights, AReadOutsideTheSourceIsRefused) {
  std::vector<char> source = counting(4), out(5 * 4);
  EXPECT_FALSE(packBytes(source, 4, {5}, {1}, 0, {}, 0, out));
  EXPECT_FALSE(packBytes(source, 4, {5}, {-1}, 3, {}, 0, out));
  EXPECT_FALSE(
      packBytes(source, 4, {4}, {1}, 0, {}, 0, out)); // more than the blob has
  EXPECT_FALSE(packBytes(source, 4, {5}, {0}, 0, {}, 4, out));
}

} // namespace
} // namespace sinter
