// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/lower/KernelEmitter.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace sinter::lower {

sym::DimAttr KernelEmitter::formal(sym::DimAttr actual) {
  if (sym::asConstant(actual))
    return actual;
  auto *it = llvm::find(actuals, actual);
  size_t index = it - actuals.begin();
  if (it == actuals.end())
    actuals.push_back(actual);
  return sym::symbolDim(lowering.context(), "p" + std::to_string(index));
}

void KernelEmitter::addView(const Place &place, bool keepScalar) {
  sym::Dims dims, strides;
  if (place.rank() == 0 && !keepScalar) {
    dims = {lowering.dim(1)};
    strides = {lowering.dim(0)};
  }
  for (sym::DimAttr dim : place.dims)
    dims.push_back(formal(dim));
  for (auto [dim, stride] : llvm::zip(place.dims, place.strides))
    // The stride of a single element says nothing; 0 makes more kernels equal.
    strides.push_back(sym::isConstant(dim, 1) ? lowering.dim(0)
                                              : formal(stride));
  types.push_back(kernel::ViewType::get(lowering.context(), dims,
                                        place.element(), strides));
  buffers.push_back(lowering.bufferOf(*place.storage));
  offsets.push_back(place.offset * elementBytes(place.element()));
}

void KernelEmitter::addPanels(Value buffer, int64_t groups, int64_t n,
                              int64_t k, Type element) {
  types.push_back(
      kernel::PanelsType::get(lowering.context(), groups, n, k, element));
  buffers.push_back(buffer);
  offsets.push_back(lowering.dim(0));
}

void KernelEmitter::launch(
    unsigned numOutputs, llvm::function_ref<void(OpBuilder &, ValueRange)> root,
    bool noWait) {
  Location unknown = UnknownLoc::get(lowering.context());
  OpBuilder &defines = lowering.defines;
  auto define =
      kernel::DefineOp::create(defines, unknown, defines.getStringAttr("k"),
                               numOutputs, /*num_params=*/0,
                               /*items=*/nullptr, /*blocks=*/nullptr,
                               /*scratch=*/nullptr, /*schedules=*/nullptr,
                               /*sym_visibility=*/nullptr);
  OpBuilder inner(lowering.context());
  Block *block =
      inner.createBlock(&define.getBody(), {}, types,
                        SmallVector<Location>(types.size(), unknown));
  root(inner, block->getArguments());
  define.setNumParams(actuals.size());

  std::string text;
  llvm::raw_string_ostream os(text);
  define->print(os, OpPrintingFlags().useLocalScope());
  StringAttr &symbol = lowering.kernels[text];
  if (symbol) {
    define.erase();
  } else {
    symbol = defines.getStringAttr(llvm::Twine("k") +
                                   llvm::Twine(lowering.kernels.size() - 1) +
                                   "_" + name);
    define.setSymName(symbol);
  }
  auto record = exec::LaunchOp::create(
      lowering.builder, loc, FlatSymbolRefAttr::get(symbol), buffers,
      sym::DimsAttr::get(lowering.context(), offsets),
      sym::DimsAttr::get(lowering.context(), actuals));
  record.setNoWait(noWait);
}

Value castTo(OpBuilder &builder, Value x, Type type) {
  if (x.getType() == type)
    return x;
  return kernel::CastOp::create(builder, x.getLoc(), type, x,
                                builder.getBoolAttr(true));
}

Value constant(OpBuilder &builder, TypedAttr value) {
  return kernel::ConstOp::create(builder, builder.getUnknownLoc(),
                                 value.getType(), value);
}

Value apply(OpBuilder &builder, StringRef kind, ValueRange operands) {
  Type type = operands[0].getType();
  std::optional<scalar::Kind> row = scalar::kindOf(kind);
  if (row && scalar::rowOf(*row).result == scalar::Result::Bool)
    type = builder.getI1Type();
  if (kind == "select")
    type = operands[1].getType();
  return kernel::ApplyOp::create(builder, operands[0].getLoc(), type, kind,
                                 operands);
}

SmallVector<Value> externalOperands(ArrayRef<Operation *> ops, Value root) {
  llvm::SetVector<Value> result;
  for (Operation *op : ops)
    for (Value operand : op->getOperands()) {
      Operation *def = operand.getDefiningOp();
      auto constant = dyn_cast_or_null<graph::ConstantOp>(def);
      bool isSplat = constant && isa<SplatElementsAttr>(constant.getValue());
      if (operand != root && !isSplat && !llvm::is_contained(ops, def))
        result.insert(operand);
    }
  return result.takeVector();
}

void emitRegion(Region &region, const RegionSpec &spec) {
  OpBuilder builder(region.getContext());
  Location loc = builder.getUnknownLoc();
  SmallVector<Type> types;
  for (auto [value, type] : spec.arguments)
    types.push_back(type);
  Block *block = builder.createBlock(&region, {}, types,
                                     SmallVector<Location>(types.size(), loc));
  llvm::DenseMap<Value, Value> scalars;
  for (auto [argument, scalar] :
       llvm::zip(spec.arguments, block->getArguments()))
    if (argument.first)
      scalars[argument.first] = scalar;
  if (spec.start)
    scalars[spec.root] = spec.start(builder, block->getArguments());
  auto scalarOf = [&](Value value) -> Value {
    auto it = scalars.find(value);
    if (it != scalars.end())
      return it->second;
    auto splat = cast<SplatElementsAttr>(
        value.getDefiningOp<graph::ConstantOp>().getValue());
    Value scalar =
        constant(builder, cast<TypedAttr>(splat.getSplatValue<Attribute>()));
    scalars[value] = scalar;
    return scalar;
  };
  for (Operation *op : spec.ops) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(scalarOf(operand));
    Type type =
        cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
    if (auto map = dyn_cast<graph::MapOp>(op))
      scalars[op->getResult(0)] =
          kernel::ApplyOp::create(builder, loc, type, map.getKind(), operands);
    else
      scalars[op->getResult(0)] =
          kernel::CastOp::create(builder, loc, type, operands[0],
                                 cast<graph::CastOp>(op).getSaturateAttr());
  }
  SmallVector<Value> yields;
  for (Value value : spec.yields)
    yields.push_back(scalarOf(value));
  kernel::YieldOp::create(builder, loc, yields);
}

} // namespace sinter::lower
