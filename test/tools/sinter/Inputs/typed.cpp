// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A user's program with two models: one of a fixed shape, which takes arrays of
// that size, and one with an open batch. Row i has the same bits in both.
#include "fixed.hpp"
#include "open.hpp"

#include <array>
#include <vector>

int main() {
#ifdef TOO_FEW
  std::array<float, 127> rows{};
#else
  std::array<float, 128> rows{};
#endif
  rows[3] = 1;
  float raw[128] = {};
  std::vector<float> many(192, 0.5f);
  auto first = sinter::Program::open(fixed::model(), 1);
  auto second = sinter::Program::open(open::model(), 1);
  if (!first || !second)
    return 1;
  auto one = fixed::Context::make(*first);
  auto two = open::Context::make(*second);
  if (!one || !two || one->x(raw) || one->x(rows) || two->x(many, 3))
    return 2;
  if (two->x(many, 4) != SINTER_E_MEMORY || two->x(many, -1) != SINTER_E_SHAPE)
    return 3;
  if (two->x(sinter::Span<const float>(rows.data(), 64), 1))
    return 4;
  auto a = one->run();
  auto b = two->run();
  if (!a || !b || a->y.size != 20 || b->y.size != 10)
    return 5;
  for (size_t i = 0; i < 10; ++i)
    if (a->y[i] < b->y[i] || a->y[i] > b->y[i])
      return 6;
  return 0;
}
