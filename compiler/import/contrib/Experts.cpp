// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mixtures of experts. A token's k experts are known only at run time: each
// expert takes the rows of its own tokens, so no product is computed in vain,
// and an expert that no token asks for has no rows.
//
//   route [tokens * k] = the experts of the tokens, as TopK orders them
//   of expert e        = the places of e in route;  rows = x[places / k]
//   y [tokens * k]     = all rows in the order of route, by the inverse of the
//                        experts' places laid end to end
//   result             = sum over k of y * share
#include "compiler/import/contrib/Blocks.h"
#include "compiler/import/contrib/Contrib.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// More experts than any model has: each is a part of the program.
constexpr int64_t most = 1024;

/// Inputs of one of the three layers of an expert, and the bits of its weights.
struct Layer {
  size_t weights, bias, scales = 0, zeros = 0;
  int64_t bits = 0;
};

class Experts {
public:
  explicit Experts(NodeImport &node)
      : c(node), node(node), isQuantised(node.node.op == "QMoE"),
        element(node.type(0).getElementType()) {
    if (isQuantised) {
      layers[0] = {2, 4, 3, 11, bitsOf("fc1_expert_weight_bits")};
      layers[1] = {5, 7, 6, 12, bitsOf("fc2_expert_weight_bits")};
      layers[2] = {8, 10, 9, 13, bitsOf("fc3_expert_weight_bits")};
    } else {
      layers[0] = {2, 3};
      layers[1] = {4, 5};
      layers[2] = {6, 7};
    }
  }
  LogicalResult run();

private:
  int64_t bitsOf(const char *name) {
    return node.integer(name, node.integer("expert_weight_bits"));
  }
  bool check();
  bool checkLayer(const Layer &layer);
  void route();
  Name weights(const Layer &layer, int64_t expert);
  Name zeroPoints(const Layer &layer, int64_t expert, const Name &scales);
  Name scaledByFloats(const Layer &layer, const Name &w, int64_t expert);
  Name apply(const Layer &layer, const Name &x, int64_t expert);
  Name activated(const Name &x, int64_t expert, const Name &first);
  Name gated(const Name &gate, const Name &linear);
  /// Slice `expert` of input `i`, without its first axis.
  Name own(size_t i, int64_t expert) {
    return c.op("Squeeze",
                {c.slice(c.input(i), 0, expert, expert + 1), c.ints({0})});
  }

  Composer c;
  NodeImport &node;
  bool isQuantised;
  Type element;
  Layer layers[3];
  int64_t count = 0, k = 0, block = 0;
  DimAttr tokens, hidden;
  bool isFloat8 = false;
  std::string kind;
  Name x, chosen, shares; // [tokens, hidden], [tokens * k], [tokens, k]
};

bool Experts::checkLayer(const Layer &layer) {
  if (!node.input(layer.weights))
    return true;
  std::optional<int64_t> experts =
      node.rank(layer.weights) == 3
          ? sym::asConstant(node.dims(layer.weights)[0])
          : std::nullopt;
  if (!experts || *experts != count) {
    (void)c.fault(ErrorCode::S001,
                  "the weights of input " + Twine(layer.weights) + " are " +
                      sym::toString(sym::product(&node.model.context,
                                                 node.dims(layer.weights))) +
                      " elements of rank " + Twine(node.rank(layer.weights)),
                  "[experts, outputs, inputs], and " + Twine(count) +
                      " experts in every layer");
    return false;
  }
  if (!isQuantised)
    return true;
  if (!node.input(layer.scales) ||
      (layer.bits != 2 && layer.bits != 4 && layer.bits != 8)) {
    (void)c.fault(ErrorCode::I005,
                  "weights of " + Twine(layer.bits) + " bits" +
                      (node.input(layer.scales) ? "" : " and no scales"),
                  "2, 4 or 8 bits and scales");
    return false;
  }
  return true;
}

