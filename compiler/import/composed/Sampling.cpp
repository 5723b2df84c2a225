// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pictures read at places that data decide, and what lays tensors over each
// other: grids, deformed kernels, blocks, unpooling, cropping around a centre.
#include "compiler/import/Compose.h"
#include "compiler/import/Composer.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

DimAttr half(DimAttr dim) { return sym::floorDiv(dim, 2); }

LogicalResult importGridSample(NodeImport &node) {
  int64_t rank = node.rank(0);
  Dims x = node.dims(0), grid = node.dims(1);
  if (rank < 3 || rank > 5 || node.rank(1) != rank ||
      !sym::isConstant(grid.back(), rank - 2))
    return node.fault(ErrorCode::S001,
                      "input and grid have ranks " + Twine(rank) + " and " +
                          Twine(node.rank(1)),
                      "one to three spatial axes, and a number for each in the "
                      "grid's last");
  std::string mode = node.text("mode"), padding = node.text("padding_mode");
  StringRef kind = StringRef(mode);
  kind.consume_front("bi");
  int64_t interpolation = kind == "linear"    ? 0
                          : kind == "nearest" ? 1
                          : kind == "cubic"   ? 2
                                              : -1;
  int64_t outside = padding == "zeros"        ? 0
                    : padding == "border"     ? 1
                    : padding == "reflection" ? 2
                                              : -1;
  if (interpolation < 0 || outside < 0)
    return node.fault(ErrorCode::I005,
                      "mode is '" + mode + "', padding_mode is '" + padding +
                          "'",
                      "linear, nearest or cubic with zeros, border or "
                      "reflection");
  if (!node.requireEqual(x[0], grid[0], "batch sizes"))
    return failure();
  Dims out = {x[0], x[1]};
  out.append(grid.begin() + 1, grid.end() - 1);
  auto dim = [&](int64_t value) { return node.model.dim(value); };
  Operation *op = externCall(
      node, "grid_sample", {node.value(0), node.value(1)},
      {dim(interpolation), dim(outside), dim(node.integer("align_corners"))},
      {}, {sym::tensorOf(out, node.type(0).getElementType())});
  return op ? node.set(0, op->getResult(0)) : failure();
}

/// Coordinates of n pixels from -1 to 1.
Name axisOfGrid(Composer &c, DimAttr n, bool alignsCorners, Type element) {
  Name i = c.cast(c.count(n), element), one = c.scalar(1, element),
       two = c.scalar(2, element);
  Name extent = c.cast(c.dim(alignsCorners ? n - 1 : n), element);
  Name place = alignsCorners ? c.mul(i, two) : c.add(c.mul(i, two), one);
  return c.sub(c.div(place, extent), one);
}

LogicalResult importAffineGrid(NodeImport &node) {
  std::optional<Dims> size = node.knownDims(1);
  if (!size)
    return failure();
  Composer c(node);
  int64_t axes = int64_t(size->size()) - 2;
  Type element = node.type(0).getElementType();
  if ((axes != 2 && axes != 3) || node.rank(0) != 3)
    return c.fault(ErrorCode::S001,
                   "size has " + Twine(size->size()) +
                       " elements and theta rank " + Twine(node.rank(0)),
                   "[N, C, H, W] or [N, C, D, H, W], and rank 3");
  if (!node.requireEqual(node.dims(0)[1], node.model.dim(axes),
                         "rows of theta and spatial axes") ||
      !node.requireEqual(node.dims(0)[2], node.model.dim(axes + 1),
                         "columns of theta and spatial axes with one more"))
    return failure();
  Dims spatial(size->begin() + 2, size->end());
  SmallVector<int64_t> last = {0}; // the numbers of a place side by side
  for (int64_t i = 0; i < axes; ++i)
    last.push_back(i + 2);
  last.push_back(1);
  Name sum;
  // The last axis is x, the first number of a place. Sums hold a plane for each
  // number until all places are there: those of an axis lie side by side.
  for (int64_t axis = axes - 1; axis >= -1; --axis) {
    int64_t number = axes - 1 - axis;
    Name term = c.slice(c.input(0), 2, number, number + 1); // [N, axes, 1]
    if (axis >= 0)
      term =
          c.mul(term, axisOfGrid(c, spatial[axis],
                                 node.integer("align_corners") != 0, element));
    SmallVector<int64_t> ones;
    for (int64_t i = 0; i < axes; ++i)
      if (i != std::max<int64_t>(axis, 0))
        ones.push_back(i + 2);
    term = c.unsqueeze(term, ones); // [N, axes, 1, ..., places, ..., 1]
    if (axis <= 0)
      term = c.transpose(term, last);
    if (axis == 0)
      sum = c.transpose(sum, last);
    sum = sum.empty() ? term : c.add(sum, term);
  }
  Dims wide = {(*size)[0]};
  llvm::append_range(wide, spatial);
  wide.push_back(node.model.dim(axes));
  return c.set(0, c.op("Expand", {sum, c.dims(wide)}));
}

