// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention as com.microsoft writes it: projections inside, masks of five
// shapes, caches, packed operands. All of it becomes the Attention of the
// standard with an additive mask; a forbidden key gets mask_filter_value, not
// an infinity, so a row that may look at nothing looks at everything alike.
#include "compiler/import/Composer.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// Queries, keys and values of one attention, [B, N, S, D] each, and what goes
/// with them; empty names are absent.
struct Heads {
  Name q, k, v, bias, pastKey, pastValue;
};

class AttentionComposer {
public:
  explicit AttentionComposer(NodeImport &node)
      : c(node), node(node), heads(node.integer("num_heads")),
        element(node.type(0).getElementType()) {}

  /// [B, S, N * D] as [B, N, S, D].
  Name split(const Name &x, int64_t count) {
    Dims d = c.dimsOf(x);
    if (d.size() != 3 || count < 1)
      return refuseRank(x);
    Name wide = c.reshape(
        x, {d[0], d[1], node.model.dim(count), sym::floorDiv(d[2], count)});
    return c.transpose(wide, {0, 2, 1, 3});
  }
  Name refuseRank(const Name &x) {
    (void)c.fault(ErrorCode::S001,
                  "an operand has rank " + Twine(c.dimsOf(x).size()) + " and " +
                      Twine(heads) + " heads",
                  "[batch, sequence, hidden] and 1 or more heads");
    return {};
  }
  /// Elements [from, to) of a vector.
  Name part(const Name &x, int64_t from, int64_t to) {
    return c.slice(x, 0, from, to);
  }
  /// `value` where `isAllowed` is false, else 0.
  Name forbid(const Name &isAllowed, double value) {
    return c.op("Where",
                {isAllowed, c.scalar(0, element), c.scalar(value, element)});
  }
  void addBias(Heads &h, const Name &bias) {
    if (!bias.empty())
      h.bias = h.bias.empty() ? bias : c.add(h.bias, bias);
  }
  void addPadding(Heads &h, size_t input, DimAttr keys);
  using Buffers = std::optional<std::pair<Name, Name>>;
  LogicalResult finish(const Heads &h, const With &more,
                       const Buffers &buffers = std::nullopt);

  Composer c;
  NodeImport &node;
  int64_t heads;
  Type element;
};

/// A mask in one of its shapes: [B] lengths, [2 B] ends then starts, [B, keys],
/// [B, queries, keys] or [B, 1, queries, keys] of 0 and 1.
void AttentionComposer::addPadding(Heads &h, size_t input, DimAttr keys) {
  if (!node.input(input))
    return;
  double filter = node.real("mask_filter_value", -10000.0);
  Name mask = c.input(input);
  Dims d = c.dimsOf(mask), q = c.dimsOf(h.q);
  Type i64 = node.model.builder.getI64Type();
  if (d.size() == 1) {
    mask = c.cast(mask, i64);
    Name position = c.count(keys), allowed;
    auto column = [&](Name x) { return c.unsqueeze(x, {1}); };
    if (!q.empty() && d[0] == q[0] * 2) {
      std::vector<Name> ends =
          c.ops("Split", {mask}, 2,
                With().integer("axis", 0).integer("num_outputs", 2));
      allowed =
          c.op("And", {c.op("Less", {position, column(ends[0])}),
                       c.op("GreaterOrEqual", {position, column(ends[1])})});
    } else {
      allowed = c.op("Less", {position, column(mask)});
    }
    return addBias(h, forbid(c.unsqueeze(allowed, {1, 2}), filter));
  }
  Name allowed = c.castTo(mask, onnx::DataType::Bool);
  if (d.size() == 2)
    allowed = c.unsqueeze(allowed, {1, 2});
  else if (d.size() == 3)
    allowed = c.unsqueeze(allowed, {1});
  addBias(h, forbid(allowed, filter));
}

/// `more` holds is_causal and the like; buffers are caches that did not grow.
LogicalResult AttentionComposer::finish(const Heads &h, const With &more,
                                        const Buffers &buffers) {
  With with = more;
  if (double scale = node.real("scale", 0); scale != 0)
    with.real("scale", scale);
  bool showsScores =
      node.node.op == "MultiHeadAttention" && node.wants(3); // with their masks
  if (showsScores)
    with.integer("qk_matmul_output_mode", 2);
  std::vector<Name> results =
      c.ops("Attention", {h.q, h.k, h.v, h.bias, h.pastKey, h.pastValue},
            showsScores ? 4 : 3, with);
  if (showsScores && failed(c.set(3, results[3])))
    return failure();
  Dims d = c.dimsOf(results[0]);
  if (d.size() != 4)
    return failure();
  Name y = c.reshape(c.transpose(results[0], {0, 2, 1, 3}),
                     {d[0], d[2], d[1] * d[3]});
  if (failed(c.set(0, y)))
    return failure();
  if (buffers)
    return failed(c.set(1, buffers->first)) ? failure()
                                            : c.set(2, buffers->second);
  if (node.node.op != "Attention" && node.node.op != "QAttention")
    return failed(c.set(1, results[1])) ? failure() : c.set(2, results[2]);
  return c.set(
      1, c.op("Concat",
              {c.unsqueeze(results[1], {0}), c.unsqueeze(results[2], {0})},
              With().integer("axis", 0)));
}

