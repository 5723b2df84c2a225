// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Boxes, sets and small matrices. How many boxes or distinct values there are
// depends on data: the function fills a tensor of the bound and says how many,
// and a slice of that many is what the model goes on with.
#include "compiler/import/Compose.h"
#include "compiler/import/Texts.h"
#include "compiler/import/Composer.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

RankedTensorType i64Tensor(NodeImport &node, ArrayRef<DimAttr> dims) {
  return sym::tensorOf(dims, node.model.builder.getI64Type());
}

/// The first `count` slices of `value` along axis 0.
Value firstOf(NodeImport &node, Value value, DimAttr count) {
  Dims sizes = sym::dimsOf(cast<RankedTensorType>(value.getType()));
  Dims starts(sizes.size(), node.model.dim(0));
  sizes[0] = count;
  return node.slice(value, starts, sizes,
                    SmallVector<int64_t>(sizes.size(), 1));
}

/// A symbol for what `count` holds when the model runs, at most `bound`.
DimAttr boundBy(NodeImport &node, Value count, DimAttr bound) {
  DimAttr symbol = node.model.freshSymbol(node.name() + "_count", 0,
                                          node.model.rangeOf(bound).max);
  auto bind = graph::BindDimOp::create(node.model.builder, node.location, count,
                                       node.model.builder.getI64IntegerAttr(0),
                                       symbol.getName());
  bind->setAttr("graph.bound", bound); // what memory must be reserved for
  return symbol;
}

LogicalResult importRoiAlign(NodeImport &node) {
  std::string mode = node.text("mode");
  bool isHalf = node.since() >= 16 &&
                node.text("coordinate_transformation_mode") == "half_pixel";
  if (node.rank(0) != 4 || node.rank(1) != 2 || node.rank(2) != 1)
    return node.fault(ErrorCode::S001, "an operand has another rank",
                      "[N, C, H, W], [boxes, 4] and [boxes]");
  if ((mode != "avg" && mode != "max") ||
      !node.requireEqual(node.dims(1)[1], node.model.dim(4), "a box") ||
      !node.requireEqual(node.dims(1)[0], node.dims(2)[0], "numbers of boxes"))
    return node.fault(ErrorCode::I005, "mode is '" + mode + "'", "avg or max");
  auto dim = [&](int64_t value) { return node.model.dim(value); };
  Dims out = {node.dims(1)[0], node.dims(0)[1],
              dim(node.integer("output_height")),
              dim(node.integer("output_width"))};
  Operation *op = externCall(
      node, "roi_align", {node.value(0), node.value(1), node.value(2)},
      {dim(mode == "max"), dim(node.integer("sampling_ratio")), dim(isHalf)},
      {node.real("spatial_scale")},
      {sym::tensorOf(out, node.type(0).getElementType())});
  return op ? node.set(0, op->getResult(0)) : failure();
}

LogicalResult importMaxRoiPool(NodeImport &node) {
  SmallVector<int64_t> pooled = node.integers("pooled_shape");
  if (node.rank(0) != 4 || node.rank(1) != 2 || pooled.size() != 2 ||
      !node.requireEqual(node.dims(1)[1], node.model.dim(5), "a box"))
    return node.fault(ErrorCode::S001, "an operand has another rank",
                      "[N, C, H, W] and [boxes, 5]");
  Dims out = {node.dims(1)[0], node.dims(0)[1], node.model.dim(pooled[0]),
              node.model.dim(pooled[1])};
  Operation *op =
      externCall(node, "max_roi_pool", {node.value(0), node.value(1)}, {},
                 {node.real("spatial_scale")},
                 {sym::tensorOf(out, node.type(0).getElementType())});
  return op ? node.set(0, op->getResult(0)) : failure();
}

LogicalResult importSuppression(NodeImport &node) {
  if (node.rank(0) != 3 || node.rank(1) != 3)
    return node.fault(ErrorCode::S001, "boxes or scores have another rank",
                      "[batch, boxes, 4] and [batch, classes, boxes]");
  Dims boxes = node.dims(0), scores = node.dims(1);
  if (!node.requireEqual(boxes[2], node.model.dim(4), "a box") ||
      !node.requireEqual(boxes[0], scores[0], "batch sizes") ||
      !node.requireEqual(boxes[1], scores[2], "numbers of boxes"))
    return failure();
  Composer c(node);
  Type f32 = node.model.builder.getF32Type();
  auto scalarOr = [&](size_t i, const Name &otherwise) {
    return c.value(node.input(i) ? c.reshape(c.input(i), {}) : otherwise);
  };
  DimAttr most = boxes[1];
  TensorValue *limit = node.input(2);
  if (!limit)
    most = node.model.dim(0);
  else if (limit->known && limit->known->size() == 1)
    most = node.model.maxOf(node.model.minOf(most, (*limit->known)[0]),
                            node.model.dim(0));
  DimAttr bound = scores[0] * scores[1] * most;
  auto dim = [&](int64_t value) { return node.model.dim(value); };
  Operation *op = externCall(
      node, "nms",
      {node.value(0), node.value(1), scalarOr(2, c.integer(0)),
       scalarOr(3, c.scalar(0, f32)), scalarOr(4, c.scalar(0, f32))},
      {dim(node.integer("center_point_box")), dim(node.input(4) != nullptr)},
      {},
      {i64Tensor(node, {bound, dim(3)}), i64Tensor(node, {}),
       i64Tensor(node, {dim(4), boxes[1]})});
  if (!op)
    return failure();
  return node.set(0, firstOf(node, op->getResult(0),
                             boundBy(node, op->getResult(1), bound)));
}

