// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GroupQueryAttention: what the exporters of language models write for a whole
// attention. Its cache is a buffer: as long as it has to be (it grows by the
// new tokens), or longer, so that one buffer serves all steps. How much of a
// row of the batch is filled says seqlens_k; the new tokens go behind that, and
// what follows the last of them is never looked at: 0, or, where the caller
// gives one buffer as both caches, as it was.
//
//   start = max(seqlens_k + 1 - S, 0)                        [batch]
//   present = past, longer where total_sequence_length asks, with k from start
//   on y = softmax(q k^T * scale + bias) v over the first total_sequence_length
//   keys key j of query i is allowed where start + i - window < j <= start + i
#include "compiler/import/Compose.h"
#include "compiler/import/contrib/Blocks.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

enum Input { Query, Key, Value_, PastKey, PastValue, Lengths, Total, Cosine };
enum Later {
  Sine = 8,
  Positions,
  AddedBias,
  Sink,
  KeyScale,
  ValueScale,
  QueryNorm,
  KeyNorm
};

class GroupQuery {
public:
  explicit GroupQuery(NodeImport &node)
      : c(node), node(node), heads(node.integer("num_heads")),
        keyHeads(node.integer("kv_num_heads")),
        element(node.type(Query).getElementType()) {}

  LogicalResult run();

private:
  LogicalResult check();
  LogicalResult checkCache();
  bool findLengths();
  Name split(const Name &x, int64_t count);
  Name normalised(const Name &x, size_t weight);
  void findHeads();
  LogicalResult rotate();
  Name quantised(const Name &x, size_t scale);
  Name real(const Name &cache, size_t scale);
  Name present(size_t past, const Name &fresh);
  Name allowed();
  Name plain(const Name &k, const Name &v, const Name &bias);
  Name withSink(const Name &k, const Name &v, const Name &bias);

  Composer c;
  NodeImport &node;
  int64_t heads, keyHeads;
  Type element;
  bool isQuantised = false; // the cache, in `bits` bits
  int64_t bits = 8;
  DimAttr batch, sequence, total;
  Name q, k, v, scores, start, lengths; // start and lengths: [batch] of i64
};

/// A cache of bytes has scales and says which way each half is quantised.
LogicalResult GroupQuery::checkCache() {
  bool hasSink = node.input(Sink) || node.integer("smooth_softmax") > 0;
  if ((node.wants(3) && hasSink) || node.integer("sliding_window_cache") != 0)
    return c.fault(ErrorCode::I004,
                   "a sliding cache, or the scores of heads with a sink, are "
                   "asked for",
                   "a cache that holds every token, and no scores beside a "
                   "sink");
  Type kept =
      node.input(PastKey) ? node.type(PastKey).getElementType() : element;
  std::string keys = node.text("k_quant_type"),
              values = node.text("v_quant_type");
  bool asks = keys != "NONE" || values != "NONE" || node.input(KeyScale) ||
              node.input(ValueScale);
  isQuantised = isa<IntegerType>(kept);
  bits = node.integer("kv_cache_bit_width", 8);
  bits = bits == 0 ? 8 : bits;
  bool isNibble = bits == 4 && kept.isUnsignedInteger(8);
  bool isByte = bits == 8 && kept.isSignlessInteger(8);
  if (!asks && !isQuantised && kept == element)
    return success();
  if (isQuantised && (isByte || isNibble) && node.input(KeyScale) &&
      node.input(ValueScale) && keys != "NONE" && values != "NONE")
    return success();
  return c.fault(ErrorCode::I004,
                 "the cache is quantised otherwise than its operands say: " +
                     Twine(bits) + " bits, '" + keys + "' and '" + values + "'",
                 "keys and values of floats, or both of int8, or of four bits "
                 "in uint8, with scales and PER_TENSOR or PER_CHANNEL");
}

LogicalResult GroupQuery::check() {
  if (failed(checkCache()))
    return failure();
  if (heads < 1 || keyHeads < 1 || heads % keyHeads != 0 ||
      node.rank(Query) != 3)
    return c.fault(
        ErrorCode::S001,
        "the query has rank " + Twine(node.rank(Query)) + ", " + Twine(heads) +
            " heads of " + Twine(keyHeads) + " keys",
        "[batch, sequence, hidden], and a multiple of the key heads");
  if (bool(node.input(PastKey)) != bool(node.input(PastValue)) ||
      (node.input(PastKey) &&
       (node.rank(PastKey) != 4 || node.rank(PastValue) != 4)))
    return c.fault(ErrorCode::S001,
                   "the cache has another rank or half of it "
                   "is missing",
                   "keys and values, [batch, heads, length, head]");
  return success();
}