//===----------------------------------------------------------------------===//
// Attention and QAttention: the projections are inside
//===----------------------------------------------------------------------===//

/// Sizes of queries, keys and values in the joined weights.
std::optional<SmallVector<int64_t>> sizesOf(NodeImport &node, Dims weights) {
  SmallVector<int64_t> sizes = node.integers("qkv_hidden_sizes");
  std::optional<int64_t> width =
      weights.size() == 2 ? sym::asConstant(weights[1]) : std::nullopt;
  if (sizes.empty() && width)
    sizes.assign(3, *width / 3);
  if (sizes.size() == 3 && width && sizes[0] + sizes[1] + sizes[2] == *width)
    return sizes;
  (void)node.fault(ErrorCode::S001, "the weights do not hold queries, keys and "
                                    "values side by side");
  return std::nullopt;
}

LogicalResult finishSelf(AttentionComposer &a, const Name &projected,
                         ArrayRef<int64_t> sizes, size_t mask, size_t past,
                         size_t bias) {
  Composer &c = a.c;
  NodeImport &node = a.node;
  if (node.integer("do_rotary", 0) != 0 ||
      node.integer("past_present_share_buffer", 0) != 0)
    return c.fault(ErrorCode::I004, "do_rotary or a shared cache is asked for",
                   "rotary embedding as an operator of its own, and a cache "
                   "that grows");
  int64_t q = sizes[0], k = q + sizes[1], v = k + sizes[2];
  Heads h;
  h.q = a.split(c.slice(projected, 2, 0, q), a.heads);
  h.k = a.split(c.slice(projected, 2, q, k), a.heads);
  h.v = a.split(c.slice(projected, 2, k, v), a.heads);
  DimAttr keys = node.dims(0)[1];
  if (node.input(past)) {
    Name both = c.input(past); // [2, B, N, P, D]
    keys = keys + node.dims(past)[3];
    h.pastKey = c.op("Squeeze", {c.slice(both, 0, 0, 1), c.ints({0})});
    h.pastValue = c.op("Squeeze", {c.slice(both, 0, 1, 2), c.ints({0})});
  }
  a.addPadding(h, mask, keys);
  if (bias != 0)
    a.addBias(h, c.input(bias));
  return a.finish(h,
                  With().integer("is_causal", node.integer("unidirectional")));
}

LogicalResult importAttention(NodeImport &node) {
  AttentionComposer a(node);
  Composer &c = a.c;
  std::optional<SmallVector<int64_t>> sizes = sizesOf(node, node.dims(1));
  if (!sizes)
    return failure();
  Name projected = c.op("MatMul", {c.input(0), c.input(1)});
  if (node.input(2))
    projected = c.add(projected, c.input(2));
  return finishSelf(a, projected, *sizes, 3, 4, 5);
}

LogicalResult importQAttention(NodeImport &node) {
  AttentionComposer a(node);
  Composer &c = a.c;
  a.element = node.type(2).getElementType();
  std::optional<SmallVector<int64_t>> sizes = sizesOf(node, node.dims(1));
  if (!sizes)
    return failure();
  Name sum =
      c.op("MatMulInteger", {c.input(0), c.input(1), c.input(6), c.input(7)});
  Name projected = c.mul(c.cast(sum, a.element), c.mul(c.input(3), c.input(4)));
  return finishSelf(a, c.add(projected, c.input(2)), *sizes, 5, 8, 0);
}

//===----------------------------------------------------------------------===//
// MultiHeadAttention
//===----------------------------------------------------------------------===//

/// Slice `i` of axis 3 of [B, S, N, n, D], as [B, N, S, D].
Name unpacked(Composer &c, const Name &x, int64_t i) {
  Name one = c.op("Squeeze", {c.slice(x, 3, i, i + 1), c.ints({3})});
  return c.transpose(one, {0, 2, 1, 3});
}

