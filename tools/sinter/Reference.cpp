// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors to and from the evaluator; ONNX's folders of test data.
#include "tools/sinter/Reference.h"

#include "compiler/evaluate/Evaluate.h"
#include "compiler/evaluate/Resolution.h"
#include "compiler/import/Import.h"
#include "compiler/import/Proto.h"
#include "compiler/pipeline/Taps.h"
#include "compiler/report/UserError.h"
#include "dialects/graph/GraphOps.h"
#include "dialects/graph/Texts.h"
#include "sinter/image.h"
#include "sinter/sinter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <map>

using namespace sinter;
using evaluate::ElementKind;

struct EvaluatorReference::Impl {
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp main;
  size_t modelOutputs = 0;
};

EvaluatorReference::EvaluatorReference() : impl(std::make_unique<Impl>()) {}
EvaluatorReference::~EvaluatorReference() = default;
size_t EvaluatorReference::modelOutputs() const { return impl->modelOutputs; }

static const std::pair<int32_t, ElementKind> kinds[] = {
    {SINTER_F32, ElementKind::F32},  {SINTER_U8, ElementKind::U8},
    {SINTER_I8, ElementKind::I8},    {SINTER_U16, ElementKind::U16},
    {SINTER_I16, ElementKind::I16},  {SINTER_I32, ElementKind::I32},
    {SINTER_I64, ElementKind::I64},  {SINTER_BOOL, ElementKind::Bool},
    {SINTER_F16, ElementKind::F16},  {SINTER_F64, ElementKind::F64},
    {SINTER_U32, ElementKind::U32},  {SINTER_U64, ElementKind::U64},
    {SINTER_BF16, ElementKind::BF16}};

llvm::Expected<std::unique_ptr<EvaluatorReference>>
EvaluatorReference::open(const CompileOptions &options) {
  std::unique_ptr<EvaluatorReference> reference(new EvaluatorReference());
  Diagnostics faults(options.modelPath);
  Impl &impl = *reference->impl;
  impl.module = importModel(options.modelPath, impl.context,
                            importOptionsOf(options), faults);
  if (impl.module) {
    impl.modelOutputs =
        impl.module->lookupSymbol<mlir::func::FuncOp>("main").getNumResults();
    if (options.tapAll)
      impl.module = importTapped(options, impl.context, faults);
    else if (!tapNodes(impl.module->lookupSymbol<mlir::func::FuncOp>("main"),
                       options.taps, faults))
      impl.module = {};
  }
  if (!reference->impl->module)
    return formattedError(exitCodeOf(faults.text()), faults.text());
  reference->impl->main =
      reference->impl->module->lookupSymbol<mlir::func::FuncOp>("main");
  return reference;
}

static std::string nameOf(mlir::DictionaryAttr attributes) {
  auto name =
      attributes ? attributes.getAs<mlir::StringAttr>("graph.name") : nullptr;
  return name ? name.str() : "";
}

namespace {
/// Texts and handles of one run, as the border of an object makes them.
class Handles {
public:
  explicit Handles(mlir::ModuleOp module) {
    if (auto known = module->getAttrOfType<mlir::ArrayAttr>(graph::kTexts))
      for (llvm::StringRef text : known.getAsValueRange<mlir::StringAttr>())
        (void)handleOf(text);
  }
  std::vector<char> handlesOf(const HostTensor &tensor) {
    std::vector<char> bytes;
    for (llvm::StringRef text : textsOf(tensor)) {
      int64_t handle = handleOf(text);
      const char *raw = reinterpret_cast<const char *>(&handle);
      bytes.insert(bytes.end(), raw, raw + sizeof handle);
    }
    return bytes;
  }
  void textsFrom(HostTensor &tensor) const {
    std::vector<llvm::StringRef> found(tensor.bytes.size() / 8);
    for (size_t i = 0; i < found.size(); ++i) {
      int64_t handle;
      memcpy(&handle, tensor.bytes.data() + 8 * i, sizeof handle);
      if (auto it = texts.find(handle); it != texts.end())
        found[i] = it->second;
    }
    setTexts(tensor, found);
  }

private:
  /// The place where the text first stands, known ones before all inputs.
  int64_t handleOf(llvm::StringRef text) {
    auto [it, isNew] = handles.try_emplace(text, count++);
    if (isNew)
      texts[it->second] = it->first();
    return it->second;
  }
  llvm::StringMap<int64_t> handles;
  std::map<int64_t, llvm::StringRef> texts; // keys of the other
  int64_t count = 0;
};
} // namespace

llvm::Expected<std::vector<HostTensor>>
EvaluatorReference::run(const std::vector<HostTensor> &inputs, bool exact) {
  mlir::func::FuncOp main = impl->main;
  std::vector<evaluate::Tensor> arguments(main.getNumArguments());
  Handles handles(*impl->module);
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    std::string name = nameOf(main.getArgAttrDict(i));
    for (const HostTensor &input : inputs) {
      if (input.name != name)
        continue;
      arguments[i].shape = input.dims;
      arguments[i].bytes = input.bytes;
      if (input.dtype == SINTER_STRING) {
        arguments[i].kind = ElementKind::I64;
        arguments[i].bytes = handles.handlesOf(input);
      }
      for (auto [dtype, kind] : kinds)
        if (dtype == input.dtype)
          arguments[i].kind = kind;
    }
  }
  evaluate::Options options;
  options.mode = exact ? evaluate::Mode::Double : evaluate::Mode::Declared;
  std::string problem;
  auto results = evaluate::evaluate(main, arguments, options, problem);
  if (mlir::failed(results))
    return userError(ErrorCode::R003, "the evaluator: " + problem);
  std::vector<HostTensor> outputs;
  for (unsigned i = 0; i < results->size(); ++i) {
    evaluate::Tensor &result = (*results)[i];
    HostTensor output{nameOf(main.getResultAttrDict(i)), 0, result.shape,
                      std::move(result.bytes)};
    for (auto [dtype, kind] : kinds)
      if (kind == result.kind)
        output.dtype = dtype;
    if (main.getResultAttr(i, graph::kText))
      handles.textsFrom(output);
    outputs.push_back(std::move(output));
  }
  return outputs;
}

