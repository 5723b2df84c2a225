// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the image declares before its first record: symbols, inputs and outputs,
// weights, the arena, kernels and nodes. The offset of an arena buffer is the
// largest end of the buffers below it.

#include "codegen/image/ProgramWriter.h"

#include "dialects/exec/Taps.h"
#include "dialects/graph/Texts.h"

using namespace mlir;

namespace sinter {

uint16_t onnxDataType(Type element) {
  if (element.isF32())
    return 1;
  if (element.isF16())
    return 10;
  if (element.isF64())
    return 11;
  if (element.isBF16())
    return 16;
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer)
    return 0;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return 9;
  case 8:
    return isUnsigned ? 2 : 3;
  case 16:
    return isUnsigned ? 4 : 5;
  case 32:
    return isUnsigned ? 12 : 6;
  case 64:
    return isUnsigned ? 13 : 7;
  default:
    return 0;
  }
}

void ProgramWriter::declareSymbols() {
  llvm::StringMap<std::pair<unsigned, int64_t>>
      given; // elements of integer inputs
  for (auto read : program.getOps<exec::ReadOp>())
    if (auto element = read.getInputElement())
      given.try_emplace(read.getSymbol(), *element);
  for (auto symbol : program.getOps<exec::SymbolOp>()) {
    std::string name = symbol.getName().str();
    int64_t min = symbol.getMin(), max = symbol.getMax(),
            divisor = symbol.getDivisor();
    auto it = given.find(name);
    if (symbol.getInput())
      values[name] = builder.dimSymbol(name, min, max, divisor,
                                       *symbol.getInput(), *symbol.getAxis());
    else if (it != given.end())
      values[name] = builder.valueSymbol(name, min, max, divisor,
                                         it->second.first, it->second.second);
    else
      values[name] = builder.variable();
  }
}

/// The slot of a size; where data decide, a variable that finishSizes sets.
Slot ProgramWriter::outputSize(sym::DimAttr dim) {
  if (!late.isLate(dim) || dim.getKind() == sym::DimKind::Symbol)
    return slot(dim);
  for (const LateSize &known : lateSizes)
    if (known.size == dim)
      return known.variable;
  lateSizes.push_back({builder.variable(), dim});
  return lateSizes.back().variable;
}

/// The caller lends 16 bytes for a text, kernels see 8 of its handle.
void ProgramWriter::declareTexts() {
  auto module = program->getParentOfType<ModuleOp>();
  std::vector<std::string> texts;
  if (auto known = module->getAttrOfType<ArrayAttr>(graph::kTexts))
    for (StringRef text : known.getAsValueRange<StringAttr>())
      texts.push_back(text.str());
  builder.setTexts(std::move(texts));
}

LogicalResult ProgramWriter::declareTensors() {
  size_t inputs = program.getInputTypes().size();
  auto texts = program->getAttrOfType<DenseI64ArrayAttr>(graph::kTextTensors);
  for (size_t i = 0; i < program.getBody().getNumArguments(); ++i) {
    bool isInput = i < inputs;
    size_t index = isInput ? i : i - inputs;
    auto name = cast<StringAttr>(isInput ? program.getInputNames()[index]
                                         : program.getOutputNames()[index]);
    auto type = cast<RankedTensorType>(
        cast<TypeAttr>(isInput ? program.getInputTypes()[index]
                               : program.getOutputTypes()[index])
            .getValue());
    bool isText = texts && llvm::is_contained(texts.asArrayRef(), int64_t(i));
    uint16_t dtype =
        isText ? SINTER_STRING : onnxDataType(type.getElementType());
    if (dtype == 0)
      return program.emitError()
             << (isInput ? "input '" : "output '") << name.getValue()
             << "' has elements of type " << type.getElementType()
             << ", which no kernel takes; expected a float, integer or bool "
                "type. Cast it in the model [SINTER-I013]";
    if (type.getRank() > 8)
      return program.emitError()
             << (isInput ? "input '" : "output '") << name.getValue()
             << "' has " << type.getRank()
             << " dimensions; expected at most 8. Put a Reshape beside it in "
                "the model [SINTER-I013]";
    std::vector<Slot> dims;
    for (sym::DimAttr dim : sym::dimsOf(type))
      dims.push_back(outputSize(dim));
    // What the caller must lend for an output: its bound, or what the run says.
    sym::DimAttr size =
        sym::elementCount(type) *
        ((type.getElementType().getIntOrFloatBitWidth() + 7) / 8);
    auto lateOutputs =
        program->getAttrOfType<DenseI64ArrayAttr>(exec::kLateOutputs);
    bool isLate = !isInput && lateOutputs &&
                  llvm::is_contained(lateOutputs.asArrayRef(), int64_t(index));
    auto bytesOf = [&](sym::DimAttr size) {
      return isLate ? outputSize(size) : slot(late.bound(size));
    };
    Slot bytes = bytesOf(size);
    if (isInput)
      builder.input(name.str(), dtype, dims);
    else
      builder.output(name.str(), dtype, dims,
                     isText ? bytesOf(size * 2) : bytes);
    auto tapped = program->getAttrOfType<DictionaryAttr>(exec::kTaps);
    if (!isInput && !isText && tapped)
      if (auto at = tapped.getAs<LocationAttr>(name))
        taps.push_back(
            {builder.tap(name.str(), dtype, dims),
             {SINTER_SPACE_OUTPUT, uint32_t(index), builder.constant(0), bytes},
             nodeOf(Location(at))});
    buffers[program.getBody().getArgument(i)] = {
        isInput ? SINTER_SPACE_INPUT : SINTER_SPACE_OUTPUT, uint32_t(index),
        builder.constant(0), bytes};
  }
  return success();
}

