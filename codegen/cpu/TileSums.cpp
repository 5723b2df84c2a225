// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product along k leaves a vector of partial sums for each element. Each
// level halves the lanes of a sum and puts two vectors into one, so that eight
// sums of 16 lanes take 8 additions and not 32:
//
//   a0 a1 a2 a3   b0 b1 b2 b3   ->   a0+a2 a1+a3 b0+b2 b1+b3   ->   a b
//
// With one column and rows that are equally far apart, the sums of a tile are
// finished as one vector; else a row is a vector.

#include "codegen/cpu/TileBody.h"
#include "codegen/cpu/VectorShuffle.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

using kernel::TileOperand;
using kernel::TileProblem;

unsigned lanesOf(Value vector) {
  return cast<VectorType>(vector.getType()).getNumElements();
}

/// The lower or the upper half of each group of `width` lanes of `sources`,
/// which are one vector or two.
Value halves(KernelBuilder &kb, ArrayRef<Value> sources, unsigned width,
             bool upper) {
  SmallVector<int64_t> picks;
  unsigned lanes = lanesOf(sources[0]) * sources.size();
  for (unsigned first = 0; first < lanes; first += width)
    for (unsigned i = 0; i < width / 2; ++i)
      picks.push_back(first + (upper ? width / 2 : 0) + i);
  return shuffle(kb, sources.front(), sources.back(), picks);
}

/// The sums of all vectors in order, and further lanes behind them.
Values foldAll(KernelBuilder &kb, Values vectors) {
  for (unsigned width = lanesOf(vectors[0]); width > 1; width /= 2) {
    Values next;
    for (size_t i = 0; i < vectors.size(); i += 2) {
      SmallVector<Value, 2> pair{vectors[i]};
      // The last of an odd number keeps its size by being there twice.
      if (vectors.size() > 1)
        pair.push_back(vectors[std::min(i + 1, vectors.size() - 1)]);
      Value low = halves(kb, pair, width, false),
            high = halves(kb, pair, width, true);
      if (isa<FloatType>(getElementTypeOrSelf(low.getType())))
        next.push_back(arith::AddFOp::create(kb.b, kb.loc, low, high));
      else
        next.push_back(arith::AddIOp::create(kb.b, kb.loc, low, high));
    }
    vectors = next;
  }
  return vectors;
}

/// Sums [first, first + count), then any.
Value slice(KernelBuilder &kb, const Values &sums, unsigned first,
            unsigned count) {
  unsigned lanes = lanesOf(sums[0]), at = first / lanes;
  SmallVector<int64_t> picks;
  for (unsigned i = 0; i < llvm::PowerOf2Ceil(count); ++i)
    picks.push_back(first % lanes + std::min(i, count - 1));
  return shuffle(kb, sums[at], sums[std::min<size_t>(at + 1, sums.size() - 1)],
                 picks);
}

Value countOf(KernelBuilder &kb, unsigned count) {
  return llvm::isPowerOf2_32(count) ? Value() : kb.c(count);
}

} // namespace

void emitSums(KernelBuilder &kb, const TileProblem &problem,
              const TileShape &shape, const Values &grid,
              ArrayRef<RowAddresses> addresses, Value tileScratch) {
  Values sums = foldAll(kb, grid);
  unsigned rows = shape.rows, columns = shape.vectors;
  TileShape result{};
  result.vectors = 1;
  bool isOneVector =
      columns == 1 && llvm::all_of(addresses, [](const RowAddresses &address) {
        return bool(address.stride);
      });
  if (!isOneVector) {
    result.rows = rows;
    result.lanes = llvm::PowerOf2Ceil(columns);
    Values parts;
    for (unsigned r = 0; r < rows; ++r)
      parts.push_back(slice(kb, sums, r * columns, columns));
    return emitResults(kb, problem, result, parts, addresses,
                       countOf(kb, columns), tileScratch);
  }
  // Rows take the place of columns.
  TileProblem turned = problem;
  for (auto *list : {&turned.extras, &turned.outputs})
    for (TileOperand &operand : *list) {
      operand.column = operand.rows.empty()
                           ? sym::constantDim(kb.b.getContext(), 0)
                           : operand.rows.back();
      operand.rows.clear();
    }
  SmallVector<RowAddresses> firsts;
  for (const RowAddresses &address : addresses) {
    RowAddresses first;
    first.pointers.push_back(address.pointers[0]);
    first.displacements.push_back(address.displacements[0]);
    first.stride = kb.c(0);
    firsts.push_back(first);
  }
  result.rows = 1;
  result.lanes = llvm::PowerOf2Ceil(rows);
  emitResults(kb, turned, result, {slice(kb, sums, 0, rows)}, firsts,
              countOf(kb, rows), tileScratch);
}

} // namespace sinter::cpu
