// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MatMul, Gemm and Einsum on graph.matmul, which takes rank 2 and more.
#include "compiler/import/Compose.h"

using namespace mlir;

namespace sinter::importer {
namespace {

Dims dimsOf(Value value) {
  return sym::dimsOf(cast<RankedTensorType>(value.getType()));
}

/// Checks what inference could not prove, then multiplies.
Value matmul(NodeImport &node, Value a, Value b, bool transposeA = false,
             bool transposeB = false) {
  if (!a || !b)
    return {};
  Dims x = dimsOf(a), y = dimsOf(b);
  if (x.size() >= 2 && y.size() >= 2) {
    DimAttr inner = x.end()[transposeA ? -2 : -1],
            other = y.end()[transposeB ? -1 : -2];
    if (!node.requireEqual(inner, other, "the inner dimensions"))
      return {};
    if (sym::asConstant(other))
      a = node.written(a, x.size() - (transposeA ? 2 : 1), other);
    else
      b = node.written(b, y.size() - (transposeB ? 1 : 2), inner);
    for (size_t i = 3; i <= std::min(x.size(), y.size()); ++i)
      if (!node.requireEqual(x[x.size() - i], y[y.size() - i],
                             "batch dimensions", true))
        return {};
  }
  return node.one<graph::MatMulOp>({a, b},
                                   node.attrs()
                                       .flag("transpose_a", transposeA)
                                       .flag("transpose_b", transposeB));
}

LogicalResult importMatMul(NodeImport &node) {
  return node.set(0, matrixProduct(node, node.value(0), node.value(1)));
}

LogicalResult importGemm(NodeImport &node) {
  if (node.rank(0) != 2 || node.rank(1) != 2)
    return node.fault(ErrorCode::S001,
                      "operands have ranks " + Twine(node.rank(0)) + " and " +
                          Twine(node.rank(1)),
                      "rank 2");
  Type element = node.type(0).getElementType();
  double alpha = node.real("alpha"), beta = node.real("beta");
  Value result = matmul(node, node.value(0), node.value(1),
                        node.integer("transA"), node.integer("transB"));
  if (alpha != 1 && result)
    result = node.map("mul", {result, node.scalar(alpha, element)});
  Value c = node.value(2);
  if (!c || beta == 0 || !result)
    return node.set(0, result);
  if (beta != 1)
    c = node.map("mul", {c, node.scalar(beta, element)});
  Dims dims = dimsOf(result);
  Value sum = node.map("add", {result, c});
  if (sum && dimsOf(sum).size() != 2)
    return node.fault(ErrorCode::S001, "C does not broadcast to the product");
  return node.set(0, sum);
}

/// One operand of an Einsum: a value with a label on every axis.
struct Labelled {
  Value value;
  std::string labels;
};

Labelled permuted(NodeImport &node, Labelled x, const std::string &labels) {
  SmallVector<int64_t> permutation;
  for (char label : labels)
    permutation.push_back(x.labels.find(label));
  return {node.transpose(x.value, permutation), labels};
}

/// Axes of one label become one: the diagonal, picked out of both laid flat.
Labelled diagonal(NodeImport &node, Labelled x) {
  Type i64 = node.model.builder.getI64Type();
  for (size_t i = 0; x.value && i < x.labels.size(); ++i) {
    size_t other = x.labels.find(x.labels[i], i + 1);
    if (other == std::string::npos)
      continue;
    Dims dims = dimsOf(x.value), flat;
    DimAttr rows = dims[i], columns = dims[other];
    if (!node.requireEqual(rows, columns, "extents of a diagonal"))
      return {};
    SmallVector<int64_t> order;
    std::string rest;
    for (size_t axis = 0; axis < dims.size(); ++axis)
      if (axis != i && axis != other) {
        order.push_back(axis);
        flat.push_back(dims[axis]);
        rest += x.labels[axis];
      }
    order.append({int64_t(i), int64_t(other)});
    flat.push_back(rows * columns);
    TensorValue step =
        node.model.knownOf({columns + 1}, RankedTensorType::get({}, i64));
    Value places = node.one<graph::RangeOp>(
        {node.scalar(0, i64), node.model.materialise(step, node.location)}, {},
        {sym::tensorOf({rows}, i64)});
    x.value = node.one<graph::GatherOp>(
        {node.reshape(node.transpose(x.value, order), flat), places},
        node.attrs().integer("axis", int64_t(rest.size())));
    x.labels = rest + x.labels[i];
    i = size_t(-1); // others may repeat
  }
  return x;
}

/// Sums away the labels that nothing else needs.
Labelled summed(NodeImport &node, Labelled x, const std::string &needed) {
  SmallVector<int64_t> axes;
  std::string rest;
  for (size_t i = 0; i < x.labels.size(); ++i)
    if (needed.find(x.labels[i]) == std::string::npos)
      axes.push_back(i);
    else
      rest += x.labels[i];
  if (axes.empty())
    return x;
  return {node.reduce("sum", x.value, axes, false), rest};
}

/// Product of two operands: batch labels, rows of a, columns of b, summed
/// labels.
Labelled contracted(NodeImport &node, Labelled a, Labelled b,
                    const std::string &needed) {
  std::string batch, rows, columns, inner;
  for (char label : a.labels) {
    bool isShared = b.labels.find(label) != std::string::npos;
    bool isNeeded = needed.find(label) != std::string::npos;
    (isShared ? (isNeeded ? batch : inner) : rows) += label;
  }
  for (char label : b.labels)
    if (a.labels.find(label) == std::string::npos)
      columns += label;
  a = permuted(node, a, batch + rows + inner);
  b = permuted(node, b, batch + inner + columns);
  if (!a.value || !b.value)
    return {};
  Dims x = dimsOf(a.value), y = dimsOf(b.value), result;
  MLIRContext *context = &node.model.context;
  auto part = [](const Dims &dims, size_t from, size_t count) {
    return ArrayRef<DimAttr>(dims).slice(from, count);
  };
  auto join = [&](ArrayRef<DimAttr> head, ArrayRef<DimAttr> m,
                  ArrayRef<DimAttr> n) {
    Dims dims(head);
    dims.push_back(sym::product(context, m));
    dims.push_back(sym::product(context, n));
    return dims;
  };
  size_t nb = batch.size(), nr = rows.size(), ni = inner.size(),
         nc = columns.size();
  Value left = node.reshape(
      a.value, join(part(x, 0, nb), part(x, nb, nr), part(x, nb + nr, ni)));
  Value right = node.reshape(
      b.value, join(part(y, 0, nb), part(y, nb, ni), part(y, nb + ni, nc)));
  Value product = matmul(node, left, right);
  if (!product)
    return {};
  Dims dims = dimsOf(product);
  dims.resize(nb);
  llvm::append_range(dims, part(x, nb, nr));
  llvm::append_range(dims, part(y, nb + ni, nc));
  return {node.reshape(product, dims), batch + rows + columns};
}

/// Takes "...ij,jk->...ik" apart; the ellipsis becomes labels of its own.
bool parseEquation(NodeImport &node, SmallVectorImpl<std::string> &terms,
                   std::string &output) {
  std::string text;
  for (char c : node.text("equation"))
    if (c != ' ')
      text += c;
  auto [left, right] = StringRef(text).split("->");
  SmallVector<StringRef> parts;
  left.split(parts, ',');
  auto fail = [&](const Twine &why) {
    (void)node.fault(ErrorCode::I005, "equation '" + text + "': " + why);
    return false;
  };
  if (parts.size() != node.inputCount())
    return fail("it names " + Twine(parts.size()) + " operands of " +
                Twine(node.inputCount()));
  std::string ellipsis;
  for (auto [i, part] : llvm::enumerate(parts)) {
    std::string labels = part.str();
    size_t dots = labels.find("..."), rank = node.rank(i);
    if (dots != std::string::npos) {
      if (rank + 3 < labels.size())
        return fail("operand " + Twine(i) + " has rank " + Twine(rank));
      std::string own;
      for (size_t d = rank + 3 - labels.size(); d > 0; --d)
        own += char('0' + d - 1); // digits, aligned at the last axis
      labels.replace(dots, 3, own);
      ellipsis = own.size() > ellipsis.size() ? own : ellipsis;
    }
    if (labels.size() != rank)
      return fail("operand " + Twine(i) + " has rank " + Twine(rank));
    terms.push_back(labels);
  }
  if (StringRef(text).contains("->")) {
    output = right.str();
    if (size_t dots = output.find("..."); dots != std::string::npos)
      output.replace(dots, 3, ellipsis);
  } else {
    output = ellipsis;
    for (char label = 'A'; label <= 'z'; ++label) {
      size_t count = 0;
      for (const std::string &term : terms)
        count += llvm::count(term, label);
      if (count == 1)
        output += label;
    }
  }
  return true;
}

LogicalResult importEinsum(NodeImport &node) {
  SmallVector<std::string> terms;
  std::string output;
  if (!parseEquation(node, terms, output))
    return failure();
  std::vector<Value> values;
  for (size_t i = 0; i < terms.size(); ++i) {
    Labelled operand = diagonal(node, {node.value(i), terms[i]});
    values.push_back(operand.value);
    terms[i] = operand.labels;
  }
  Labelled result = {values[0], terms[0]};
  for (size_t i = 0; i < terms.size(); ++i) {
    std::string later = output;
    for (size_t j = i + 1; j < terms.size(); ++j)
      later += terms[j];
    if (i > 0) {
      Labelled next =
          summed(node, {values[i], terms[i]}, later + result.labels);
      result =
          contracted(node, summed(node, result, later + terms[i]), next, later);
    } else if (terms.size() == 1) {
      result = summed(node, result, later);
    }
    if (!result.value)
      return failure();
  }
  for (char label : output)
    if (result.labels.find(label) == std::string::npos)
      return node.fault(ErrorCode::I005,
                        "the result names a label that no operand has");
  return node.set(0, permuted(node, result, output).value);
}

} // namespace

Value matrixProduct(NodeImport &node, Value a, Value b) {
  if (!a || !b)
    return {};
  Dims x = dimsOf(a), y = dimsOf(b);
  if (x.empty() || y.empty()) {
    (void)node.fault(ErrorCode::S001, "an operand is a scalar",
                     "rank 1 or more");
    return {};
  }
  DimAttr one = node.model.dim(1);
  if (x.size() == 1)
    a = node.reshape(a, {one, x[0]});
  if (y.size() == 1)
    b = node.reshape(b, {y[0], one});
  Value result = matmul(node, a, b);
  if (!result)
    return {};
  Dims dims = dimsOf(result);
  if (y.size() == 1)
    dims.pop_back();
  if (x.size() == 1)
    dims.erase(dims.end() - (y.size() == 1 ? 1 : 2));
  return node.reshape(result, dims);
}

void addProducts(OpTable &table) {
  table["MatMul"] = importMatMul;
  table["Gemm"] = importGemm;
  table["Einsum"] = importEinsum;
}

} // namespace sinter::importer