void ProgramWriter::declareWeights() {
  llvm::DenseMap<std::tuple<Attribute, Type, Attribute>, size_t> known;
  uint64_t end = 0;
  for (auto weight : program.getOps<exec::WeightOp>()) {
    auto [it, isNew] = known.try_emplace(
        std::make_tuple(weight.getSource(), weight.getElement(),
                        Attribute(weight.getPack())),
        result.weights.size());
    if (isNew) {
      WeightBlob blob{weight.getSource(), weight.getElement(), weight.getPack(),
                      end, uint64_t(weight.getBytes())};
      end = (end + blob.bytes + 63) / 64 * 64;
      result.weights.push_back(blob);
    }
    const WeightBlob &blob = result.weights[it->second];
    buffers[weight.getResult()] = {SINTER_SPACE_WEIGHTS, 0,
                                   builder.constant(blob.offset),
                                   builder.constant(blob.bytes)};
  }
  result.weightsBytes = end;
  builder.setWeightsBytes(end);
}

void ProgramWriter::declareArena() {
  Slot total = builder.constant(0), align = builder.constant(64);
  llvm::DenseMap<Value, Slot> ends;
  for (auto alloc : program.getOps<exec::AllocOp>()) {
    Slot offset = builder.constant(0),
         bytes = slot(late.bound(alloc.getBytes()));
    for (Value below : alloc.getAbove())
      offset = builder.max(offset, ends[below]);
    Slot end = builder.alignUp(builder.add(offset, bytes), align);
    ends[alloc.getResult()] = end;
    buffers[alloc.getResult()] = {SINTER_SPACE_ARENA, 0, offset, bytes};
    total = builder.max(total, end);
  }
  builder.setArena(total);
}

uint32_t ProgramWriter::kernelIndex(kernel::DefineOp define) {
  auto [it, isNew] = kernels.try_emplace(define, 0);
  if (isNew) {
    it->second = builder.kernel(define.getSymName().str(),
                                define.getBody().getNumArguments(),
                                define.getNumParams());
    result.kernels.push_back(define);
  }
  return it->second;
}

/// The importer names a node's location after the node and keeps its operator
/// as the metadata of the fused location.
uint32_t ProgramWriter::nodeOf(Location location) {
  std::string name, op;
  location->walk([&](Location inner) {
    if (auto fused = dyn_cast<FusedLoc>(inner); fused && op.empty())
      if (auto text = dyn_cast_or_null<StringAttr>(fused.getMetadata()))
        op = text.str();
    if (auto named = dyn_cast<NameLoc>(inner); named && name.empty())
      name = named.getName().str();
    return WalkResult::advance();
  });
  return name.empty() ? SINTER_NONE : builder.node(name, op);
}

} // namespace sinter
