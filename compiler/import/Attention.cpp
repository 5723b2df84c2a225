// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention and RotaryEmbedding, composed of matmul, map and softmax: fusion
// finds attention in models of every age by that form, so this one needs none
// of its own.
//
//   softmax(softcap(Q s K^T s) + bias) V,  s = sqrt(scale)
//
// All that forbids a key (causal order, windows, padding, a bool mask) is one
// condition and one select; a query that may look at no key yields zero.
#include "compiler/import/NodeImport.h"
#include <limits>

using namespace mlir;

namespace sinter::importer {
namespace {

Dims dimsOf(Value value) {
  return sym::dimsOf(cast<RankedTensorType>(value.getType()));
}

/// [B, S, H * D] as [B, H, S, D]; rank 4 is that already.
Value splitHeads(NodeImport &node, Value x, int64_t heads) {
  if (!x)
    return {};
  Dims d = dimsOf(x);
  if (d.size() == 4)
    return x;
  if (d.size() != 3 || heads < 1) {
    (void)node.fault(ErrorCode::S001,
                     "an input has rank " + Twine(d.size()) + " and " +
                         Twine(heads) + " heads",
                     "rank 4, or rank 3 and the number of heads");
    return {};
  }
  x = node.reshape(
      x, {d[0], d[1], node.model.dim(heads), sym::floorDiv(d[2], heads)});
  return node.transpose(x, {0, 2, 1, 3});
}

Value concat(NodeImport &node, Value a, Value b, int64_t axis) {
  if (!a || !b)
    return {};
  Dims x = dimsOf(a), y = dimsOf(b);
  for (int64_t i = 0; i < int64_t(std::min(x.size(), y.size())); ++i)
    if (i != axis &&
        !node.requireEqual(x[i], y[i], "extents of cache and input"))
      return {};
  return node.one<graph::ConcatOp>({a, b}, node.attrs().integer("axis", axis));
}

/// The new keys or values behind those of the cache.
Value withPast(NodeImport &node, size_t past, Value fresh) {
  return node.input(past) ? concat(node, node.value(past), fresh, 2) : fresh;
}

/// Each key-value head serves several query heads: h0 h0 h1 h1 ...
Value repeatHeads(NodeImport &node, Value x, DimAttr heads) {
  if (!x)
    return {};
  Dims d = dimsOf(x);
  std::optional<int64_t> have = sym::asConstant(d[1]),
                         want = sym::asConstant(heads);
  if (d[1] == heads)
    return x;
  if (!have || !want || *have < 1 || *want % *have != 0) {
    (void)node.fault(ErrorCode::S001, sym::toString(heads) +
                                          " query heads do not share " +
                                          sym::toString(d[1]) + " key heads");
    return {};
  }
  x = node.reshape(x, {d[0], d[1], node.model.dim(1), d[2], d[3]});
  x = node.broadcast(x,
                     {d[0], d[1], node.model.dim(*want / *have), d[2], d[3]});
  return node.reshape(x, {d[0], heads, d[2], d[3]});
}

/// What a query may look at, and what is added to its scores.
class Bias {
public:
  Bias(NodeImport &node, DimAttr queries, DimAttr keys, Type element)
      : node(node), queries(queries), keys(keys), element(element),
        i64(node.model.builder.getI64Type()) {}

  bool build();
  Value get() const { return bias; }

private:
  Value count(DimAttr extent, ArrayRef<DimAttr> shape) {
    Value line =
        node.one<graph::RangeOp>({node.scalar(0, i64), node.scalar(1, i64)}, {},
                                 {sym::tensorOf({extent}, i64)});
    return node.reshape(line, shape);
  }
  void allow(Value condition) {
    isFine &= bool(condition);
    allowed = allowed ? node.map("and", {allowed, condition}) : condition;
  }
  /// How many keys stand before the first query: of the cache, or per batch
  /// row.
  Value offset();
  void addOrder();
  void addMask();

