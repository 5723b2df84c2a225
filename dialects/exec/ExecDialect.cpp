// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one place where the generated definitions of the exec dialect are
// compiled, and the rules of a program: arguments match the declared tensors, a
// launch gives its kernel as many buffers, offsets and parameters as it asks
// for.

#include "dialects/exec/ExecOps.h"

#include "dialects/graph/GraphDialect.h"
#include "dialects/kernel/KernelOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace sinter::exec;

#include "dialects/exec/ExecDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/exec/ExecAttrs.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/exec/ExecTypes.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/exec/ExecOps.cpp.inc"

void ExecDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/exec/ExecAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/exec/ExecTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/exec/ExecOps.cpp.inc"
      >();
}

LogicalResult
PackAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                 ArrayRef<int64_t> dims, ArrayRef<int64_t> strides,
                 int64_t offset, ArrayRef<int64_t> limit) {
  if (dims.size() != strides.size())
    return emitError() << "has " << dims.size() << " dims but "
                       << strides.size() << " strides; expected as many";
  for (int64_t dim : dims)
    if (dim < 0)
      return emitError() << "has the negative dim " << dim;
  if (limit.empty())
    return success();
  auto isAxis = [&](int64_t axis) {
    return axis >= 0 && axis < int64_t(dims.size());
  };
  if (limit.size() != 3 || !isAxis(limit[0]) || !isAxis(limit[1]))
    return emitError()
           << "has a limit that is not [outer axis, inner axis, bound]";
  return success();
}

LogicalResult ProgramOp::verify() {
  if (getInputNames().size() != getInputTypes().size() ||
      getOutputNames().size() != getOutputTypes().size())
    return emitOpError("expects one name for every input and output type");
  for (ArrayAttr types : {getInputTypes(), getOutputTypes()})
    for (Attribute type : types)
      if (!isa<RankedTensorType>(cast<TypeAttr>(type).getValue()))
        return emitOpError("expects tensor types, found ") << type;
  size_t expected = getInputTypes().size() + getOutputTypes().size();
  if (getBody().getNumArguments() != expected)
    return emitOpError("has ")
           << getBody().getNumArguments() << " block arguments; expected "
           << expected << ", the inputs and then the outputs";
  for (Type type : getBody().getArgumentTypes())
    if (!isa<BufferType>(type))
      return emitOpError("expects block arguments of type !exec.buffer, found ")
             << type;
  return success();
}

LogicalResult SymbolOp::verify() {
  int64_t min = getMin(), max = getMax(), divisor = getDivisor();
  if (min > max)
    return emitOpError("has an empty range, ") << min << " to " << max;
  if (divisor < 1)
    return emitOpError("has divisor ") << divisor << "; expected at least 1";
  if (getInput().has_value() != getAxis().has_value())
    return emitOpError("expects `input` and `axis` together");
  return success();
}

LogicalResult WeightOp::verify() {
  if (auto dense = dyn_cast<DenseElementsAttr>(getSource())) {
    if (dense.getElementType() != getElement())
      return emitOpError("has a source of ")
             << dense.getElementType() << "; expected " << getElement();
    return success();
  }
  if (!isa<sinter::graph::WeightAttr>(getSource()))
    return emitOpError(
        "expects a dense attribute or #graph.weight as its source");
  return success();
}

int64_t WeightOp::getBytes() {
  int64_t count = 1;
  for (int64_t dim : getPack().getDims())
    count *= dim;
  unsigned bits = getElement().getIntOrFloatBitWidth();
  return count * ((bits + 7) / 8);
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto define = symbols.lookupNearestSymbolFrom<sinter::kernel::DefineOp>(
      *this, getKernelAttr());
  if (!define)
    return emitOpError("refers to ")
           << getKernelAttr() << ", which is not a kernel.define";
  size_t views = define.getBody().getNumArguments();
  if (getBuffers().size() != views || getOffsets().getDims().size() != views)
    return emitOpError("gives ")
           << getBuffers().size() << " buffers and "
           << getOffsets().getDims().size() << " offsets; " << getKernelAttr()
           << " takes " << views;
  if (getParams().getDims().size() != size_t(define.getNumParams()))
    return emitOpError("gives ")
           << getParams().getDims().size() << " parameters; " << getKernelAttr()
           << " takes " << define.getNumParams();
  return success();
}

std::optional<std::pair<unsigned, int64_t>> ReadOp::getInputElement() {
  auto argument = dyn_cast<BlockArgument>(getSource());
  auto program = dyn_cast<ProgramOp>((*this)->getParentOp());
  std::optional<int64_t> offset = sinter::sym::asConstant(getOffset());
  unsigned width = getElement().getIntOrFloatBitWidth();
  if (!argument || !program || !offset || (width != 32 && width != 64) ||
      argument.getArgNumber() >= program.getInputTypes().size())
    return std::nullopt;
  return std::make_pair(argument.getArgNumber(), *offset / (width / 8));
}

LogicalResult ReadOp::verify() {
  if (!getElement().isSignlessInteger(1) && !getElement().isInteger(8) &&
      !getElement().isInteger(32) && !getElement().isInteger(64))
    return emitOpError("reads ")
           << getElement() << "; expected i1, i8, i32 or i64";
  return success();
}
