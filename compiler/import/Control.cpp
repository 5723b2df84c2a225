// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// If. A condition that is known picks its branch here and the other one is
// never imported, which is how most exporters' rank checks disappear.
//
// Branches whose results differ in extents ("no box: an empty list; else those
// that are kept") yield them padded to what both can need, with their extents
// beside; what follows the node sees the first part of it, of a late size.
#include "compiler/import/NodeImport.h"
#include "compiler/import/Subgraph.h"

using namespace mlir;

namespace sinter::importer {
namespace {

/// Inputs of the model that only branches read have extents of their own (see
/// BranchInputs.h): within a branch they are what the model calls them, and a
/// check says so.
void enterBranch(NodeImport &node, Scope &scope, const onnx::Graph &graph) {
  const BranchInputs &inputs = *node.model.branchInputs;
  for (const std::string &name : inputs.differing(graph)) {
    TensorValue *outer = node.scope.find(name);
    if (!outer || !outer->value)
      continue;
    Dims dims = sym::dimsOf(outer->type);
    for (DimAttr &dim : dims) {
      if (dim.getKind() != sym::DimKind::Symbol)
        continue;
      DimAttr within =
          node.model.symbolNamed(inputs.within(graph, dim.getName()));
      if (within != dim)
        graph::CheckOp::create(node.model.builder, outer->value.getLoc(), dim,
                               within, UnitAttr());
      dim = within;
    }
    TensorValue inner = *outer;
    inner.type = sym::tensorOf(dims, outer->type.getElementType());
    inner.value = graph::ReshapeOp::create(node.model.builder, node.location,
                                           inner.type, outer->value);
    scope.values[name] = std::move(inner);
  }
}

/// The results of a branch, imported into the insertion point.
std::optional<SmallVector<TensorValue *>>
importBranch(NodeImport &node, Scope &scope, const onnx::Graph &graph) {
  scope.prefix = node.scope.prefix;
  if (graph.outputs.size() != node.node.outputs.size()) {
    (void)node.fault(ErrorCode::I006,
                     "a branch has " + Twine(graph.outputs.size()) + " outputs",
                     Twine(node.node.outputs.size()));
    return std::nullopt;
  }
  enterBranch(node, scope, graph);
  return importSubgraph(node, scope, graph);
}

/// The results of one branch become those of the node.
LogicalResult takeBranch(NodeImport &node, const onnx::Graph &graph) {
  Scope scope;
  std::optional<SmallVector<TensorValue *>> results =
      importBranch(node, scope, graph);
  if (!results)
    return failure();
  for (size_t i = 0; i < results->size(); ++i)
    if (failed(node.setSame(i, *(*results)[i])))
      return failure();
  return success();
}

/// Imports a branch into a new region of `state`; its types, or nothing.
std::optional<SmallVector<Type>>
addBranch(NodeImport &node, OperationState &state, const onnx::Graph &graph) {
  OpBuilder &builder = node.model.builder;
  OpBuilder::InsertionGuard guard(builder);
  Block *block = new Block();
  state.addRegion()->push_back(block);
  builder.setInsertionPointToStart(block);
  Scope scope;
  std::optional<SmallVector<TensorValue *>> results =
      importBranch(node, scope, graph);
  SmallVector<Value> yielded;
  SmallVector<Type> types;
  if (results)
    for (TensorValue *result : *results) {
      if (result->parts) {
        (void)node.fault(ErrorCode::I013, "a branch results in a sequence",
                         "tensors, or a condition that is known");
        results.reset();
        break;
      }
      yielded.push_back(node.model.materialise(*result, node.location));
      types.push_back(yielded.back().getType());
    }
  graph::YieldOp::create(builder, node.location, yielded);
  return results ? std::optional(types) : std::nullopt;
}

bool haveOneRank(ArrayRef<Type> a, ArrayRef<Type> b) {
  return llvm::all_of(llvm::zip(a, b), [](auto pair) {
    auto [x, y] = pair;
    return cast<RankedTensorType>(x).getRank() ==
           cast<RankedTensorType>(y).getRank();
  });
}

/// `dim` without the symbols that `branch` binds, which nothing behind it sees:
/// at least as large as it is.
DimAttr boundOutside(NodeImport &node, Region &branch, DimAttr dim) {
  llvm::StringMap<DimAttr> inner;
  branch.walk([&](graph::BindDimOp bind) {
    auto bound = bind->getAttrOfType<DimAttr>("graph.bound");
    DimAttr symbol = sym::symbolDim(&node.model.context, bind.getSymbol());
    inner[bind.getSymbol()] =
        bound ? bound : node.model.dim(node.model.rangeOf(symbol).max);
  });
  for (size_t depth = 0; depth < inner.size(); ++depth)
    dim = sym::substitute(dim,
                          [&](StringRef name) { return inner.lookup(name); });
  return dim;
}

/// One result whose extents differ: what both branches pad it to.
struct Joined {
  size_t result;
  SmallVector<unsigned> axes;
  Dims most;
};

/// Pads a result at the end of a branch, and yields its extents behind the
/// rest.
LogicalResult yieldPadded(NodeImport &node, Region &branch,
                          const Joined &join) {
  Operation *yield = branch.front().getTerminator();
  OpBuilder::InsertionGuard guard(node.model.builder);
  node.model.builder.setInsertionPoint(yield);
  Value value = yield->getOperand(join.result);
  auto type = cast<RankedTensorType>(value.getType());
  Dims dims = sym::dimsOf(type), low(dims.size(), node.model.dim(0)),
       high = low, extents;
  for (auto [axis, most] : llvm::zip(join.axes, join.most)) {
    extents.push_back(dims[axis]);
    high[axis] = most - dims[axis];
  }
  Value padded =
      node.one<graph::PadOp>({value, node.scalar(0, type.getElementType())},
                             node.attrs()
                                 .text("mode", "constant")
                                 .dims("low", low)
                                 .dims("high", high));
  if (!padded)
    return failure();
  // The same type in both branches, whatever the sums simplify to.
  for (auto [axis, most] : llvm::zip(join.axes, join.most))
    padded = node.written(padded, axis, most);
  TensorValue known = node.model.knownOf(
      extents, sym::tensorOf({node.model.dim(extents.size())},
                             node.model.builder.getI64Type()));
  yield->setOperand(join.result, padded);
  yield->insertOperands(yield->getNumOperands(),
                        node.model.materialise(known, node.location));
  return success();
}

/// The results that have to be joined; nothing, and a fault, when a type or a
/// rank differs.
std::optional<SmallVector<Joined>> findJoined(NodeImport &node,
                                              OperationState &state,
                                              ArrayRef<Type> types,
                                              ArrayRef<Type> others) {
  SmallVector<Joined> joins;
  for (size_t i = 0; i < types.size(); ++i) {
    auto a = cast<RankedTensorType>(types[i]),
         b = cast<RankedTensorType>(others[i]);
    if (a == b)
      continue;
    if (a.getRank() != b.getRank() ||
        a.getElementType() != b.getElementType()) {
      std::string text;
      llvm::raw_string_ostream(text)
          << "the branches differ: " << a << " and " << b;
      (void)node.fault(ErrorCode::S001, text, "results of one type and rank",
                       "give the shapes of the inputs with --shape, or make "
                       "the condition a constant: one branch is left then");
      return std::nullopt;
    }
    Joined join{i, {}, {}};
    Dims left = sym::dimsOf(a), right = sym::dimsOf(b);
    for (unsigned axis = 0; axis < left.size(); ++axis) {
      if (left[axis] == right[axis])
        continue;
      join.axes.push_back(axis);
      join.most.push_back(
          node.model.maxOf(boundOutside(node, *state.regions[0], left[axis]),
                           boundOutside(node, *state.regions[1], right[axis])));
    }
    joins.push_back(join);
  }
  return joins;
}

/// The part of a padded result that its extents say.
Value cutJoined(NodeImport &node, const Joined &join, Value padded,
                Value extents) {
  Dims sizes = sym::dimsOf(cast<RankedTensorType>(padded.getType()));
  Dims starts(sizes.size(), node.model.dim(0));
  for (size_t i = 0; i < join.axes.size(); ++i) {
    DimAttr symbol = node.model.freshSymbol(
        node.name() + "_extent", 0, node.model.rangeOf(join.most[i]).max);
    auto bind = graph::BindDimOp::create(
        node.model.builder, node.location, extents,
        node.model.builder.getI64IntegerAttr(i), symbol.getName());
    bind->setAttr("graph.bound", join.most[i]);
    sizes[join.axes[i]] = symbol;
  }
  return node.slice(padded, starts, sizes,
                    SmallVector<int64_t>(sizes.size(), 1));
}

LogicalResult importIf(NodeImport &node) {
  const onnx::Graph &thenGraph = node.attribute("then_branch")->graphs[0];
  const onnx::Graph &elseGraph = node.attribute("else_branch")->graphs[0];
  TensorValue *condition = node.input(0);
  std::optional<int64_t> choice;
  if (condition->known && condition->known->size() == 1)
    choice = sym::asConstant((*condition->known)[0]);
  if (choice)
    return takeBranch(node, *choice ? thenGraph : elseGraph);
  OpBuilder &builder = node.model.builder;
  OperationState state(node.location, graph::IfOp::getOperationName());
  state.addOperands(node.reshape(node.value(0), {}));
  std::optional<SmallVector<Type>> types = addBranch(node, state, thenGraph),
                                   others = addBranch(node, state, elseGraph);
  if (!types || !others)
    return failure();
  // "Squeeze the axis if its extent is 1": the rank has to be known, so the
  // extent is demanded, and checked when the model runs.
  if (condition->equality && !haveOneRank(*types, *others)) {
    auto [left, right] = *condition->equality;
    node.model.faults.note("node '" + node.name() + "' is taken to hold " +
                           sym::toString(left) + " == " + sym::toString(right));
    graph::CheckOp::create(builder, node.location, left, right, UnitAttr());
    return takeBranch(node, thenGraph);
  }
  std::optional<SmallVector<Joined>> joins =
      findJoined(node, state, *types, *others);
  if (!joins)
    return failure();
  for (const Joined &join : *joins)
    for (std::unique_ptr<Region> &branch : state.regions)
      if (failed(yieldPadded(node, *branch, join)))
        return failure();
  state.addTypes(state.regions[0]->front().getTerminator()->getOperandTypes());
  Operation *branches = builder.create(state);
  SmallVector<Value> results(branches->getResults());
  for (auto [i, join] : llvm::enumerate(*joins))
    results[join.result] =
        cutJoined(node, join, results[join.result], results[types->size() + i]);
  for (size_t i = 0; i < types->size(); ++i)
    if (failed(node.set(i, results[i])))
      return failure();
  return success();
}

} // namespace

void addControl(OpTable &table) { table["If"] = importIf; }

} // namespace sinter::importer
