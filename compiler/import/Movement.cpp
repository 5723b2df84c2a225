// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that move elements about: transpose, pad, repeat. Parts.cpp joins
// and cuts.
#include "compiler/import/NodeImport.h"

using namespace mlir;

namespace sinter::importer {
namespace {

LogicalResult importTranspose(NodeImport &node) {
  SmallVector<int64_t> permutation = node.integers("perm");
  int64_t rank = node.rank(0);
  if (!node.attribute("perm"))
    for (int64_t i = rank; i > 0; --i)
      permutation.push_back(i - 1);
  std::optional<SmallVector<int64_t>> axes = node.axes(permutation, rank);
  if (!axes)
    return failure();
  if (int64_t(axes->size()) != rank)
    return node.fault(ErrorCode::S001,
                      "perm has " + Twine(axes->size()) + " axes", Twine(rank));
  if (rank < 2)
    return node.setSame(0, *node.input(0));
  Dims moved;
  for (int64_t axis : *axes)
    moved.push_back(node.dims(0)[axis]);
  if (node.setMoved(moved, [&](ArrayRef<int64_t> index) {
        SmallVector<int64_t> from(rank);
        for (auto [i, axis] : llvm::enumerate(*axes))
          from[axis] = index[i];
        return from;
      }))
    return success();
  return node.set(0, node.transpose(node.value(0), *axes));
}

LogicalResult importPad(NodeImport &node) {
  std::optional<Dims> pads;
  if (node.since() < 11) {
    pads.emplace();
    for (int64_t pad : node.integers("pads"))
      pads->push_back(node.model.dim(pad));
  } else {
    pads = node.dimsOrBound(1, "pad", -(int64_t(1) << 31));
  }
  if (!pads)
    return failure();
  int64_t rank = node.rank(0);
  SmallVector<int64_t> axes;
  for (int64_t i = 0; i < rank; ++i)
    axes.push_back(i);
  if (node.input(3)) {
    std::optional<SmallVector<int64_t>> given = node.constantInts(3);
    std::optional<SmallVector<int64_t>> positive;
    if (given)
      positive = node.axes(*given, rank);
    if (!positive)
      return failure();
    axes = *positive;
  }
  if (pads->size() != 2 * axes.size())
    return node.fault(ErrorCode::S001,
                      "pads has " + Twine(pads->size()) + " values",
                      Twine(2 * axes.size()));
  Dims low(rank, node.model.dim(0)), high = low;
  for (size_t i = 0; i < axes.size(); ++i) {
    low[axes[i]] = (*pads)[i];
    high[axes[i]] = (*pads)[i + axes.size()];
  }
  std::string mode = node.text("mode");
  Type element = node.type(0).getElementType();
  SmallVector<Value> operands = {node.value(0)};
  if (mode == "constant") {
    Value value = node.since() >= 11 ? node.value(2)
                                     : node.scalar(node.real("value"), element);
    operands.push_back(value ? node.reshape(value, {})
                             : node.scalar(0, element));
  }
  bool isNothing =
      llvm::all_of(*pads, [](DimAttr pad) { return sym::isConstant(pad, 0); });
  if (isNothing)
    return node.setSame(0, *node.input(0));
  return node.set(
      0,
      node.one<graph::PadOp>(
          operands,
          node.attrs().text("mode", mode).dims("low", low).dims("high", high)));
}

LogicalResult importTile(NodeImport &node) {
  std::optional<Dims> repeats = node.dimsOrBound(1, "repeat");
  if (!repeats)
    return failure();
  Dims dims = node.dims(0);
  if (repeats->size() != dims.size())
    return node.fault(ErrorCode::S001,
                      "repeats has " + Twine(repeats->size()) + " values",
                      Twine(dims.size()));
  // A new axis of extent 1 before each repeated one, widened, then merged.
  Dims split, wide, merged;
  for (auto [dim, repeat] : llvm::zip(dims, *repeats)) {
    if (!sym::isConstant(repeat, 1)) {
      split.push_back(node.model.dim(1));
      wide.push_back(repeat);
    }
    split.push_back(dim);
    wide.push_back(dim);
    merged.push_back(dim * repeat);
  }
  Value result = node.reshape(node.value(0), split);
  return node.set(0, node.reshape(node.broadcast(result, wide), merged));
}

LogicalResult importDepthToSpace(NodeImport &node) {
  bool toSpace = node.node.op == "DepthToSpace";
  int64_t block = node.integer("blocksize");
  if (node.rank(0) != 4 || block < 1 || block > INT32_MAX)
    return node.fault(ErrorCode::S001,
                      "input has rank " + Twine(node.rank(0)) +
                          ", blocksize is " + Twine(block),
                      "[N, C, H, W] and 1 or more");
  Dims d = node.dims(0);
  DimAttr b = node.model.dim(block);
  Value x = node.value(0);
  bool isCrd = node.text("mode") == "CRD";
  if (!toSpace) {
    DimAttr h = sym::floorDiv(d[2], b), w = sym::floorDiv(d[3], b);
    x = node.reshape(x, {d[0], d[1], h, b, w, b});
    x = isCrd ? node.transpose(x, {0, 1, 3, 5, 2, 4})
              : node.transpose(x, {0, 3, 5, 1, 2, 4});
    return node.set(0, node.reshape(x, {d[0], d[1] * b * b, h, w}));
  }
  DimAttr c = sym::floorDiv(d[1], b * b);
  if (isCrd)
    x = node.transpose(node.reshape(x, {d[0], c, b, b, d[2], d[3]}),
                       {0, 1, 4, 2, 5, 3});
  else
    x = node.transpose(node.reshape(x, {d[0], b, b, c, d[2], d[3]}),
                       {0, 3, 4, 1, 5, 2});
  return node.set(0, node.reshape(x, {d[0], c, d[2] * b, d[3] * b}));
}

LogicalResult importTrilu(NodeImport &node) {
  DimAttr k = node.model.dim(0);
  if (node.input(1)) {
    std::optional<Dims> given = node.knownDims(1);
    if (!given || given->size() != 1)
      return failure();
    k = (*given)[0];
    // No diagonal is further away than memory reaches.
    if (std::optional<int64_t> known = sym::asConstant(k))
      k = node.model.dim(
          std::clamp(*known, -(int64_t(1) << 47), int64_t(1) << 47));
  }
  return node.set(0, node.one<graph::TriluOp>(
                         node.value(0), node.attrs().dim("k", k).flag(
                                            "upper", node.integer("upper"))));
}

} // namespace

void addMovement(OpTable &table) {
  table["Transpose"] = importTranspose;
  table["Pad"] = importPad;
  table["Tile"] = importTile;
  table["DepthToSpace"] = importDepthToSpace;
  table["SpaceToDepth"] = importDepthToSpace;
  table["Trilu"] = importTrilu;
}

} // namespace sinter::importer
