// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function per operation of the graph dialect, on plain values. Structure
// (ranks, attribute lengths, shapes that must agree) has been verified by the
// dialect or is refused by the caller; what only data can break goes into a
// Fault. Callers `settle` the results.

#ifndef SINTER_COMPILER_EVALUATE_CORE_OPERATIONS_H
#define SINTER_COMPILER_EVALUATE_CORE_OPERATIONS_H

#include "compiler/evaluate/core/Tensor.h"
#include "dialects/scalar/ScalarReference.h"

#include <optional>

namespace sinter::evaluate {

using Ints = std::vector<int64_t>;
using Maybe = const Value *; // null: absent

// Elementwise.cpp
Value map(scalar::Kind kind, const std::vector<const Value *> &operands,
          ElementKind result, Mode mode, Fault &fault);
Value cast(const Value &input, ElementKind to, Mode mode);

// Product.cpp
Value matmul(const Value &a, const Value &b, bool transposeA, bool transposeB);
struct ConvGeometry {
  Ints strides, pads, dilations, outputPadding;
  int64_t group = 1;
};
/// Channels first; see Movement.h's transpose for channels_last.
Value conv(const Value &input, const Value &filter, Maybe bias,
           const ConvGeometry &geometry);
Value convTranspose(const Value &input, const Value &filter, Maybe bias,
                    const ConvGeometry &geometry);

// Window.cpp
enum class PoolKind { Max, Average, Lp };
struct Pool {
  PoolKind kind;
  Ints kernel, strides, pads, dilations;
  bool ceilMode = false, countIncludePad = false, columnMajorIndices = false;
  int64_t p = 2;
};
/// The second result, when asked for, is the flat index of each maximum.
Value pool(const Value &input, const Pool &pool, Value *indices);

// Reduce.cpp
enum class ReduceKind {
  Sum,
  Mean,
  Prod,
  Min,
  Max,
  L1,
  L2,
  LogSum,
  LogSumExp,
  SumSquare
};
Value reduce(const Value &input, ReduceKind kind, const Ints &axes,
             bool keepDims);
Value argReduce(const Value &input, bool largest, int64_t axis, bool keepDims,
                bool selectLast);
Value softmax(const Value &input, int64_t axis, bool log);
Value cumsum(const Value &input, int64_t axis, bool exclusive, bool reverse);

// Normalize.cpp
Value batchNorm(const Value &input, const Value &scale, const Value &bias,
                const Value &mean, const Value &variance, double epsilon,
                int64_t axis);
struct Normalized {
  Value result, mean, inverseDeviation;
};
Normalized normalize(const Value &input, Maybe scale, Maybe bias, int64_t axis,
                     double epsilon, bool rms);
Value groupNorm(const Value &input, const Value &scale, const Value &bias,
                int64_t groups, double epsilon);
Value lrn(const Value &input, int64_t size, double alpha, double beta,
          double bias);

// Movement.cpp
Value transpose(const Value &input, const Ints &permutation);
Value reshape(const Value &input, Shape shape);
Value broadcast(const Value &input, const Shape &shape);
Value concat(const std::vector<const Value *> &inputs, int64_t axis);
Value slice(const Value &input, const Ints &starts, const Ints &sizes,
            const Ints &steps);
enum class PadMode { Constant, Edge, Reflect, Wrap };
Value pad(const Value &input, Maybe value, PadMode mode, const Ints &low,
          const Ints &high, Fault &fault);
Value trilu(const Value &input, int64_t k, bool upper);

// Index.cpp
enum class Combine { None, Add, Mul, Min, Max };
Value gather(const Value &input, const Value &indices, int64_t axis,
             Fault &fault);
Value gatherElements(const Value &input, const Value &indices, int64_t axis,
                     Fault &fault);
Value gatherND(const Value &input, const Value &indices, int64_t batchDims,
               Fault &fault);
Value scatterElements(const Value &input, const Value &indices,
                      const Value &updates, int64_t axis, Combine combine,
                      Fault &fault);
Value scatterND(const Value &input, const Value &indices, const Value &updates,
                Combine combine, Fault &fault);
Value range(const Value &start, const Value &delta, int64_t count);
Value oneHot(const Value &indices, const Value &offOn, int64_t axis,
             int64_t depth);
struct TopK {
  Value values, indices;
};
TopK topK(const Value &input, int64_t k, int64_t axis, bool largest);
Value nonZero(const Value &input); // [rank, count]

// Resize.cpp
struct Resize {
  std::string mode, coordinateMode, nearestMode;
  std::vector<double> scales, roi; // scales: 0 means result / input extent
  double cubicCoeffA = -0.75, extrapolationValue = 0;
  bool excludeOutside = false, antialias = false;
};
Value resize(const Value &input, const Shape &shape, const Resize &resize);

// Recurrent.cpp
enum class Cell { Lstm, Gru, Rnn };
enum class Direction { Forward, Reverse, Both };
struct Recurrent {
  Cell cell;
  Direction direction;
  std::vector<scalar::Kind> activations;
  std::vector<double> alphas,
      betas; // one per activation; NaN: the row takes none
  std::optional<double> clip;
  bool linearBeforeReset = false, inputForget = false, quantisedState = false;
};
struct RecurrentOperands {
  Maybe input, weights, recurrence, bias, lengths, initialH, initialC, peephole;
};
struct RecurrentResults {
  Value y, yH, yC;
};
RecurrentResults recurrent(const RecurrentOperands &operands,
                           const Recurrent &recurrent);

} // namespace sinter::evaluate

#endif // SINTER_COMPILER_EVALUATE_CORE_OPERATIONS_H
