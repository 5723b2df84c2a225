// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every size in a program is a polynomial of symbols; the image wants slots.
// The builder shares equal operations and folds constants, so this file simply
// says what each size is, as often as it is needed. The offset of an arena
// buffer is the largest end of the buffers below it.

#include "codegen/image/ExecToImage.h"

#include "codegen/image/ImageBuilder.h"
#include "dialects/Support/Check.h"
#include "llvm/ADT/TypeSwitch.h"
#include <set>

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

namespace {

/// The most that is reserved for what depends on data (contract: --max-slack).
constexpr int64_t maxReserved = 64 << 20;

/// A buffer of the program: where it is and how many bytes it has.
struct BufferPlace {
  sinter_space space;
  uint32_t index;
  Slot offset, bytes;
};

class ProgramWriter {
public:
  ProgramWriter(exec::ProgramOp program, ImageResult &result)
      : program(program), result(result),
        symbols(program->getParentOfType<ModuleOp>()) {}

  LogicalResult run();

private:
  Slot slot(sym::DimAttr dim);
  Slot fold(sym::DimAttr dim, Slot (ImageBuilder::*combine)(Slot, Slot),
            Slot start);
  LogicalResult declareTensors();
  void declareSymbols();
  void declareWeights();
  void declareArena();
  LogicalResult write(Block &block);
  void writeLaunch(exec::LaunchOp op);
  void writeIf(exec::IfOp op);
  void writeRead(exec::ReadOp op);
  uint32_t kernelIndex(kernel::DefineOp define);
  uint32_t nodeOf(Location location);
  sym::DimAttr dim(int64_t value) {
    return sym::constantDim(program.getContext(), value);
  }
  BufferRef reference(Value buffer, sym::DimAttr offset);
  sym::DimAttr bound(sym::DimAttr dim);
  Slot grainOf(Slot items, Slot macs, Slot bytes);

  exec::ProgramOp program;
  ImageResult &result;
  SymbolTable symbols;
  ImageBuilder builder;
  llvm::StringMap<Slot> values;
  std::set<std::string> unbound; // symbols without a declaration
  llvm::StringMap<exec::SymbolOp> late;
  llvm::DenseMap<Value, BufferPlace> buffers;
  llvm::DenseMap<Operation *, uint32_t> kernels;
};

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

Slot ProgramWriter::fold(sym::DimAttr dim,
                         Slot (ImageBuilder::*combine)(Slot, Slot),
                         Slot start) {
  Slot value = start;
  for (sym::DimAttr operand : dim.getOperands()) {
    Slot next = slot(operand);
    value = value.valid() ? (builder.*combine)(value, next) : next;
  }
  return value;
}

Slot ProgramWriter::slot(sym::DimAttr dim) {
  switch (dim.getKind()) {
  case sym::DimKind::Constant:
    return builder.constant(dim.getValue());
  case sym::DimKind::Symbol: {
    auto it = values.find(dim.getName().getValue());
    if (it != values.end())
      return it->second;
    unbound.insert(dim.getName().getValue().str());
    return builder.constant(0);
  }
  case sym::DimKind::Sum: {
    Slot sum = fold(dim, &ImageBuilder::add, {});
    return dim.getValue() == 0
               ? sum
               : builder.add(sum, builder.constant(dim.getValue()));
  }
  case sym::DimKind::Product: {
    Slot product = fold(dim, &ImageBuilder::mul, {});
    return dim.getValue() == 1
               ? product
               : builder.mul(product, builder.constant(dim.getValue()));
  }
  case sym::DimKind::FloorDiv:
    return builder.floorDiv(slot(dim.getOperands()[0]),
                            slot(dim.getOperands()[1]));
  case sym::DimKind::Min:
    return fold(dim, &ImageBuilder::min, {});
  case sym::DimKind::Max:
    return fold(dim, &ImageBuilder::max, {});
  }
  SINTER_UNREACHABLE("a kind of dimension");
}

/// `dim` with every symbol that only the run can tell at its maximum: what
/// memory must be reserved for.
sym::DimAttr ProgramWriter::bound(sym::DimAttr dim) {
  return sym::substitute(dim, [&](StringRef name) -> sym::DimAttr {
    auto it = late.find(name);
    return it == late.end()
               ? sym::DimAttr()
               : sym::constantDim(dim.getContext(), it->second.getMax());
  });
}

/// The least items that are worth waking a thread for: about two microseconds
/// at 40 multiply-adds or 16 bytes a nanosecond.
Slot ProgramWriter::grainOf(Slot items, Slot macs, Slot bytes) {
  Slot one = builder.constant(1);
  Slot nanoseconds = builder.add(builder.floorDiv(macs, builder.constant(40)),
                                 builder.floorDiv(bytes, builder.constant(16)));
  Slot wanted = builder.mul(items, builder.constant(2000));
  return builder.max(one,
                     builder.floorDiv(wanted, builder.max(nanoseconds, one)));
}

/// Bytes of the elements of a view, and multiply-adds of a define, both over
/// the formal parameters.
static sym::DimAttr bytesOf(Type type) {
  MLIRContext *context = type.getContext();
  if (auto panels = dyn_cast<kernel::PanelsType>(type))
    return sym::constantDim(
        context, panels.getGroups() * ((panels.getN() + 15) / 16 * 16) *
                     panels.getK() *
                     ((panels.getElement().getIntOrFloatBitWidth() + 7) / 8));
  auto view = cast<kernel::ViewType>(type);
  sym::DimAttr bytes = sym::constantDim(
      context, (view.getElement().getIntOrFloatBitWidth() + 7) / 8);
  for (auto [dim, stride] : llvm::zip(view.getDims(), view.getStrides()))
    if (!sym::isConstant(stride, 0)) // a broadcast is read once
      bytes = bytes * dim;
  return bytes;
}

static sym::DimAttr macsOf(kernel::DefineOp define) {
  MLIRContext *context = define.getContext();
  auto elements = [&](Value view) {
    return sym::product(context,
                        cast<kernel::ViewType>(view.getType()).getDims());
  };
  if (auto contract = dyn_cast<kernel::ContractOp>(define.getRoot()))
    return elements(contract.getOutputs()[0]) *
           cast<kernel::ViewType>(contract.getA().getType()).getDims().back();
  if (auto conv = dyn_cast<kernel::ConvOp>(define.getRoot())) {
    auto panels = dyn_cast<kernel::PanelsType>(conv.getWeights().getType());
    sym::DimAttr k =
        panels
            ? sym::constantDim(context, panels.getK())
            : cast<kernel::ViewType>(conv.getWeights().getType()).getDims()[0];
    return elements(conv.getOutputs()[0]) * k;
  }
  if (auto recurrent = dyn_cast<kernel::RecurrentOp>(define.getRoot())) {
    auto weights = cast<kernel::PanelsType>(recurrent.getWeights().getType()),
         recurrence =
             cast<kernel::PanelsType>(recurrent.getRecurrence().getType());
    llvm::ArrayRef<sym::DimAttr> dims =
        cast<kernel::ViewType>(recurrent.getInput().getType()).getDims();
    return dims[0] * dims[1] * weights.getN() *
           (weights.getK() + recurrence.getK());
  }
  return sym::constantDim(context, 0);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

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
    else {
      values[name] = builder.variable();
      late[name] = symbol;
    }
  }
}

