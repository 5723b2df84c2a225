// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps of training (ai.onnx.preview.training): a rate, the number of steps so
// far, and for each tensor its gradient and what the method remembers of it.
// Gradients are inputs: nothing is differentiated here.
#include "compiler/import/Composer.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// Input R and T, and `groups` inputs for each tensor: all tensors first, then
/// all gradients and so on.
struct Step {
  Step(NodeImport &node, size_t groups) : c(node), node(node) {
    size_t rest = node.inputCount() < 2 ? 0 : node.inputCount() - 2;
    isFine = rest > 0 && rest % groups == 0 &&
             node.node.outputs.size() <= rest / groups * (groups - 1);
    count = rest / groups;
    if (!isFine)
      (void)c.fault(ErrorCode::I006,
                    "has " + Twine(node.inputCount()) + " inputs and " +
                        Twine(node.node.outputs.size()) + " outputs",
                    "R, T and " + Twine(groups) +
                        " inputs for each tensor, and an output for each but "
                        "its gradient");
  }
  Name of(size_t group, size_t i) { return c.input(2 + group * count + i); }
  Name real(double value, const Name &like) {
    RankedTensorType type = c.type(like);
    return type ? c.scalar(value, type.getElementType()) : Name();
  }
  Name scaled(const Name &x, double by) { return c.mul(x, real(by, x)); }
  Name like(const Name &x, const Name &tensor) {
    RankedTensorType type = c.type(tensor);
    return type ? c.cast(c.reshape(x, {}), type.getElementType()) : Name();
  }
  /// The gradient with the pull towards 0.
  Name gradient(size_t i) {
    return c.add(scaled(of(0, i), node.real("norm_coefficient")), of(1, i));
  }
  Name rate(size_t i) { return like(c.input(0), of(0, i)); }
  Name isLater() {
    return c.op("Greater", {c.reshape(c.input(1), {}), c.integer(0)});
  }

  Composer c;
  NodeImport &node;
  size_t count = 0;
  bool isFine = true;
};

LogicalResult importAdagrad(NodeImport &node) {
  Step s(node, 3);
  if (!s.isFine)
    return failure();
  Composer &c = s.c;
  for (size_t i = 0; i < s.count; ++i) {
    Name x = s.of(0, i), g = s.gradient(i);
    Name slower =
        c.add(s.scaled(s.like(c.input(1), x), node.real("decay_factor")),
              s.real(1, x));
    Name h = c.add(s.of(2, i), c.mul(g, g));
    Name root = c.add(c.op("Sqrt", {h}), s.real(node.real("epsilon"), x));
    Name step = c.div(c.mul(c.div(s.rate(i), slower), g), root);
    if (failed(c.set(i, c.sub(x, step))) || failed(c.set(s.count + i, h)))
      return failure();
  }
  return success();
}

LogicalResult importMomentum(NodeImport &node) {
  Step s(node, 3);
  std::string mode = node.text("mode");
  if (!s.isFine)
    return failure();
  Composer &c = s.c;
  if (mode != "standard" && mode != "nesterov")
    return c.fault(ErrorCode::I005, "mode is '" + mode + "'",
                   "standard or nesterov");
  for (size_t i = 0; i < s.count; ++i) {
    Name x = s.of(0, i), g = s.gradient(i);
    Name beta = c.op("Where",
                     {s.isLater(), s.real(node.real("beta"), x), s.real(1, x)});
    Name v = c.add(s.scaled(s.of(2, i), node.real("alpha")), c.mul(beta, g));
    Name way =
        mode == "standard" ? v : c.add(g, s.scaled(v, node.real("alpha")));
    if (failed(c.set(i, c.sub(x, c.mul(s.rate(i), way)))) ||
        failed(c.set(s.count + i, v)))
      return failure();
  }
  return success();
}

LogicalResult importAdam(NodeImport &node) {
  Step s(node, 4);
  if (!s.isFine)
    return failure();
  Composer &c = s.c;
  double alpha = node.real("alpha"), beta = node.real("beta");
  for (size_t i = 0; i < s.count; ++i) {
    Name x = s.of(0, i), g = s.gradient(i), t = s.like(c.input(1), x);
    Name v = c.add(s.scaled(s.of(2, i), alpha), s.scaled(g, 1 - alpha));
    Name h = c.add(s.scaled(s.of(3, i), beta), s.scaled(c.mul(g, g), 1 - beta));
    Name root = c.add(c.op("Sqrt", {h}), s.real(node.real("epsilon"), x));
    auto left = [&](double base) { // 1 - base^T
      return c.sub(s.real(1, x), c.op("Pow", {s.real(base, x), t}));
    };
    Name rate = s.rate(i);
    rate = c.op("Where",
                {s.isLater(),
                 c.div(c.mul(rate, c.op("Sqrt", {left(beta)})), left(alpha)),
                 rate});
    Name moved = c.sub(x, c.div(c.mul(rate, v), root));
    moved = s.scaled(moved, 1 - node.real("norm_coefficient_post"));
    if (failed(c.set(i, moved)) || failed(c.set(s.count + i, v)) ||
        failed(c.set(2 * s.count + i, h)))
      return failure();
  }
  return success();
}

} // namespace

void addTraining(OpTable &table) {
  table["ai.onnx.preview.training.Adagrad"] = importAdagrad;
  table["ai.onnx.preview.training.Momentum"] = importMomentum;
  table["ai.onnx.preview.training.Adam"] = importAdam;
}

} // namespace sinter::importer
