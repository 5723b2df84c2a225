// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The normal form decides which shapes are equal, so it is checked twice: laws
// by hand, and random expressions against plain integer arithmetic.
#include "dialects/graph/Broadcast.h"
#include "dialects/sym/Facts.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>
#include <random>

using namespace sinter::sym;

namespace {

class DimTest : public testing::Test {
protected:
  DimTest() { context.loadDialect<SymDialect>(); }

  DimAttr symbol(llvm::StringRef name) { return symbolDim(&context, name); }
  DimAttr constant(int64_t value) { return constantDim(&context, value); }
  DimAttr parse(llvm::StringRef text) {
    return llvm::cast<DimAttr>(
        mlir::parseAttribute(("#sym.dim<" + text + ">").str(), &context));
  }

  mlir::MLIRContext context;
};

TEST_F(DimTest, EqualFormsAreTheSameAttribute) {
  DimAttr a = symbol("A"), b = symbol("B");
  EXPECT_EQ(a + b, b + a);
  EXPECT_EQ(a * b, b * a);
  EXPECT_EQ((a + b) * (a - b), a * a - b * b);
  EXPECT_EQ(a - a, constant(0));
  EXPECT_EQ(a * 0, constant(0));
  EXPECT_EQ(minDim(a, b), minDim(b, a));
  EXPECT_EQ(minDim(a, a + 1), a);
  EXPECT_EQ(maxDim(a, a + 1), a + 1);
}

TEST_F(DimTest, Divides) {
  DimAttr h = symbol("H"), b = symbol("B"), s = symbol("S");
  EXPECT_EQ(floorDiv(h * 4 + 3, 4), h);
  EXPECT_EQ(floorDiv(floorDiv(h, 2), 3), floorDiv(h, 6));
  EXPECT_EQ(floorDiv(floorDiv(h - 1, 2), 2), floorDiv(h - 1, 4));
  EXPECT_EQ(floorDiv(b * s * 384, b * s), constant(384));
  EXPECT_EQ(floorDiv(h * 6, 4), floorDiv(h * 3, 2));
  EXPECT_EQ(ceilDiv(h, 2), floorDiv(h + 1, 2));
  EXPECT_EQ(mod(h * 8, constant(4)), constant(0));
  EXPECT_EQ(floorDiv(constant(-7), 2), constant(-4));
}

TEST_F(DimTest, ParsesWhatItPrints) {
  for (const char *text :
       {"0", "-5", "N", "N * 2", "-N", "-N * 3 + 1", "B * S * 384 + S - 2",
        "(H - 1) floordiv 2 + 1", "min(4, N) * max(M, N - 1)",
        "\"batch size\" * 2", "((A * 3 + 1) floordiv 2) * B", "A floordiv B",
        "A floordiv (B * 2)", "-9223372036854775807",
        "A mod 8 + A ceildiv 3"}) {
    DimAttr dim = parse(text);
    ASSERT_TRUE(dim) << text;
    EXPECT_EQ(parse(toString(dim)), dim)
        << text << " printed as " << toString(dim);
  }
}

TEST_F(DimTest, EvaluatesLikeIntegers) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    int64_t values[] = {int64_t(random() % 20), int64_t(random() % 5) - 2};
    auto valueOf = [&](llvm::StringRef name) -> std::optional<int64_t> {
      return values[name == "B"];
    };
    DimAttr dim = symbol("A");
    int64_t expected = values[0];
    for (int step = 0; step < 6; ++step) {
      int64_t k = int64_t(random() % 9) - 4, other = values[1] + k;
      DimAttr right = symbol("B") + k;
      switch (random() % 6) {
      case 0:
        dim = dim + right, expected += other;
        break;
      case 1:
        dim = dim * right, expected *= other;
        break;
      case 2:
        dim = minDim(dim, right), expected = std::min(expected, other);
        break;
      case 3:
        dim = maxDim(dim, right), expected = std::max(expected, other);
        break;
      case 4: {
        int64_t by = int64_t(random() % 5) + 1, q = expected / by;
        dim = floorDiv(dim, by);
        expected = q * by > expected ? q - 1 : q;
        break;
      }
      default: {
        int64_t by = int64_t(random() % 5) + 1;
        dim = mod(dim, constant(by));
        expected = ((expected % by) + by) % by;
      }
      }
    }
    EXPECT_EQ(evaluate(dim, valueOf), expected) << toString(dim);
    EXPECT_EQ(parse(toString(dim)), dim) << toString(dim);
    Range range = rangeOf(dim, [&](llvm::StringRef name) {
      return name == "A" ? Range{0, 19} : Range{-2, 2};
    });
    EXPECT_LE(range.min, expected) << toString(dim);
    EXPECT_GE(range.max, expected) << toString(dim);
    DimAttr known = substitute(dim, [&](llvm::StringRef name) {
      return constant(values[name == "B"]);
    });
    EXPECT_EQ(asConstant(known), expected) << toString(dim);
  }
}