bool Experts::check() {
  kind = node.text("activation_type");
  k = node.integer("k");
  block = std::max<int64_t>(node.integer("block_size", 0), 0);
  std::string quantised = isQuantised ? node.text("quant_type") : "int";
  isFloat8 = quantised == "fp8" && block > 0;
  if ((quantised != "int" && !isFloat8) ||
      node.integer("use_sparse_mixer") != 0 ||
      node.integer("weights_prepacked", 0) > 0) {
    (void)c.fault(ErrorCode::I004,
                  "quant_type is '" + quantised +
                      "', or a sparse mixer or prepacked weights are asked for",
                  "int, or fp8 with a block_size; routing by the largest "
                  "scores; weights as the operator's standard layout has them");
    return false;
  }
  if (node.rank(2) == 3)
    count = sym::asConstant(node.dims(2)[0]).value_or(0);
  if ((node.rank(0) != 2 && node.rank(0) != 3) || count < 1 || count > most ||
      k < 1 || k > count || node.rank(1) != 2) {
    (void)c.fault(ErrorCode::S001,
                  "the input has rank " + Twine(node.rank(0)) + ", k is " +
                      Twine(k) + " of " + Twine(count) + " experts",
                  "rank 2 or 3, and k from 1 to the number of experts, which "
                  "is known and at most " +
                      Twine(most));
    return false;
  }
  Dims in = node.dims(0);
  hidden = in.back();
  tokens = in.size() == 2 ? in[0] : in[0] * in[1];
  return node.requireEqual(node.dims(1)[0], tokens,
                           "rows of input and router") &&
         node.requireEqual(node.dims(1)[1], node.model.dim(count),
                           "experts of router and weights") &&
         checkLayer(layers[0]) && checkLayer(layers[1]) &&
         checkLayer(layers[2]);
}

/// The experts of each token and the share of each in its result.
void Experts::route() {
  Type f32 = node.model.builder.getF32Type();
  Name scores =
      c.reshape(c.cast(c.input(1), f32), {tokens, node.model.dim(count)});
  Name given = isQuantised ? c.input(14) : Name();
  if (given.empty())
    scores = c.op("Softmax", {scores}, With().integer("axis", 1));
  std::vector<Name> best =
      c.ops("TopK", {scores, c.ints({k})}, 2, With().integer("axis", 1));
  shares = given.empty() ? best[0]
                         : c.op("GatherElements", {c.cast(given, f32), best[1]},
                                With().integer("axis", 1));
  // QMoE's own shares always sum up to 1 in ONNX Runtime.
  if (node.integer("normalize_routing_weights") != 0 ||
      (isQuantised && given.empty()))
    shares = c.div(shares, c.op("ReduceSum", {shares, c.ints({1})}));
  shares = c.cast(shares, element);
  chosen = c.reshape(best[1], {tokens * k});
}

/// [outputs, 1 or blocks], or empty where a number stands for all.
Name Experts::zeroPoints(const Layer &layer, int64_t expert,
                         const Name &scales) {
  if (!node.input(layer.zeros))
    return c.scalar(double(int64_t(1) << (layer.bits - 1)), element);
  Dims d = c.dimsOf(scales);
  Name packed = own(layer.zeros, expert);
  bool isFlat = c.dimsOf(packed).size() == 1; // packed along the outputs
  Name zeros = unpackBits(node, c, packed, layer.bits);
  if (d.size() != 2)
    return {};
  if (isFlat)
    return c.unsqueeze(
        c.op("Slice", {zeros, c.ints({0}), c.dims({d[0]}), c.ints({0})}), {1});
  return c.op("Slice", {zeros, c.ints({0}), c.dims({d[1]}), c.ints({1})});
}

/// Scales of squares of `block` by `block` elements.
Name Experts::scaledByFloats(const Layer &layer, const Name &w,
                             int64_t expert) {
  Dims d = c.dimsOf(w);
  if (d.size() != 2)
    return {};
  auto places = [&](DimAttr extent) {
    return c.div(c.count(extent), c.integer(block));
  };
  Name scales = c.op("Gather", {own(layer.scales, expert), places(d[0])},
                     With().integer("axis", 0));
  scales = c.op("Gather", {scales, places(d[1])}, With().integer("axis", 1));
  return c.mul(c.cast(w, element), c.cast(scales, element));
}

/// [outputs, inputs] of an expert, as floats.
Name Experts::weights(const Layer &layer, int64_t expert) {
  Name w = own(layer.weights, expert);
  if (!isQuantised)
    return w;
  if (isFloat8)
    return scaledByFloats(layer, w, expert);
  w = unpackBits(node, c, w, layer.bits);
  Name scales = own(layer.scales, expert);
  bool isFlat = c.dimsOf(scales).size() == 1;
  if (isFlat)
    scales = c.unsqueeze(scales, {1});
  return scaleBlocks(node, c, w, scales, zeroPoints(layer, expert, scales), 1,
                     isFlat ? 0 : block, element);
}

Name Experts::apply(const Layer &layer, const Name &in, int64_t expert) {
  Name y = c.op("MatMul", {in, c.transpose(weights(layer, expert), {1, 0})});
  return node.input(layer.bias) ? c.add(y, own(layer.bias, expert)) : y;
}