/// Sizes, and what stands before the new tokens of each row.
bool GroupQuery::findLengths() {
  batch = node.dims(Query)[0];
  sequence = node.dims(Query)[1];
  DimAttr most = sequence;
  if (node.input(PastKey))
    most = most + node.dims(PastKey)[2];
  std::optional<Dims> found = node.dimsOrBound(Total, "total", 0, most);
  if (!found || found->size() != 1)
    return false;
  total = (*found)[0];
  if (!node.requireAtMost(total, most, "total_sequence_length"))
    return false;
  if (!node.input(PastKey) &&
      !node.requireEqual(total, sequence, "total_sequence_length and the keys"))
    return false;
  lengths = c.add(
      c.castTo(c.reshape(c.input(Lengths), {batch}), onnx::DataType::Int64),
      c.integer(1));
  start = c.op("Max", {c.sub(lengths, c.dim(sequence)), c.integer(0)});
  return !start.empty();
}

/// [B, S, N * D] as [B, N, S, D].
Name GroupQuery::split(const Name &x, int64_t count) {
  Dims d = c.dimsOf(x);
  if (d.size() != 3)
    return {};
  Name wide = c.reshape(
      x, {d[0], d[1], node.model.dim(count), sym::floorDiv(d[2], count)});
  return c.transpose(wide, {0, 2, 1, 3});
}

Name GroupQuery::normalised(const Name &x, size_t weight) {
  if (!node.input(weight))
    return x;
  return c.op(
      "RMSNormalization", {x, c.input(weight)},
      With().integer("axis", -1).real("epsilon", node.real("qk_norm_epsilon")));
}

/// Queries, keys and values apart or in one operand, normalised when asked.
void GroupQuery::findHeads() {
  if (node.input(Key) && node.input(Value_)) {
    q = split(c.input(Query), heads);
    k = split(c.input(Key), keyHeads);
    v = split(c.input(Value_), keyHeads);
  } else {
    Name all = split(c.input(Query), heads + 2 * keyHeads);
    q = c.slice(all, 1, 0, heads);
    k = c.slice(all, 1, heads, heads + keyHeads);
    v = c.slice(all, 1, heads + keyHeads, heads + 2 * keyHeads);
  }
  q = normalised(q, QueryNorm);
  k = normalised(k, KeyNorm);
}

LogicalResult GroupQuery::rotate() {
  if (node.integer("do_rotary", 0) == 0)
    return success();
  Name cosine = c.input(Cosine), sine = c.input(Sine);
  if (cosine.empty() || sine.empty())
    return c.fault(ErrorCode::I006, "lacks the caches of its rotation");
  Name at = node.input(Positions) ? c.input(Positions)
                                  : c.add(c.unsqueeze(c.count(sequence), {0}),
                                          c.unsqueeze(start, {1}));
  at = c.op("Expand", {at, c.dims({batch, sequence})});
  With with;
  with.integer("interleaved", node.integer("rotary_interleaved", 0));
  if (std::optional<int64_t> half = sym::asConstant(node.dims(Cosine)[1]))
    with.integer("rotary_embedding_dim", 2 * *half);
  q = c.op("RotaryEmbedding", {q, cosine, sine, at}, with);
  k = c.op("RotaryEmbedding", {k, cosine, sine, at}, with);
  return success();
}

/// New rows as the cache holds them: four bits count from -8 and lie two in a
/// byte, the lower first.
Name GroupQuery::quantised(const Name &x, size_t scale) {
  Type f32 = node.model.builder.getF32Type();
  double half = double(int64_t(1) << (bits - 1));
  Name y = c.op("Round", {c.div(c.cast(x, f32), c.input(scale))});
  y = c.op("Clip", {y, c.scalar(-half, f32), c.scalar(half - 1, f32)});
  if (bits == 8)
    return c.castTo(y, onnx::DataType::Int8);
  y = c.castTo(c.add(y, c.scalar(half, f32)), onnx::DataType::Uint8);
  Dims d = c.dimsOf(y);
  if (d.size() != 4)
    return {};
  d.back() = sym::floorDiv(d.back(), 2);
  d.push_back(node.model.dim(2));
  y = c.reshape(y, d);
  Type u8 = node.model.builder.getIntegerType(8, /*isSigned=*/false);
  Name high = c.op("BitShift", {c.slice(y, 4, 1, 2), c.cast(c.integer(4), u8)},
                   With().text("direction", "LEFT"));
  return c.op("Squeeze",
              {c.op("BitwiseOr", {c.slice(y, 4, 0, 1), high}), c.ints({4})});
}

/// Rows of the cache as floats.
Name GroupQuery::real(const Name &cache, size_t scale) {
  if (!isQuantised)
    return cache;
  Type f32 = node.model.builder.getF32Type();
  Name y = c.cast(unpackBits(node, c, cache, bits), f32);
  if (bits == 4)
    y = c.sub(y, c.scalar(8, f32));
  return c.cast(c.mul(y, c.input(scale)), element);
}

/// The cache with the new rows.
Name GroupQuery::present(size_t past, const Name &fresh) {
  if (!node.input(past))
    return fresh;
  DimAttr extent = node.model.maxOf(node.dims(past)[2], total);
  return writeRows(node, c, c.input(past), fresh, start, 2, extent, false);
}

