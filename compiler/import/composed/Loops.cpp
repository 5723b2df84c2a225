// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loop and Scan. A short one whose trips are known is written out, trip by
// trip: shapes may change then, sequences may grow, and what is known stays
// known. Everything else becomes graph.loop, whose carried values keep their
// shapes.
#include "compiler/import/Composer.h"
#include "compiler/import/composed/LoopForm.h"
#include <deque>

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;
constexpr int64_t fewNodes = 512;    // written out in any case
constexpr int64_t mostNodes = 20000; // where nothing else is possible

StringRef ref(onnx::Text text) { return StringRef(text.data(), text.size()); }

/// Whether the body hands its condition on unchanged, or says true.
bool keepsCondition(const LoopForm &form) {
  if (form.isScan)
    return true;
  onnx::Text name = form.body->outputs[0].name;
  for (size_t step = 0; step <= form.body->nodes.size(); ++step) {
    if (name == form.body->inputs[1].name)
      return true;
    const onnx::Node *producer = nullptr;
    for (const onnx::Node &node : form.body->nodes)
      if (llvm::is_contained(node.outputs, name))
        producer = &node;
    if (!producer)
      break;
    if (producer->op != "Identity" && producer->op != "Cast") {
      bool isConstant = producer->op == "Constant" &&
                        producer->attributes.size() == 1 &&
                        producer->attributes[0].tensors.size() == 1;
      if (!isConstant)
        return false;
      const onnx::Tensor &tensor = producer->attributes[0].tensors[0];
      return tensor.raw && tensor.raw->size() == 1 && (*tensor.raw)[0] == 1;
    }
    name = producer->inputs[0];
  }
  for (const onnx::Tensor &tensor : form.body->initializers)
    if (tensor.name == name)
      return tensor.raw && tensor.raw->size() == 1 && (*tensor.raw)[0] == 1;
  return false;
}

bool isKnownTrue(const TensorValue *value) {
  return !value || (value->known && value->known->size() == 1 &&
                    sym::isConstant((*value->known)[0], 1));
}

/// One-bool and one-number tensors come as [] or [1].
Value asScalar(NodeImport &node, TensorValue &value) {
  return node.reshape(node.model.materialise(value, node.location), {});
}

//===----------------------------------------------------------------------===//
// Written out
//===----------------------------------------------------------------------===//

/// The body's inputs for one trip.
void bindInputs(NodeImport &node, const LoopForm &form, Scope &scope,
                int64_t trip) {
  Type i64 = node.model.builder.getI64Type(),
       i1 = node.model.builder.getI1Type();
  auto bind = [&](size_t i, TensorValue value) {
    scope.values[ref(form.body->inputs[i].name)] = std::move(value);
  };
  if (!form.isScan) {
    bind(0, node.model.knownOf({node.model.dim(trip)},
                               RankedTensorType::get({}, i64)));
    bind(1, node.model.knownOf({node.model.dim(1)},
                               RankedTensorType::get({}, i1)));
  }
  for (size_t i = 0; i < form.carried.size(); ++i)
    bind(form.firstInput() + i, form.carried[i]);
}

