// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks a function in order: symbols are bound from the shapes of the inputs,
// each operation reads the tensors of its operands, a tensor dies after its
// last use. Every result is compared with the extents that its type promises,
// so each evaluation also tests the shape functions.
#include "compiler/evaluate/Evaluate.h"

#include "compiler/evaluate/Convert.h"
#include "compiler/evaluate/Evaluator.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace sinter::graph;

namespace sinter::evaluate {

std::optional<int64_t> Environment::valueOf(sym::DimAttr dim) const {
  return sym::evaluate(dim, [&](StringRef name) -> std::optional<int64_t> {
    auto found = symbols.find(name);
    return found == symbols.end() ? std::nullopt
                                  : std::optional<int64_t>(found->second);
  });
}

Ints Environment::valuesOf(ArrayRef<sym::DimAttr> dims) {
  Ints values;
  for (sym::DimAttr dim : dims) {
    std::optional<int64_t> value = valueOf(dim);
    if (!value)
      fault.set("the dimension " + sym::toString(dim) + " has no value yet");
    values.push_back(value.value_or(0));
  }
  return values;
}

Shape Environment::shapeOf(mlir::Value value) {
  Shape shape =
      valuesOf(sym::dimsOf(mlir::cast<RankedTensorType>(value.getType())));
  for (int64_t extent : shape)
    if (extent < 0)
      fault.set("the result would have a negative extent: " + toString(shape));
  return shape;
}

LogicalResult Evaluator::fail(Operation &op, const std::string &text) {
  env.fault.message = nodeOf(op.getLoc()) + " (" +
                      op.getName().getStringRef().str() + "): " + text;
  return failure();
}

/// Facts about symbols stand in the module or in the function itself.
static SmallVector<SymbolOp> symbolsOf(func::FuncOp function) {
  SmallVector<SymbolOp> symbols(function.getOps<SymbolOp>());
  if (auto module = function->getParentOfType<ModuleOp>())
    llvm::append_range(symbols, module.getOps<SymbolOp>());
  return symbols;
}

LogicalResult Evaluator::bindInput(BlockArgument argument,
                                   const Tensor &input) {
  auto say = [&](const std::string &text) {
    env.fault.set("input " + std::to_string(argument.getArgNumber()) + " " +
                  text);
    return failure();
  };
  auto type = dyn_cast<RankedTensorType>(argument.getType());
  std::optional<ElementKind> kind =
      type ? kindOf(type.getElementType()) : std::nullopt;
  if (!kind)
    return say("has a type that the evaluator does not take");
  bool widened = env.mode == Mode::Double && isFloat(*kind) &&
                 input.kind == ElementKind::F64;
  if (input.kind != *kind && !widened)
    return say(std::string("has elements of ") + nameOf(input.kind) +
               ", expected " + nameOf(*kind));
  sym::Dims dims = sym::dimsOf(type);
  if (dims.size() != input.shape.size())
    return say("has rank " + std::to_string(input.shape.size()) +
               ", expected " + std::to_string(dims.size()));
  int64_t count = elementCount(input.shape);
  if (input.bytes.size() != static_cast<size_t>(count) * byteWidth(input.kind))
    return say("holds " + std::to_string(input.bytes.size()) +
               " bytes, its shape is " + toString(input.shape));
  for (auto [dim, extent] : llvm::zip(dims, input.shape))
    if (dim.getKind() == sym::DimKind::Symbol)
      env.symbols.try_emplace(dim.getName().getValue(), extent);
  auto value = std::make_unique<Value>(
      fromBytes(input.kind, input.shape, input.bytes.data(), env.mode));
  value->kind = *kind;
  values[argument] = std::move(value);
  return success();
}

LogicalResult Evaluator::bindInputs(func::FuncOp function,
                                    ArrayRef<Tensor> inputs) {
  if (inputs.size() != function.getNumArguments()) {
    env.fault.set("expected " + std::to_string(function.getNumArguments()) +
                  " inputs, found " + std::to_string(inputs.size()));
    return failure();
  }
  for (auto [argument, input] : llvm::zip(function.getArguments(), inputs))
    if (failed(bindInput(argument, input)))
      return failure();
  // A symbol may stand in no type any more and still be checked.
  for (SymbolOp symbol : symbolsOf(function))
    if (symbol.getInput() && symbol.getAxis() &&
        *symbol.getInput() < inputs.size() &&
        *symbol.getAxis() < inputs[*symbol.getInput()].shape.size())
      env.symbols.try_emplace(
          symbol.getName(),
          inputs[*symbol.getInput()].shape[*symbol.getAxis()]);
  for (BlockArgument argument : function.getArguments())
    if (auto text = mismatch(argument, *values[argument])) {
      env.fault.set("input " + std::to_string(argument.getArgNumber()) + " " +
                    *text);
      return failure();
    }
  return checkRanges(function);
}

LogicalResult Evaluator::checkRanges(func::FuncOp function) {
  auto isWithin = [&](SymbolOp symbol) {
    auto found = env.symbols.find(symbol.getName());
    if (found == env.symbols.end())
      return true;
    int64_t value = found->second;
    return value >= static_cast<int64_t>(symbol.getMin()) &&
           value <= static_cast<int64_t>(symbol.getMax());
  };
  for (SymbolOp symbol : symbolsOf(function))
    if (!isWithin(symbol)) {
      env.fault.set("dimension " + symbol.getName().str() + " is " +
                    std::to_string(env.symbols[symbol.getName()]) +
                    ", expected " + std::to_string(symbol.getMin()) + " to " +
                    std::to_string(symbol.getMax()));
      return failure();
    }
  return success();
}

// Constants are read when they are used: a model's weights in float64 would not
// fit into memory at once.
const Value *Evaluator::lookUp(mlir::Value value) {
  auto found = values.find(value);
  if (found != values.end())
    return found->second.get();
  auto constant = value.getDefiningOp<ConstantOp>();
  std::optional<Tensor> tensor =
      constant ? constantTensor(constant) : std::nullopt;
  if (!tensor)
    return nullptr;
  auto stored = std::make_unique<Value>(
      fromBytes(tensor->kind, tensor->shape, tensor->bytes.data(), env.mode));
  return (values[value] = std::move(stored)).get();
}

void Evaluator::release(Operation &op) {
  if (loops) // the next trip may read it again
    return;
  for (mlir::Value operand : op.getOperands()) {
    auto [entry, isNew] = usesLeft.try_emplace(operand, 0);
    if (isNew)
      entry->second = std::distance(operand.use_begin(), operand.use_end());
    if (--entry->second == 0)
      values.erase(operand);
  }
}

// How a computed value differs from its type, or nullopt.
std::optional<std::string> Evaluator::mismatch(mlir::Value value,
                                               const Value &computed) const {
  auto type = mlir::cast<RankedTensorType>(value.getType());
  sym::Dims dims = sym::dimsOf(type);
  bool agrees = dims.size() == computed.shape.size();
  std::string expected;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    std::optional<int64_t> extent = env.valueOf(dims[axis]);
    expected += (axis ? "x" : "") +
                (extent ? std::to_string(*extent) : sym::toString(dims[axis]));
    agrees = agrees && (!extent || *extent == computed.shape[axis]);
  }
  if (agrees)
    return std::nullopt;
  return "has shape " + toString(computed.shape) + ", expected " +
         (dims.empty() ? "scalar" : expected);
}

