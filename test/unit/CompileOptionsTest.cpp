// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The texts of options: what each form means, and that nothing else is taken.
#include "compiler/pipeline/CompileOptions.h"
#include "compiler/report/UserError.h"

#include <gtest/gtest.h>

using namespace sinter;

template <typename T> static std::string errorOf(llvm::Expected<T> value) {
  return value ? "" : llvm::toString(value.takeError());
}

TEST(CompileOptions, ShapeForms) {
  auto dims = [](const char *text) {
    auto shape = parseShapeOption(text);
    EXPECT_TRUE(bool(shape)) << text;
    return shape ? shape->dims : std::vector<std::string>{"?"};
  };
  using Dims = std::vector<std::string>;
  EXPECT_EQ(dims("x=1,3,224,224"), (Dims{"1", "3", "224", "224"}));
  EXPECT_EQ(dims("x=1x3x224x224"), (Dims{"1", "3", "224", "224"}));
  EXPECT_EQ(dims("x=N,3,H,W"), (Dims{"N", "3", "H", "W"}));
  EXPECT_EQ(dims("x=max_len,3"), (Dims{"max_len", "3"}));
  EXPECT_EQ(dims("x="), Dims{});
  auto name = parseShapeOption("a=b:0=2");
  ASSERT_TRUE(bool(name));
  EXPECT_EQ(name->input, "a=b:0"); // the name ends at the last '='
}

TEST(CompileOptions, ShapeRefusals) {
  for (const char *text :
       {"x", "=1,2", "x=1,-2", "x=1,,2", "x=1,2.5", "x=99999999999"})
    EXPECT_NE(errorOf(parseShapeOption(text)).find("SINTER-U002"),
              std::string::npos)
        << text;
}

TEST(CompileOptions, Dims) {
  auto dim = parseDimOption("H=32..4096");
  ASSERT_TRUE(bool(dim));
  EXPECT_EQ(dim->min, 32);
  EXPECT_EQ(dim->max, 4096);
  auto late = parseDimOption("/m/Range_extent=1..400");
  ASSERT_TRUE(bool(late));
  EXPECT_EQ(late->symbol, "/m/Range_extent");
  for (const char *text : {"H", "H=", "H=5..", "H=9..3", "3=1..2", "H=a..b"})
    EXPECT_NE(errorOf(parseDimOption(text)).find("SINTER-U003"),
              std::string::npos)
        << text;
}

TEST(CompileOptions, IsasAreSortedBestFirst) {
  auto isas = parseIsas("x86-64-v3,x86-64-v4");
  ASSERT_TRUE(bool(isas));
  EXPECT_EQ(*isas, (std::vector<std::string>{"x86-64-v4", "x86-64-v3"}));
  auto dots = parseIsas("x86-64-v4,x86-64-v3,x86-64-v4-vnni");
  ASSERT_TRUE(bool(dots));
  EXPECT_EQ(*dots, (std::vector<std::string>{"x86-64-v4-vnni", "x86-64-v4",
                                             "x86-64-v3"}));
  auto emulated = parseIsas("x86-64-v3,x86-64-v4-emulated");
  ASSERT_TRUE(bool(emulated));
  EXPECT_EQ(*emulated,
            (std::vector<std::string>{"x86-64-v4-emulated", "x86-64-v3"}));
  EXPECT_NE(
      errorOf(parseIsas("x86-64-v4-emulated,x86-64-v4")).find("SINTER-U004"),
      std::string::npos);
  EXPECT_NE(errorOf(parseIsas("sse2")).find("SINTER-U004"), std::string::npos);
  EXPECT_NE(errorOf(parseIsas("native,x86-64-v3")).find("SINTER-U004"),
            std::string::npos);
}

TEST(UserError, ExitCodeFollowsTheLetter) {
  EXPECT_EQ(exitCodeOf("bad\n [SINTER-I001] see"), ExitCode::Model);
  EXPECT_EQ(exitCodeOf("[SINTER-U001]"), ExitCode::Usage);
  EXPECT_EQ(exitCodeOf("[SINTER-I999]"), ExitCode::Internal); // no such code
  EXPECT_EQ(exitCodeOf("a crash"), ExitCode::Internal);
}

// Whoever calls an option or a node SINTER-O001 gets the exit code of the
// fault.
TEST(UserError, NamesOfUsersDecideNothing) {
  std::string text = errorOf(parseIsas("[SINTER-O001]"));
  EXPECT_EQ(exitCodeOf(text), ExitCode::Usage) << text;
  EXPECT_EQ(findErrorCode("node '[SINTER-O001]' is odd [SINTER-I013]"),
            "SINTER-I013");
  EXPECT_EQ(exitCodeOf("node 'SINTER-O001' crashed"), ExitCode::Internal);
}
