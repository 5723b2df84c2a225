// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Regression and classes with support vectors: a kernel between each row and
// each vector, then one product. Distances are summed as squares of
// differences: the binomial form would cancel digits.
//
// A classifier compares the classes in pairs: a vector of class a counts for
// the pair (a, b) with its coefficient against b. All pairs together are one
// matrix [vectors, pairs]; each pair votes for one of its two classes.
#include "compiler/import/Compose.h"
#include "compiler/import/classic/Classes.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// K(row, vector) as [N, vectors]; an empty name after a fault.
Name kernelOf(NodeImport &node, Composer &c, const Name &x,
              const Name &vectors) {
  std::string kind = node.text("kernel_type");
  SmallVector<double> given = node.reals("kernel_params");
  Type f32 = node.model.builder.getF32Type();
  auto parameter = [&](size_t i) {
    return c.scalar(i < given.size() ? given[i] : 0, f32);
  };
  if (kind == "RBF") {
    Name away = c.sub(c.unsqueeze(x, {1}), vectors);
    Name square = c.op("ReduceSumSquare", {away, c.ints({2})},
                       With().integer("keepdims", 0));
    return c.op("Exp", {c.mul(c.op("Neg", {parameter(0)}), square)});
  }
  Name product = c.op("MatMul", {x, c.transpose(vectors, {1, 0})});
  if (kind == "LINEAR")
    return product;
  Name inner = c.add(c.mul(product, parameter(0)), parameter(1));
  if (kind == "POLY")
    return c.op("Pow", {inner, parameter(2)});
  if (kind == "SIGMOID")
    return c.op("Tanh", {inner});
  (void)c.fault(ErrorCode::I005, "kernel_type is '" + kind + "'",
                "LINEAR, POLY, RBF or SIGMOID");
  return {};
}

LogicalResult importRegressor(NodeImport &node) {
  Composer c(node);
  Type f32 = node.model.builder.getF32Type();
  Name x = c.cast(featureRows(node, c), f32);
  int64_t features = featuresOf(c, x), count = node.integer("n_supports");
  SmallVector<double> weights = node.reals("coefficients"),
                      vectors = node.reals("support_vectors"),
                      rho = node.reals("rho");
  if (features < 0)
    return failure();
  bool isLinear = count == 0; // the coefficients are the only vector
  int64_t wanted = isLinear ? features : count;
  if (count < 0 || int64_t(weights.size()) != wanted || rho.size() != 1 ||
      (!isLinear && (int64_t(vectors.size()) / count != features ||
                     int64_t(vectors.size()) % count != 0)))
    return c.fault(ErrorCode::I005,
                   "has " + Twine(weights.size()) + " coefficients, " +
                       Twine(vectors.size()) + " numbers of vectors and " +
                       Twine(rho.size()) + " rho for " + Twine(features) +
                       " features",
                   Twine(wanted) + " coefficients, one rho");
  if (node.text("post_transform") != "NONE")
    return c.fault(ErrorCode::I005,
                   "post_transform is '" + node.text("post_transform") + "'",
                   "NONE");
  Name y = isLinear ? kernelOf(node, c, x, c.reals({1, features}, weights, f32))
                    : c.op("MatMul",
                           {kernelOf(node, c, x,
                                     c.reals({count, features}, vectors, f32)),
                            c.reals({count, 1}, weights, f32)});
  y = c.add(y, c.scalar(rho[0], f32));
  if (node.integer("one_class")) {
    Name isInside = c.op("Greater", {y, c.scalar(0, f32)});
    y = c.op("Where", {isInside, c.scalar(1, f32), c.scalar(-1, f32)});
  }
  return c.set(0, y);
}

/// Matrices of pairs beyond it are a fault: they grow with the square of the
/// number of classes.
constexpr int64_t kMostEntries = 1 << 26;

struct Machine {
  Labels labels;
  SmallVector<int64_t> counts; // vectors of each class
  SmallVector<double> weights, rho, slope, offset;
  int64_t features = 0, classes = 0, vectors = 0, pairs = 0;

