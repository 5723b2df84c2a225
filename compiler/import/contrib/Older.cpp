// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small operators of com.microsoft, most of them older than what the standard
// has in their place: sums of integers, complex numbers, dropout that a model
// for inference still holds, tables of embeddings, biases by position.
#include "compiler/import/Composer.h"
#include "compiler/import/contrib/Contrib.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

LogicalResult importMulInteger(NodeImport &node) {
  Composer c(node);
  Type i32 = node.model.builder.getI32Type();
  auto shifted = [&](size_t i) {
    Name x = c.cast(c.input(i), i32);
    return node.input(i + 1) ? c.sub(x, c.cast(c.input(i + 1), i32)) : x;
  };
  return c.set(0, c.mul(shifted(0), shifted(2)));
}

LogicalResult importReduceSumInteger(NodeImport &node) {
  Composer c(node);
  bool isUnsigned = node.type(0).getElementType().isUnsignedInteger();
  Name wide = c.castTo(c.input(0), isUnsigned ? onnx::DataType::Uint32
                                              : onnx::DataType::Int32);
  return c.set(0, c.op("ReduceSum", {wide, c.ints(node.integers("axes"))},
                       With().integer("keepdims", node.integer("keepdims"))));
}

LogicalResult importMatMulInteger16(NodeImport &node) {
  Composer c(node);
  bool isUnsigned = node.type(0).getElementType().isUnsignedInteger() &&
                    node.type(1).getElementType().isUnsignedInteger();
  onnx::DataType wide =
      isUnsigned ? onnx::DataType::Uint32 : onnx::DataType::Int32;
  return c.set(0, c.op("MatMul", {c.castTo(c.input(0), wide),
                                  c.castTo(c.input(1), wide)}));
}

LogicalResult importGatherND(NodeImport &node) {
  Composer c(node);
  return c.set(0,
               c.op("GatherND",
                    {c.input(0), c.castTo(c.input(1), onnx::DataType::Int64)}));
}

LogicalResult importTorchEmbedding(NodeImport &node) {
  Composer c(node);
  return c.set(0, c.op("Gather", {c.input(0), c.input(1)}));
}

/// Windows of an axis, `step` apart; the elements of each become the last axis.
LogicalResult importUnfold(NodeImport &node) {
  Composer c(node);
  Dims d = node.dims(0);
  int64_t size = node.integer("size"), step = node.integer("step");
  std::optional<int64_t> axis = node.axis(node.integer("dim"), d.size());
  if (!axis)
    return failure();
  if (size < 1 || step < 1 || size > int64_t(1) << 24)
    return c.fault(ErrorCode::I005,
                   "size is " + Twine(size) + ", step is " + Twine(step),
                   "1 or more");
  if (!node.requireAtMost(node.model.dim(size), d[*axis], "size"))
    return failure();
  DimAttr count = sym::floorDiv(d[*axis] - size, step) + 1;
  Name first = c.mul(c.count(count), c.integer(step));
  Name place = c.add(c.unsqueeze(first, {1}), c.count(node.model.dim(size)));
  Name picked =
      c.op("Gather", {c.input(0), place}, With().integer("axis", *axis));
  SmallVector<int64_t> order;
  for (int64_t i = 0; i <= int64_t(d.size()); ++i)
    if (i != *axis + 1)
      order.push_back(i);
  order.push_back(*axis + 1);
  return c.set(0, c.transpose(picked, order));
}

//===----------------------------------------------------------------------===//
// Complex numbers: [..., 2]
//===----------------------------------------------------------------------===//

LogicalResult importComplexMul(NodeImport &node) {
  Composer c(node);
  bool isConjugate = node.node.op == "ComplexMulConj";
  for (size_t i : {0, 1})
    if (node.rank(i) < 1 || !sym::isConstant(node.dims(i).back(), 2))
      return c.fault(ErrorCode::S001, "an operand does not end in pairs",
                     "[..., 2]");
  auto part = [&](size_t i, int64_t at) {
    return c.slice(c.input(i), node.rank(i) - 1, at, at + 1);
  };
  Name a = part(0, 0), b = part(0, 1), x = part(1, 0), y = part(1, 1);
  if (isConjugate)
    y = c.op("Neg", {y});
  Name real = c.sub(c.mul(a, x), c.mul(b, y)),
       imaginary = c.add(c.mul(a, y), c.mul(b, x));
  return c.set(0,
               c.op("Concat", {real, imaginary}, With().integer("axis", -1)));
}