LogicalResult Evaluator::define(Operation &op, Results &&results) {
  if (results.size() != op.getNumResults())
    return fail(op, "computed " + std::to_string(results.size()) +
                        " results, its type says " +
                        std::to_string(op.getNumResults()));
  for (auto [value, computed] : llvm::zip(op.getResults(), results)) {
    if (auto text = mismatch(value, computed))
      return fail(op, "the result " + *text);
    settle(computed, env.mode);
    if (options.observer)
      options.observer(value, computed);
    if (!value.use_empty())
      values[value] = std::make_unique<Value>(std::move(computed));
  }
  return success();
}

LogicalResult Evaluator::runOperation(Operation &op) {
  if (isa<ConstantOp, SymbolOp>(op))
    return success();
  if (auto branch = dyn_cast<IfOp>(op))
    return runIf(branch);
  if (auto loop = dyn_cast<LoopOp>(op))
    return runLoop(loop);
  if (auto group = dyn_cast<GroupOp>(op))
    return runGroup(group);
  if (auto equality = dyn_cast<CheckOp>(op))
    return check(equality);
  if (auto bind = dyn_cast<BindDimOp>(op))
    return bindDim(bind);
  SmallVector<const Value *> operands;
  for (mlir::Value operand : op.getOperands()) {
    operands.push_back(lookUp(operand));
    if (!operands.back())
      return fail(op, "the bytes of a constant are missing");
  }
  Results results;
  for (mlir::Value result : op.getResults())
    if (!kindOf(getElementTypeOrSelf(result)))
      return fail(
          op, "has a result of a type that the evaluator does not compute in");
  if (!runMath(&op, operands, env, results) &&
      !runData(&op, operands, env, results))
    return fail(op, "the evaluator does not know this operation");
  if (env.fault)
    return fail(op, env.fault.message);
  release(op);
  return define(op, std::move(results));
}

