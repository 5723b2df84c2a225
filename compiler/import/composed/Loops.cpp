// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loop and Scan. A short one whose trips are known is written out, trip by
// trip: shapes may change then, sequences may grow, and what is known stays
// known. Everything else becomes graph.loop, whose carried values keep their
// shapes; those that only grow are scanned (LoopAppends.h).
#include "compiler/import/composed/LoopAppends.h"
#include "compiler/import/composed/LoopForm.h"
#include "dialects/Support/Check.h"

using namespace mlir;

namespace sinter::importer {
namespace {

constexpr int64_t fewNodes = 512;    // written out in any case
constexpr int64_t mostNodes = 20000; // where nothing else is possible

StringRef ref(onnx::Text text) { return StringRef(text.data(), text.size()); }

/// One-bool and one-number tensors come as [] or [1].
Value asScalar(NodeImport &node, TensorValue &value) {
  return node.reshape(node.model.materialise(value, node.location), {});
}

class LoopBuilder {
public:
  LoopBuilder(NodeImport &node, LoopForm &form) : node(node), form(form) {}
  LogicalResult build();

private:
  bool addOperands(OperationState &state);
  bool bindBody(Scope &scope, Block *block);
  bool importBody(OperationState &state);
  Value next(size_t i, TensorValue &value, RankedTensorType type);
  Value slice(TensorValue &value);
  Value part(size_t i, Scope &scope, TensorValue &result);
  Value element(TensorValue &result);
  bool isInside(DimAttr dim, Block *block);
  LogicalResult setResults(Operation *loop);
  Value limit() {
    TensorValue known = node.model.knownOf(
        {*form.trips},
        RankedTensorType::get({}, node.model.builder.getI64Type()));
    return node.model.materialise(known, node.location);
  }

