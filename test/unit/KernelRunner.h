// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads the object of one kernel into this process and calls it on buffers that
// end at a page nobody may touch, so that reading one byte too far is a crash.

#ifndef SINTER_TEST_UNIT_KERNELRUNNER_H
#define SINTER_TEST_UNIT_KERNELRUNNER_H

#include <cstdint>
#include <string>
#include <vector>

namespace sinter::test {

/// Bytes whose last one (or first one, with `atStart`) borders a guard page.
class Guarded {
public:
  explicit Guarded(int64_t bytes, bool atStart = false);
  ~Guarded();
  Guarded(const Guarded &) = delete;
  Guarded &operator=(const Guarded &) = delete;
  void *data() const { return start; }
  int64_t size() const { return bytes; }
  template <typename T> T *as() const { return static_cast<T *>(start); }

private:
  void *start, *mapping;
  int64_t bytes, mapped;
};

class LoadedKernel {
public:
  /// Links `object` into a temporary shared object and opens it. Aborts on
  /// failure.
  LoadedKernel(const std::string &object, const std::string &symbol);
  ~LoadedKernel();
  LoadedKernel(const LoadedKernel &) = delete;
  LoadedKernel &operator=(const LoadedKernel &) = delete;
  /// Runs items [0, n) in `parts` calls; returns the fault word.
  uint32_t run(const std::vector<void *> &buffers,
               const std::vector<int64_t> &params, int64_t items,
               int64_t scratchBytes = 0, int64_t parts = 1) const;
  /// The plain call, for timing.
  void call(void *const *buffers, const int64_t *params, int64_t begin,
            int64_t end, void *worker) const;

private:
  void *library, *function;
};

/// Names of the undefined symbols of an ELF object.
std::vector<std::string> undefinedSymbols(const std::string &object);

} // namespace sinter::test

#endif // SINTER_TEST_UNIT_KERNELRUNNER_H