/// Slices along an axis, or all elements; `sorted` by value.
LogicalResult importUnique(NodeImport &node) {
  bool isContrib = node.schema->name != "Unique";
  bool isSorted = !isContrib && node.integer("sorted") != 0;
  if (isSorted && isText(node.type(0).getElementType()))
    return node.fault(ErrorCode::I007, "sorts texts",
                      "numbers, or texts with sorted = 0",
                      "export with sorted = 0, and sort behind the model");
  Value x = node.value(0);
  int64_t axis = 0;
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < node.rank(0); ++i)
    order.push_back(i);
  if (!isContrib && node.attribute("axis")) {
    std::optional<int64_t> given =
        node.axis(node.integer("axis"), node.rank(0));
    if (!given)
      return failure();
    axis = *given;
    std::swap(order[0], order[axis]);
    x = node.transpose(x, order);
  } else {
    x = node.reshape(x, {sym::product(&node.model.context, node.dims(0))});
    order = {0};
  }
  if (!x)
    return failure();
  auto type = cast<RankedTensorType>(x.getType());
  DimAttr n = sym::dimsOf(type)[0];
  RankedTensorType line = i64Tensor(node, {n});
  Operation *op =
      externCall(node, "unique", x, {node.model.dim(isSorted)}, {},
                 {type, line, line, line, i64Tensor(node, {}), line});
  if (!op)
    return failure();
  DimAttr count = boundBy(node, op->getResult(4), n);
  Value y = node.transpose(firstOf(node, op->getResult(0), count), order);
  Value indices = firstOf(node, op->getResult(1), count),
        counts = firstOf(node, op->getResult(3), count);
  if (failed(node.set(0, y)))
    return failure();
  if (isContrib) // y, group of each, sizes
    return failed(node.set(1, op->getResult(2))) ? failure()
                                                 : node.set(2, counts);
  if (failed(node.set(1, indices)) || failed(node.set(2, op->getResult(2))))
    return failure();
  return node.set(3, counts);
}

/// Det and Inverse, with room to work in.
LogicalResult importMatrix(NodeImport &node) {
  bool isDet = node.node.op == "Det";
  Dims x = node.dims(0);
  if (x.size() < 2 ||
      !node.requireEqual(x.end()[-1], x.end()[-2], "rows and columns"))
    return node.fault(ErrorCode::S001, "the input has rank " + Twine(x.size()),
                      "square matrices");
  DimAttr n = x.back();
  Type element = node.type(0).getElementType(),
       f64 = node.model.builder.getF64Type();
  Dims out(x.begin(), x.end() - (isDet ? 2 : 0)), room = {n, n};
  if (!isDet)
    room.insert(room.begin(), node.model.dim(2));
  Operation *op =
      externCall(node, isDet ? "det" : "inverse", node.value(0), {}, {},
                 {sym::tensorOf(out, element), sym::tensorOf(room, f64)});
  return op ? node.set(0, op->getResult(0)) : failure();
}

LogicalResult importCumProd(NodeImport &node) {
  std::optional<SmallVector<int64_t>> given = node.constantInts(1);
  if (!given || given->size() != 1)
    return failure();
  std::optional<int64_t> axis = node.axis((*given)[0], node.rank(0));
  if (!axis)
    return failure();
  auto dim = [&](int64_t value) { return node.model.dim(value); };
  Operation *op = externCall(node, "cumprod", node.value(0),
                             {dim(*axis), dim(node.integer("exclusive") != 0),
                              dim(node.integer("reverse") != 0)},
                             {}, {node.type(0)});
  return op ? node.set(0, op->getResult(0)) : failure();
}

} // namespace

void addDetection(OpTable &table) {
  table["RoiAlign"] = importRoiAlign;
  table["MaxRoiPool"] = importMaxRoiPool;
  table["NonMaxSuppression"] = importSuppression;
  table["Unique"] = importUnique;
  table["com.microsoft.Unique"] = importUnique;
  table["Det"] = importMatrix;
  table["com.microsoft.Inverse"] = importMatrix;
  table["CumProd"] = importCumProd;
}

} // namespace sinter::importer
