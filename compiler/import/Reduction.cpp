// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions over axes, winners along an axis, running sums.
#include "compiler/import/NodeImport.h"

using namespace mlir;

namespace sinter::importer {
namespace {

/// The reduction; that of a scalar only shapes its value. Logarithms of whole
/// numbers are real in between.
Value reduceOver(NodeImport &node, StringRef kind, ArrayRef<int64_t> axes,
                 bool keep) {
  Value value = node.value(0);
  Type element = node.type(0).getElementType();
  bool isWhole = !isa<FloatType>(element);
  if (isWhole && kind.starts_with("log") &&
      (axes.empty() || kind == "log_sum_exp"))
    value = node.cast(value, node.model.builder.getF64Type());
  if (!axes.empty())
    return node.cast(node.reduce(kind, value, axes, keep), element);
  if (kind == "sum_square")
    return node.map("mul", {value, value});
  if (kind == "l1" || kind == "l2")
    return node.map("abs", {value});
  return kind == "log_sum" ? node.cast(node.map("log", {value}), element)
                           : node.value(0);
}

LogicalResult importReduce(NodeImport &node) {
  static const llvm::StringMap<StringRef> kinds = {
      {"ReduceSum", "sum"},
      {"ReduceMean", "mean"},
      {"ReduceProd", "prod"},
      {"ReduceMin", "min"},
      {"ReduceMax", "max"},
      {"ReduceL1", "l1"},
      {"ReduceL2", "l2"},
      {"ReduceLogSum", "log_sum"},
      {"ReduceLogSumExp", "log_sum_exp"},
      {"ReduceSumSquare", "sum_square"}};
  StringRef kind =
      kinds.lookup(StringRef(node.node.op.data(), node.node.op.size()));
  SmallVector<int64_t> axes = node.integers("axes");
  if (node.input(1)) {
    std::optional<SmallVector<int64_t>> given = node.constantInts(1);
    if (!given)
      return failure();
    axes = *given;
  }
  if (axes.empty()) {
    if (node.integer("noop_with_empty_axes") != 0)
      return node.setSame(0, *node.input(0));
    for (int64_t i = 0; i < node.rank(0); ++i)
      axes.push_back(i);
  }
  std::optional<SmallVector<int64_t>> positive = node.axes(axes, node.rank(0));
  if (!positive)
    return failure();
  TensorValue *input = node.input(0);
  bool keep = node.integer("keepdims") != 0;
  bool isWhole = int64_t(positive->size()) == node.rank(0);
  if (input->known && isWhole && !input->known->empty() &&
      (kind == "prod" || kind == "sum" || kind == "min" || kind == "max")) {
    DimAttr total = (*input->known)[0];
    for (DimAttr dim : ArrayRef<DimAttr>(*input->known).drop_front())
      total = kind == "prod"  ? total * dim
              : kind == "sum" ? total + dim
              : kind == "min" ? node.model.minOf(total, dim)
                              : node.model.maxOf(total, dim);
    Dims shape(keep ? node.rank(0) : 0, node.model.dim(1));
    return node.setKnown(0, {total},
                         sym::tensorOf(shape, input->type.getElementType()));
  }
  return node.set(0, reduceOver(node, kind, *positive, keep));
}

LogicalResult importArg(NodeImport &node) {
  std::optional<int64_t> axis = node.axis(node.integer("axis"), node.rank(0));
  // Of nothing there is no winner, and nothing to read one from.
  if (!axis || !node.requireAtMost(node.model.dim(1), node.dims(0)[*axis],
                                   "the least extent to choose from"))
    return failure();
  return node.set(
      0, node.one<graph::ArgReduceOp>(
             node.value(0),
             node.attrs()
                 .text("kind", node.node.op == "ArgMax" ? "max" : "min")
                 .integer("axis", *axis)
                 .flag("keep_dims", node.integer("keepdims"))
                 .flag("select_last", node.integer("select_last_index"))));
}

Value cumSum(NodeImport &node, int64_t axis) {
  return node.one<graph::CumSumOp>(
      node.value(0), node.attrs()
                         .integer("axis", axis)
                         .flag("exclusive", node.integer("exclusive"))
                         .flag("reverse", node.integer("reverse")));
}

LogicalResult importCumSum(NodeImport &node) {
  int64_t rank = node.rank(0);
  if (!node.type(1).hasStaticShape() || node.type(1).getNumElements() != 1 ||
      rank == 0)
    return node.fault(ErrorCode::S001,
                      "axis is not one element, or the input is a scalar");
  if (node.input(1)->known) {
    std::optional<SmallVector<int64_t>> given = node.constantInts(1);
    std::optional<int64_t> axis;
    if (given)
      axis = node.axis((*given)[0], rank);
    return axis ? node.set(0, cumSum(node, *axis)) : failure();
  }
  // The axis is data: every candidate, and a choice between them.
  Value axis = node.reshape(node.value(1), {}), result = cumSum(node, rank - 1);
  Type element = node.type(1).getElementType();
  for (int64_t i = 0; i + 1 < rank; ++i) {
    Value isFront = node.map("equal", {axis, node.scalar(i, element)});
    Value isBack = node.map("equal", {axis, node.scalar(i - rank, element)});
    result = node.map(
        "select", {node.map("or", {isFront, isBack}), cumSum(node, i), result});
  }
  return node.set(0, result);
}

LogicalResult importTopK(NodeImport &node) {
  std::optional<int64_t> axis =
      node.axis(node.integer("axis", -1), node.rank(0));
  if (!axis)
    return failure();
  DimAttr k;
  if (node.since() < 10) {
    k = node.model.dim(node.integer("k"));
  } else {
    std::optional<Dims> known =
        node.dimsOrBound(1, "k", 0, node.dims(0)[*axis]);
    if (!known)
      return failure();
    if (known->size() != 1)
      return node.fault(ErrorCode::S001,
                        "k has " + Twine(known->size()) + " elements", "one");
    k = (*known)[0];
  }
  if (!node.requireAtMost(k, node.dims(0)[*axis], "k"))
    return failure();
  Operation *op = node.create<graph::TopKOp>(
      node.value(0), node.attrs()
                         .dim("k", k)
                         .integer("axis", *axis)
                         .boolean("largest", node.integer("largest", 1))
                         .boolean("sorted", node.integer("sorted", 1)));
  if (!op || failed(node.set(0, op->getResult(0))))
    return failure();
  return node.set(1, op->getResult(1));
}

} // namespace

void addReduction(OpTable &table) {
  for (StringRef op : {"ReduceSum", "ReduceMean", "ReduceProd", "ReduceMin",
                       "ReduceMax", "ReduceL1", "ReduceL2", "ReduceLogSum",
                       "ReduceLogSumExp", "ReduceSumSquare"})
    table[op] = importReduce;
  table["ArgMax"] = importArg;
  table["ArgMin"] = importArg;
  table["CumSum"] = importCumSum;
  table["TopK"] = importTopK;
}

} // namespace sinter::importer
