// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is written reads back; what is damaged is refused at every length.
#include "runtime/npz/Npz.h"
#include "sinter/sinter.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <vector>

namespace {
class Npz : public testing::Test {
protected:
  std::string path = testing::TempDir() + "/sinter-npz-test.npz";
  char error[256] = "";
  sinter_npz npz{};

  void TearDown() override {
    sinter_npz_free(&npz);
    remove(path.c_str());
  }
  std::string bytes() {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  int readBytes(const std::string &bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    return sinter_npz_read(path.c_str(), &npz, error, sizeof error);
  }
};

const float floats[6] = {1, -2, 3, 4, 5, 6};
const int64_t scalar = 42;
const sinter_npz_array arrays[] = {
    {"x", 1, 2, {2, 3}, floats, sizeof floats, nullptr},
    {"n", 7, 0, {}, &scalar, sizeof scalar, nullptr},
    {"none", 9, 1, {0}, nullptr, 0, nullptr}};
} // namespace

TEST_F(Npz, RoundTrip) {
  ASSERT_EQ(sinter_npz_write(path.c_str(), arrays, 3, error, sizeof error), 0)
      << error;
  ASSERT_EQ(sinter_npz_read(path.c_str(), &npz, error, sizeof error), 0)
      << error;
  ASSERT_EQ(npz.count, 3u);
  EXPECT_STREQ(npz.arrays[0].name, "x");
  EXPECT_EQ(npz.arrays[0].rank, 2);
  EXPECT_EQ(npz.arrays[0].dim[1], 3);
  EXPECT_EQ(memcmp(npz.arrays[0].data, floats, sizeof floats), 0);
  EXPECT_EQ(npz.arrays[1].rank, 0);
  EXPECT_EQ(npz.arrays[1].dtype, 7);
  EXPECT_EQ(npz.arrays[2].bytes, 0u);
}

TEST_F(Npz, TextsRoundTrip) {
  const std::string texts[] = {
      "",  "gr\xC3\xBCn", "\xE6\x97\xA5\xF0\x9F\x8C\xB3",
      "a", "\xFF",        "long enough"};
  const std::string read[] = {texts[0], texts[1],       texts[2],
                              texts[3], "\xEF\xBF\xBD", texts[5]};
  std::vector<sinter_text> records;
  for (const std::string &text : texts)
    records.push_back({text.data(), text.size()});
  sinter_npz_array array = {"t", 8, 2, {2, 3}, records.data(), 6 * 16, nullptr};
  ASSERT_EQ(sinter_npz_write(path.c_str(), &array, 1, error, sizeof error), 0);
  EXPECT_NE(bytes().find("'<U11'"), std::string::npos);
  ASSERT_EQ(sinter_npz_read(path.c_str(), &npz, error, sizeof error), 0)
      << error;
  ASSERT_EQ(npz.arrays[0].dtype, 8);
  ASSERT_EQ(npz.arrays[0].bytes, 6u * 16);
  auto *found = static_cast<const sinter_text *>(npz.arrays[0].data);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(std::string(found[i].data, found[i].bytes), read[i]) << i;
  sinter_npz_free(&npz);
  // '|S3' where '<U11' stood; the bytes behind are zeros of code points.
  std::string whole = bytes();
  whole.replace(whole.find("'<U11'"), 6, "'|S3' ");
  ASSERT_EQ(readBytes(whole), 0) << error;
  found = static_cast<const sinter_text *>(npz.arrays[0].data);
  EXPECT_EQ(found[0].bytes, 0u);
}

TEST_F(Npz, EveryCutIsRefused) {
  ASSERT_EQ(sinter_npz_write(path.c_str(), arrays, 3, error, sizeof error), 0)
      << error;
  std::string whole = bytes();
  for (size_t n = 0; n < whole.size(); ++n) {
    EXPECT_EQ(readBytes(whole.substr(0, n)), -1) << n;
    EXPECT_EQ(npz.count, 0u);
  }
}

TEST_F(Npz, DamagedBytesNeverLeaveTheFile) {
  ASSERT_EQ(sinter_npz_write(path.c_str(), arrays, 3, error, sizeof error), 0)
      << error;
  std::string whole = bytes();
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xFF);
    if (readBytes(damaged) == 0)
      for (uint32_t i = 0; i < npz.count; ++i) {
        auto *data = static_cast<const char *>(npz.arrays[i].data);
        EXPECT_GE(data, npz.file);
        EXPECT_LE(data + npz.arrays[i].bytes, npz.file + damaged.size());
      }
    sinter_npz_free(&npz);
  }
}

TEST_F(Npz, PickleIsRefused) {
  ASSERT_EQ(sinter_npz_write(path.c_str(), arrays, 1, error, sizeof error), 0)
      << error;
  std::string whole = bytes();
  whole.replace(whole.find("<f4"), 3, "|O8");
  EXPECT_EQ(readBytes(whole), -1);
  EXPECT_NE(std::string(error).find("pickled objects"), std::string::npos)
      << error;
}
