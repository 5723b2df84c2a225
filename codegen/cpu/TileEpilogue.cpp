// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finishes a grid of accumulators: the region of the root on each of them, then
// the stores. A short region is written out for every accumulator, which stay
// in registers. A long one (GELU, tanh) would need more registers than are left
// and thousands of instructions: the grid goes to scratch, in L1, and a loop
// over the rows finishes it.

#include "codegen/cpu/RegionVectorizer.h"
#include "codegen/cpu/TileBody.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

using kernel::TileOperand;
using kernel::TileProblem;

// More operations than these are a loop's body.
constexpr size_t kShortEpilogue = 12;

class Epilogue {
public:
  Epilogue(KernelBuilder &kb, const TileProblem &problem,
           const TileShape &shape, ArrayRef<RowAddresses> addresses,
           Value columnCount, Value tileScratch)
      : kb(kb), problem(problem), shape(shape), addresses(addresses),
        columnCount(columnCount), tileScratch(tileScratch) {
    for (const TileOperand &extra : problem.extras)
      operands.push_back(&extra);
    for (const TileOperand &output : problem.outputs)
      operands.push_back(&output);
  }

  void emit(const Values &grid) {
    bool isShort = problem.epilogue->empty() ||
                   weightOf(*problem.epilogue) <= kShortEpilogue;
    if (isShort || shape.rows == 1 || !fitsScratch())
      straight(grid);
    else
      looped(grid);
  }

private:
  // Transcendentals expand to dozens of instructions.
  static size_t weightOf(Region &region) {
    size_t weight = 0;
    for (Operation &op : region.front())
      if (auto apply = dyn_cast<kernel::ApplyOp>(op)) {
        StringRef kind = apply.getKind();
        bool cheap = llvm::is_contained(
            {"add", "sub", "mul", "div", "min", "max", "neg", "abs", "clip",
             "round", "relu", "leaky_relu", "hard_sigmoid", "hard_swish",
             "sqrt", "reciprocal", "select"},
            kind);
        weight += cheap ? 1 : 16;
      }
    return weight;
  }

  int64_t accumulatorBytes() const {
    return shape.lanes * KernelBuilder::bytesOf(problem.accumulator);
  }
  int64_t pointersAt() const {
    return accumulatorBytes() * shape.rows * shape.vectors;
  }
  bool fitsScratch() const {
    return pointersAt() + int64_t(8) * shape.rows * operands.size() <=
           kernel::kTileScratch;
  }

  void straight(const Values &grid) {
    for (unsigned r = 0; r < shape.rows; ++r) {
      Values pointers;
      for (const RowAddresses &address : addresses)
        pointers.push_back(address.row(kb, r));
      finishRow(pointers, [&](unsigned v) {
        return grid[size_t(r) * shape.vectors + v];
      });
    }
  }

  void looped(const Values &grid) {
    for (size_t i = 0; i < grid.size(); ++i)
      kb.store(grid[i], kb.at(tileScratch, accumulatorBytes() * int64_t(i)));
    // Pointers that are no multiple of a stride travel in scratch too.
    for (size_t o = 0; o < operands.size(); ++o)
      if (!addresses[o].stride)
        for (unsigned r = 0; r < shape.rows; ++r)
          LLVM::StoreOp::create(kb.b, kb.loc, addresses[o].row(kb, r),
                                pointerSlot(o, kb.c(r)), 8);
    kb.loop(kb.c(0), kb.c(shape.rows), 1, [&](Value r) {
      Values pointers;
      for (size_t o = 0; o < operands.size(); ++o)
        pointers.push_back(
            addresses[o].stride
                ? kb.at(addresses[o].row(kb, 0), kb.mul(r, addresses[o].stride))
                : LLVM::LoadOp::create(kb.b, kb.loc, tileScratch.getType(),
                                       pointerSlot(o, r), 8));
      Value row =
          kb.at(tileScratch, kb.mul(r, accumulatorBytes() * shape.vectors));
      finishRow(pointers, [&](unsigned v) {
        return kb.load(problem.accumulator, shape.lanesOf(v),
                       kb.at(row, accumulatorBytes() * v));
      });
    });
  }

  Value pointerSlot(size_t operand, Value row) {
    return kb.at(tileScratch,
                 kb.add(kb.mul(row, 8),
                        pointersAt() + int64_t(8) * shape.rows * operand));
  }

  void finishRow(const Values &pointers,
                 llvm::function_ref<Value(unsigned)> accumulator) {
    size_t numExtras = problem.extras.size();
    for (unsigned v = 0; v < shape.vectors; ++v) {
      Value count = countOf(v);
      Values arguments{accumulator(v)};
      for (size_t e = 0; e < numExtras; ++e)
        arguments.push_back(loadExtra(e, v, pointers[e], count));
      Values results =
          emitRegion(kb, *problem.epilogue, arguments, shape.lanesOf(v));
      for (size_t o = 0; o < problem.outputs.size(); ++o)
        kb.storeLanes(results[o],
                      columnAt(problem.outputs[o], pointers[numExtras + o], v),
                      problem.outputs[o].column, count);
    }
  }

  // Null when the whole vector lies within the columns.
  Value countOf(unsigned v) {
    if (!columnCount)
      return {};
    Value left = kb.sub(columnCount, int64_t(v) * shape.lanes);
    std::optional<int64_t> known = KernelBuilder::constant(left);
    return known && *known >= shape.lanesOf(v) ? Value() : left;
  }

  Value columnAt(const TileOperand &operand, Value pointer, unsigned v) {
    return kb.at(
        pointer,
        kb.mul(kb.dim(operand.column * KernelBuilder::bytesOf(operand.element)),
               int64_t(v) * shape.lanes));
  }

  // Values that all rows share (a bias) are loaded once: LLVM cannot know that
  // the stores in between leave them alone. One that all columns share, too, is
  // loaded again for a last vector of half the width.
  Value loadExtra(size_t e, unsigned v, Value pointer, Value count) {
    const TileOperand &extra = problem.extras[e];
    bool oneColumn = sym::isConstant(extra.column, 0);
    bool isWhole = shape.lanesOf(v) == shape.lanes;
    auto &[known, from] = loaded[{e, oneColumn && isWhole ? 0 : v}];
    if (known && (addresses[e].shared || from == pointer))
      return known;
    from = pointer;
    Value value =
        kb.loadLanes(extra.element, shape.lanesOf(v),
                     columnAt(extra, pointer, v), extra.column, count);
    return known = value;
  }

  KernelBuilder &kb;
  const TileProblem &problem;
  const TileShape &shape;
  ArrayRef<RowAddresses> addresses;
  Value columnCount, tileScratch;
  SmallVector<const TileOperand *> operands;
  // The value of an extra's vector and the row pointer it came from.
  llvm::DenseMap<std::pair<size_t, unsigned>, std::pair<Value, Value>> loaded;
};

} // namespace

void emitResults(KernelBuilder &kb, const TileProblem &problem,
                 const TileShape &shape, const Values &grid,
                 ArrayRef<RowAddresses> addresses, Value columnCount,
                 Value tileScratch) {
  Epilogue(kb, problem, shape, addresses, columnCount, tileScratch).emit(grid);
}

} // namespace sinter::cpu
