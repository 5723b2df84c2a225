// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the reader of .npz and .npy files, which users give as inputs. What is
// refused has a reason; what is taken lies within the file and has as many
// bytes as its shape says, and can be written again.
#include "runtime/npz/Npz.h"

#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t bytesOf(const sinter_npz_array &array) {
  static const uint64_t sizes[] = {0, 4, 1, 1, 2, 2, 4, 8, 16, 1, 2, 8, 4, 8};
  if (array.dtype >= sizeof sizes / sizeof *sizes || array.rank > 8)
    std::abort();
  uint64_t bytes = sizes[array.dtype];
  for (int i = 0; i < array.rank; ++i)
    if (array.dim[i] < 0 ||
        __builtin_mul_overflow(bytes, uint64_t(array.dim[i]), &bytes))
      std::abort();
  return bytes;
}

static void check(int status, sinter_npz &read, const char *error) {
  if ((status != 0) != (error[0] != 0))
    std::abort();
  if (status)
    return;
  volatile char sum = 0;
  for (uint32_t i = 0; i < read.count; ++i) {
    const sinter_npz_array &array = read.arrays[i];
    if (!array.name || bytesOf(array) != array.bytes)
      std::abort();
    auto *at = static_cast<const char *>(array.data);
    for (uint64_t b = 0; b < array.bytes; ++b)
      sum = sum + at[b];
  }
  char problem[256];
  if (sinter_npz_write("/dev/null", read.arrays, read.count, problem,
                       sizeof problem))
    std::abort();
  sinter_npz_free(&read);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static int file = memfd_create("npz", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (ftruncate(file, 0) || pwrite(file, data, size, 0) != ssize_t(size))
    return 0;
  sinter_npz read;
  char error[256] = "";
  check(sinter_npz_read(path.c_str(), &read, error, sizeof error), read, error);
  error[0] = 0;
  check(sinter_npy_read(path.c_str(), &read, error, sizeof error), read, error);
  return 0;
}
