// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From tensors to memory: one func.func of graph operations becomes one
// exec.program and the kernel.defines it launches. Kernels write where their
// consumers want to read (Placement.cpp), so most movement disappears.

#include "dialects/exec/Taps.h"
#include "dialects/graph/Texts.h"
#include "passes/lower/KernelEmitter.h"
#include "passes/lower/Lowering.h"
#include "passes/lower/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace sinter {
#define GEN_PASS_DEF_LOWERTOEXEC
#include "passes/lower/Passes.h.inc"
} // namespace sinter

namespace sinter::lower {

Lowering::Lowering(ModuleOp module, func::FuncOp function)
    : module(module), function(function), builder(module.getContext()),
      allocs(module.getContext()), defines(module.getContext()) {}

//===----------------------------------------------------------------------===//
// The program and its tensors
//===----------------------------------------------------------------------===//

static StringAttr tensorName(func::FuncOp function, bool isInput, unsigned i) {
  Attribute name = isInput ? function.getArgAttr(i, "graph.name")
                           : function.getResultAttr(i, "graph.name");
  if (auto text = dyn_cast_or_null<StringAttr>(name))
    return text;
  return StringAttr::get(function.getContext(),
                         (isInput ? "input" : "output") + llvm::Twine(i));
}

/// What the program says of tensors whose elements are handles of texts.
static void nameTexts(func::FuncOp function, Operation *program) {
  SmallVector<int64_t> texts;
  unsigned inputs = function.getNumArguments();
  for (unsigned i = 0; i < inputs + function.getNumResults(); ++i)
    if (i < inputs ? function.getArgAttr(i, graph::kText)
                   : function.getResultAttr(i - inputs, graph::kText))
      texts.push_back(i);
  if (!texts.empty())
    program->setAttr(
        graph::kTextTensors,
        Builder(function.getContext()).getDenseI64ArrayAttr(texts));
}

LogicalResult Lowering::createProgram() {
  Block &body = function.getBody().front();
  SmallVector<Attribute> inputNames, inputTypes, outputNames, outputTypes;
  NamedAttrList taps;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    inputNames.push_back(tensorName(function, true, i));
    inputTypes.push_back(TypeAttr::get(type));
  }
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    outputNames.push_back(tensorName(function, false, i));
    outputTypes.push_back(TypeAttr::get(type));
    if (Attribute tap = function.getResultAttr(i, exec::kTap))
      taps.append(tensorName(function, false, i), tap);
  }
  OpBuilder top(module.getContext());
  top.setInsertionPoint(function);
  // Kernels in order of their making, all before the program.
  program = exec::ProgramOp::create(
      top, function.getLoc(), function.getSymName(),
      top.getArrayAttr(inputNames), top.getArrayAttr(inputTypes),
      top.getArrayAttr(outputNames), top.getArrayAttr(outputTypes),
      /*sym_visibility=*/nullptr);
  nameTexts(function, program);
  if (!taps.empty())
    program->setAttr(exec::kTaps, taps.getDictionary(module.getContext()));
  defines.setInsertionPoint(program);
  auto bufferType = exec::BufferType::get(context());
  Block *block = top.createBlock(&program.getBody());
  for (Type type : llvm::concat<const Type>(function.getArgumentTypes(),
                                            function.getResultTypes())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      return function.emitOpError("has a value of type ")
             << type << "; expected ranked tensors";
    storages.push_back({});
    Storage &storage = storages.back();
    storage.kind = Storage::Caller;
    storage.dims = sym::dimsOf(tensor);
    storage.element = tensor.getElementType();
    storage.buffer = block->addArgument(bufferType, function.getLoc());
    unsigned index = block->getNumArguments() - 1;
    if (index < body.getNumArguments())
      places[body.getArgument(index)] = wholeOf(storage);
    else
      outputs.push_back(&storage);
  }
  builder.setInsertionPointToEnd(block);
  for (auto symbol :
       llvm::make_early_inc_range(module.getOps<graph::SymbolOp>())) {
    exec::SymbolOp::create(builder, symbol.getLoc(), symbol.getNameAttr(),
                           symbol.getMinAttr(), symbol.getMaxAttr(),
                           symbol.getDivisorAttr(), symbol.getLikelyAttr(),
                           symbol.getInputAttr(), symbol.getAxisAttr());
    symbol.erase();
  }
  // Allocs and weights go before a marker, records behind it.
  auto marker =
      exec::CheckOp::create(builder, builder.getUnknownLoc(), dim(0), dim(0));
  allocs.setInsertionPoint(marker);
  return success();
}

