// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// FIPS 180-4 on x86's SHA instructions: one of them does two rounds on a state
// kept as ABEF and CDGH, two others four words of the message schedule.
// Elsewhere LLVM's hash serves.
#include "compiler/pipeline/FileHash.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace sinter;

namespace {

#if defined(__x86_64__)

alignas(16) constexpr uint32_t roundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

bool hasInstructions() {
  return __builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1");
}

__attribute__((target("sha,sse4.1,ssse3"))) void
hashBlocks(__m128i &abef, __m128i &cdgh, const uint8_t *data, size_t blocks) {
  const __m128i bigEndian =
      _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  for (; blocks; --blocks, data += 64) {
    __m128i oldAbef = abef, oldCdgh = cdgh, words[4];
    for (int i = 0; i < 4; ++i)
      words[i] = _mm_shuffle_epi8(
          _mm_loadu_si128(reinterpret_cast<const __m128i *>(data) + i),
          bigEndian);
#pragma unroll
    for (int i = 0; i < 16; ++i) {
      __m128i &now = words[i % 4], &last = words[(i + 3) % 4];
      __m128i sum = _mm_add_epi32(
          now, _mm_load_si128(
                   reinterpret_cast<const __m128i *>(roundConstants) + i));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
      if (i >= 12)
        continue;
      __m128i next = _mm_sha256msg1_epu32(now, words[(i + 1) % 4]);
      next = _mm_add_epi32(next, _mm_alignr_epi8(last, words[(i + 2) % 4], 4));
      now = _mm_sha256msg2_epu32(next, last);
    }
    abef = _mm_add_epi32(abef, oldAbef);
    cdgh = _mm_add_epi32(cdgh, oldCdgh);
  }
}

class FastHash {
public:
  void update(llvm::ArrayRef<uint8_t> bytes) {
    total += bytes.size();
    if (held) {
      size_t take = std::min(bytes.size(), sizeof rest - held);
      std::memcpy(rest + held, bytes.data(), take);
      held += take;
      bytes = bytes.drop_front(take);
      if (held < sizeof rest)
        return;
      hashBlocks(abef, cdgh, rest, 1);
      held = 0;
    }
    hashBlocks(abef, cdgh, bytes.data(), bytes.size() / 64);
    held = bytes.size() % 64;
    if (held)
      std::memcpy(rest, bytes.data() + bytes.size() - held, held);
  }
  std::array<uint8_t, 32> final() {
    uint64_t bits = total * 8;
    uint8_t tail[72] = {0x80};
    size_t zeros = (119 - held) % 64; // the length ends a block
    for (int i = 0; i < 8; ++i)
      tail[1 + zeros + i] = uint8_t(bits >> (56 - 8 * i));
    update(llvm::ArrayRef<uint8_t>(tail, 1 + zeros + 8));
    // Lanes from the lowest: F E B A and H G D C.
    uint32_t low[4], high[4];
    std::memcpy(low, &abef, sizeof low);
    std::memcpy(high, &cdgh, sizeof high);
    uint32_t state[] = {low[3], low[2], high[3], high[2],
                        low[1], low[0], high[1], high[0]};
    std::array<uint8_t, 32> digest;
    for (int i = 0; i < 32; ++i)
      digest[i] = uint8_t(state[i / 4] >> (24 - 8 * (i % 4)));
    return digest;
  }

private:
  __m128i abef =
      _mm_set_epi32(0x6a09e667, int(0xbb67ae85), 0x510e527f, int(0x9b05688c));
  __m128i cdgh =
      _mm_set_epi32(0x3c6ef372, int(0xa54ff53a), 0x1f83d9ab, 0x5be0cd19);
  uint64_t total = 0;
  uint8_t rest[64];
  size_t held = 0;
};

#else

bool hasInstructions() { return false; }
using FastHash = llvm::SHA256;

#endif

// Reads until the end; false when a read fails.
template <typename Hash> bool hashFile(int file, Hash &hash) {
  std::vector<uint8_t> buffer(1 << 20);
  while (true) {
    ssize_t n = ::read(file, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n == 0;
    hash.update(llvm::ArrayRef<uint8_t>(buffer.data(), size_t(n)));
  }
}

template <typename Hash> std::optional<std::string> hashOf(int file) {
  Hash hash;
  if (!hashFile(file, hash))
    return std::nullopt;
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

} // namespace

std::optional<std::string> sinter::sha256OfFile(const std::string &path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return std::nullopt;
  std::optional<std::string> result =
      hasInstructions() ? hashOf<FastHash>(file) : hashOf<llvm::SHA256>(file);
  ::close(file);
  return result;
}
