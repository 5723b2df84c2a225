// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contract and conv kernels as plain numbers: writes the define, holds the
// buffers, knows the right answer. Shared by the property test and the
// micro-benchmark of kernels.

#ifndef SINTER_TEST_UNIT_TILECASES_H
#define SINTER_TEST_UNIT_TILECASES_H

#include <cstdint>
#include <string>
#include <vector>

namespace sinter::test {

/// A view: sizes and strides in elements, and where element 0 lies.
struct Strided {
  std::vector<int64_t> dims, strides;
  int64_t elements() const; // from element 0 to the last one reached
};

struct TileCase {
  enum class Kind { Contract, Conv, Depthwise } kind = Kind::Contract;
  Strided a, b, out; // b: contract with a view, and along k
  bool panels = true;
  bool bytes = false;  // a is ui8, b i8 and the result i32; else all f32
  bool alongK = false; // b is a view [k, n] whose k is contiguous
  std::vector<int64_t> kernel, strides, dilations;
  std::vector<int64_t> borderLow, borderHigh; // lines of zeros; empty: none
  int64_t groups = 1;
  bool bias = false, residual = false, relu = false;
  std::vector<unsigned> symbols; // dims of out (contract) that are parameters

  // Schedule.
  int64_t rowBlock = 0, columnBlock = 0, tileRows = 1, tileColumns = 16,
          unroll = 1, prefetch = 0;

  int64_t n() const;     // columns of one group
  int64_t depth() const; // reduction of one element
  int64_t macs() const;
  int64_t items() const;
  int64_t panelElements() const;
  /// The define @k with a schedule for `isa`.
  std::string define(const std::string &isa) const;
  std::string describe() const;
};

/// Dense row-major view.
Strided dense(std::vector<int64_t> dims);

/// Writes the zeros of the borders into the memory of a.
void zeroBorders(const TileCase &test, float *a);

/// Packs weights [group][k][n] into panels.
std::vector<float> packPanels(const std::vector<float> &weights, int64_t groups,
                              int64_t n, int64_t k);

/// The answer with one float accumulator an element, in index order, or along k
/// with 16, by fma or, not fused, by a product and a sum that both round.
/// `weights` is [group][k][n] for panels, the memory of b for a view.
void reference(const TileCase &test, const float *a, const float *weights,
               const float *bias, const float *residual, float *out,
               bool fused);

} // namespace sinter::test

#endif // SINTER_TEST_UNIT_TILECASES_H