TEST_F(DimTest, RangesOfWhatIsKnownOfAnExtent) {
  DimAttr a = symbol("A"), b = symbol("B"), extent = floorDiv(a, 2) - 3;
  Affine affine = affineOf(extent * 6 + 5);
  EXPECT_EQ(affine.base, floorDiv(a, 2));
  EXPECT_EQ(affine.factor, 6);
  EXPECT_EQ(affine.offset, -13);
  EXPECT_EQ(affineOf(a * 4 - b * 6 + 1).base, a * 2 - b * 3);
  EXPECT_FALSE(affineOf(constant(7)).base);
  Facts facts;
  facts.know(extent * 6 + 5); // above -1 already where extent is 0
  facts.know(extent);
  auto range = [&](DimAttr dim) {
    return rangeOf(
        dim, [](llvm::StringRef) { return Range{0, 100}; },
        [&](DimAttr part) { return facts.atLeast(part); });
  };
  EXPECT_EQ(range(extent).min, 0);
  EXPECT_EQ(range(extent * 64 + 1).min, 1);
  EXPECT_EQ(range(maxDim(b, extent + 2)).min, 2);
  EXPECT_EQ(range(extent * -1).max, 0);
  EXPECT_EQ(range(b - 1).min, -1);
}

TEST_F(DimTest, BroadcastsUnrelatedSymbolsExactly) {
  using namespace sinter::graph;
  DimAttr n = symbol("N"), m = symbol("M");
  DimAttr both = *broadcastDim(n, m);
  EXPECT_EQ(*broadcastDim(both, n), both);
  EXPECT_EQ(*broadcastDim(m, both), both);
  EXPECT_EQ(*broadcastDim(n, constant(1)), n);
  EXPECT_EQ(*broadcastDim(constant(8), n), constant(8));
  EXPECT_FALSE(broadcastDim(constant(8), constant(3)));
  // Neither is 1 unless both are, or one of them never is.
  EXPECT_EQ(*broadcastDim(n, minDim(n, constant(512))), n);
  EXPECT_EQ(*broadcastDim(minDim(n, constant(512)), n), n);
  EXPECT_EQ(*broadcastDim(n, m * 2), m * 2);
  EXPECT_EQ(*broadcastDim(n, m * 2 + 1), *broadcastDim(m * 2 + 1, n));
  EXPECT_FALSE(impliesOne(m * 2 + 1, n));
  EXPECT_TRUE(impliesOne(minDim(n, constant(512)), n));
  EXPECT_FALSE(impliesOne(minDim(n, constant(1)), n));
  EXPECT_TRUE(isProvedBroadcast(n, both));
  EXPECT_FALSE(isProvedBroadcast(both, n));
  int64_t cases[][3] = {{1, 5, 5}, {5, 1, 5}, {5, 5, 5},
                        {0, 1, 0}, {1, 0, 0}, {0, 0, 0}};
  for (const int64_t (&row)[3] : cases)
    EXPECT_EQ(evaluate(both,
                       [&](llvm::StringRef name) -> std::optional<int64_t> {
                         return row[name == "M"];
                       }),
              row[2]);
}

TEST_F(DimTest, StaticTensorsCarryNoEncoding) {
  mlir::Type f32 = mlir::Float32Type::get(&context);
  EXPECT_FALSE(tensorOf({constant(2), constant(3)}, f32).getEncoding());
  mlir::RankedTensorType type = tensorOf({symbol("N"), constant(3)}, f32);
  EXPECT_TRUE(type.isDynamicDim(0));
  EXPECT_EQ(dimsOf(type)[0], symbol("N"));
  EXPECT_EQ(elementCount(type), symbol("N") * 3);
}

} // namespace