Heads multiHeads(AttentionComposer &a) {
  Composer &c = a.c;
  NodeImport &node = a.node;
  Heads h;
  Name q = c.input(0), k = c.input(1), v = c.input(2), bias = c.input(3);
  if (node.rank(0) == 5) {
    h.q = unpacked(c, q, 0);
    h.k = unpacked(c, q, 1);
    h.v = unpacked(c, q, 2);
    return h;
  }
  auto biased = [&](const Name &x, int64_t from) {
    Dims dims = c.dimsOf(x);
    if (bias.empty() || dims.empty())
      return x;
    std::optional<int64_t> width = sym::asConstant(dims.back());
    return width ? c.add(x, a.part(bias, from, from + *width)) : x;
  };
  Dims d = c.dimsOf(q);
  int64_t hidden = sym::asConstant(d.back()).value_or(0);
  if (!bias.empty() && hidden == 0) {
    (void)c.fault(ErrorCode::I014, "the width of the queries is not known");
    return h;
  }
  h.q = a.split(biased(q, 0), a.heads);
  if (k.empty()) {
    a.refuseRank(q);
    return h;
  }
  if (node.rank(1) == 5) {
    h.k = unpacked(c, k, 0);
    h.v = unpacked(c, k, 1);
    return h;
  }
  if (v.empty()) {
    a.refuseRank(k);
    return h;
  }
  h.k = node.rank(1) == 4 ? k : a.split(biased(k, hidden), a.heads);
  h.v = node.rank(2) == 4 ? v : a.split(biased(v, 2 * hidden), a.heads);
  return h;
}

/// A cache that is one buffer for all steps: the new keys and values stand
/// behind the past_sequence_length that it holds, and attention sees no more.
/// The buffers as they are then.
AttentionComposer::Buffers writeCache(AttentionComposer &a, Heads &h) {
  Composer &c = a.c;
  NodeImport &node = a.node;
  Dims k = c.dimsOf(h.k);
  if (node.rank(6) != 4 || !node.input(7) || node.rank(7) != 4 ||
      node.integer("unidirectional", 0) != 0) {
    (void)c.fault(ErrorCode::S001,
                  "a shared cache has another rank, half of it is missing, or "
                  "it is asked for with unidirectional",
                  "keys and values, [batch, heads, length, size of a head]");
    return std::nullopt;
  }
  DimAttr most = node.dims(6)[2];
  std::optional<Dims> held = node.dimsOrBound(8, "held", 0, most);
  if (!held || held->size() != 1)
    return std::nullopt;
  DimAttr total = (*held)[0] + k[2];
  if (!node.requireAtMost(total, most, "what the cache is to hold") ||
      !node.requireEqual(most, node.dims(7)[2], "lengths of the caches"))
    return std::nullopt;
  Name start = c.op("Expand", {c.dim((*held)[0]), c.dims({k[0]})});
  auto written = [&](size_t past, Name &fresh) {
    Name buffer = writeRows(node, c, c.input(past), fresh, start, 2,
                            node.dims(past)[2], false);
    fresh = c.op("Slice", {buffer, c.ints({0}), c.dims({total}), c.ints({2})});
    return buffer;
  };
  Name keys = written(6, h.k), values = written(7, h.v);
  return std::pair(keys, values);
}

LogicalResult importMultiHead(NodeImport &node) {
  AttentionComposer a(node);
  Composer &c = a.c;
  if (node.rank(0) != 3 && node.rank(0) != 5)
    return c.fault(ErrorCode::S001, "the query has rank " + Twine(node.rank(0)),
                   "[batch, sequence, hidden], or [batch, sequence, heads, 3, "
                   "size] with keys and values");
  if (node.input(9))
    return c.fault(ErrorCode::I004, "cache_indirection is given",
                   "one beam, whose tokens lie behind each other");
  Heads h = multiHeads(a);
  Dims k = c.dimsOf(h.k);
  if (k.size() != 4)
    return failure();
  DimAttr keys = k[2];
  AttentionComposer::Buffers buffers;
  if (node.input(6) && node.input(8)) {
    buffers = writeCache(a, h);
    if (!buffers)
      return failure();
    keys = c.dimsOf(h.k).empty() ? keys : c.dimsOf(h.k)[2];
  } else if (node.input(6)) {
    if (node.rank(6) != 4 || !node.input(7))
      return c.fault(ErrorCode::S001,
                     "the cache has another rank or half of it is missing",
                     "keys and values, [batch, heads, length, size of a head]");
    h.pastKey = c.input(6);
    h.pastValue = c.input(7);
    keys = keys + node.dims(6)[2];
  }
  a.addPadding(h, 4, keys);
  a.addBias(h, c.input(5));
  return a.finish(
      h, With().integer("is_causal", node.integer("unidirectional")), buffers);
}

} // namespace

void addHeadAttention(OpTable &table) {
  addRows(table, "com.microsoft",
          {{"Attention", importAttention},
           {"QAttention", importQAttention},
           {"MultiHeadAttention", importMultiHead}});
}

} // namespace sinter::importer