LogicalResult Evaluator::runBlock(Block &block, Results &results) {
  for (Operation &op : block.without_terminator())
    if (failed(runOperation(op)))
      return failure();
  Operation *end = block.getTerminator();
  for (mlir::Value operand : end->getOperands()) {
    const Value *value = lookUp(operand);
    if (!value)
      return fail(*end, "a returned constant has no bytes");
    results.push_back(*value);
  }
  release(*end);
  return success();
}

LogicalResult Evaluator::check(CheckOp op) {
  std::optional<int64_t> left = env.valueOf(op.getLeft()),
                         right = env.valueOf(op.getRight());
  if (!left || !right)
    return fail(*op, "a dimension of the check has no value yet");
  if (*left == *right || (op.getBroadcast() && (*left == 1 || *right == 1)))
    return success();
  return fail(*op, sym::toString(op.getLeft()) + " is " +
                       std::to_string(*left) + ", " +
                       sym::toString(op.getRight()) + " is " +
                       std::to_string(*right) + ", expected equal");
}

LogicalResult Evaluator::bindDim(BindDimOp op) {
  const Value *source = lookUp(op.getSource());
  int64_t element = op.getElement();
  if (!source || element < 0 || element >= source->count())
    return fail(*op, "has no element " + std::to_string(element));
  env.symbols[op.getSymbol()] = integers(*source)[element];
  release(*op);
  auto function = op->getParentOfType<func::FuncOp>();
  if (function && failed(checkRanges(function)))
    return fail(*op, env.fault.message);
  return success();
}

FailureOr<std::vector<Tensor>> evaluate(func::FuncOp function,
                                        ArrayRef<Tensor> inputs,
                                        const Options &options,
                                        std::string &error) {
  Evaluator evaluator(options);
  Results results;
  if (failed(evaluator.bindInputs(function, inputs)) ||
      failed(evaluator.runBlock(function.front(), results))) {
    error = evaluator.env.fault.message;
    return failure();
  }
  std::vector<Tensor> tensors;
  for (const Value &result : results)
    tensors.push_back(toTensor(result));
  return tensors;
}

FailureOr<std::vector<Tensor>>
evaluateOp(Operation *op, ArrayRef<Tensor> inputs, std::string &error) {
  Environment env;
  std::vector<Value> values;
  SmallVector<const Value *> operands;
  for (const Tensor &input : inputs)
    values.push_back(
        fromBytes(input.kind, input.shape, input.bytes.data(), env.mode));
  for (const Value &value : values)
    operands.push_back(&value);
  for (mlir::Value result : op->getResults())
    if (!kindOf(getElementTypeOrSelf(result)))
      env.fault.set(
          "a result has a type that the evaluator does not compute in");
  Results results;
  if (!env.fault && !runMath(op, operands, env, results) &&
      !runData(op, operands, env, results))
    env.fault.set("the evaluator does not run this operation alone");
  if (env.fault) {
    error = env.fault.message;
    return failure();
  }
  std::vector<Tensor> tensors;
  for (Value &result : results) {
    settle(result, env.mode);
    tensors.push_back(toTensor(result));
  }
  return tensors;
}

} // namespace sinter::evaluate