LogicalResult importIsAllFinite(NodeImport &node) {
  Composer c(node);
  bool isInfOnly = node.integer("isinf_only") != 0,
       isNanOnly = node.integer("isnan_only") != 0;
  if (isInfOnly && isNanOnly)
    return c.fault(ErrorCode::I005, "isinf_only and isnan_only are both set",
                   "one of them");
  Name worst = c.castTo(c.integer(0), onnx::DataType::Int32);
  for (const Name &x : c.inputs()) {
    Name bad;
    if (!isNanOnly)
      bad = c.op("IsInf", {x});
    if (!isInfOnly)
      bad = bad.empty() ? c.op("IsNaN", {x})
                        : c.op("Or", {bad, c.op("IsNaN", {x})});
    bad = c.reshape(c.castTo(bad, onnx::DataType::Int32),
                    {sym::product(&node.model.context, c.dimsOf(x))});
    bad = c.op("ReduceMax", {bad, c.ints({0})}, With().integer("keepdims", 0));
    worst = c.op("Max", {worst, bad});
  }
  Name zero = c.castTo(c.integer(0), onnx::DataType::Int32);
  return c.set(0, c.op("LessOrEqual", {worst, zero}));
}

//===----------------------------------------------------------------------===//
// Dropout that drops nothing
//===----------------------------------------------------------------------===//

/// The bias and the residual where an operator has them; 32 elements a word of
/// the mask where it says so.
LogicalResult importDropout(NodeImport &node) {
  Composer c(node);
  bool hasBias = node.node.op != "BitmaskDropout",
       isBitmask = node.node.op != "BiasDropout";
  size_t behind = hasBias ? 3 : 1;
  Name x = hasBias ? c.add(c.input(0), c.input(1)) : c.input(0);
  // The ratio may be of another type than the data, and scales nothing here.
  std::vector<Name> results = c.ops("Dropout", {x, "", c.input(behind + 1)}, 2);
  Name y = results[0];
  if (hasBias && node.input(2))
    y = c.add(y, c.input(2));
  if (failed(c.set(0, y)))
    return failure();
  if (!node.wants(1) || !isBitmask)
    return c.set(1, results[1]);
  DimAttr words =
      sym::ceilDiv(sym::product(&node.model.context, node.dims(0)), 32);
  Type u32 = node.model.builder.getIntegerType(32, /*isSigned=*/false);
  return c.set(1,
               c.op("Expand", {c.scalar(4294967295.0, u32), c.dims({words})}));
}

LogicalResult importIdentity(NodeImport &node) {
  return node.setSame(0, *node.input(0));
}

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

/// The bucket of each distance: exact ones up to the half of them, then by the
/// logarithm up to max_distance.
Name bucketsOf(NodeImport &node, Composer &c, const Name &distance,
               int64_t buckets) {
  Type f32 = node.model.builder.getF32Type(),
       i64 = node.model.builder.getI64Type();
  Name zero = c.integer(0), first = zero, far = distance;
  if (node.integer("is_bidirectional") != 0) {
    buckets /= 2;
    first = c.op("Where",
                 {c.op("Greater", {distance, zero}), c.integer(buckets), zero});
    far = c.op("Abs", {distance});
  } else {
    far = c.op("Neg", {c.op("Min", {distance, zero})});
  }
  int64_t exact = std::max<int64_t>(buckets / 2, 1);
  double range = std::log(double(node.integer("max_distance")) / exact);
  Name ratio =
      c.op("Log", {c.div(c.cast(c.op("Max", {far, c.integer(exact)}), f32),
                         c.scalar(double(exact), f32))});
  Name steps = c.cast(c.mul(c.div(ratio, c.scalar(range, f32)),
                            c.scalar(double(buckets - exact), f32)),
                      i64);
  Name large =
      c.op("Min", {c.add(steps, c.integer(exact)), c.integer(buckets - 1)});
  return c.add(first, c.op("Where", {c.op("Less", {far, c.integer(exact)}), far,
                                     large}));
}

LogicalResult importRelativeBias(NodeImport &node) {
  Composer c(node);
  std::optional<int64_t> buckets =
      node.rank(0) == 2 ? sym::asConstant(node.dims(0)[0]) : std::nullopt;
  int64_t farthest = node.integer("max_distance");
  if (!buckets || *buckets < 4 || farthest <= *buckets / 2)
    return c.fault(ErrorCode::I014,
                   "max_distance is " + Twine(farthest) +
                       ", or the number of buckets is not known",
                   "a known table [buckets, heads] of 4 or more, and more "
                   "distances than half of them");
  std::optional<Dims> queries = node.dimsOrBound(1, "queries"),
                      keys = node.dimsOrBound(2, "keys");
  if (!queries || !keys)
    return failure();
  if (queries->size() != 1 || keys->size() != 1)
    return c.fault(ErrorCode::S001,
                   "query_length and key_length have " +
                       Twine(queries->size()) + " and " + Twine(keys->size()) +
                       " elements",
                   "1 each");
  Name distance = c.sub(c.unsqueeze(c.count((*keys)[0]), {0}),
                        c.unsqueeze(c.count((*queries)[0]), {1}));
  // The table lies by columns: the buckets of a head side by side.
  Dims d = node.dims(0);
  Name table = c.reshape(c.input(0), {d[1], d[0]});
  Name bias = c.op("Gather", {table, bucketsOf(node, c, distance, *buckets)},
                   With().integer("axis", 1));
  return c.set(0, c.unsqueeze(bias, {0}));
}