/// A list of the node, or `count` times `otherwise`.
SmallVector<int64_t> listOr(NodeImport &node, StringRef name, int64_t count,
                            int64_t otherwise) {
  SmallVector<int64_t> list = node.integers(name);
  return list.empty() ? SmallVector<int64_t>(count, otherwise) : list;
}

LogicalResult importDeformConv(NodeImport &node) {
  Dims x = node.dims(0), w = node.dims(1), offset = node.dims(2);
  std::optional<int64_t> kh, kw;
  if (x.size() == 4 && w.size() == 4 && offset.size() == 4) {
    kh = sym::asConstant(w[2]);
    kw = sym::asConstant(w[3]);
  }
  if (!kh || !kw)
    return node.fault(ErrorCode::S001, "input or kernel is not a picture",
                      "[N, C, H, W] and a known kernel");
  int64_t group = node.integer("group"), offsets = node.integer("offset_group");
  SmallVector<int64_t> strides = listOr(node, "strides", 2, 1),
                       pads = listOr(node, "pads", 4, 0),
                       dilations = listOr(node, "dilations", 2, 1);
  auto dim = [&](int64_t value) { return node.model.dim(value); };
  DimAttr taps = dim(*kh * *kw);
  if (group < 1 || offsets < 1 || strides.size() != 2 || pads.size() != 4 ||
      dilations.size() != 2 ||
      !node.requireEqual(w[1] * group, x[1], "channels of input and kernel") ||
      !node.requireEqual(offset[1], taps * (2 * offsets),
                         "channels of the offset and its taps"))
    return node.fault(ErrorCode::S001, "the operands do not fit");
  Dims integers = {dim(offsets), dim(*kh), dim(*kw)};
  for (int64_t value :
       {strides[0], strides[1], pads[0], pads[1], dilations[0], dilations[1]})
    integers.push_back(dim(value));
  SmallVector<Value> operands = {node.value(0), node.value(2)};
  if (node.input(4))
    operands.push_back(node.value(4));
  Dims columns = {x[0], x[1], taps, offset[2], offset[3]};
  Operation *op =
      externCall(node, "deform_columns", operands, integers, {},
                 {sym::tensorOf(columns, node.type(0).getElementType())});
  if (!op)
    return failure();
  Composer c(node);
  DimAttr inner = w[1] * taps, pixels = offset[2] * offset[3];
  DimAttr rows = sym::floorDiv(w[0], group);
  Name sampled =
      c.reshape(c.bind(op->getResult(0)), {x[0], dim(group), inner, pixels});
  Name filter = c.reshape(c.input(1), {dim(group), rows, inner});
  Name y = c.reshape(c.op("MatMul", {filter, sampled}),
                     {x[0], w[0], offset[2], offset[3]});
  if (node.input(3))
    y = c.add(y, c.reshape(c.input(3), {w[0], dim(1), dim(1)}));
  return c.set(0, y);
}