  NodeImport &node;
  DimAttr queries, keys;
  Type element, i64;
  Value allowed, added, bias;
  bool isFine = true;
};

Value Bias::offset() {
  DimAttr one = node.model.dim(1);
  if (!node.input(4) && node.input(6)) {
    Value lengths =
        node.reshape(node.value(6), {node.dims(6)[0], one, one, one});
    TensorValue own =
        node.model.knownOf({queries}, RankedTensorType::get({}, i64));
    return node.map("sub",
                    {lengths, node.model.materialise(own, node.location)});
  }
  DimAttr past = node.input(4) ? node.dims(4)[2] : node.model.dim(0);
  TensorValue known =
      node.model.knownOf({past}, RankedTensorType::get({}, i64));
  return node.model.materialise(known, node.location);
}

void Bias::addOrder() {
  int64_t left = node.integer("left_window_size", -1);
  int64_t right = node.integer("right_window_size", -1);
  bool isCausal = node.integer("is_causal") != 0;
  DimAttr one = node.model.dim(1);
  if (isCausal || left >= 0 || right >= 0) {
    Value query = node.map("add", {count(queries, {queries, one}), offset()});
    Value key = count(keys, {one, keys});
    Value distance = node.map("sub", {query, key});
    if (isCausal)
      allow(node.map("less_equal", {key, query}));
    if (left >= 0)
      allow(node.map("less_equal", {distance, node.scalar(left, i64)}));
    if (right >= 0)
      allow(node.map("greater_equal", {distance, node.scalar(-right, i64)}));
  }
  if (node.input(6)) {
    Value lengths =
        node.reshape(node.value(6), {node.dims(6)[0], one, one, one});
    allow(node.map("less", {count(keys, {one, one, one, keys}), lengths}));
  }
}

void Bias::addMask() {
  Value mask = node.value(3);
  if (!mask)
    return;
  Dims d = dimsOf(mask), high(d.size(), node.model.dim(0)), low = high;
  Type type = node.type(3).getElementType();
  bool isBool = type.isInteger(1);
  if (!d.empty() && d.back() != keys) { // a short mask forbids the rest
    high.back() = keys - d.back();
    Value filler = node.scalar(
        isBool ? 0 : -std::numeric_limits<double>::infinity(), type);
    mask = node.one<graph::PadOp>({mask, filler}, node.attrs()
                                                      .text("mode", "constant")
                                                      .dims("low", low)
                                                      .dims("high", high));
  }
  if (isBool)
    return allow(mask);
  added = node.cast(mask, element);
  isFine &= bool(added);
}

bool Bias::build() {
  addOrder();
  addMask();
  if (allowed) {
    Value never =
        node.scalar(-std::numeric_limits<double>::infinity(), element);
    bias = node.map("select", {allowed, node.scalar(0, element), never});
    isFine &= bool(bias);
  }
  if (added)
    bias = bias ? node.map("add", {bias, added}) : added;
  return isFine && (bias || (!allowed && !added));
}

/// Softmax of the scores; 0 where the bias forbids all keys.
Value probabilities(NodeImport &node, Value scores, Value bias, Type element) {
  int64_t precision = node.integer("softmax_precision", 0);
  Type compute = element;
  if (precision == int64_t(onnx::DataType::Float))
    compute = node.model.builder.getF32Type();
  else if (precision == int64_t(onnx::DataType::Double))
    compute = node.model.builder.getF64Type();
  Value result = node.one<graph::SoftmaxOp>(node.cast(scores, compute),
                                            node.attrs().integer("axis", 3));
  result = node.cast(result, element);
  if (!bias || !result)
    return result;
  int64_t last = dimsOf(bias).size() - 1;
  Value best = node.reduce("max", bias, {last}, true);
  Value never = node.scalar(-std::numeric_limits<double>::infinity(), element);
  return node.map("select", {node.map("equal", {best, never}),
                             node.scalar(0, element), result});
}

LogicalResult importAttention(NodeImport &node) {
  Type element = node.type(0).getElementType();
  bool isFlat = node.rank(0) == 3;
  int64_t queryHeads = node.integer("q_num_heads"),
          keyHeads = node.integer("kv_num_heads");
  Value q = splitHeads(node, node.value(0), queryHeads);
  Value k = withPast(node, 4, splitHeads(node, node.value(1), keyHeads));
  Value v = withPast(node, 5, splitHeads(node, node.value(2), keyHeads));
  if (!q || !k || !v || failed(node.set(1, k)) || failed(node.set(2, v)))
    return failure();
  Dims shape = dimsOf(q);
  Dims keys = dimsOf(k), values = dimsOf(v);
  if (!node.requireEqual(shape[0], keys[0], "batch sizes") ||
      !node.requireEqual(keys[0], values[0], "batch sizes") ||
      !node.requireEqual(shape[3], keys[3], "sizes of a head") ||
      !node.requireEqual(keys[2], values[2], "numbers of keys and values"))
    return failure();
  k = node.written(node.written(k, 0, shape[0]), 3, shape[3]);
  v = node.written(node.written(v, 0, shape[0]), 2, keys[2]);
  std::optional<int64_t> width = sym::asConstant(shape[3]);
  if (!width)
    return node.fault(ErrorCode::I014, "the size of a head is not known");
  Bias bias(node, shape[2], keys[2], element);
  if (!bias.build())
    return failure();
  Value s = node.scalar(
      std::sqrt(node.real("scale", 1.0 / std::sqrt(double(*width)))), element);
  k = repeatHeads(node, k, shape[1]);
  v = repeatHeads(node, v, shape[1]);
  Value scores = node.one<graph::MatMulOp>(
      {node.map("mul", {q, s}), node.map("mul", {k, s})},
      node.attrs().flag("transpose_b", true));
  int64_t mode = node.integer("qk_matmul_output_mode");
  Value shown = scores;
  double cap = node.real("softcap");
  if (cap > 0) {
    Value limit = node.scalar(cap, element);
    scores = node.map(
        "mul", {node.map("tanh", {node.map("div", {scores, limit})}), limit});
  }
  shown = mode == 1 ? scores : shown;
  if (bias.get())
    scores = node.map("add", {scores, bias.get()});
  shown = mode == 2 ? scores : shown;
  Value weights = probabilities(node, scores, bias.get(), element);
  shown = mode == 3 ? weights : shown;
  Value result =
      node.one<graph::MatMulOp>({weights, node.cast(v, element)}, {});
  if (!result || failed(node.set(3, shown)))
    return failure();
  if (isFlat) {
    result = node.transpose(result, {0, 2, 1, 3});
    Dims d = dimsOf(result);
    result = node.reshape(result, {d[0], d[1], d[2] * d[3]});
  }
  return node.set(0, result);
}

/// Elements [from, from + size * step) of the last axis, every step-th.
Value lastAxis(NodeImport &node, Value x, int64_t from, DimAttr size,
               int64_t step) {
  if (!x)
    return {};
  Dims sizes = dimsOf(x), starts(sizes.size(), node.model.dim(0));
  SmallVector<int64_t> steps(sizes.size(), 1);
  starts.back() = node.model.dim(from);
  sizes.back() = size;
  steps.back() = step;
  return node.slice(x, starts, sizes, steps);
}

/// Input `i`, cosines or sines, at the given positions: [B, S, 1, half].
Value rotaryCache(NodeImport &node, size_t i) {
  Value table = node.value(i);
  if (node.input(3))
    table = node.one<graph::GatherOp>({table, node.value(3)},
                                      node.attrs().integer("axis", 0));
  if (!table || dimsOf(table).size() != 3)
    return Value();
  Dims d = dimsOf(table);
  return node.reshape(table, {d[0], d[1], node.model.dim(1), d[2]});
}

LogicalResult importRotary(NodeImport &node) {
  Dims original = node.dims(0);
  int64_t heads = node.integer("num_heads");
  Value x = node.value(0);
  if (original.size() == 4)
    x = node.transpose(x, {0, 2, 1, 3});
  else if (original.size() == 3 && heads > 0)
    x = node.reshape(x, {original[0], original[1], node.model.dim(heads),
                         sym::floorDiv(original[2], heads)});
  else
    return node.fault(ErrorCode::S001, "input has rank " +
                                           Twine(original.size()) + " and " +
                                           Twine(heads) + " heads");
  std::optional<int64_t> width =
      x ? sym::asConstant(dimsOf(x)[3]) : std::nullopt;
  if (!width)
    return node.fault(ErrorCode::I014, "the size of a head is not known");
  int64_t rotated = node.integer("rotary_embedding_dim"), half;
  rotated = rotated == 0 ? *width : rotated;
  half = rotated / 2;
  if (rotated < 0 || rotated > *width)
    return node.fault(ErrorCode::I005,
                      "rotary_embedding_dim is " + Twine(rotated),
                      "at most " + Twine(*width));
  Value cosine = rotaryCache(node, 1), sine = rotaryCache(node, 2);
  bool isInterleaved = node.integer("interleaved") != 0;
  DimAttr h = node.model.dim(half);
  Value a = lastAxis(node, x, 0, h, isInterleaved ? 2 : 1);
  Value b =
      lastAxis(node, x, isInterleaved ? 1 : half, h, isInterleaved ? 2 : 1);
  Value real = node.map(
      "sub", {node.map("mul", {cosine, a}), node.map("mul", {sine, b})});
  Value imaginary = node.map(
      "add", {node.map("mul", {sine, a}), node.map("mul", {cosine, b})});
  if (!real || !imaginary)
    return node.fault(ErrorCode::S001, "the caches do not fit the input");
  Value turned;
  Dims d = dimsOf(x);
  if (isInterleaved) {
    Dims pair = {d[0], d[1], d[2], h, node.model.dim(1)};
    turned = concat(node, node.reshape(real, pair),
                    node.reshape(imaginary, pair), 4);
    turned = node.reshape(turned, {d[0], d[1], d[2], node.model.dim(rotated)});
  } else {
    turned = concat(node, real, imaginary, 3);
  }
  if (rotated < *width)
    turned = concat(
        node, turned,
        lastAxis(node, x, rotated, node.model.dim(*width - rotated), 1), 3);
  if (original.size() == 4)
    return node.set(0, node.transpose(turned, {0, 2, 1, 3}));
  return node.set(0, node.reshape(turned, original));
}

/// The gate of a transformer's MLP: swish(A) * B.
LogicalResult importSwiGLU(NodeImport &node) {
  Value a = node.value(0);
  Value scaled = a;
  if (node.real("alpha") != 1)
    scaled = node.map("mul", {a, node.scalar(node.real("alpha"),
                                             node.type(0).getElementType())});
  Value gate = node.map("mul", {a, node.map("sigmoid", {scaled})});
  return node.set(0, node.map("mul", {gate, node.value(1)}));
}

} // namespace

void addAttention(OpTable &table) {
  table["Attention"] = importAttention;
  table["RotaryEmbedding"] = importRotary;
  table["SwiGLU"] = importSwiGLU;
}

} // namespace sinter::importer
