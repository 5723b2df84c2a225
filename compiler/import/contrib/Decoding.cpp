// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a decoder's step holds beside attention: the convolution over the last
// tokens with its state, scores that forbid a repetition, attention of one
// token, hashes of tokens.
#include "compiler/import/Composer.h"
#include "compiler/import/contrib/Contrib.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

//===----------------------------------------------------------------------===//
// CausalConvWithState: the standard's has neither window nor dilation, and one
// axis
//===----------------------------------------------------------------------===//

class CausalConv {
public:
  explicit CausalConv(NodeImport &node)
      : c(node), node(node), isLast(node.integer("channels_last") != 0),
        window(node.integer("state_window")),
        dilation(node.integer("dilation", 1)) {}
  LogicalResult run();

private:
  bool check();
  bool checkPast(int64_t kernel);
  Name channelsFirst(const Name &x);
  Name asGiven(const Name &x);
  Name stateAfter(const Name &all, int64_t back);
  LogicalResult setState(const Name &all);

  Composer c;
  NodeImport &node;
  bool isLast;
  int64_t window, dilation, channels = 0;
  DimAttr length, before;
  Dims behind; // the axes that are the channels, where they are last
};

bool CausalConv::check() {
  Dims x = node.dims(0), w = node.dims(1);
  std::optional<int64_t> count, kernel;
  if (w.size() == 3) {
    count = sym::asConstant(w[0]);
    kernel = sym::asConstant(w[2]);
  }
  bool fits = isLast ? x.size() >= 3 : x.size() == 3;
  if (node.integer("ndim", 1) != 1 || !count || !kernel || *kernel < 1 ||
      dilation < 1 || dilation > INT32_MAX || *kernel > INT32_MAX ||
      window < 0 || window > 8 || !fits) {
    (void)c.fault(ErrorCode::S001,
                  "ndim is " + Twine(node.integer("ndim", 1)) + ", dilation " +
                      Twine(dilation) + ", state_window " + Twine(window) +
                      ", or input or weight has another rank",
                  "one axis, [batch, channels, length] and a known [channels, "
                  "1, k], and a window of at most 8");
    return false;
  }
  if (!checkPast(*kernel))
    return false;
  channels = *count;
  before = node.model.dim((*kernel - 1) * dilation);
  length = x[isLast ? 1 : 2];
  if (isLast)
    behind.assign(x.begin() + 2, x.end());
  return true;
}

/// The tokens that the first one sees, and a slot for each of the window.
bool CausalConv::checkPast(int64_t kernel) {
  if (!node.input(3))
    return true;
  Dims past = node.dims(3);
  size_t slots = window > 0 ? 1 : 0;
  if (past.size() != node.dims(0).size() + slots) {
    (void)c.fault(ErrorCode::S001,
                  "past_state has rank " + Twine(past.size()) +
                      " and the input " + Twine(node.rank(0)),
                  slots ? "one more, for the slots of the window" : "one rank");
    return false;
  }
  return node.requireEqual(past[slots + (isLast ? 1 : 2)],
                           node.model.dim((kernel - 1) * dilation),
                           "tokens of past_state") &&
         (slots == 0 ||
          node.requireEqual(past[0], node.model.dim(window), "slots"));
}

Name CausalConv::channelsFirst(const Name &x) {
  Dims d = c.dimsOf(x);
  if (!isLast || d.size() < 3)
    return x;
  return c.transpose(c.reshape(x, {d[0], d[1], node.model.dim(channels)}),
                     {0, 2, 1});
}

Name CausalConv::asGiven(const Name &x) {
  if (!isLast)
    return x;
  Name y = c.transpose(x, {0, 2, 1});
  Dims d = c.dimsOf(y);
  if (d.size() != 3)
    return {};
  d.pop_back();
  d.append(behind.begin(), behind.end());
  return c.reshape(y, d);
}

/// What is kept after the token that lies `back` before the last one; 0 where
/// there is no such token.
Name CausalConv::stateAfter(const Name &all, int64_t back) {
  DimAttr at = length - back;
  DimAttr from = back == 0 ? at : node.model.maxOf(at, node.model.dim(0));
  Name state = c.op(
      "Slice", {all, c.dims({from}), c.dims({from + before}), c.ints({2})});
  if (back > 0) {
    Name isToken = c.op("Greater", {c.dim(at), c.integer(0)});
    state = c.op("Where",
                 {isToken, state, c.scalar(0, node.type(0).getElementType())});
  }
  return asGiven(state);
}

LogicalResult CausalConv::setState(const Name &all) {
  if (window == 0)
    return c.set(1, stateAfter(all, 0));
  std::vector<Name> slots;
  for (int64_t slot = 0; slot < window; ++slot)
    slots.push_back(c.unsqueeze(stateAfter(all, window - 1 - slot), {0}));
  return c.set(1, c.op("Concat", slots, With().integer("axis", 0)));
}