/// What the function returns but no kernel computed in place.
void Lowering::finishOutputs() {
  Operation *terminator = function.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    Place place = placeOf(value);
    if (place.storage->buffer != outputs[i]->buffer)
      copy(place, wholeOf(*outputs[i]), value.getLoc());
  }
}

LogicalResult Lowering::run() {
  if (failed(createProgram()))
    return failure();
  Operation *marker = &*allocs.getInsertionPoint();
  assignDestinations();
  requestHalos();
  if (failed(lowerBlock(function.getBody().front())))
    return failure();
  finishOutputs();
  marker->erase();
  function.erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

LogicalResult Lowering::lowerBlock(Block &block) {
  LogicalResult result = success();
  for (Operation &op : block.without_terminator())
    if (failed(lowerOperation(&op)))
      result = failure();
  return result;
}

void Lowering::lowerConcat(graph::ConcatOp op) {
  Place whole = destinationOf(op.getResult());
  sym::DimAttr start = dim(0);
  unsigned axis = op.getAxis();
  for (Value input : op.getInputs()) {
    Place part = whole;
    part.offset = whole.offset + start * whole.strides[axis];
    part.dims = sym::dimsOf(cast<RankedTensorType>(input.getType()));
    start = start + part.dims[axis];
    Place source = placeOf(input);
    if (source.storage != part.storage || source.offset != part.offset)
      copy(source, part, op.getLoc());
  }
}

LogicalResult Lowering::lowerIf(graph::IfOp op) {
  for (Value result : op.getResults())
    destinationOf(result);
  Place condition = placeOf(op.getCondition());
  auto branch =
      exec::IfOp::create(builder, op.getLoc(), bufferOf(*condition.storage),
                         sym::DimAttr(condition.offset));
  OpBuilder::InsertionGuard guard(builder);
  LogicalResult outcome = success();
  for (unsigned i : {0, 1}) {
    Block &block = op->getRegion(i).front();
    builder.createBlock(&branch->getRegion(i));
    if (failed(lowerBlock(block)))
      outcome = failure();
    for (auto [value, result] :
         llvm::zip(block.getTerminator()->getOperands(), op.getResults())) {
      Place from = placeOf(value), to = destinationOf(result);
      if (from.storage != to.storage || from.offset != to.offset)
        copy(from, to, op.getLoc());
    }
  }
  return outcome;
}

/// Carried values lie in buffers of their own, which a trip reads and, when all
/// of its results are there, writes; a scanned one has a slice for each trip.
LogicalResult Lowering::lowerLoop(graph::LoopOp op) {
  Location loc = op.getLoc();
  Block &body = op.getBody().front();
  auto temporaryFor = [&](Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    return makeTemporary(sym::dimsOf(type), type.getElementType());
  };
  Place condition = temporaryFor(op.getCondition());
  copy(placeOf(op.getCondition()), condition, loc);
  SmallVector<Place> targets = {condition};
  for (Value result : op.getResults())
    targets.push_back(places[result] = temporaryFor(result));
  for (auto [i, initial] : llvm::enumerate(op.getInitial())) {
    copy(placeOf(initial), targets[i + 1], loc);
    places[body.getArgument(i)] = targets[i + 1];
  }
  auto loop = exec::LoopOp::create(builder, loc, bufferOf(*condition.storage),
                                   sym::DimAttr(condition.offset));
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&loop.getBody());
  size_t carried = op.getInitial().size();
  sym::DimAttr trip = sym::symbolDim(context(), op.getCounter());
  exec::ReadOp::create(builder, loc, bufferOf(*targets[1].storage),
                       targets[1].offset * 8, builder.getI64Type(),
                       op.getCounter());
  if (failed(lowerBlock(body)))
    return failure();
  SmallVector<Place> sources;
  for (Value value : body.getTerminator()->getOperands()) {
    Place source = placeOf(value);
    // What another carried value lies in would change under the copies.
    for (const Place &target : targets)
      if (source.storage == target.storage) {
        Place apart = temporaryFor(value);
        copy(source, apart, loc);
        source = apart;
        break;
      }
    sources.push_back(source);
  }
  for (auto [i, source] : llvm::enumerate(sources)) {
    Place target = targets[i];
    if (i > carried) { // the slice of this trip
      target.offset = target.offset + trip * target.strides[0];
      target.dims.erase(target.dims.begin());
      target.strides.erase(target.strides.begin());
    }
    copy(source, target, loc);
  }
  return success();
}

