// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Damaged images: the checksum finds every changed byte; and an image with a
// fresh checksum over any damage is refused or runs without leaving its memory.

#include "RuntimeModels.h"

#include <time.h>

namespace sinter {
namespace {

void refresh(std::vector<uint8_t> &image) {
  size_t hashed = offsetof(sinter_image, hash) + 8;
  uint64_t hash =
      sinter_image_hash(image.data() + hashed, image.size() - hashed);
  std::memcpy(image.data() + offsetof(sinter_image, hash), &hash, 8);
}

TEST(ImageDamage, ChecksumFindsEveryByte) {
  TestModel m;
  makeBiasModel(m);
  ASSERT_EQ(sinter_image_verify(m.image.data(), m.image.size(), nullptr),
            SINTER_OK);
  for (size_t i = 0; i < m.image.size(); ++i) {
    m.image[i] ^= 1 << (i % 8);
    ASSERT_NE(sinter_image_verify(m.image.data(), m.image.size(), nullptr),
              SINTER_OK)
        << i;
    m.image[i] ^= 1 << (i % 8);
  }
}

TEST(ImageDamage, EveryLengthIsRefused) {
  TestModel m;
  makeBiasModel(m);
  for (size_t n = 0; n < m.image.size(); ++n) {
    std::vector<uint8_t> cut(m.image.begin(), m.image.begin() + n);
    cut.reserve(8);
    if (n >= sizeof(sinter_image)) {
      reinterpret_cast<sinter_image *>(cut.data())->bytes = n;
      refresh(cut);
    }
    ASSERT_NE(sinter_image_verify(cut.data(), n, nullptr), SINTER_OK) << n;
  }
}

// Kernels here stay inside what params and buffers say, so this runs under
// ASan.
TEST(ImageDamage, WhatVerifiesRunsSafely) {
  int accepted = 0;
  TestModel m;
  makeBiasModel(m);
  std::vector<uint8_t> good = m.image;
  m.kernels.assign(8, [](void *const *, const int64_t *, int64_t, int64_t,
                         sinter_worker *) {});
  for (size_t i = 0; i < good.size() * 3; ++i) {
    static const uint8_t changes[] = {1, 0x80, 0xFF};
    m.image = good;
    m.image[i / 3] ^= changes[i % 3];
    refresh(m.image);
    if (reinterpret_cast<sinter_image *>(m.image.data())->state_bytes > 1 << 20)
      continue; // would be refused for want of memory, or fill all there is
    m.attach();
    Runner r;
    if (r.open(m) != SINTER_OK)
      continue;
    ++accepted;
    std::vector<float> x(80), y(80);
    r.set(0, SINTER_F32, {10, 8}, x);
    r.set(1, SINTER_F32, {}, y);
    r.give(4096);
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sinter_set_deadline(r.context, uint64_t(now.tv_sec) * 1000000000u +
                                       uint64_t(now.tv_nsec) + 5000000);
    r.run(); // any status; no access outside
    r.text(m);
  }
  EXPECT_GT(accepted, 0); // names, ranges: some damage has no structure
}

} // namespace
} // namespace sinter
