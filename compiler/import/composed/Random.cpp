// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random numbers that are the same in every run: each element is a hash of its
// place and of the node's seed. A node without a seed takes its name for one,
// so that two of them differ. What is drawn is therefore a constant of the
// model unless its shape depends on the input.
#include "compiler/import/Composer.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

class Dice {
public:
  Dice(NodeImport &node, Composer &c)
      : node(node), c(c),
        u32(node.model.builder.getIntegerType(32, /*isSigned=*/false)),
        f32(node.model.builder.getF32Type()) {
    if (const onnx::Attribute *given = node.attribute("seed")) {
      llvm::StringRef bytes(reinterpret_cast<const char *>(&given->f),
                            sizeof given->f);
      seed = uint32_t(llvm::xxh3_64bits(bytes));
    } else {
      seed = uint32_t(llvm::xxh3_64bits(node.scope.prefix + node.name()));
    }
  }

  /// Even in [0, 1), 24 bits; every call draws others.
  Name uniform(ArrayRef<DimAttr> dims) {
    Name x = c.cast(c.count(sym::product(&node.model.context, dims)), u32);
    x = c.add(c.mul(x, number(0x9e3779b9u)), number(seed));
    seed = seed * 747796405u + 2891336453u;
    for (uint32_t factor : {0x7feb352du, 0x846ca68bu})
      x = c.mul(folded(x, 16), number(factor));
    x = shifted(folded(x, 16), 8);
    Name real = c.mul(c.cast(x, f32), c.scalar(1.0 / 16777216, f32));
    return c.reshape(real, dims);
  }
  /// Normal by Box and Muller.
  Name normal(ArrayRef<DimAttr> dims) {
    Name left = c.sub(c.scalar(1, f32), uniform(dims)); // never 0
    Name radius = c.op("Sqrt", {c.mul(c.op("Log", {left}), c.scalar(-2, f32))});
    Name angle = c.mul(uniform(dims), c.scalar(6.283185307179586, f32));
    return c.mul(radius, c.op("Cos", {angle}));
  }

private:
  Name number(uint32_t value) { return c.scalar(value, u32); }
  Name shifted(const Name &x, uint32_t by) {
    return c.op("BitShift", {x, number(by)}, With().text("direction", "RIGHT"));
  }
  Name folded(const Name &x, uint32_t by) {
    return c.op("BitwiseXor", {x, shifted(x, by)});
  }

  NodeImport &node;
  Composer &c;
  Type u32, f32;
  uint32_t seed;
};

/// RandomNormal, RandomUniform and the forms that take shape and type of an
/// input.
LogicalResult importRandom(NodeImport &node) {
  StringRef op(node.node.op.data(), node.node.op.size());
  Composer c(node);
  Dice dice(node, c);
  Dims dims;
  Type f32 = node.model.builder.getF32Type();
  onnx::DataType type = onnx::DataType(node.integer("dtype", 1));
  bool isLike = op.ends_with("Like");
  if (isLike)
    dims = node.dims(0);
  for (int64_t extent : node.integers("shape"))
    dims.push_back(node.model.dim(extent));
  Name drawn;
  double low = node.real("low"), high = node.real("high");
  if (op.starts_with("RandomNormal"))
    drawn = c.add(c.mul(dice.normal(dims), c.scalar(node.real("scale"), f32)),
                  c.scalar(node.real("mean"), f32));
  else
    drawn = c.add(c.mul(dice.uniform(dims), c.scalar(high - low, f32)),
                  c.scalar(low, f32));
  if (isLike && !node.attribute("dtype"))
    return c.set(0, c.cast(drawn, node.type(0).getElementType()));
  return c.set(0, c.castTo(drawn, type));
}

LogicalResult importBernoulli(NodeImport &node) {
  Composer c(node);
  Dice dice(node, c);
  Name p = c.cast(c.input(0), node.model.builder.getF32Type());
  Name hit = c.op("Less", {dice.uniform(node.dims(0)), p});
  if (node.attribute("dtype"))
    return c.set(0, c.castTo(hit, onnx::DataType(node.integer("dtype"))));
  return c.set(0, c.cast(hit, node.type(0).getElementType()));
}

/// Classes by their logarithmic weights: the first whose running sum of
/// probabilities passes the number drawn.
LogicalResult importMultinomial(NodeImport &node) {
  Composer c(node);
  Dice dice(node, c);
  if (node.rank(0) != 2)
    return c.fault(ErrorCode::S001, "input has rank " + Twine(node.rank(0)),
                   "[batch, classes]");
  DimAttr batch = node.dims(0)[0], classes = node.dims(0)[1],
          draws = node.model.dim(node.integer("sample_size"));
  Type f32 = node.model.builder.getF32Type(),
       i64 = node.model.builder.getI64Type();
  Name sums =
      c.op("Softmax", {c.cast(c.input(0), f32)}, With().integer("axis", 1));
  sums = c.unsqueeze(c.op("CumSum", {sums, c.integer(1)}), {1});
  Name drawn = c.unsqueeze(dice.uniform({batch, draws}), {2});
  Name passed = c.cast(c.op("LessOrEqual", {sums, drawn}), i64);
  Name at =
      c.op("ReduceSum", {passed, c.ints({2})}, With().integer("keepdims", 0));
  at = c.op("Min", {at, c.dim(classes - 1)});
  return c.set(0, c.castTo(at, onnx::DataType(node.integer("dtype"))));
}

} // namespace

void addRandom(OpTable &table) {
  for (const char *name : {"RandomNormal", "RandomNormalLike", "RandomUniform",
                           "RandomUniformLike"})
    table[name] = importRandom;
  table["Bernoulli"] = importBernoulli;
  table["Multinomial"] = importMultinomial;
}

} // namespace sinter::importer
