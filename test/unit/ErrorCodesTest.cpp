// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A code must lead from the diagnostic to its explanation, and mean one thing.
#include "dialects/Support/ErrorCodes.h"

#include <cctype>
#include <gtest/gtest.h>
#include <set>
#include <string>

using namespace sinter;

TEST(ErrorCodes, FindsWithAndWithoutPrefix) {
  const ErrorText *text = findErrorText("SINTER-I001");
  ASSERT_NE(text, nullptr);
  EXPECT_EQ(text, findErrorText("I001"));
  EXPECT_EQ(text, &errorText(ErrorCode::I001));
  EXPECT_EQ(findErrorText("I999"), nullptr);
  EXPECT_EQ(findErrorText("SINTER-"), nullptr);
}

TEST(ErrorCodes, RowsAreCompleteAndUnique) {
  std::set<std::string> seen;
#define SINTER_ERROR(code, title, meaning, remedy)                             \
  {                                                                            \
    std::string name = #code;                                                  \
    EXPECT_TRUE(seen.insert(name).second) << name;                             \
    ASSERT_EQ(name.size(), 4u) << name;                                        \
    EXPECT_NE(std::string("ISGKCORU").find(name[0]), std::string::npos);       \
    for (char digit : name.substr(1))                                          \
      EXPECT_TRUE(std::isdigit(static_cast<unsigned char>(digit))) << name;    \
    EXPECT_STRNE(title, "") << name;                                           \
    EXPECT_STRNE(meaning, "") << name;                                         \
    EXPECT_STRNE(remedy, "") << name;                                          \
  }
#include "dialects/Support/ErrorCodes.def"
#undef SINTER_ERROR
}