LogicalResult writeOut(NodeImport &node, LoopForm &form, int64_t trips) {
  std::vector<std::vector<Name>> scanned(form.scans());
  Composer c(node);
  std::deque<Scope> scopes; // results of a trip live in its scope
  for (int64_t trip = 0; trip < trips; ++trip) {
    scopes.emplace_back();
    Scope &scope = scopes.back();
    scope.prefix =
        node.scope.prefix + node.name() + "[" + std::to_string(trip) + "]/";
    bindInputs(node, form, scope, trip);
    for (size_t i = 0; i < form.scannedInputs.size(); ++i) {
      Name slice =
          c.op("Gather", {c.keep(form.scannedInputs[i]), c.integer(trip)},
               With().integer("axis", 0));
      if (TensorValue *value = c.tensor(slice))
        scope.values[ref(form.body->inputs[form.carried.size() + i].name)] =
            *value;
    }
    std::optional<SmallVector<TensorValue *>> results =
        importSubgraph(node, scope, *form.body);
    if (!results)
      return failure();
    for (size_t i = 0; i < form.carried.size(); ++i)
      form.carried[i] = *(*results)[form.firstOutput() + i];
    for (size_t i = 0; i < scanned.size(); ++i)
      scanned[i].push_back(c.unsqueeze(
          c.keep(*(*results)[form.firstOutput() + form.carried.size() + i]),
          {0}));
  }
  for (size_t i = 0; i < form.carried.size(); ++i)
    if (failed(node.setSame(i, form.carried[i])))
      return failure();
  for (size_t i = 0; i < scanned.size(); ++i) {
    if (!node.wants(form.carried.size() + i))
      continue;
    if (scanned[i].empty())
      return node.fault(ErrorCode::I014,
                        "scans in no trip: its result has no known shape");
    if (failed(c.set(form.carried.size() + i,
                     c.op("Concat", scanned[i], With().integer("axis", 0)))))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// As a loop
//===----------------------------------------------------------------------===//

class LoopBuilder {
public:
  LoopBuilder(NodeImport &node, LoopForm &form) : node(node), form(form) {}
  LogicalResult build();

private:
  bool addOperands(OperationState &state);
  bool importBody(OperationState &state);
  Value next(size_t i, TensorValue &value, RankedTensorType type);
  Value slice(TensorValue &value);
  LogicalResult setResults(Operation *loop);
  Value limit() {
    TensorValue known = node.model.knownOf({*form.trips}, i64Scalar());
    return node.model.materialise(known, node.location);
  }
  RankedTensorType i64Scalar() {
    return RankedTensorType::get({}, node.model.builder.getI64Type());
  }

  NodeImport &node;
  LoopForm &form;
  DimAttr counter; // the number of the trip, while one runs
  SmallVector<Type> types;
  SmallVector<std::pair<DimAttr, DimAttr>> checked; // extents that are equal
};

bool LoopBuilder::addOperands(OperationState &state) {
  Type i64 = node.model.builder.getI64Type(),
       i1 = node.model.builder.getI1Type();
  Value zero = node.scalar(0, i64);
  Value condition =
      form.condition ? asScalar(node, *form.condition) : node.scalar(1, i1);
  if (form.trips)
    condition = node.map("and", {condition, node.map("less", {zero, limit()})});
  SmallVector<Value> operands = {condition, zero};
  for (TensorValue &value : form.carried)
    operands.push_back(node.model.materialise(value, node.location));
  if (llvm::is_contained(operands, Value()))
    return false;
  state.addOperands(operands);
  types = llvm::to_vector(ValueRange(operands).drop_front().getTypes());
  return true;
}

/// What the next trip gets for carried value `i`, of the same type.
Value LoopBuilder::next(size_t i, TensorValue &value, RankedTensorType type) {
  Value result = node.model.materialise(value, node.location);
  auto found = cast<RankedTensorType>(result.getType());
  Dims from = sym::dimsOf(found), to = sym::dimsOf(type);
  bool fits = found.getElementType() == type.getElementType() &&
              from.size() == to.size();
  for (size_t axis = 0; fits && axis < to.size(); ++axis) {
    sym::Range apart = node.model.rangeOf(from[axis] - to[axis]);
    fits = apart.min <= 0 && apart.max >= 0;
  }
  if (!fits) {
    std::string text;
    llvm::raw_string_ostream(text) << "carries " << type << " as value " << i
                                   << " into a trip that makes it " << found;
    (void)node.fault(ErrorCode::I014, text, "one type and shape in all trips",
                     "give the loop a constant number of trips, or preallocate "
                     "what it fills");
    return {};
  }
  for (size_t axis = 0; axis < to.size(); ++axis) {
    if (!node.requireEqual(from[axis], to[axis], "extents of a carried value"))
      return {};
    checked.push_back({from[axis], to[axis]});
    result = node.written(result, axis, to[axis]);
  }
  return result;
}

/// What a trip scans, in extents that do not depend on the trip.
Value LoopBuilder::slice(TensorValue &value) {
  Value result = node.model.materialise(value, node.location);
  for (auto [axis, size] :
       llvm::enumerate(sym::dimsOf(cast<RankedTensorType>(result.getType())))) {
    auto dim = size; // C++17 captures no part of a binding
    bool changes = false;
    sym::forEachSymbol(dim, [&](StringRef name) {
      changes |= name == counter.getName().getValue();
    });
    auto same = llvm::find_if(
        checked, [&](const auto &pair) { return pair.first == dim; });
    if (changes && same == checked.end()) {
      (void)node.fault(ErrorCode::I014,
                       "scans slices of " + sym::toString(dim) +
                           " elements, which change from trip to trip",
                       "one shape in all trips");
      return {};
    }
    if (changes)
      result = node.written(result, axis, same->second);
  }
  return result;
}

bool LoopBuilder::importBody(OperationState &state) {
  OpBuilder &builder = node.model.builder;
  OpBuilder::InsertionGuard guard(builder);
  Block *block = new Block();
  state.addRegion()->push_back(block);
  for (Type type : types)
    block->addArgument(type, node.location);
  builder.setInsertionPointToStart(block);
  Scope scope;
  scope.prefix = node.scope.prefix + node.name() + "/";
  auto bind = [&](size_t i, Value value) {
    TensorValue bound;
    bound.type = cast<RankedTensorType>(value.getType());
    bound.value = value;
    bound.name = std::string(form.body->inputs[i].name);
    scope.values[ref(form.body->inputs[i].name)] = std::move(bound);
  };
  Value trip = block->getArgument(0);
  if (!form.isScan) {
    bindInputs(node, form, scope, 0);
    bind(0, trip);
    scope.values[ref(form.body->inputs[0].name)].known = Dims{counter};
  }
  for (size_t i = 0; i < form.carried.size(); ++i)
    bind(form.firstInput() + i, block->getArgument(i + 1));
  for (size_t i = 0; i < form.scannedInputs.size(); ++i) {
    Value whole = node.model.materialise(form.scannedInputs[i], node.location);
    Value slice = node.one<graph::GatherOp>({whole, trip},
                                            node.attrs().integer("axis", 0));
    if (!slice)
      return false;
    bind(form.carried.size() + i, slice);
  }
  std::optional<SmallVector<TensorValue *>> results =
      importSubgraph(node, scope, *form.body);
  if (!results)
    return false;
  Value after = node.map("add", {trip, node.scalar(1, builder.getI64Type())});
  Value condition = form.isScan ? node.scalar(1, builder.getI1Type())
                                : asScalar(node, *(*results)[0]);
  if (form.trips)
    condition =
        node.map("and", {condition, node.map("less", {after, limit()})});
  SmallVector<Value> yielded = {condition, after};
  for (size_t i = 0; i < form.carried.size(); ++i)
    yielded.push_back(next(i, *(*results)[form.firstOutput() + i],
                           cast<RankedTensorType>(types[i + 1])));
  for (size_t i = form.firstOutput() + form.carried.size(); i < results->size();
       ++i)
    yielded.push_back(slice(*(*results)[i]));
  if (llvm::is_contained(yielded, Value()))
    return false;
  graph::YieldOp::create(builder, node.location, yielded);
  for (Value slice : ArrayRef<Value>(yielded).drop_front(types.size() + 1)) {
    auto type = cast<RankedTensorType>(slice.getType());
    Dims dims = sym::dimsOf(type);
    dims.insert(dims.begin(), form.trips.value_or(node.model.dim(0)));
    types.push_back(sym::tensorOf(dims, type.getElementType()));
  }
  return true;
}

LogicalResult LoopBuilder::setResults(Operation *loop) {
  DimAttr count = form.trips.value_or(node.model.dim(0));
  if (form.scans() && !keepsCondition(form)) { // it may end early
    DimAttr most = count;
    count = node.model.freshSymbol(node.name() + "_trips", 0,
                                   node.model.rangeOf(most).max);
    auto bind = graph::BindDimOp::create(
        node.model.builder, node.location, loop->getResult(0),
        node.model.builder.getI64IntegerAttr(0), count.getName());
    bind->setAttr("graph.bound", most);
  }
  for (size_t i = 0; i < form.carried.size() + form.scans(); ++i) {
    Value result = loop->getResult(i + 1);
    if (i >= form.carried.size()) {
      Dims sizes = sym::dimsOf(cast<RankedTensorType>(result.getType()));
      Dims starts(sizes.size(), node.model.dim(0));
      sizes[0] = count;
      result = node.slice(result, starts, sizes,
                          SmallVector<int64_t>(sizes.size(), 1));
    }
    if (failed(node.set(i, result)))
      return failure();
  }
  return success();
}

LogicalResult LoopBuilder::build() {
  for (TensorValue &value : form.carried)
    if (value.parts)
      return node.fault(ErrorCode::I013, "carries a sequence",
                        "tensors, or a constant number of trips");
  if (form.scans() && !form.trips)
    return node.fault(ErrorCode::I014, "scans without a limit of its trips",
                      "a number of trips");
  int64_t last = int64_t(1) << 31;
  if (form.trips)
    last = std::max<int64_t>(node.model.rangeOf(*form.trips).max - 1, 0);
  counter = node.model.freshSymbol(node.name() + "_trip", 0, last);
  OpBuilder &builder = node.model.builder;
  OperationState state(node.location, graph::LoopOp::getOperationName());
  if (!addOperands(state) || !importBody(state))
    return failure();
  state.addAttribute("counter", counter.getName());
  state.addTypes(types);
  return setResults(builder.create(state));
}

} // namespace

LogicalResult importForm(NodeImport &node, LoopForm &form) {
  std::optional<int64_t> trips =
      form.trips ? sym::asConstant(*form.trips) : std::nullopt;
  bool isPlain = keepsCondition(form) && isKnownTrue(form.condition);
  bool needsParts = llvm::any_of(
      form.carried, [](const TensorValue &value) { return bool(value.parts); });
  if (trips && isPlain) {
    int64_t nodes = std::max<int64_t>(nodesIn(*form.body), 1);
    int64_t room = needsParts ? mostNodes : fewNodes;
    if (*trips <= room / nodes)
      return writeOut(node, form, std::max<int64_t>(*trips, 0));
  }
  return LoopBuilder(node, form).build();
}

//===----------------------------------------------------------------------===//
// The operator
//===----------------------------------------------------------------------===//

static LogicalResult importLoop(NodeImport &node) {
  LoopForm form;
  form.body = &node.attribute("body")->graphs[0];
  for (size_t i = 2; i < node.inputCount(); ++i)
    form.carried.push_back(*node.input(i));
  if (form.body->inputs.size() != form.carried.size() + 2 ||
      form.body->outputs.size() < form.carried.size() + 1)
    return node.fault(
        ErrorCode::I006,
        "its body takes " + Twine(form.body->inputs.size()) +
            " values and results in " + Twine(form.body->outputs.size()),
        Twine(form.carried.size() + 2) + ", and a condition and " +
            Twine(form.carried.size()) + " values");
  form.condition = node.input(1);
  if (isKnownTrue(form.condition))
    form.condition = nullptr;
  if (TensorValue *limit = node.input(0)) {
    std::optional<int64_t> constant;
    if (limit->known && limit->known->size() == 1)
      constant = sym::asConstant((*limit->known)[0]);
    // Exporters write the largest number for "no limit".
    if (!constant || *constant < int64_t(1) << 31) {
      std::optional<Dims> trips = node.dimsOrBound(0, "trips");
      if (!trips || trips->size() != 1)
        return failure();
      form.trips = (*trips)[0];
    }
  }
  return importForm(node, form);
}

void addLoops(OpTable &table) { table["Loop"] = importLoop; }

} // namespace sinter::importer
