// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that join tensors or cut them into parts. Parts of known contents
// are known, and ONNX's clamping of a slice's ends is decided by the ranges of
// the symbols wherever they allow it.
#include "compiler/import/NodeImport.h"

using namespace mlir;

namespace sinter::importer {
namespace {

LogicalResult importConcat(NodeImport &node) {
  std::optional<int64_t> axis =
      node.axis(node.integer("axis", 1), node.rank(0));
  if (!axis)
    return failure();
  Dims contents;
  bool isKnown = node.rank(0) == 1;
  Type element = node.type(0).getElementType();
  for (size_t i = 0; i < node.inputCount(); ++i) {
    if (!node.input(i))
      return node.fault(ErrorCode::I006, "input " + Twine(i) + " is left out");
    isKnown &= node.input(i)->known.has_value();
    if (isKnown)
      llvm::append_range(contents, *node.input(i)->known);
  }
  if (isKnown)
    return node.setKnown(
        0, contents, sym::tensorOf({node.model.dim(contents.size())}, element));
  SmallVector<Value> operands;
  for (size_t i = 0; i < node.inputCount(); ++i) {
    operands.push_back(node.value(i));
    if (node.rank(i) != node.rank(0))
      continue; // the operation itself says so
    for (int64_t d = 0; d < node.rank(0); ++d)
      if (d != *axis &&
          !node.requireEqual(node.dims(0)[d], node.dims(i)[d],
                             "extents of axis " + std::to_string(d)))
        return failure();
  }
  if (operands.size() == 1)
    return node.setSame(0, *node.input(0));
  return node.set(0, node.one<graph::ConcatOp>(
                         operands, node.attrs().integer("axis", *axis)));
}

/// Extents of the parts of a Split.
std::optional<Dims> partsOf(NodeImport &node, DimAttr whole) {
  size_t outputs = node.node.outputs.size();
  if (node.input(1))
    return node.dimsOrBound(1, "part");
  Dims parts;
  for (int64_t part : node.integers("split"))
    parts.push_back(node.model.dim(part));
  if (!parts.empty())
    return parts;
  int64_t count = node.integer("num_outputs", outputs);
  if (count < 1 || size_t(count) < outputs) {
    (void)node.fault(ErrorCode::I005, "num_outputs is " + Twine(count),
                     Twine(outputs));
    return std::nullopt;
  }
  std::optional<int64_t> known = sym::asConstant(whole);
  bool mustDivide = node.since() < 18;
  if (mustDivide && known && *known % count != 0) {
    (void)node.fault(ErrorCode::S001, "an extent of " + Twine(*known) +
                                          " cannot be split into " +
                                          Twine(count) + " equal parts");
    return std::nullopt;
  }
  if (mustDivide && !known &&
      !node.requireEqual(sym::floorDiv(whole, count) * count, whole,
                         "the parts and the whole"))
    return std::nullopt;
  DimAttr part = sym::ceilDiv(whole, count);
  auto leftAt = [&](int64_t i) {
    return node.model.maxOf(whole - part * i, node.model.dim(0));
  };
  for (size_t i = 0; i < outputs; ++i)
    parts.push_back(mustDivide ? sym::floorDiv(whole, count)
                               : node.model.minOf(part, leftAt(i)));
  if (size_t(count) > outputs) // parts that nobody reads
    parts.push_back(leftAt(outputs));
  return parts;
}

LogicalResult importSplit(NodeImport &node) {
  std::optional<int64_t> axis = node.axis(node.integer("axis"), node.rank(0));
  if (!axis)
    return failure();
  Dims dims = node.dims(0);
  std::optional<Dims> parts = partsOf(node, dims[*axis]);
  if (!parts)
    return failure();
  if (parts->size() < node.node.outputs.size())
    return node.fault(ErrorCode::I006,
                      "has " + Twine(node.node.outputs.size()) + " outputs",
                      "at most " + Twine(parts->size()));
  DimAttr at = node.model.dim(0);
  for (DimAttr part : *parts)
    at = at + part;
  if (!node.requireEqual(at, dims[*axis], "the sum of the parts and the whole"))
    return failure();
  at = node.model.dim(0);
  TensorValue *input = node.input(0);
  for (size_t i = 0; i < parts->size(); at = at + (*parts)[i++]) {
    if (!node.wants(i))
      continue;
    std::optional<int64_t> from = sym::asConstant(at),
                           count = sym::asConstant((*parts)[i]);
    if (input->known && dims.size() == 1 && from && count && *from >= 0 &&
        *count >= 0 && size_t(*from + *count) <= input->known->size()) {
      Dims part(ArrayRef<DimAttr>(*input->known).slice(*from, *count));
      if (failed(node.setKnown(
              i, part,
              sym::tensorOf({(*parts)[i]}, input->type.getElementType()))))
        return failure();
      continue;
    }
    Dims starts(dims.size(), node.model.dim(0)), sizes = dims;
    starts[*axis] = at;
    sizes[*axis] = (*parts)[i];
    if (failed(node.set(i, node.slice(node.value(0), starts, sizes,
                                      SmallVector<int64_t>(dims.size(), 1)))))
      return failure();
  }
  return success();
}

/// ONNX clamps the ends of a slice; ranges of the symbols decide most clamps.
struct Cut {
  DimAttr start, size;
};
Cut cutOf(ModelImporter &model, DimAttr extent, DimAttr start, DimAttr end,
          int64_t step) {
  DimAttr zero = model.dim(0);
  // -n, where n may be 0: it counts from the end only when it is negative.
  auto fromEnd = [&](DimAttr position) {
    sym::Range range = model.rangeOf(position);
    if (range.min >= 0)
      return position;
    if (range.max < 0)
      return position + extent;
    DimAttr isNegative =
        sym::minDim(model.dim(1), sym::maxDim(position * -1, zero));
    return position + extent * isNegative;
  };
  auto wrap = [&](DimAttr position, DimAttr low, DimAttr high) {
    return model.maxOf(model.minOf(fromEnd(position), high), low);
  };
  if (step > 0) {
    DimAttr first = wrap(start, zero, extent);
    // extent - min(start, extent) is max(extent - start, 0): one clamp, not
    // two.
    DimAttr limit = wrap(end, zero, extent);
    DimAttr length = model.maxOf(limit - first, zero);
    if (limit == extent && model.rangeOf(start).min >= 0)
      length = model.maxOf(extent - start, zero);
    return {first, sym::ceilDiv(length, step)};
  }
  DimAttr last = extent - 1, begin = wrap(start, zero, last), first = begin;
  // Of an empty axis, the first element is as far out as the end: -1.
  if (model.minOf(last, zero) != zero)
    first = model.minOf(begin, last);
  // An end below -extent means "past the first element": index -1.
  DimAttr limit = wrap(end, model.dim(-1), extent - 1);
  return {begin, sym::ceilDiv(model.maxOf(first - limit, zero), -step)};
}

struct Cuts {
  Dims starts, ends;
  SmallVector<int64_t> axes, steps;
};

std::optional<Cuts> cutsOf(NodeImport &node) {
  Cuts cuts;
  int64_t far = int64_t(1) << 31;
  if (node.since() < 10) {
    for (int64_t value : node.integers("starts"))
      cuts.starts.push_back(node.model.dim(value));
    for (int64_t value : node.integers("ends"))
      cuts.ends.push_back(node.model.dim(value));
    cuts.axes = node.integers("axes");
  } else {
    std::optional<Dims> starts = node.dimsOrBound(1, "start", -far),
                        ends = node.dimsOrBound(2, "end", -far);
    if (!starts || !ends)
      return std::nullopt;
    cuts.starts = *starts;
    cuts.ends = *ends;
    if (node.input(3)) {
      std::optional<SmallVector<int64_t>> axes = node.constantInts(3);
      if (!axes)
        return std::nullopt;
      cuts.axes = *axes;
    }
    if (node.input(4)) {
      std::optional<SmallVector<int64_t>> steps = node.constantInts(4);
      if (!steps)
        return std::nullopt;
      cuts.steps = *steps;
    }
  }
  if (cuts.axes.empty())
    for (size_t i = 0; i < cuts.starts.size(); ++i)
      cuts.axes.push_back(i);
  if (cuts.steps.empty())
    cuts.steps.assign(cuts.starts.size(), 1);
  std::optional<SmallVector<int64_t>> axes = node.axes(cuts.axes, node.rank(0));
  if (!axes)
    return std::nullopt;
  cuts.axes = *axes;
  size_t count = cuts.starts.size();
  if (cuts.ends.size() != count || cuts.axes.size() != count ||
      cuts.steps.size() != count || llvm::is_contained(cuts.steps, 0)) {
    (void)node.fault(ErrorCode::S001,
                     "starts, ends, axes and steps do not fit together",
                     "equal lengths and no step of 0");
    return std::nullopt;
  }
  return cuts;
}

LogicalResult importSlice(NodeImport &node) {
  std::optional<Cuts> cuts = cutsOf(node);
  if (!cuts)
    return failure();
  Dims sizes = node.dims(0), starts(sizes.size(), node.model.dim(0));
  SmallVector<int64_t> steps(sizes.size(), 1);
  for (size_t i = 0; i < cuts->axes.size(); ++i) {
    int64_t axis = cuts->axes[i];
    // Beyond 2^31 an end only means "all": keep the arithmetic away from
    // overflow.
    int64_t step = std::clamp<int64_t>(cuts->steps[i], -(int64_t(1) << 32),
                                       int64_t(1) << 32);
    auto tame = [&](DimAttr end) {
      std::optional<int64_t> value = sym::asConstant(end);
      return value ? node.model.dim(std::clamp<int64_t>(
                         *value, -(int64_t(1) << 40), int64_t(1) << 40))
                   : end;
    };
    Cut cut = cutOf(node.model, sizes[axis], tame(cuts->starts[i]),
                    tame(cuts->ends[i]), step);
    starts[axis] = cut.start;
    sizes[axis] = cut.size;
    steps[axis] = step;
  }
  bool isFixed = llvm::all_of(
      starts, [](DimAttr start) { return sym::asConstant(start); });
  if (isFixed && node.setMoved(sizes, [&](ArrayRef<int64_t> index) {
        SmallVector<int64_t> from;
        for (size_t d = 0; d < index.size(); ++d)
          from.push_back(*sym::asConstant(starts[d]) + index[d] * steps[d]);
        return from;
      }))
    return success();
  return node.set(0, node.slice(node.value(0), starts, sizes, steps));
}

} // namespace

void addParts(OpTable &table) {
  table["Concat"] = importConcat;
  table["Split"] = importSplit;
  table["Slice"] = importSlice;
}

} // namespace sinter::importer