static bool isSigmoid(mlir::Value value) {
  mlir::Operation *op = value.getDefiningOp();
  if (auto map = llvm::dyn_cast_or_null<graph::MapOp>(op))
    return map.getKind() == "sigmoid";
  if (auto branch = llvm::dyn_cast_or_null<graph::IfOp>(op))
    return llvm::all_of(branch->getRegions(), [&](mlir::Region &region) {
      unsigned index = llvm::cast<mlir::OpResult>(value).getResultNumber();
      return isSigmoid(region.front().getTerminator()->getOperand(index));
    });
  if (auto reduce = llvm::dyn_cast_or_null<graph::ReduceOp>(op))
    return reduce.getKind() == "mean" && isSigmoid(op->getOperand(0));
  return llvm::isa_and_nonnull<graph::ReshapeOp, graph::TransposeOp,
                               graph::SliceOp>(op) &&
         isSigmoid(op->getOperand(0));
}

double EvaluatorReference::resolution() const {
  return evaluate::resolutionOf(impl->main);
}

std::vector<std::string> EvaluatorReference::sigmoidOutputs() const {
  std::vector<std::string> names;
  mlir::func::FuncOp main = impl->main;
  for (mlir::OpOperand &result :
       main.getBody().front().getTerminator()->getOpOperands())
    if (isSigmoid(result.get()))
      names.push_back(
          nameOf(main.getResultAttrDict(result.getOperandNumber())));
  return names;
}

// The elements of a tensor in little endian: raw, or out of the typed fields,
// whose chunks are fixed-width values or varints.
static bool elementBytes(const onnx::Tensor &proto, std::vector<char> &bytes) {
  if (proto.raw) {
    bytes.assign(proto.raw->begin(), proto.raw->end());
    return true;
  }
  for (const onnx::Texts *fixed : {&proto.floats, &proto.doubles})
    for (onnx::Text chunk : *fixed)
      bytes.insert(bytes.end(), chunk.begin(), chunk.end());
  uint64_t size = sinter_dtype_bytes(uint32_t(proto.type));
  for (const onnx::Texts *varints :
       {&proto.ints32, &proto.ints64, &proto.uints64})
    for (onnx::Text chunk : *varints)
      for (size_t at = 0; at < chunk.size();) {
        uint64_t value = 0;
        for (unsigned shift = 0; at < chunk.size() && shift < 70; shift += 7) {
          uint8_t byte = chunk[at++];
          value |= shift < 64 ? uint64_t(byte & 127) << shift : 0;
          if (byte < 128)
            break;
        }
        const char *raw = reinterpret_cast<const char *>(&value);
        bytes.insert(bytes.end(), raw, raw + size);
      }
  return size != 0;
}

static llvm::Expected<HostTensor> readProto(const std::string &path,
                                            const std::string &name) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return userError(ErrorCode::R002,
                     "'" + path + "': " + file.getError().message());
  onnx::Tensor proto;
  const char *problem = "";
  std::string_view bytes((*file)->getBufferStart(), (*file)->getBufferSize());
  std::vector<char> elements;
  if (!onnx::parseTensor(bytes, proto, problem))
    return userError(ErrorCode::R002, "'" + path + "': " + problem);
  bool isText = proto.type == onnx::DataType::String;
  if (!isText && !elementBytes(proto, elements))
    return userError(ErrorCode::R002,
                     "'" + path + "' has elements of a type that is not read");
  HostTensor tensor{proto.name.empty() ? name : std::string(proto.name),
                    static_cast<int32_t>(proto.type), proto.dims,
                    std::move(elements)};
  if (isText)
    setTexts(tensor, std::vector<llvm::StringRef>(proto.strings.begin(),
                                                  proto.strings.end()));
  return tensor;
}

static llvm::Error readSeries(const std::string &stem,
                              const std::vector<std::string> &names,
                              std::vector<HostTensor> &into) {
  for (size_t i = 0; i < names.size(); ++i) {
    std::string path = stem + std::to_string(i) + ".pb";
    if (!llvm::sys::fs::exists(path))
      return llvm::Error::success();
    auto tensor = readProto(path, names[i]);
    if (!tensor)
      return tensor.takeError();
    into.push_back(std::move(*tensor));
  }
  return llvm::Error::success();
}

llvm::Expected<DataSet>
sinter::readDataSet(const std::string &folder,
                    const std::vector<std::string> &inputNames,
                    const std::vector<std::string> &outputNames) {
  DataSet data;
  if (llvm::Error error =
          readSeries(folder + "/input_", inputNames, data.inputs))
    return std::move(error);
  if (llvm::Error error =
          readSeries(folder + "/output_", outputNames, data.outputs))
    return std::move(error);
  if (data.outputs.empty())
    return userError(ErrorCode::R002, "'" + folder + "' holds no output_0.pb",
                     "--data takes one test_data_set_N, with input_N.pb and "
                     "output_N.pb in it; repeat it for several.");
  return data;
}
