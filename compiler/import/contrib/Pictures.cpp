// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CropAndResize, which detectors made from TensorFlow hold, and the transposed
// convolution whose pads are an operand.
#include "compiler/import/Composer.h"
#include "compiler/import/contrib/Contrib.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// Where the points of a box lie along one axis of its picture, and between
/// which two pixels.
struct Line {
  Name place, low, high, share, isInside; // [boxes, points]
};

class CropAndResize {
public:
  explicit CropAndResize(NodeImport &node)
      : c(node), node(node), element(node.type(0).getElementType()) {}
  LogicalResult run();

private:
  Name number(double value) { return c.scalar(value, element); }
  Line along(int64_t axis, DimAttr extent, DimAttr points);
  Name pick(const Name &y, const Name &x);

  Composer c;
  NodeImport &node;
  Type element;
  Name pixels, picture; // [N, H, W, C]; [boxes, h, w, 1]
  Dims shape;           // [boxes, h, w]
};

/// Corners of a box fall on its outer points; one point is its middle.
Line CropAndResize::along(int64_t axis, DimAttr extent, DimAttr points) {
  Name last = c.cast(c.dim(extent - 1), element);
  Name from = c.mul(c.slice(c.input(1), 1, axis, axis + 1), last),
       to = c.mul(c.slice(c.input(1), 1, axis + 2, axis + 3), last);
  Name steps = c.cast(c.dim(points - 1), element);
  Name isOne = c.op("Equal", {steps, number(0)});
  Name step = c.div(c.sub(to, from), c.op("Max", {steps, number(1)}));
  Name i = c.unsqueeze(c.cast(c.count(points), element), {0});
  Line line;
  line.place = c.op("Where", {isOne, c.mul(c.add(from, to), number(0.5)),
                              c.add(from, c.mul(step, i))});
  line.isInside = c.op("And", {c.op("GreaterOrEqual", {line.place, number(0)}),
                               c.op("LessOrEqual", {line.place, last})});
  // What is no number lies outside, and must name a pixel all the same.
  Name inside = c.op("Where", {line.isInside, line.place, number(0)});
  Name low = c.op("Floor", {inside});
  line.share = c.sub(inside, low);
  line.low = c.castTo(low, onnx::DataType::Int64);
  line.high = c.castTo(c.op("Ceil", {inside}), onnx::DataType::Int64);
  return line;
}

/// The pixels [boxes, h, w, C] at rows [boxes, h] and columns [boxes, w].
Name CropAndResize::pick(const Name &y, const Name &x) {
  Dims one = shape;
  one.push_back(node.model.dim(1));
  auto wide = [&](const Name &index) {
    return c.op("Expand", {index, c.dims(one)});
  };
  Name at = c.op("Concat",
                 {wide(picture), wide(c.unsqueeze(y, {2, 3})),
                  wide(c.unsqueeze(x, {1, 3}))},
                 With().integer("axis", 3));
  return c.op("GatherND", {pixels, at});
}

LogicalResult CropAndResize::run() {
  std::optional<Dims> size = node.knownDims(3);
  if (!size)
    return failure();
  std::string mode = node.text("mode");
  Dims in = node.dims(0), boxes = node.dims(1);
  if (in.size() != 4 || boxes.size() != 2 || !sym::isConstant(boxes[1], 4) ||
      node.rank(2) != 1 || size->size() != 2 ||
      (mode != "bilinear" && mode != "nearest"))
    return c.fault(ErrorCode::S001,
                   "the operands have ranks " + Twine(in.size()) + " and " +
                       Twine(boxes.size()) + ", and mode is '" + mode + "'",
                   "[N, C, H, W], [boxes, 4], [boxes] and two sizes; bilinear "
                   "or nearest");
  if (!node.requireEqual(node.dims(2)[0], boxes[0], "numbers of boxes"))
    return failure();
  shape = {boxes[0], (*size)[0], (*size)[1]};
  pixels = c.transpose(c.input(0), {0, 2, 3, 1});
  picture = c.unsqueeze(c.castTo(c.input(2), onnx::DataType::Int64), {1, 2, 3});
  Line y = along(0, in[2], shape[1]), x = along(1, in[3], shape[2]);
  Name result;
  if (mode == "nearest") {
    auto nearest = [&](const Line &line) { // halves away from 0
      return c.op("Where", {c.op("Less", {line.share, number(0.5)}), line.low,
                            line.high});
    };
    result = pick(nearest(y), nearest(x));
  } else {
    Name right = c.unsqueeze(x.share, {1, 3}),
         down = c.unsqueeze(y.share, {2, 3});
    auto between = [&](const Name &a, const Name &b, const Name &share) {
      return c.add(a, c.mul(c.sub(b, a), share));
    };
    result = between(between(pick(y.low, x.low), pick(y.low, x.high), right),
                     between(pick(y.high, x.low), pick(y.high, x.high), right),
                     down);
  }
  Name isInside = c.op("And", {c.unsqueeze(y.isInside, {2, 3}),
                               c.unsqueeze(x.isInside, {1, 3})});
  result = c.op("Where",
                {isInside, result, number(node.real("extrapolation_value"))});
  return c.set(0, c.transpose(result, {0, 3, 1, 2}));
}

LogicalResult importCropAndResize(NodeImport &node) {
  return CropAndResize(node).run();
}

LogicalResult importTransposedConv(NodeImport &node) {
  Composer c(node);
  With with;
  for (const char *name : {"auto_pad", "dilations", "group", "kernel_shape",
                           "output_padding", "strides"})
    with.same(node, name);
  if (node.input(2)) {
    std::optional<SmallVector<int64_t>> pads = node.constantInts(2);
    if (!pads)
      return failure();
    with.integers("pads", *pads);
  }
  return c.set(
      0, c.op("ConvTranspose", {c.input(0), c.input(1), c.input(3)}, with));
}

} // namespace

void addPictures(OpTable &table) {
  addRows(table, "com.microsoft",
          {{"CropAndResize", importCropAndResize},
           {"ConvTransposeWithDynamicPads", importTransposedConv}});
}

} // namespace sinter::importer