LogicalResult CausalConv::run() {
  if (!check())
    return failure();
  Name x = channelsFirst(c.input(0)), all;
  if (node.input(3)) {
    Name past = c.input(3);
    if (window > 0)
      past =
          c.op("Squeeze", {c.slice(past, 0, window - 1, window), c.ints({0})});
    all = c.op("Concat", {channelsFirst(past), x}, With().integer("axis", 2));
  } else {
    DimAttr none = node.model.dim(0);
    all = c.op("Pad", {x, c.dims({none, none, before, none, none, none})});
  }
  Name y =
      c.op("Conv", {all, c.input(1), c.input(2)},
           With().integer("group", channels).integers("dilations", {dilation}));
  std::string activation = node.text("activation");
  if (activation == "silu" || activation == "swish")
    y = c.mul(y, c.op("Sigmoid", {y}));
  else if (activation != "none")
    return c.fault(ErrorCode::I005, "activation is '" + activation + "'",
                   "silu, swish or none");
  return failed(setState(all)) ? failure() : c.set(0, asGiven(y));
}

LogicalResult importCausalConv(NodeImport &node) {
  return CausalConv(node).run();
}

//===----------------------------------------------------------------------===//
// Attention of one token
//===----------------------------------------------------------------------===//

LogicalResult importDecoderAttention(NodeImport &node) {
  Composer c(node);
  bool isShared = node.integer("past_present_share_buffer", 0) != 0;
  if (node.integer("output_qk", 0) != 0 || node.wants(3) || node.input(9) ||
      (isShared && !node.input(7)))
    return c.fault(ErrorCode::I004,
                   "beams or the product of queries and keys are asked for, or "
                   "a shared cache lacks past_sequence_length",
                   "one beam, and only its output and its caches");
  With with;
  with.same(node, "num_heads")
      .same(node, "scale")
      .same(node, "mask_filter_value");
  Name q = c.input(0), k = c.input(1), v = c.input(2);
  if (k.empty()) { // side by side
    std::optional<int64_t> size = node.input(5) && node.rank(5) == 4
                                      ? sym::asConstant(node.dims(5)[3])
                                      : std::nullopt;
    std::optional<int64_t> width =
        node.rank(0) == 3 ? sym::asConstant(node.dims(0)[2]) : std::nullopt;
    int64_t hidden = size.value_or(0) * node.integer("num_heads");
    if (hidden < 1 || !width || *width <= 2 * hidden)
      return c.fault(ErrorCode::S001, "the query does not hold keys and values",
                     "[batch, 1, 2 * hidden + values] and a cache of keys");
    v = c.slice(q, 2, 2 * hidden, *width);
    k = c.slice(q, 2, hidden, 2 * hidden);
    q = c.slice(q, 2, 0, hidden);
  }
  std::vector<Name> results =
      c.ops("com.microsoft.MultiHeadAttention",
            {q, k, v, c.input(10), c.input(3), c.input(4), c.input(5),
             c.input(6), isShared ? c.input(7) : Name()},
            3, with);
  for (size_t i = 0; i < 3; ++i)
    if (failed(c.set(i, results[i])))
      return failure();
  return success();
}

/// The same with its projections inside; the mask is of one token for each key.
LogicalResult importDecoderSelf(NodeImport &node) {
  Composer c(node);
  if (node.integer("past_present_share_buffer", 0) != 0 || node.input(8) ||
      node.integer("do_rotary", 0) != 0)
    return c.fault(ErrorCode::I004,
                   "a shared cache, beams or do_rotary are asked for",
                   "a cache that grows, one beam, and rotary embedding as an "
                   "operator of its own");
  With with;
  with.same(node, "num_heads")
      .same(node, "scale")
      .same(node, "mask_filter_value");
  std::vector<Name> results = c.ops(
      "com.microsoft.Attention",
      {c.input(0), c.input(1), c.input(2), c.input(3), c.input(4), c.input(5)},
      2, with);
  return failed(c.set(0, results[0])) ? failure() : c.set(1, results[1]);
}

//===----------------------------------------------------------------------===//
// Repetitions and hashes
//===----------------------------------------------------------------------===//

