// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The hash of a file against LLVM's of its bytes.
#include "compiler/pipeline/FileHash.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

namespace sinter {
namespace {

TEST(FileHash, IsSha256) {
  llvm::SmallString<128> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("sinter", "bin", path));
  std::vector<uint8_t> bytes;
  // Around a block, around two, and around what is read at once.
  for (size_t size : {0, 1, 55, 56, 63, 64, 65, 119, 120, 128, (1 << 20) - 1,
                      1 << 20, (1 << 20) + 70}) {
    while (bytes.size() < size)
      bytes.push_back(uint8_t(bytes.size() * 37 + (bytes.size() >> 8)));
    std::error_code failed;
    llvm::raw_fd_ostream(path, failed)
        .write(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    ASSERT_FALSE(failed);
    EXPECT_EQ(sha256OfFile(path.str().str()),
              llvm::toHex(llvm::SHA256::hash(bytes), /*LowerCase=*/true))
        << size;
  }
  llvm::sys::fs::remove(path);
  EXPECT_EQ(sha256OfFile(path.str().str()), std::nullopt);
}

} // namespace
} // namespace sinter