LogicalResult Lowering::lowerGroup(graph::GroupOp group) {
  Block &body = group.getBody().front();
  Cluster cluster(group.getLoc());
  for (auto [inside, outer] : llvm::zip(body.getArguments(), group.getInputs()))
    cluster.outside[inside] = outer;
  for (Operation &op : body.without_terminator()) {
    if (isa<graph::ConstantOp>(op))
      continue;
    if (!isa<graph::MapOp, graph::CastOp>(op)) {
      if (cluster.root)
        return op.emitOpError("is a second root in one graph.group");
      cluster.root = &op;
    } else {
      (cluster.root ? cluster.after : cluster.before).push_back(&op);
    }
  }
  // Elementwise work that the root does not read runs behind it.
  if (cluster.root) {
    llvm::SmallPtrSet<Operation *, 8> needed;
    SmallVector<Operation *> stack{cluster.root};
    while (!stack.empty())
      for (Value operand : stack.pop_back_val()->getOperands())
        if (Operation *def = operand.getDefiningOp())
          if (needed.insert(def).second)
            stack.push_back(def);
    SmallVector<Operation *> before, after;
    for (Operation *op : cluster.before)
      (needed.contains(op) ? before : after).push_back(op);
    llvm::append_range(after, cluster.after);
    cluster.before = before;
    cluster.after = after;
  }
  llvm::append_range(cluster.yields, body.getTerminator()->getOperands());
  llvm::append_range(cluster.results, group.getResults());
  return lowerCluster(cluster);
}

LogicalResult Lowering::lowerCluster(Cluster &cluster) {
  if (!cluster.root)
    return lowerNest(cluster);
  if (isa<graph::MatMulOp>(cluster.root))
    return lowerContract(cluster);
  if (isa<graph::ConvOp>(cluster.root))
    return lowerConv(cluster);
  if (isa<graph::PoolOp>(cluster.root))
    return lowerWindow(cluster);
  if (isa<graph::ReduceOp>(cluster.root))
    return lowerReduce(cluster);
  if (isa<graph::SoftmaxOp, graph::NormalizeOp>(cluster.root))
    return lowerRow(cluster);
  return cluster.root->emitOpError("cannot be the root of a graph.group");
}

/// What `left` must be where a 1 on either side may broadcast: itself when one
/// of the two is 1, else `right`. So the check of the shape program stays an
/// equality, and its message names the two extents.
static sym::DimAttr wantedExtent(sym::DimAttr left, sym::DimAttr right) {
  sym::DimAttr one = sym::constantDim(left.getContext(), 1);
  auto isOne = [&](sym::DimAttr dim) {
    return one - sym::minDim(one, sym::maxDim(dim - 1, one - dim));
  };
  return right + (left - right) * sym::maxDim(isOne(left), isOne(right));
}

