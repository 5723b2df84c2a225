// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From row to row only the innermost coordinate grows; when it reaches its end
// it falls back and the next one grows. The conditions are computed once for
// all operands, each operand then adds one selected step a row.

#include "codegen/cpu/TileRows.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

using kernel::TileOperand;
using sym::DimAttr;

bool isUniform(const TileOperand &operand, ArrayRef<DimAttr> extents) {
  for (size_t i = 0; i + 1 < extents.size(); ++i)
    if (operand.rows[i] != operand.rows[i + 1] * extents[i + 1])
      return false;
  return true;
}

RowAddresses uniformRows(KernelBuilder &kb, const RowOperand &source,
                         Value first, unsigned count) {
  RowAddresses result;
  const TileOperand &operand = *source.operand;
  int64_t bytes = KernelBuilder::bytesOf(operand.element);
  Value stride =
      operand.rows.empty() ? kb.c(0) : kb.dim(operand.rows.back() * bytes);
  Value pointer = kb.at(source.base, kb.mul(first, stride));
  std::optional<int64_t> known = KernelBuilder::constant(stride);
  result.stride = stride;
  result.shared = known == 0;
  for (unsigned i = 0; i < count; ++i) {
    result.pointers.push_back(pointer);
    result.displacements.push_back(known ? *known * i : 0);
    if (!known && i + 1 < count)
      pointer = kb.at(pointer, stride);
  }
  return result;
}

/// For each step from a row to the next, the conditions "axis d wraps around",
/// innermost axis first.
struct Carries {
  Values coordinates;                    // of the first row
  SmallVector<SmallVector<Value>> steps; // [step][axis from the innermost]
};

Carries carriesOf(KernelBuilder &kb, ArrayRef<DimAttr> extents, Value first,
                  unsigned count) {
  Carries result;
  size_t rank = extents.size();
  result.coordinates.resize(rank);
  Value rest = first;
  for (size_t d = rank; d-- > 1;) {
    // An empty axis has no rows; max keeps the division defined.
    Value extent = kb.max(kb.dim(extents[d]), kb.c(1));
    result.coordinates[d] = kb.mod(rest, extent);
    rest = kb.div(rest, extent);
  }
  result.coordinates[0] = rest;
  Values now = result.coordinates;
  for (unsigned i = 0; i + 1 < count; ++i) {
    SmallVector<Value> wraps;
    for (size_t d = rank; d-- > 1;) {
      Value next = kb.add(now[d], 1);
      Value ends = kb.equal(next, kb.dim(extents[d]));
      Value grows = wraps.empty() ? Value() : wraps.back();
      // Only the innermost axis always moves.
      Value moved = kb.select(ends, kb.c(0), next);
      now[d] = grows ? kb.select(grows, moved, now[d]) : moved;
      wraps.push_back(grows ? kb.both(grows, ends) : ends);
    }
    result.steps.push_back(wraps);
  }
  return result;
}

RowAddresses listedRows(KernelBuilder &kb, const RowOperand &source,
                        ArrayRef<DimAttr> extents, const Carries &carries,
                        unsigned count) {
  RowAddresses result;
  const TileOperand &operand = *source.operand;
  int64_t bytes = KernelBuilder::bytesOf(operand.element);
  size_t rank = extents.size();
  Value offset = kb.c(0);
  for (size_t d = 0; d < rank; ++d)
    offset = kb.add(offset, kb.mul(carries.coordinates[d],
                                   kb.dim(operand.rows[d] * bytes)));
  // jumps[w]: the step when the w innermost axes wrap around.
  SmallVector<Value> jumps;
  DimAttr back = sym::constantDim(kb.b.getContext(), 0);
  for (size_t d = rank; d-- > 0;) {
    jumps.push_back(kb.dim((operand.rows[d] - back) * bytes));
    back = back + (extents[d] - 1) * operand.rows[d];
  }
  Value pointer = kb.at(source.base, offset);
  for (unsigned i = 0; i < count; ++i) {
    result.pointers.push_back(pointer);
    result.displacements.push_back(0);
    if (i + 1 == count)
      break;
    Value step = jumps[0];
    for (size_t w = 0; w + 1 < rank; ++w)
      step = kb.select(carries.steps[i][w], jumps[w + 1], step);
    pointer = kb.at(pointer, step);
  }
  return result;
}

} // namespace

bool hasStaticRows(const TileOperand &operand, ArrayRef<DimAttr> extents) {
  return isUniform(operand, extents) &&
         (operand.rows.empty() || sym::asConstant(operand.rows.back()));
}

SmallVector<RowAddresses> rowAddresses(KernelBuilder &kb,
                                       ArrayRef<DimAttr> extents,
                                       ArrayRef<RowOperand> operands,
                                       Value first, unsigned count) {
  SmallVector<RowAddresses> results;
  std::optional<Carries> carries;
  for (const RowOperand &source : operands) {
    if (isUniform(*source.operand, extents)) {
      results.push_back(uniformRows(kb, source, first, count));
      continue;
    }
    if (!carries)
      carries = carriesOf(kb, extents, first, count);
    results.push_back(listedRows(kb, source, extents, *carries, count));
  }
  return results;
}

} // namespace sinter::cpu