  NodeImport &node;
  LoopForm &form;
  SmallVector<std::optional<Append>> appends; // by carried value
  SmallVector<size_t> kept, grown;            // carried values, of either kind
  SmallVector<Value> firsts;                  // of those that grow
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
  for (size_t i : kept)
    operands.push_back(node.model.materialise(form.carried[i], node.location));
  for (size_t i : grown) {
    bool isSequence = appends[i]->isSequence;
    firsts.push_back(
        isSequence ? Value()
                   : node.model.materialise(form.carried[i], node.location));
    if (!isSequence && !firsts.back())
      return false;
  }
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

/// Whether `dim` names the trip or what the body binds.
bool LoopBuilder::isInside(DimAttr dim, Block *block) {
  bool result = false;
  auto meets = [&](StringRef symbol) {
    sym::forEachSymbol(dim, [&](StringRef name) { result |= name == symbol; });
  };
  meets(counter.getName().getValue());
  block->walk([&](graph::BindDimOp bind) { meets(bind.getSymbol()); });
  return result;
}

/// What a trip inserts into a sequence.
Value LoopBuilder::element(TensorValue &result) {
  SINTER_CHECK(result.parts && result.parts->size() == 1,
               "a trip inserts one tensor");
  Value value = node.model.materialise(result.parts->front(), node.location);
  for (DimAttr dim : sym::dimsOf(cast<RankedTensorType>(value.getType())))
    if (isInside(dim, node.model.builder.getInsertionBlock())) {
      (void)node.fault(ErrorCode::I014,
                       "inserts tensors of " + sym::toString(dim) +
                           " elements, which change from trip to trip",
                       "one shape in all trips");
      return {};
    }
  return value;
}

/// What a trip joins to carried value `i`, in extents that are known outside.
Value LoopBuilder::part(size_t i, Scope &scope, TensorValue &result) {
  if (appends[i]->isSequence)
    return element(result);
  size_t at = size_t(llvm::find(grown, i) - grown.begin());
  auto first = cast<RankedTensorType>(firsts[at].getType());
  TensorValue *given = scope.find(ref(appends[i]->part));
  TensorValue *found =
      given && given->type == result.type && !given->parts ? given : &result;
  Value value = node.model.materialise(*found, node.location);
  auto type = cast<RankedTensorType>(value.getType());
  Dims from = sym::dimsOf(type), to = sym::dimsOf(first);
  size_t axis = size_t(appends[i]->axis);
  if (type.getElementType() != first.getElementType() ||
      from.size() != to.size() ||
      isInside(from[axis], node.model.builder.getInsertionBlock())) {
    std::string text;
    llvm::raw_string_ostream(text) << "joins " << type << " to " << first;
    (void)node.fault(ErrorCode::I014, text,
                     "as many elements in every trip, of one type");
    return {};
  }
  for (size_t other = 0; other < to.size(); ++other) {
    if (other == axis)
      continue;
    if (!node.requireEqual(from[other], to[other], "extents of what is joined"))
      return {};
    value = node.written(value, int64_t(other), to[other]);
  }
  return value;
}

/// What the body sees of the carried and scanned values.
bool LoopBuilder::bindBody(Scope &scope, Block *block) {
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
  for (auto [at, i] : llvm::enumerate(kept))
    bind(form.firstInput() + i, block->getArgument(at + 1));
  for (auto [first, i] : llvm::zip(firsts, grown)) {
    size_t at = form.firstInput() + i;
    if (first)
      bind(at, emptyOf(node, first, appends[i]->axis));
    else
      scope.values[ref(form.body->inputs[at].name)] = form.carried[i];
  }
  for (size_t i = 0; i < form.scannedInputs.size(); ++i) {
    Value whole = node.model.materialise(form.scannedInputs[i], node.location);
    Value slice = node.one<graph::GatherOp>({whole, trip},
                                            node.attrs().integer("axis", 0));
    if (!slice)
      return false;
    bind(form.carried.size() + i, slice);
  }
  return true;
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
  if (!bindBody(scope, block))
    return false;
  Value trip = block->getArgument(0);
  std::optional<SmallVector<TensorValue *>> results =
      importSubgraph(node, scope, *form.body);
  if (!results)
    return false;
  Value after = node.map("add", {trip, node.scalar(1, builder.getI64Type())});
  Value condition = node.scalar(1, builder.getI1Type());
  if (!form.isScan && !form.isCounted)
    condition = asScalar(node, *(*results)[0]);
  if (form.trips)
    condition =
        node.map("and", {condition, node.map("less", {after, limit()})});
  SmallVector<Value> yielded = {condition, after};
  for (auto [at, i] : llvm::enumerate(kept))
    yielded.push_back(next(i, *(*results)[form.firstOutput() + i],
                           cast<RankedTensorType>(types[at + 1])));
  for (size_t i = form.firstOutput() + form.carried.size(); i < results->size();
       ++i)
    yielded.push_back(slice(*(*results)[i]));
  for (size_t i : grown)
    yielded.push_back(part(i, scope, *(*results)[form.firstOutput() + i]));
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
  size_t scans = form.scans();
  if ((scans || !grown.empty()) && mayEndEarly(form)) {
    DimAttr most = count;
    count = node.model.freshSymbol(node.name() + "_trips", 0,
                                   node.model.rangeOf(most).max);
    auto bind = graph::BindDimOp::create(
        node.model.builder, node.location, loop->getResult(0),
        node.model.builder.getI64IntegerAttr(0), count.getName());
    bind->setAttr("graph.bound", most);
  }
  auto whole = [&](size_t at) { // scanned in the trips that ran
    Value result = loop->getResult(unsigned(1 + kept.size() + at));
    Dims sizes = sym::dimsOf(cast<RankedTensorType>(result.getType()));
    Dims starts(sizes.size(), node.model.dim(0));
    sizes[0] = count;
    return node.slice(result, starts, sizes,
                      SmallVector<int64_t>(sizes.size(), 1));
  };
  for (auto [at, i] : llvm::enumerate(kept))
    if (failed(node.set(i, loop->getResult(unsigned(1 + at)))))
      return failure();
  for (size_t i = 0; i < scans; ++i)
    if (failed(node.set(form.carried.size() + i, whole(i))))
      return failure();
  for (auto [at, i] : llvm::enumerate(grown)) {
    Value parts = whole(scans + at);
    if (!parts)
      return failure();
    if (!appends[i]->isSequence) {
      if (failed(node.set(
              i, joinParts(node, firsts[at], parts, appends[i]->axis))))
        return failure();
      continue;
    }
    if (failed(setStacked(node, i, parts)))
      return failure();
  }
  return success();
}

LogicalResult LoopBuilder::build() {
  if (form.scans() && !form.trips)
    return node.fault(ErrorCode::I014, "scans without a limit of its trips",
                      "a number of trips",
                      "give it a limit as input M; its condition may end it");
  for (size_t i = 0; i < form.carried.size(); ++i) {
    appends.push_back(form.trips ? findAppend(form, i) : std::nullopt);
    (appends.back() ? grown : kept).push_back(i);
    if (!appends.back() && form.carried[i].parts)
      return node.fault(ErrorCode::I013, "carries a sequence",
                        "tensors, a constant number of trips, or one tensor "
                        "inserted at the end in each trip");
  }
  int64_t last =
      form.trips ? std::max<int64_t>(node.model.rangeOf(*form.trips).max - 1, 0)
                 : int64_t(1) << 31;
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
  bool needsParts = llvm::any_of(
      form.carried, [](const TensorValue &value) { return bool(value.parts); });
  if (trips && !mayEndEarly(form)) {
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
  countTrips(node, form);
  return importForm(node, form);
}

void addLoops(OpTable &table) { table["Loop"] = importLoop; }

} // namespace sinter::importer
