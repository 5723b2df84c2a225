// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The define and the scalar operations. A define prints like a function whose
// outputs are arguments:
//
//   kernel.define @k (%x: !kernel.view<..>) -> (%y: !kernel.view<..>) params =
//   1 {
//     kernel.nest ins(%x : ..) outs(%y : ..) ..
//   }
//
// The verifiers of the roots are in KernelVerify.cpp.

#include "dialects/kernel/KernelOps.h"
#include "dialects/Support/Check.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "dialects/kernel/KernelOps.cpp.inc"

namespace sinter::kernel {

//===----------------------------------------------------------------------===//
// Define
//===----------------------------------------------------------------------===//

ParseResult DefineOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments, outputs;
  int64_t params = 0;
  if (parser.parseSymbolName(name, SymbolTable::getSymbolAttrName(),
                             result.attributes) ||
      parser.parseArgumentList(arguments, OpAsmParser::Delimiter::Paren,
                               true) ||
      parser.parseArrow() ||
      parser.parseArgumentList(outputs, OpAsmParser::Delimiter::Paren, true))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("params")) &&
      (parser.parseEqual() || parser.parseInteger(params)))
    return failure();
  if (parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  result.addAttribute(getNumOutputsAttrName(result.name),
                      builder.getI64IntegerAttr(outputs.size()));
  result.addAttribute(getNumParamsAttrName(result.name),
                      builder.getI64IntegerAttr(params));
  arguments.append(outputs);
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  if (body->empty())
    body->emplaceBlock();
  return success();
}

void DefineOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << " (";
  auto printArgument = [&](BlockArgument argument) {
    printer.printRegionArgument(argument);
  };
  llvm::interleaveComma(getBody().getArguments().drop_back(getNumOutputs()),
                        printer, printArgument);
  printer << ") -> (";
  llvm::interleaveComma(getOutputs(), printer, printArgument);
  printer << ")";
  if (getNumParams() != 0)
    printer << " params = " << getNumParams();
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {getSymNameAttrName(), getNumOutputsAttrName(), getNumParamsAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

Operation *DefineOp::getRoot() {
  Block &block = getBody().front();
  return block.empty() ? nullptr : &block.front();
}

ScheduleAttr DefineOp::getScheduleFor(StringRef isa) {
  if (std::optional<ArrayAttr> schedules = getSchedules())
    for (ScheduleAttr schedule : schedules->getAsRange<ScheduleAttr>())
      if (schedule.getIsa().getValue() == isa)
        return schedule;
  return {};
}

static LogicalResult verifySymbols(DefineOp op, sym::DimAttr dim,
                                   const Twine &where) {
  LogicalResult result = success();
  sym::forEachSymbol(dim, [&](StringRef name) {
    int64_t index;
    StringRef digits = name;
    bool isParam = digits.consume_front("p") &&
                   !digits.getAsInteger(10, index) && index >= 0 &&
                   index < static_cast<int64_t>(op.getNumParams());
    if (!isParam && succeeded(result))
      result = op.emitOpError()
               << where.str() << " uses '" << name << "'; this kernel has "
               << op.getNumParams() << " formal parameters, named p0, p1, ...";
  });
  return result;
}

static LogicalResult verifyArguments(DefineOp op) {
  for (BlockArgument argument : op.getBody().getArguments()) {
    std::string where = "argument " + std::to_string(argument.getArgNumber());
    if (isa<PanelsType>(argument.getType()))
      continue;
    auto view = dyn_cast<ViewType>(argument.getType());
    if (!view)
      return op.emitOpError() << where << " is " << argument.getType()
                              << "; expected !kernel.view or !kernel.panels";
    for (sym::DimAttr dim : view.getDims())
      if (failed(verifySymbols(op, dim, where)))
        return failure();
    for (sym::DimAttr stride : view.getStrides())
      if (failed(verifySymbols(op, stride, where)))
        return failure();
  }
  return success();
}

static LogicalResult verifyScheduleClauses(DefineOp op) {
  if (op.getItems() && failed(verifySymbols(op, *op.getItems(), "items")))
    return failure();
  if (op.getScratch() && static_cast<int64_t>(*op.getScratch()) < 0)
    return op.emitOpError("has negative scratch");
  llvm::StringSet<> seen;
  if (std::optional<ArrayAttr> schedules = op.getSchedules())
    for (ScheduleAttr schedule : schedules->getAsRange<ScheduleAttr>())
      if (!seen.insert(schedule.getIsa().getValue()).second)
        return op.emitOpError()
               << "has two schedules for " << schedule.getIsa();
  return success();
}

LogicalResult DefineOp::verify() {
  Block &block = getBody().front();
  int64_t count = block.getNumArguments(), outputs = getNumOutputs();
  if (outputs < 1 || outputs > count)
    return emitOpError() << "has " << outputs << " outputs among " << count
                         << " arguments; expected at least one";
  if (static_cast<int64_t>(getNumParams()) < 0)
    return emitOpError("has a negative number of parameters");
  if (block.getOperations().size() != 1 ||
      !isa<ContractOp, ConvOp, WindowOp, RowOp, NestOp, RecurrentOp, ExternOp>(
          block.front()))
    return emitOpError("must hold exactly one root operation");
  auto written = block.front().getOperands().take_back(
      std::min<size_t>(outputs, block.front().getNumOperands()));
  if (!llvm::equal(written, getOutputs()))
    return emitOpError("must end with the outputs of its root, in order");
  if (failed(verifyArguments(*this)) || failed(verifyScheduleClauses(*this)))
    return failure();
  LogicalResult result = success();
  block.front().walk([&](DimOp dim) {
    if (succeeded(result))
      result = verifySymbols(*this, dim.getValue(), "kernel.dim");
  });
  if (auto root = dyn_cast<ExternOp>(block.front()); root && root.getIntegers())
    for (sym::DimAttr dim : root.getIntegersAttr().getDims())
      if (succeeded(result))
        result = verifySymbols(*this, dim, "integers");
  return result;
}

//===----------------------------------------------------------------------===//
// Scalar operations
//===----------------------------------------------------------------------===//

scalar::Kind ApplyOp::getScalarKind() { return *scalar::kindOf(getKind()); }

static bool isInDomain(scalar::Domain domain, Type type) {
  bool isBool = type.isInteger(1), isFloat = isa<FloatType>(type);
  switch (domain) {
  case scalar::Domain::Number:
    return !isBool;
  case scalar::Domain::Float:
    return isFloat;
  case scalar::Domain::Integer:
    return !isFloat && !isBool;
  case scalar::Domain::Bool:
    return isBool;
  case scalar::Domain::Any:
    return true;
  }
  SINTER_UNREACHABLE("all domains are listed");
}

LogicalResult ApplyOp::verify() {
  std::optional<scalar::Kind> kind = scalar::kindOf(getKind());
  if (!kind)
    return emitOpError() << "knows no scalar operation '" << getKind() << "'";
  const scalar::Row &row = scalar::rowOf(*kind);
  if (getOperands().size() != row.arity)
    return emitOpError() << "'" << getKind() << "' takes " << row.arity
                         << " operands, not " << getOperands().size();
  OperandRange operands = getOperands();
  if (*kind == scalar::Kind::k_select) {
    if (!operands[0].getType().isInteger(1))
      return emitOpError() << "'select' needs a condition of type i1, not "
                           << operands[0].getType();
    operands = operands.drop_front();
  }
  Type type = operands[0].getType();
  for (Value operand : operands)
    if (operand.getType() != type)
      return emitOpError() << "'" << getKind() << "' mixes operands of " << type
                           << " and " << operand.getType();
  if (!isElementType(type) || !isInDomain(row.operands, type))
    return emitOpError() << "'" << getKind() << "' is not defined on " << type;
  Type result = row.result == scalar::Result::Bool
                    ? IntegerType::get(getContext(), 1)
                    : type;
  if (getResult().getType() != result)
    return emitOpError() << "'" << getKind() << "' on " << type << " gives "
                         << result << ", not " << getResult().getType();
  return success();
}

OpFoldResult ConstOp::fold(FoldAdaptor) { return getValueAttr(); }

} // namespace sinter::kernel