static bool isRoot(Operation *op) {
  if (auto pool = dyn_cast<graph::PoolOp>(op))
    return pool.getResults().size() == 1;
  if (auto normalize = dyn_cast<graph::NormalizeOp>(op))
    return normalize.getResults().size() == 1;
  return isa<graph::MatMulOp, graph::ConvOp, graph::ReduceOp, graph::SoftmaxOp>(
      op);
}

static void takeBound(graph::BindDimOp bind, exec::ReadOp read) {
  if (Attribute bound = bind->getAttr("graph.bound"))
    read->setAttr("exec.bound", bound);
  if (Attribute tight = bind->getAttr("graph.tight"))
    read->setAttr("exec.tight", tight);
}

LogicalResult Lowering::lowerOperation(Operation *op) {
  if (isa<graph::ConstantOp>(op))
    return success();
  if (isView(op))
    return lowerMovement(op);
  if (auto concat = dyn_cast<graph::ConcatOp>(op)) {
    lowerConcat(concat);
    return success();
  }
  if (auto group = dyn_cast<graph::GroupOp>(op))
    return lowerGroup(group);
  if (auto check = dyn_cast<graph::CheckOp>(op)) {
    sym::DimAttr right = check.getRight();
    if (check.getBroadcast())
      right = wantedExtent(check.getLeft(), right);
    exec::CheckOp::create(builder, op->getLoc(), check.getLeft(), right);
    return success();
  }
  if (auto bind = dyn_cast<graph::BindDimOp>(op)) {
    Place source = placeOf(bind.getSource());
    if (!isContiguous(source)) {
      Place whole = makeTemporary(source.dims, source.element());
      copy(source, whole, op->getLoc());
      source = whole;
    }
    sym::DimAttr at = source.offset + int64_t(bind.getElement());
    auto read =
        exec::ReadOp::create(builder, op->getLoc(), bufferOf(*source.storage),
                             at * elementBytes(source.element()),
                             source.element(), bind.getSymbol());
    takeBound(bind, read);
    return success();
  }
  if (auto recurrent = dyn_cast<graph::RecurrentOp>(op))
    return lowerRecurrent(recurrent);
  if (auto convTranspose = dyn_cast<graph::ConvTransposeOp>(op))
    return lowerConvTranspose(convTranspose);
  if (isRoot(op) || isa<graph::MapOp, graph::CastOp>(op)) {
    Cluster cluster(op->getLoc());
    if (isRoot(op))
      cluster.root = op;
    else
      cluster.before.push_back(op);
    cluster.yields = {op->getResult(0)};
    cluster.results = {op->getResult(0)};
    return lowerCluster(cluster);
  }
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](graph::IfOp typed) { return lowerIf(typed); })
      .Case([&](graph::LoopOp typed) { return lowerLoop(typed); })
      .Case([&](graph::FromDimsOp typed) { return lowerFromDims(typed); })
      .Case([&](graph::RangeOp typed) { return lowerRange(typed); })
      .Case([&](graph::TriluOp typed) { return lowerTrilu(typed); })
      .Case([&](graph::OneHotOp typed) { return lowerOneHot(typed); })
      .Case([&](graph::PadOp typed) { return lowerPad(typed); })
      .Case([&](graph::ResizeOp typed) { return lowerResize(typed); })
      .Case([&](graph::BatchNormOp typed) { return lowerBatchNorm(typed); })
      .Case([&](graph::GroupNormOp typed) { return lowerGroupNorm(typed); })
      .Default([&](Operation *other) { return lowerExtern(other); });
}

} // namespace sinter::lower

namespace sinter {
namespace {
struct LowerToExec : impl::LowerToExecBase<LowerToExec> {
  void runOnOperation() override {
    auto functions = llvm::to_vector(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      if (failed(lower::Lowering(getOperation(), function).run()))
        return signalPassFailure();
  }
};
} // namespace
} // namespace sinter