LogicalResult ProgramWriter::declareTensors() {
  size_t inputs = program.getInputTypes().size();
  for (size_t i = 0; i < program.getBody().getNumArguments(); ++i) {
    bool isInput = i < inputs;
    size_t index = isInput ? i : i - inputs;
    auto name = cast<StringAttr>(isInput ? program.getInputNames()[index]
                                         : program.getOutputNames()[index]);
    auto type = cast<RankedTensorType>(
        cast<TypeAttr>(isInput ? program.getInputTypes()[index]
                               : program.getOutputTypes()[index])
            .getValue());
    uint16_t dtype = onnxDataType(type.getElementType());
    if (dtype == 0)
      return program.emitError()
             << (isInput ? "input '" : "output '") << name.getValue()
             << "' has elements of type " << type.getElementType()
             << ", which no kernel takes; expected a float, integer or bool "
                "type. Cast it in the model";
    std::vector<Slot> dims;
    for (sym::DimAttr dim : sym::dimsOf(type))
      dims.push_back(slot(dim));
    sym::DimAttr reserved =
        bound(sym::elementCount(type)) *
        ((type.getElementType().getIntOrFloatBitWidth() + 7) / 8);
    // What the caller must lend for an output whose size only the run can tell.
    bool isLate = reserved !=
                  sym::elementCount(type) *
                      ((type.getElementType().getIntOrFloatBitWidth() + 7) / 8);
    if (isLate && sym::asConstant(reserved).value_or(0) > maxReserved)
      return program.emitError()
             << "output '" << name.getValue() << "' has the shape " << type
             << ", which depends on data and has no bound below "
             << (maxReserved >> 20) << " MB; bound its dimensions in the model";
    Slot bytes = slot(reserved);
    if (isInput)
      builder.input(name.str(), dtype, dims);
    else
      builder.output(name.str(), dtype, dims, bytes);
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
    Slot offset = builder.constant(0), bytes = slot(bound(alloc.getBytes()));
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

//===----------------------------------------------------------------------===//
// Records
//===----------------------------------------------------------------------===//

BufferRef ProgramWriter::reference(Value buffer, sym::DimAttr offset) {
  const BufferPlace &place = buffers[buffer];
  // An empty tensor has no first element: its offset (behind a halo, say) may
  // lie outside.
  Slot from = builder.min(slot(offset), place.bytes);
  return {place.space, place.index, builder.add(place.offset, from),
          builder.sub(place.bytes, from)};
}

void ProgramWriter::writeLaunch(exec::LaunchOp op) {
  auto define = symbols.lookup<kernel::DefineOp>(op.getKernel());
  std::vector<BufferRef> references;
  for (auto [buffer, offset] :
       llvm::zip(op.getBuffers(), op.getOffsets().getDims()))
    references.push_back(reference(buffer, offset));
  std::vector<Slot> params;
  for (sym::DimAttr param : op.getParams().getDims())
    params.push_back(slot(param));
  auto actual = [&](sym::DimAttr formal) {
    return slot(sym::substitute(formal, [&](StringRef name) -> sym::DimAttr {
      unsigned index = 0;
      if (!name.consume_front("p") || name.getAsInteger(10, index) ||
          index >= op.getParams().getDims().size())
        return {};
      return op.getParams().getDims()[index];
    }));
  };
  sym::DimAttr bytes = dim(0);
  for (Type type : define.getBody().getArgumentTypes())
    bytes = bytes + bytesOf(type);
  LaunchWork work;
  work.items = define.getItemsAttr() ? actual(define.getItemsAttr())
                                     : builder.constant(1);
  work.macs = actual(macsOf(define));
  work.bytes = actual(bytes);
  work.grain = grainOf(work.items, work.macs, work.bytes);
  // Sizes that depend on data are computed between records, which is a barrier.
  work.noWait = op.getNoWait() && late.empty() &&
                isa_and_nonnull<exec::LaunchOp>(op->getNextNode());
  builder.launch(kernelIndex(define), references, params, work,
                 nodeOf(op.getLoc()));
}

void ProgramWriter::writeRead(exec::ReadOp op) {
  if (op.getInputElement())
    return; // known from the start
  Slot variable = values[op.getSymbol()];
  uint32_t node = nodeOf(op.getLoc());
  builder.read(variable, reference(op.getSource(), op.getOffset()),
               builder.constant(0), onnxDataType(op.getElement()), node);
  auto it = late.find(op.getSymbol());
  if (it != late.end())
    builder.checkRange(variable, builder.constant(it->second.getMin()),
                       builder.constant(it->second.getMax()), node,
                       SINTER_WHY_VALUE_RANGE);
}

void ProgramWriter::writeIf(exec::IfOp op) {
  uint32_t node = nodeOf(op.getLoc()), otherwise = builder.label(),
           end = builder.label();
  Slot condition = builder.variable();
  builder.read(condition, reference(op.getCondition(), op.getOffset()),
               builder.constant(0),
               /*BOOL=*/9, node);
  builder.branchIfZero(condition, otherwise, node);
  (void)write(op.getThenRegion().front());
  builder.jump(end);
  builder.bind(otherwise);
  (void)write(op.getElseRegion().front());
  builder.bind(end);
}

LogicalResult ProgramWriter::write(Block &block) {
  for (Operation &op : block)
    llvm::TypeSwitch<Operation *>(&op)
        .Case([&](exec::LaunchOp launch) { writeLaunch(launch); })
        .Case([&](exec::ReadOp read) { writeRead(read); })
        .Case([&](exec::IfOp branch) { writeIf(branch); })
        .Case([&](exec::CheckOp check) {
          builder.checkEqual(slot(check.getLeft()), slot(check.getRight()),
                             nodeOf(check.getLoc()));
        });
  return success();
}

LogicalResult ProgramWriter::run() {
  declareSymbols();
  if (failed(declareTensors()))
    return failure();
  declareWeights();
  declareArena();
  if (failed(write(program.getBody().front())))
    return failure();
  int64_t scratch = 0;
  for (kernel::DefineOp define : result.kernels)
    scratch = std::max(scratch, int64_t(define.getScratch().value_or(0)));
  builder.setScratch(builder.constant(scratch));
  for (const std::string &name : unbound)
    return program.emitError()
           << "uses the symbol '" << name << "', which no exec.symbol declares";
  std::string error;
  if (!builder.finish(result.image, error))
    return program.emitError() << "the program cannot be written: " << error;
  return success();
}

} // namespace

LogicalResult buildImage(ModuleOp module, ImageResult &result) {
  auto programs = llvm::to_vector(module.getOps<exec::ProgramOp>());
  if (programs.size() != 1)
    return module.emitError()
           << "has " << programs.size() << " programs; expected one";
  return ProgramWriter(programs[0], result).run();
}

} // namespace sinter