  bool read(NodeImport &node, Composer &c, const Name &x);
  /// The weight of each vector in each pair.
  std::vector<double> pairMatrix() const;
  /// Votes are above * first + second.
  void voteMatrices(std::vector<double> &above,
                    std::vector<double> &second) const;
};

bool Machine::read(NodeImport &node, Composer &c, const Name &x) {
  std::optional<Labels> found = labelsOf(node, "classlabels_ints");
  features = featuresOf(c, x);
  if (!found || features < 0)
    return false;
  labels = *found;
  counts = node.integers("vectors_per_class");
  weights = node.reals("coefficients");
  rho = node.reals("rho");
  slope = node.reals("prob_a");
  offset = node.reals("prob_b");
  classes = int64_t(labels.size());
  pairs = classes * (classes - 1) / 2;
  bool isFine = classes < 65536;
  for (int64_t count : counts) {
    isFine &= count >= 0 && count < kMostEntries;
    vectors += isFine ? count : 0;
  }
  if (vectors == 0) // one vector for each class
    isFine &= int64_t(weights.size()) == classes * features && !rho.empty();
  else
    isFine &=
        classes > 1 && int64_t(counts.size()) == classes &&
        int64_t(weights.size()) == (classes - 1) * vectors &&
        int64_t(rho.size()) == pairs &&
        int64_t(node.reals("support_vectors").size()) == vectors * features &&
        slope.size() == offset.size() &&
        (slope.empty() || int64_t(slope.size()) == pairs);
  if (!isFine) {
    (void)c.fault(ErrorCode::I005,
                  "has " + Twine(classes) + " labels, " + Twine(vectors) +
                      " vectors, " + Twine(weights.size()) +
                      " coefficients and " + Twine(rho.size()) + " rho for " +
                      Twine(features) + " features",
                  "coefficients for each vector and every other class, rho "
                  "(prob_a and prob_b, if any) for each pair of classes");
    return false;
  }
  if (pairs * std::max(vectors, classes) > kMostEntries) {
    (void)c.fault(ErrorCode::I005,
                  "has " + Twine(pairs) + " pairs of classes and " +
                      Twine(vectors) + " vectors",
                  "at most " + Twine(kMostEntries) + " combinations");
    return false;
  }
  return true;
}

std::vector<double> Machine::pairMatrix() const {
  SmallVector<int64_t> starts = {0};
  for (int64_t count : counts)
    starts.push_back(starts.back() + count);
  std::vector<double> matrix(vectors * pairs);
  for (int64_t a = 0, pair = 0; a < classes; ++a)
    for (int64_t b = a + 1; b < classes; ++b, ++pair) {
      for (int64_t v = starts[a]; v < starts[a + 1]; ++v)
        matrix[v * pairs + pair] = weights[(b - 1) * vectors + v];
      for (int64_t v = starts[b]; v < starts[b + 1]; ++v)
        matrix[v * pairs + pair] = weights[a * vectors + v];
    }
  return matrix;
}

void Machine::voteMatrices(std::vector<double> &above,
                           std::vector<double> &second) const {
  above.assign(pairs * classes, 0);
  second.assign(classes, 0);
  for (int64_t a = 0, pair = 0; a < classes; ++a)
    for (int64_t b = a + 1; b < classes; ++b, ++pair) {
      above[pair * classes + a] = 1;
      above[pair * classes + b] = -1;
      second[b] += 1;
    }
}

/// One probability for each class out of one for each pair.
Name probabilities(NodeImport &node, Composer &c, const Machine &machine,
                   const Name &scores) {
  Type f32 = node.model.builder.getF32Type(),
       f64 = node.model.builder.getF64Type();
  Name value =
      c.add(c.mul(scores, c.reals({machine.pairs}, machine.slope, f32)),
            c.reals({machine.pairs}, machine.offset, f32));
  Name first = c.sub(c.scalar(1, f32), c.op("Sigmoid", {value}));
  first = c.op("Clip", {first, c.scalar(1e-7, f32), c.scalar(1 - 1e-7, f32)});
  Value operand = c.value(first);
  if (!operand)
    return {};
  DimAttr rows = c.dimsOf(scores)[0], classes = node.model.dim(machine.classes);
  Type results[] = {
      sym::tensorOf({rows, classes}, f32),
      sym::tensorOf({rows, node.model.dim(3), classes}, f64), // room
  };
  Operation *op =
      externCall(node, "pair_probabilities", {operand}, {}, {}, results);
  return c.bind(op ? op->getResult(0) : Value());
}