/// [B, 1, S, total]: where a query may look.
Name GroupQuery::allowed() {
  Name own = c.add(c.unsqueeze(c.count(sequence), {0, 1, 3}),
                   c.unsqueeze(start, {1, 2, 3}));
  Name key = c.unsqueeze(c.count(total), {0, 1, 2});
  Name result = node.integer("causal")
                    ? c.op("LessOrEqual", {key, own})
                    : c.op("Less", {key, c.unsqueeze(lengths, {1, 2, 3})});
  if (int64_t window = node.integer("local_window_size"); window > 0)
    result = c.op("And",
                  {result, c.op("Less", {c.sub(own, key), c.integer(window)})});
  return result;
}

Name GroupQuery::plain(const Name &keys, const Name &values, const Name &bias) {
  With with;
  with.real("softcap", node.real("softcap", 0));
  if (double scale = node.real("scale", 0); scale != 0)
    with.real("scale", scale);
  if (!node.wants(3))
    return c.ops("Attention", {q, keys, values, bias}, 3, with)[0];
  bool isBefore = node.integer("qk_output") == 1;
  with.integer("qk_matmul_output_mode", isBefore ? 2 : 3);
  std::vector<Name> results =
      c.ops("Attention", {q, keys, values, bias}, 4, with);
  scores = results[3];
  if (isBefore) // 0, where no query looks
    scores = c.op("Where", {allowed(), scores, c.scalar(0, element)});
  return results[0];
}

/// The same with one more score a head that has no value: the sink, or 0.
Name GroupQuery::withSink(const Name &keys, const Name &values,
                          const Name &bias) {
  Dims d = c.dimsOf(q);
  std::optional<int64_t> width =
      d.size() == 4 ? sym::asConstant(d[3]) : std::nullopt;
  if (!width) {
    (void)c.fault(ErrorCode::I014, "the size of a head is not known");
    return {};
  }
  DimAttr n = node.model.dim(heads), one = node.model.dim(1);
  DimAttr groups = node.model.dim(keyHeads),
          shared = node.model.dim(heads / keyHeads);
  double scale = node.real("scale", 0), cap = node.real("softcap", 0);
  scale = scale != 0 ? scale : 1 / std::sqrt(double(*width));
  Name grouped = c.reshape(c.mul(q, c.scalar(scale, element)),
                           {batch, groups, shared, sequence, d[3]});
  Name turned = c.unsqueeze(c.transpose(keys, {0, 1, 3, 2}), {2});
  Name scores =
      c.reshape(c.op("MatMul", {grouped, turned}), {batch, n, sequence, total});
  if (cap > 0) {
    Name limit = c.scalar(cap, element);
    scores = c.mul(c.op("Tanh", {c.div(scores, limit)}), limit);
  }
  scores = c.add(scores, bias);
  Name sink = node.input(Sink)
                  ? c.reshape(c.input(Sink), {one, n, one, one})
                  : c.reshape(c.scalar(0, element), {one, one, one, one});
  sink = c.op("Expand", {sink, c.dims({batch, n, sequence, one})});
  Name weights = c.op("Concat", {scores, sink}, With().integer("axis", 3));
  weights = c.op("Softmax", {weights}, With().integer("axis", 3));
  weights = c.op("Slice", {weights, c.ints({0}), c.dims({total}), c.ints({3})});
  weights = c.reshape(weights, {batch, groups, shared, sequence, total});
  Name y = c.op("MatMul", {weights, c.unsqueeze(values, {2})});
  return c.reshape(y, {batch, n, sequence, d[3]});
}

LogicalResult GroupQuery::run() {
  if (failed(check()) || !findLengths())
    return failure();
  findHeads();
  if (failed(rotate()))
    return failure();
  if (isQuantised) {
    k = quantised(k, KeyScale);
    v = quantised(v, ValueScale);
  }
  Name keys = present(PastKey, k), values = present(PastValue, v);
  if (failed(c.set(1, keys)) || failed(c.set(2, values)))
    return failure();
  auto filled = [&](const Name &cache) {
    return c.op("Slice", {cache, c.ints({0}), c.dims({total}), c.ints({2})});
  };
  bool isHalf = element.isF16();
  Name bias = c.op("Where", {allowed(), c.scalar(0, element),
                             c.scalar(isHalf ? -65504 : -1e30, element)});
  if (node.input(AddedBias))
    bias = c.add(bias, c.input(AddedBias));
  bool hasSink = node.input(Sink) || node.integer("smooth_softmax") > 0;
  keys = real(filled(keys), KeyScale);
  values = real(filled(values), ValueScale);
  Name y = hasSink ? withSink(keys, values, bias) : plain(keys, values, bias);
  Dims d = c.dimsOf(y);
  if (d.size() != 4 || failed(c.set(3, scores)))
    return failure();
  return c.set(
      0, c.reshape(c.transpose(y, {0, 2, 1, 3}), {d[0], d[2], d[1] * d[3]}));
}

LogicalResult importGroupQuery(NodeImport &node) {
  return GroupQuery(node).run();
}

} // namespace

void addGroupQuery(OpTable &table) {
  table["com.microsoft.GroupQueryAttention"] = importGroupQuery;
}

} // namespace sinter::importer
