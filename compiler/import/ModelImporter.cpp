// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The model as a whole: opsets, inputs with their symbols, outputs, and the
// facts that later floors read off the module.
#include "compiler/import/ModelImporter.h"
#include "compiler/import/Border.h"

#include "compiler/import/OpenedDims.h"
#include "compiler/import/Schema.h"
#include "compiler/import/SmallTypes.h"
#include "compiler/import/Texts.h"
#include "compiler/import/Values.h"
#include "dialects/Support/Check.h"
#include "dialects/graph/GraphOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace sinter::importer {

static StringRef ref(onnx::Text text) {
  return StringRef(text.data(), text.size());
}

TensorValue *Scope::find(StringRef name) {
  for (Scope *scope = this; scope; scope = scope->parent) {
    auto it = scope->values.find(name);
    if (it != scope->values.end())
      return &it->second;
  }
  return nullptr;
}

ModelImporter::ModelImporter(MLIRContext &context, const ImportOptions &options,
                             Diagnostics &faults)
    : context(context), faults(faults), builder(&context), options(options) {
  weights = &context.getOrLoadDialect<graph::GraphDialect>()->getWeights();
  context.getOrLoadDialect<func::FuncDialect>();
}

bool ModelImporter::checkOpsets() {
  std::string range = "opset 7 to " + std::to_string(onnx::newestOpset());
  for (const onnx::Opset &opset : proto.opsets) {
    if (!opset.domain.empty() && opset.domain != "ai.onnx")
      continue;
    if (opset.version >= 7 && opset.version <= onnx::newestOpset())
      return true;
    faults.add({ErrorCode::I002, "", "",
                "the model uses opset " + std::to_string(opset.version), range,
                ""});
    return false;
  }
  if (!proto.opsets.empty()) // an operator of ai.onnx is refused then
    return true;
  faults.add({ErrorCode::I002, "", "", "the model imports no opset of ai.onnx",
              range, ""});
  return false;
}

DimAttr ModelImporter::inputDim(const onnx::ValueInfo &info,
                                const onnx::Dimension &declared,
                                const std::string *option, int64_t position,
                                int64_t axis) {
  std::string place = "dimension " + std::to_string(axis) + " of input '" +
                      std::string(info.name) + "'";
  std::optional<int64_t> value = declared.value;
  if (value && *value < 0) {
    faults.note(place + " is declared as " + std::to_string(*value) +
                ": taken as unknown");
    value.reset();
  }
  DimAttr result;
  int64_t given;
  if (option && !StringRef(*option).getAsInteger(10, given)) {
    if (given < 0 || (value && *value != given))
      faults.add({ErrorCode::U011, "", "",
                  "--shape gives " + place + " as " + *option,
                  value ? std::to_string(*value) : "0 or more", ""});
    return dim(given);
  }
  if (value && !option)
    return dim(*value);
  if (option) // a name: it opens what the model fixes (OpenedDims.h)
    result = symbolNamed(*option);
  else if (!declared.param.empty() && declared.param != "?") {
    auto renamed = renamedSymbols.find(ref(declared.param));
    result = symbolOfInput(ref(info.name), renamed == renamedSymbols.end()
                                               ? ref(declared.param)
                                               : StringRef(renamed->second));
  } else {
    std::string name = std::string(info.name) + "_" + std::to_string(axis);
    result = symbolNamed(
        symbols.contains(StringAttr::get(&context, name)) ? name + "_" : name);
  }
  if (result.getKind() == sym::DimKind::Symbol) {
    Symbol &symbol = symbols[result.getName()];
    if (!symbol.input) {
      symbol.input = position;
      symbol.axis = axis;
    }
  }
  return result;
}