/// The bias rel_pos, scaled by what a query says of itself.
LogicalResult importGatedBias(NodeImport &node) {
  Composer c(node);
  Dims d = node.dims(0), w = node.dims(3);
  int64_t heads = node.integer("num_heads");
  if (node.input(6) || d.size() != 3 || w.size() != 2 || heads < 1)
    return c.fault(ErrorCode::I004,
                   "packed tokens are given, or the query has "
                   "another rank",
                   "[batch, sequence, hidden] and no token_offset");
  Type element = node.type(0).getElementType();
  Name q = c.add(c.input(0), c.input(1));
  q = c.transpose(c.reshape(q, {d[0], d[1], node.model.dim(heads), w[0]}),
                  {0, 2, 1, 3});
  Name gates = c.add(c.op("MatMul", {q, c.input(3)}), c.input(4));
  gates = c.reshape(gates, {d[0], node.model.dim(heads), d[1],
                            node.model.dim(2), sym::floorDiv(w[1], 2)});
  gates = c.op("Sigmoid", {c.op("ReduceSum", {gates, c.ints({4})},
                                With().integer("keepdims", 0))});
  Name u = c.slice(gates, 3, 0, 1), r = c.slice(gates, 3, 1, 2);
  Name one = c.scalar(1, element), two = c.scalar(2, element);
  Name scale = c.add(c.mul(u, c.sub(c.mul(r, c.input(5)), one)), two);
  return c.set(0, c.mul(scale, c.input(2)));
}

/// Three quantised tables, their sum, its norm: rows first, floats then.
LogicalResult importQuantisedEmbedding(NodeImport &node) {
  Composer c(node);
  Type f32 = node.model.builder.getF32Type();
  auto real = [&](const Name &q, size_t scale, size_t zero) {
    return c.mul(c.sub(c.cast(q, f32), c.cast(c.input(zero), f32)),
                 c.input(scale));
  };
  auto row = [&](size_t table, const Name &ids, size_t scale, size_t zero) {
    return real(c.op("Gather", {c.input(table), ids}), scale, zero);
  };
  if (node.rank(0) != 2)
    return c.fault(ErrorCode::S001, "input_ids has rank " + Twine(node.rank(0)),
                   "[batch, sequence]");
  Name sum =
      c.add(row(2, c.input(0), 8, 13), row(3, c.count(node.dims(0)[1]), 9, 14));
  if (node.input(1)) {
    if (!node.input(4) || !node.input(10) || !node.input(15))
      return c.fault(ErrorCode::I006, "has segment_ids and no segment table",
                     "the table, its scale and its zero point");
    sum = c.add(sum, row(4, c.input(1), 10, 15));
  }
  Name y =
      c.op("LayerNormalization",
           {sum, real(c.input(5), 11, 16), real(c.input(6), 12, 17)},
           With().integer("axis", -1).real("epsilon", node.real("epsilon")));
  if (failed(c.set(0, y)))
    return failure();
  if (!node.wants(1))
    return success();
  Name mask = node.input(7) ? c.input(7) : c.sub(c.input(0), c.input(0));
  return c.set(
      1, c.op("ReduceSum", {mask, c.ints({1})}, With().integer("keepdims", 0)));
}

} // namespace

void addOlder(OpTable &table) {
  addRows(table, "com.microsoft",
          {{"MulInteger", importMulInteger},
           {"ReduceSumInteger", importReduceSumInteger},
           {"MatMulInteger16", importMatMulInteger16},
           {"GatherND", importGatherND},
           {"TorchEmbedding", importTorchEmbedding},
           {"UnfoldTensor", importUnfold},
           {"ComplexMul", importComplexMul},
           {"ComplexMulConj", importComplexMul},
           {"IsAllFinite", importIsAllFinite},
           {"BiasDropout", importDropout},
           {"BitmaskDropout", importDropout},
           {"BitmaskBiasDropout", importDropout},
           {"SampleOp", importIdentity},
           {"RelativePositionBias", importRelativeBias},
           {"GatedRelativePositionBias", importGatedBias},
           {"QEmbedLayerNormalization", importQuantisedEmbedding}});
}

} // namespace sinter::importer