/// One score for each class, or, of two, the second where ONNX Runtime says so.
LogicalResult importLinear(NodeImport &node, Composer &c, const Machine &m,
                           const Name &x) {
  Type f32 = node.model.builder.getF32Type();
  Name vectors = c.reals({m.classes, m.features}, m.weights, f32);
  Name scores = c.add(c.op("MatMul", {x, c.transpose(vectors, {1, 0})}),
                      c.scalar(m.rho[0], f32));
  Name index = largest(c, scores);
  if (m.classes == 2) {
    bool isPositive = llvm::all_of(m.weights, [](double w) { return w >= 0; });
    Name most =
        c.op("ReduceMax", {scores, c.ints({1})}, With().integer("keepdims", 0));
    Name isSecond = c.op(isPositive ? "GreaterOrEqual" : "Greater",
                         {most, c.scalar(isPositive ? 0.5 : 0, f32)});
    index = c.op("Where", {isSecond, c.integer(1), index});
  }
  if (failed(c.set(0, labelled(node, c, index, m.labels))))
    return failure();
  return c.set(1, transformed(node, c, scores));
}

/// Scores of both classes out of the one that decides between them.
Name ofTwo(NodeImport &node, Composer &c, const Name &score) {
  Type f32 = node.model.builder.getF32Type();
  std::string kind = node.text("post_transform");
  Name first, second = score;
  if (kind == "NONE") {
    first = c.op("Neg", {score});
  } else if (kind == "LOGISTIC") {
    first = c.op("Sigmoid", {c.op("Neg", {score})});
    second = c.op("Sigmoid", {score});
  } else if (kind == "SOFTMAX" || kind == "SOFTMAX_ZERO") {
    first = c.sub(c.scalar(1, f32), score); // as ONNX Runtime has it
  } else {
    (void)c.fault(ErrorCode::I005,
                  "post_transform is '" + kind +
                      "' of one score for two classes",
                  "NONE, LOGISTIC, SOFTMAX or SOFTMAX_ZERO");
    return {};
  }
  return c.op("Concat", {first, second}, With().integer("axis", 1));
}

LogicalResult importClassifier(NodeImport &node) {
  Composer c(node);
  Type f32 = node.model.builder.getF32Type();
  Name x = c.cast(featureRows(node, c), f32);
  Machine m;
  if (!m.read(node, c, x))
    return failure();
  if (m.vectors == 0)
    return importLinear(node, c, m, x);
  Name vectors =
      c.reals({m.vectors, m.features}, node.reals("support_vectors"), f32);
  Name scores =
      c.op("MatMul", {kernelOf(node, c, x, vectors),
                      c.reals({m.vectors, m.pairs}, m.pairMatrix(), f32)});
  scores = c.add(scores, c.reals({m.pairs}, m.rho, f32));
  std::vector<double> above, second;
  m.voteMatrices(above, second);
  Name isFirst = c.cast(c.op("Greater", {scores, c.scalar(0, f32)}), f32);
  Name votes = c.add(
      c.op("MatMul", {isFirst, c.reals({m.pairs, m.classes}, above, f32)}),
      c.reals({m.classes}, second, f32));
  if (failed(c.set(0, labelled(node, c, largest(c, votes), m.labels))))
    return failure();
  if (!m.slope.empty())
    return c.set(1, transformed(node, c, probabilities(node, c, m, scores)));
  if (m.classes > 2)
    return c.set(1, transformed(node, c, scores));
  return c.set(1, ofTwo(node, c, scores));
}

} // namespace

void addVectors(OpTable &table) {
  table["ai.onnx.ml.SVMClassifier"] = importClassifier;
  table["ai.onnx.ml.SVMRegressor"] = importRegressor;
}

} // namespace sinter::importer