RankedTensorType ModelImporter::inputType(const onnx::ValueInfo &info,
                                          int64_t position) {
  auto refuse = [&](ErrorCode code, const std::string &what,
                    const char *expected) -> RankedTensorType {
    faults.add({code, "", "", "input '" + std::string(info.name) + "' " + what,
                expected, ""});
    return {};
  };
  using Kind = onnx::Type::Kind;
  Type element = elementType(info.type.element);
  Kind kind =
      info.type.kind == Kind::Optional ? info.type.held : info.type.kind;
  if ((kind != Kind::Tensor && kind != Kind::Sequence) || !element) {
    bool isTensor = kind == Kind::Tensor ||
                    (kind == Kind::Sequence &&
                     info.type.element != onnx::DataType::Undefined);
    return refuse(
        info.type.kind == onnx::Type::Kind::None ? ErrorCode::I015
                                                 : ErrorCode::I013,
        isTensor ? "is a tensor of " +
                       std::string(onnx::typeName(int32_t(info.type.element)))
                 : "is not a tensor",
        "a tensor of numbers, bools or strings, a sequence of them, or an "
        "optional");
  }
  const std::vector<std::string> *given = nullptr;
  for (const ImportOptions::InputShape &shape : options.shapes)
    if (ref(info.name) == shape.input)
      given = &shape.dims;
  std::vector<onnx::Dimension> declared;
  if (info.type.shape)
    declared = *info.type.shape;
  else if (given)
    declared.resize(given->size());
  else
    return refuse(ErrorCode::S002, "declares no shape", "");
  if (given && given->size() != declared.size())
    given = nullptr; // already a fault
  if (declared.size() > 32)
    return refuse(ErrorCode::I015,
                  "has rank " + std::to_string(declared.size()),
                  "rank 32 or less");
  Dims dims;
  for (size_t i = 0; i < declared.size(); ++i) {
    dims.push_back(inputDim(info, declared[i], given ? &(*given)[i] : nullptr,
                            position, i));
    if (dims[i].getKind() != sym::DimKind::Symbol)
      continue;
    // Where the arena is planned, and the shapes that benchmarks use first.
    Symbol &symbol = symbols[dims[i].getName()];
    if (symbol.likely.empty())
      symbol.likely = i == 0                 ? SmallVector<int64_t>{1}
                      : declared.size() == 4 ? SmallVector<int64_t>{224, 640}
                                             : SmallVector<int64_t>{128};
  }
  RankedTensorType type = sym::tensorOf(dims, element);
  std::string shown = beyondMemory(type);
  return shown.empty() ? type
                       : refuse(ErrorCode::I015, "is " + shown, fitsMemory);
}

void ModelImporter::importInputs(const onnx::Graph &graph, Scope &scope,
                                 Block *block) {
  int64_t position = 0;
  for (const onnx::ValueInfo &info : graph.inputs) {
    if (scope.values.contains(ref(info.name))) {
      // An initializer gives an input's default; it is compiled in as a
      // constant.
      if (scope.values[ref(info.name)].value)
        faults.add({ErrorCode::I009, "", "",
                    "input '" + std::string(info.name) + "' is declared twice",
                    "", ""});
      continue;
    }
    TensorValue value;
    value.name = std::string(info.name);
    value.type = inputType(info, position);
    value.isPoisoned = !value.type;
    if (value.type) {
      ++position;
      value.value = block->addArgument(
          value.type, NameLoc::get(StringAttr::get(&context, value.name)));
    }
    scope.values[ref(info.name)] = likeInput(*this, info, std::move(value));
  }
}

void ModelImporter::importOutputs(const onnx::Graph &graph, Scope &scope,
                                  ModuleOp module, Operation *function) {
  auto main = cast<func::FuncOp>(function);
  Builder attributes(&context);
  SmallVector<Value> results;
  SmallVector<Attribute> resultNames;
  llvm::StringMap<StringRef> taken; // each name, by which declared output
  for (const onnx::ValueInfo &info : graph.outputs) {
    TensorValue *value = scope.find(ref(info.name));
    Location location = NameLoc::get(StringAttr::get(&context, ref(info.name)));
    if (!value)
      faults.add(
          {ErrorCode::I008, "", "",
           "nothing computes the output '" + std::string(info.name) + "'", "",
           ""});
    if (!value || value->isPoisoned)
      continue;
    bool isPart = bool(value->parts);
    for (auto &[name, part] : partsOf(*this, info, *value)) {
      if (taken.try_emplace(name, ref(info.name)).first->second !=
          ref(info.name))
        faults.add({ErrorCode::I009, "", "",
                    "two outputs are named '" + name + "'", "", ""});
      Value shown = materialise(part, location);
      results.push_back(isPart ? shown : likeDeclared(*this, info, shown));
      resultNames.push_back(
          attributes.getDictionaryAttr(attributes.getNamedAttr(
              "graph.name", attributes.getStringAttr(name))));
    }
  }
  if (graph.outputs.empty() || (results.empty() && faults.all().empty()))
    faults.add({ErrorCode::I015, "", "", "the graph has no output", "", ""});
  func::ReturnOp::create(builder, function->getLoc(), results);
  SmallVector<Attribute> argumentNames;
  for (BlockArgument argument : main.getArguments())
    argumentNames.push_back(
        attributes.getDictionaryAttr(attributes.getNamedAttr(
            "graph.name", cast<NameLoc>(argument.getLoc()).getName())));
  main.setFunctionType(attributes.getFunctionType(
      main.front().getArgumentTypes(), ValueRange(results).getTypes()));
  main.setArgAttrsAttr(attributes.getArrayAttr(argumentNames));
  main.setResAttrsAttr(attributes.getArrayAttr(resultNames));
}

