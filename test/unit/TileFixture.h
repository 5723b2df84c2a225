// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of tiles draw: legal schedules, and spatial axes.

#ifndef SINTER_TEST_UNIT_TILEFIXTURE_H
#define SINTER_TEST_UNIT_TILEFIXTURE_H

#include "test/unit/KernelFixture.h"
#include "test/unit/TileCases.h"

namespace sinter::test {

class TileFixture : public KernelFixture {
protected:
  using KernelFixture::KernelFixture;

  void schedule(TileCase &test) {
    test.tileRows = pick({1, 2, 3, 5, 6, 8, 12, 14});
    test.tileColumns = pick({16, 32, 48, 64});
    test.unroll = pick({1, 2, 4, 8});
    test.prefetch = pick({0, 0, 8});
    test.rowBlock = pick({0, 1, 5, 16, 36});
    test.columnBlock = pick({0, 0, 16, 48, 64});
  }

  // One more spatial axis of `test`, and the lines of its input that `lines` of
  // output read.
  struct Taps {
    std::vector<int64_t> kernel, strides, dilations;
  };
  int64_t addAxis(TileCase &test, const Taps &taps, int64_t lines) {
    test.kernel.push_back(pick(taps.kernel));
    test.strides.push_back(pick(taps.strides));
    test.dilations.push_back(pick(taps.dilations));
    return (lines - 1) * test.strides.back() +
           (test.kernel.back() - 1) * test.dilations.back() + 1;
  }
};

} // namespace sinter::test

#endif // SINTER_TEST_UNIT_TILEFIXTURE_H