/// clamp(gate) * sigmoid(alpha * clamp(gate)) * (clamp(linear) + beta)
Name Experts::gated(const Name &gate, const Name &linear) {
  Name g = gate, l = linear;
  auto number = [&](double value) { return c.scalar(value, element); };
  if (node.attribute("swiglu_limit")) {
    double limit = node.real("swiglu_limit");
    g = c.op("Min", {g, number(limit)});
    l = c.op("Clip", {l, number(-limit), number(limit)});
  }
  double alpha = node.real("activation_alpha"),
         beta = node.real("activation_beta");
  Name inner = alpha == 1 ? g : c.mul(g, number(alpha));
  if (beta != 0)
    l = c.add(l, number(beta));
  return c.mul(c.mul(g, c.op("Sigmoid", {inner})), l);
}

/// The activation of the first layer's result; a third layer is its gate's
/// other half.
Name Experts::activated(const Name &in, int64_t expert, const Name &first) {
  bool hasThird = bool(node.input(layers[2].weights));
  if (kind == "swiglu") {
    int64_t fusion = node.integer("swiglu_fusion");
    if (fusion == 0 && hasThird)
      return gated(first, apply(layers[2], in, expert));
    Dims d = c.dimsOf(first);
    if (fusion == 0 || hasThird || d.size() != 2) {
      (void)c.fault(ErrorCode::I005,
                    "swiglu_fusion is " + Twine(fusion) +
                        (hasThird ? " and there is a third layer"
                                  : " and there is no third layer"),
                    "0 with a third layer, or 1 or 2 without one");
      return {};
    }
    DimAttr half = sym::floorDiv(d[1], 2), two = node.model.dim(2);
    int64_t axis = fusion == 1 ? 2 : 1;
    Name pairs = c.reshape(first, fusion == 1 ? Dims{d[0], half, two}
                                              : Dims{d[0], two, half});
    auto part = [&](int64_t i) {
      return c.op("Squeeze", {c.slice(pairs, axis, i, i + 1), c.ints({axis})});
    };
    return gated(part(0), part(1));
  }
  Name y = first;
  if (kind == "relu")
    y = c.op("Relu", {y});
  else if (kind == "gelu")
    y = c.op("Gelu", {y}, With().text("approximate", "tanh"));
  else if (kind == "silu")
    y = c.mul(y, c.op("Sigmoid", {y}));
  else if (kind != "identity")
    (void)c.fault(ErrorCode::I005, "activation_type is '" + kind + "'",
                  "relu, gelu, silu, swiglu or identity");
  return hasThird ? c.mul(y, apply(layers[2], in, expert)) : y;
}

LogicalResult Experts::run() {
  if (!check())
    return failure();
  x = c.reshape(c.input(0), {tokens, hidden});
  route();
  std::vector<Name> places, results;
  for (int64_t expert = 0; expert < count; ++expert) {
    Name found = c.op("NonZero", {c.op("Equal", {chosen, c.integer(expert)})});
    Dims d = c.dimsOf(found);
    if (d.size() != 2)
      return failure();
    found = c.reshape(found, {d[1]});
    Name rows = c.op("Gather", {x, c.div(found, c.integer(k))},
                     With().integer("axis", 0));
    Name y = activated(rows, expert, apply(layers[0], rows, expert));
    places.push_back(found);
    results.push_back(apply(layers[1], y, expert));
    if (results.back().empty())
      return failure();
  }
  With along;
  along.integer("axis", 0);
  Name order = c.op("Concat", places, along);
  Dims all = c.dimsOf(order);
  if (all.size() != 1)
    return failure();
  Name none = c.op("Expand", {c.integer(0), c.dims({tokens * k})});
  Name back = c.op("ScatterElements", {none, order, c.count(all[0])}, along);
  Name y = c.op("Gather", {c.op("Concat", results, along), back}, along);
  y = c.mul(c.reshape(y, {tokens, node.model.dim(k), hidden}),
            c.unsqueeze(shares, {2}));
  y = c.op("ReduceSum", {y, c.ints({1})}, With().integer("keepdims", 0));
  return c.set(0, c.reshape(y, node.dims(0)));
}

LogicalResult importExperts(NodeImport &node) { return Experts(node).run(); }

} // namespace

void addExperts(OpTable &table) {
  addRows(table, "com.microsoft",
          {{"MoE", importExperts}, {"QMoE", importExperts}});
}

} // namespace sinter::importer