LogicalResult importCol2Im(NodeImport &node) {
  std::optional<Dims> image = node.knownDims(1);
  std::optional<SmallVector<int64_t>> block = node.constantInts(2);
  if (!image || !block)
    return failure();
  size_t axes = image->size();
  SmallVector<int64_t> dilations = listOr(node, "dilations", axes, 1),
                       pads = listOr(node, "pads", 2 * axes, 0),
                       strides = listOr(node, "strides", axes, 1);
  if (node.rank(0) != 3 || axes == 0 || block->size() != axes ||
      dilations.size() != axes || pads.size() != 2 * axes ||
      strides.size() != axes ||
      llvm::any_of(strides, [](int64_t s) { return s < 1; }) ||
      llvm::any_of(*block, [](int64_t b) { return b < 1; }))
    return node.fault(ErrorCode::S001, "image, block and attributes differ in "
                                       "their number of axes or are below 1");
  Dims integers;
  int64_t taps = 1;
  auto dim = [&](int64_t value) { return node.model.dim(value); };
  for (ArrayRef<int64_t> list :
       {ArrayRef<int64_t>(*block), ArrayRef<int64_t>(dilations),
        ArrayRef<int64_t>(pads).take_front(axes), ArrayRef<int64_t>(strides)})
    for (int64_t value : list)
      integers.push_back(dim(value));
  DimAttr blocks = dim(1);
  for (size_t i = 0; i < axes; ++i) {
    DimAttr room = (*image)[i] + (pads[i] + pads[axes + i] -
                                  dilations[i] * ((*block)[i] - 1) - 1);
    integers.push_back(sym::floorDiv(room, strides[i]) + 1);
    blocks = blocks * integers.back();
    taps *= (*block)[i];
  }
  if (!node.requireEqual(node.dims(0)[2], blocks, "numbers of blocks"))
    return failure();
  Dims out = {node.dims(0)[0], sym::floorDiv(node.dims(0)[1], taps)};
  llvm::append_range(out, *image);
  Operation *op =
      externCall(node, "col2im", node.value(0), integers, {},
                 {sym::tensorOf(out, node.type(0).getElementType())});
  return op ? node.set(0, op->getResult(0)) : failure();
}

LogicalResult importMaxUnpool(NodeImport &node) {
  SmallVector<int64_t> kernel = node.integers("kernel_shape");
  size_t axes = kernel.size();
  SmallVector<int64_t> strides = listOr(node, "strides", axes, 1),
                       pads = listOr(node, "pads", 2 * axes, 0);
  Dims out = node.dims(0);
  if (out.size() != axes + 2 || strides.size() != axes ||
      pads.size() != 2 * axes)
    return node.fault(ErrorCode::S001, "input and attributes differ in their "
                                       "number of axes");
  for (size_t i = 0; i < axes; ++i)
    out[i + 2] =
        (out[i + 2] - 1) * strides[i] + (kernel[i] - pads[i] - pads[axes + i]);
  Composer c(node);
  DimAttr all = sym::product(&node.model.context, out);
  DimAttr given = sym::product(&node.model.context, node.dims(0));
  Name zeros = c.op(
      "Expand", {c.scalar(0, node.type(0).getElementType()), c.dims({all})});
  Name flat = c.op(
      "ScatterElements",
      {zeros, c.reshape(c.input(1), {given}), c.reshape(c.input(0), {given})},
      With().integer("axis", 0));
  Name y = c.reshape(flat, out);
  if (!node.input(2))
    return c.set(0, y);
  std::optional<Dims> wanted = node.knownDims(2);
  if (!wanted || wanted->size() != out.size())
    return c.fault(ErrorCode::S001, "output_shape does not fit the input");
  Dims ends(out.size(), node.model.dim(0));
  for (size_t i = 0; i < out.size(); ++i)
    ends.push_back((*wanted)[i] - out[i]);
  return c.set(0, c.op("Pad", {y, c.dims(ends)}));
}

LogicalResult importCenterCropPad(NodeImport &node) {
  std::optional<Dims> wanted = node.knownDims(1);
  if (!wanted)
    return failure();
  SmallVector<int64_t> all = node.integers("axes");
  if (!node.attribute("axes"))
    for (int64_t i = 0; i < node.rank(0); ++i)
      all.push_back(i);
  std::optional<SmallVector<int64_t>> axes = node.axes(all, node.rank(0));
  if (!axes || axes->size() != wanted->size())
    return node.fault(ErrorCode::S001, "shape and axes differ in length");
  Dims x = node.dims(0), low(x.size(), node.model.dim(0)), high = low;
  DimAttr zero = node.model.dim(0);
  for (auto [axis, want] : llvm::zip(*axes, *wanted)) {
    DimAttr more = node.model.maxOf(want - x[axis], zero),
            less = node.model.maxOf(x[axis] - want, zero);
    low[axis] = half(more) - half(less);
    high[axis] = want - x[axis] - low[axis];
  }
  Dims pads = low;
  llvm::append_range(pads, high);
  Composer c(node);
  return c.set(0, c.op("Pad", {c.input(0), c.dims(pads)}));
}

} // namespace

void addSampling(OpTable &table) {
  table["GridSample"] = importGridSample;
  table["com.microsoft.GridSample"] = importGridSample;
  table["AffineGrid"] = importAffineGrid;
  table["DeformConv"] = importDeformConv;
  table["Col2Im"] = importCol2Im;
  table["MaxUnpool"] = importMaxUnpool;
  table["CenterCropPad"] = importCenterCropPad;
}

} // namespace sinter::importer