/// A token that would end a run of `ngram_size` tokens that was there before
/// gets minus infinity.
LogicalResult importRepeatBlock(NodeImport &node) {
  Composer c(node);
  int64_t size = node.integer("ngram_size");
  if (size < 1 || size > 64 || node.rank(0) != 2 || node.rank(1) != 2)
    return c.fault(ErrorCode::I005,
                   "ngram_size is " + Twine(size) +
                       ", and the operands have "
                       "ranks " +
                       Twine(node.rank(0)) + " and " + Twine(node.rank(1)),
                   "1 to 64, and [batch, tokens] and [batch, scores]");
  DimAttr batch = node.dims(0)[0], length = node.dims(0)[1];
  if (!node.requireEqual(batch, node.dims(1)[0], "rows of tokens and scores"))
    return failure();
  DimAttr runs = node.model.maxOf(length - (size - 1), node.model.dim(0));
  auto tokens = [&](DimAttr from, DimAttr count) {
    return c.op("Slice", {c.input(0), c.dims({from}), c.dims({from + count}),
                          c.ints({1})});
  };
  Type element = node.type(1).getElementType();
  double infinity = std::numeric_limits<double>::infinity();
  Name isSame = c.op("Expand", {c.op("Equal", {c.integer(0), c.integer(0)}),
                                c.dims({batch, runs})});
  for (int64_t i = 0; i + 1 < size; ++i) {
    DimAttr own = node.model.maxOf(length - (size - 1) + i, node.model.dim(0));
    Name last = c.op(
        "Slice", {c.input(0), c.dims({own}), c.dims({own + 1}), c.ints({1})});
    isSame =
        c.op("And",
             {isSame, c.op("Equal", {tokens(node.model.dim(i), runs), last})});
  }
  Name update = c.op("Where", {isSame, c.scalar(-infinity, element),
                               c.scalar(infinity, element)});
  return c.set(
      0, c.op("ScatterElements",
              {c.input(1), tokens(node.model.dim(size - 1), runs), update},
              With().integer("axis", 1).text("reduction", "min")));
}

/// MurmurHash3_x86_32 of integers: four bytes are a block, eight are two.
class Murmur {
public:
  explicit Murmur(NodeImport &node)
      : c(node), node(node),
        u32(node.model.builder.getIntegerType(32, /*isSigned=*/false)) {}

  LogicalResult run() {
    Type type = node.type(0).getElementType();
    if (!isa<IntegerType>(type))
      return c.fault(ErrorCode::I007, "hashes floats", "integers");
    unsigned bytes = type.getIntOrFloatBitWidth() / 8;
    Name x = c.input(0);
    Name hash =
        c.op("Expand", {number(node.integer("seed")), c.dims(node.dims(0))});
    hash = mixed(hash, c.cast(x, u32));
    if (bytes == 8) {
      Type u64 = node.model.builder.getIntegerType(64, /*isSigned=*/false);
      Name high = c.op("BitShift", {c.cast(x, u64), c.cast(c.integer(32), u64)},
                       With().text("direction", "RIGHT"));
      hash = mixed(hash, c.cast(high, u32));
    }
    hash = c.op("BitwiseXor", {hash, number(bytes)});
    hash = c.mul(folded(hash, 16), number(0x85ebca6b));
    hash = c.mul(folded(hash, 13), number(0xc2b2ae35));
    hash = folded(hash, 16);
    bool isPositive = node.integer("positive") != 0;
    return c.set(0, isPositive ? hash : c.castTo(hash, onnx::DataType::Int32));
  }

private:
  Name number(int64_t value) { return c.scalar(double(value), u32); }
  Name shifted(const Name &x, int64_t bits, const char *direction) {
    return c.op("BitShift", {x, number(bits)},
                With().text("direction", direction));
  }
  Name turned(const Name &x, int64_t bits) {
    return c.op("BitwiseOr",
                {shifted(x, bits, "LEFT"), shifted(x, 32 - bits, "RIGHT")});
  }
  Name folded(const Name &x, int64_t bits) {
    return c.op("BitwiseXor", {x, shifted(x, bits, "RIGHT")});
  }
  Name mixed(const Name &hash, const Name &block) {
    Name k =
        c.mul(turned(c.mul(block, number(0xcc9e2d51)), 15), number(0x1b873593));
    Name h = turned(c.op("BitwiseXor", {hash, k}), 13);
    return c.add(c.mul(h, number(5)), number(0xe6546b64));
  }

  Composer c;
  NodeImport &node;
  Type u32;
};

LogicalResult importMurmur(NodeImport &node) { return Murmur(node).run(); }

} // namespace

void addDecoding(OpTable &table) {
  table["CausalConvWithState"] = importCausalConv;
  addRows(table, "com.microsoft",
          {{"CausalConvWithState", importCausalConv},
           {"DecoderMaskedMultiHeadAttention", importDecoderAttention},
           {"DecoderMaskedSelfAttention", importDecoderSelf},
           {"NGramRepeatBlock", importRepeatBlock},
           {"MurmurHash3", importMurmur}});
}

} // namespace sinter::importer