void ModelImporter::finishModule(ModuleOp module, Operation *function) {
  builder.setInsertionPointToStart(module.getBody());
  for (const ImportOptions::DimRange &range : options.dims)
    if (!symbols.contains(StringAttr::get(&context, range.symbol)))
      faults.add(
          {ErrorCode::U011, "", "",
           "--dim names '" + range.symbol +
               "', which is no dimension of an input and no size of data",
           "", ""});
  for (auto &[name, symbol] : symbols) {
    if (symbol.min == symbol.max && !symbol.isFresh)
      continue;
    auto optional = [&](std::optional<int64_t> value) {
      return value ? builder.getI64IntegerAttr(*value) : IntegerAttr();
    };
    graph::SymbolOp::create(builder, NameLoc::get(name), name,
                            builder.getI64IntegerAttr(symbol.min),
                            builder.getI64IntegerAttr(symbol.max),
                            builder.getI64IntegerAttr(1),
                            builder.getDenseI64ArrayAttr(symbol.likely),
                            optional(symbol.input), optional(symbol.axis));
  }
  SmallVector<NamedAttribute> metadata;
  llvm::StringSet<> seen;
  for (auto [key, value] : proto.metadata)
    if (!key.empty() && seen.insert(ref(key)).second)
      metadata.push_back(
          builder.getNamedAttr(ref(key), builder.getStringAttr(ref(value))));
  module->setAttr("graph.metadata", builder.getDictionaryAttr(metadata));
  module->setAttr(
      "graph.producer",
      builder.getStringAttr(
          (ref(proto.producer) + " " + ref(proto.producerVersion)).str()));
  for (const onnx::Opset &opset : proto.opsets)
    if (opset.domain.empty() || opset.domain == "ai.onnx")
      module->setAttr("graph.opset", builder.getI64IntegerAttr(opset.version));
}

OwningOpRef<ModuleOp> ModelImporter::run(std::shared_ptr<onnx::MappedFile> file,
                                         StringRef path) {
  const char *problem = nullptr;
  bool isParsed = onnx::parseModel(file->bytes(), proto, problem);
  if (!isParsed || (!proto.graph && proto.opsets.empty())) {
    faults.add({ErrorCode::I001, "", "",
                std::string("the file is not an ONNX model: ") +
                    (file->bytes().empty() ? "it is empty"
                     : problem             ? problem
                                           : "it holds no graph"),
                "", ""});
    return {};
  }
  if (!proto.graph) {
    faults.add({ErrorCode::I015, "", "", "the model holds no graph", "", ""});
    return {};
  }
  if (!checkOpsets())
    return {};
  folder = llvm::sys::path::parent_path(path).str();
  weights->keepMapped(file, {file->bytes().data(), file->bytes().size()});
  Location location = NameLoc::get(StringAttr::get(&context, path));
  OwningOpRef<ModuleOp> module = ModuleOp::create(location);
  builder.setInsertionPointToEnd(module->getBody());
  auto main = func::FuncOp::create(builder, location, "main",
                                   builder.getFunctionType({}, {}));
  entry = main.addEntryBlock();
  builder.setInsertionPointToStart(entry);

  Scope scope;
  branchInputs.emplace(*proto.graph);
  collectTexts(context, proto);
  applyOptions(*proto.graph);
  importInitializers(*proto.graph, scope);
  importInputs(*proto.graph, scope, entry);
  importNodes(proto.graph->nodes, scope, {}, proto.opsets, 0);
  importOutputs(*proto.graph, scope, *module, main);
  checkOpenedDims(*this, *proto.graph, main);
  finishModule(*module, main);
  widenSmallTypes(main, faults);
  if (!faults.empty())
    return {};
  lowerTexts(*module, main);
  SINTER_CHECK(succeeded(verify(*module)), "the importer built a wrong module");
  return module;
}

} // namespace sinter::importer

using namespace sinter;

OwningOpRef<ModuleOp> sinter::importModel(StringRef path, MLIRContext &context,
                                          const ImportOptions &options,
                                          Diagnostics &faults) {
  std::string problem;
  std::shared_ptr<onnx::MappedFile> file =
      onnx::MappedFile::open(path.str(), problem);
  if (!file) {
    faults.add({ErrorCode::U001, "", "",
                "cannot read '" + path.str() + "': " + problem, "", ""});
    return {};
  }
  size_t before = faults.all().size();
  OwningOpRef<ModuleOp> module =
      importer::ModelImporter(context, options, faults)
          .run(std::move(file), path);
  return faults.all().size() == before ? std::move(module)
                                       : OwningOpRef<ModuleOp>();
}
