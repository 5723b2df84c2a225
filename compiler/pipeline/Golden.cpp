// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two evaluations, declared and in float64: the first is stored, their distance
// is the tolerance. What they do not agree on is no fact of the model: the rank
// of two scores that rounding makes equal, the boxes that follow from it. A
// model of coarse values is evaluated beside these inputs, too: one value that
// falls to the other side moves all that follows.
#include "compiler/pipeline/Golden.h"

#include "compiler/evaluate/Convert.h"
#include "compiler/evaluate/Evaluate.h"
#include "compiler/evaluate/Resolution.h"
#include "compiler/import/Import.h"
#include "compiler/report/UserError.h"
#include "dialects/graph/GraphOps.h"
#include "dialects/graph/Texts.h"
#include "sinter/sinter.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/xxhash.h"
#include <cmath>
#include <random>

using namespace sinter;
using evaluate::Tensor;

static std::string nameOf(mlir::DictionaryAttr attributes) {
  auto name =
      attributes ? attributes.getAs<mlir::StringAttr>("graph.name") : nullptr;
  return name ? name.str() : "";
}

// A value for each symbol that an input's dimension binds.
static llvm::StringMap<int64_t> chooseExtents(mlir::ModuleOp module,
                                              mlir::func::FuncOp main,
                                              const GoldenOptions &golden) {
  llvm::StringMap<int64_t> extents;
  for (auto symbol : module.getOps<graph::SymbolOp>()) {
    int64_t value = golden.length;
    if (symbol.getInput()) {
      auto type = mlir::cast<mlir::RankedTensorType>(
          main.getArgumentTypes()[*symbol.getInput()]);
      if (*symbol.getAxis() == 0)
        value = golden.rows;
      else if (type.getRank() >= 4 &&
               int64_t(*symbol.getAxis()) >= type.getRank() - 2)
        value = int64_t(*symbol.getAxis()) == type.getRank() - 1
                    ? golden.width
                    : golden.height;
    }
    int64_t divisor = symbol.getDivisor();
    value = (value + divisor - 1) / divisor * divisor;
    extents[symbol.getName()] = std::clamp<int64_t>(
        value, int64_t(symbol.getMin()), int64_t(symbol.getMax()));
  }
  return extents;
}

static uint8_t onnxNumber(evaluate::ElementKind kind) {
  using Kind = evaluate::ElementKind;
  switch (kind) {
  case Kind::F32:
    return 1;
  case Kind::U8:
    return 2;
  case Kind::I8:
    return 3;
  case Kind::U16:
    return 4;
  case Kind::I16:
    return 5;
  case Kind::I32:
    return 6;
  case Kind::I64:
    return 7;
  case Kind::Bool:
    return 9;
  case Kind::F16:
    return 10;
  case Kind::F64:
    return 11;
  case Kind::U32:
    return 12;
  case Kind::U64:
    return 13;
  case Kind::BF16:
    return 16;
  }
  return 0;
}

// Sums of twelve uniform values: normal enough, and the same on every machine.
static Tensor randomTensor(evaluate::ElementKind kind, evaluate::Shape shape,
                           uint64_t seed) {
  evaluate::Value value =
      evaluate::makeValue(kind, std::move(shape), evaluate::Mode::Declared);
  std::mt19937_64 dice(seed);
  auto normal = [&] {
    double sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += double(dice() >> 11) * 0x1p-53;
    return sum;
  };
  if (auto *integers = std::get_if<std::vector<int64_t>>(&value.data))
    for (int64_t &element : *integers)
      element = int64_t(dice() & 1);
  else if (auto *singles = std::get_if<std::vector<float>>(&value.data))
    for (float &element : *singles)
      element = float(normal());
  else
    for (double &element : std::get<std::vector<double>>(value.data))
      element = normal();
  evaluate::settle(value, evaluate::Mode::Declared);
  return evaluate::toTensor(value);
}

static std::vector<double> asDoubles(const Tensor &tensor) {
  evaluate::Value value = evaluate::fromBytes(
      tensor.kind, tensor.shape, tensor.bytes.data(), evaluate::Mode::Double);
  if (auto *integers = std::get_if<std::vector<int64_t>>(&value.data))
    return {integers->begin(), integers->end()};
  return std::get<std::vector<double>>(value.data);
}

static bool isInteger(const Tensor &tensor) {
  using Kind = evaluate::ElementKind;
  return tensor.kind != Kind::F32 && tensor.kind != Kind::F64 &&
         tensor.kind != Kind::F16 && tensor.kind != Kind::BF16;
}

/// Whether every right program gives this output. Integers that follow from
/// coarse values do not: two of those may be equal by chance.
static bool isDetermined(const Tensor &declared, const Tensor &exact,
                         double resolution) {
  if (declared.shape != exact.shape)
    return false;
  if (isInteger(declared))
    return resolution == 0 && declared.bytes == exact.bytes;
  std::vector<double> a = asDoubles(declared), b = asDoubles(exact);
  for (size_t i = 0; i < a.size(); ++i)
    if (std::isfinite(a[i]) != std::isfinite(b[i]))
      return false;
  return true;
}

static double distance(const Tensor &declared, const Tensor &exact) {
  std::vector<double> a = asDoubles(declared), b = asDoubles(exact);
  double worst = 0, scale = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (std::isfinite(a[i]) && std::isfinite(b[i]))
      worst = std::max(worst, std::fabs(a[i] - b[i]));
    scale = std::max(scale, std::isfinite(b[i]) ? std::fabs(b[i]) : 0);
  }
  return scale > 0 ? worst / scale : 0;
}

/// The same inputs off by at most a part of `noise`, so that coarse values fall
/// to other sides. Integers stay.
static std::vector<Tensor> shaken(std::vector<Tensor> inputs, double noise,
                                  uint64_t seed) {
  std::mt19937_64 dice(seed);
  for (Tensor &tensor : inputs) {
    if (isInteger(tensor))
      continue;
    evaluate::Value value =
        evaluate::fromBytes(tensor.kind, tensor.shape, tensor.bytes.data(),
                            evaluate::Mode::Declared);
    std::visit(
        [&](auto &elements) {
          for (auto &element : elements)
            element += element * noise * (double(dice() >> 11) * 0x1p-52 - 1);
        },
        value.data);
    evaluate::settle(value, evaluate::Mode::Declared);
    tensor = evaluate::toTensor(value);
  }
  return inputs;
}

static llvm::Expected<std::vector<Tensor>>
run(mlir::func::FuncOp main, const std::vector<Tensor> &inputs,
    evaluate::Mode mode) {
  evaluate::Options options;
  options.mode = mode;
  std::string problem;
  auto outputs = evaluate::evaluate(main, inputs, options, problem);
  if (mlir::failed(outputs))
    return userError(ErrorCode::R003, "golden vectors: " + problem);
  return std::move(*outputs);
}

static GoldenTensor store(std::string name, Tensor &tensor) {
  return {std::move(name),
          onnxNumber(tensor.kind),
          tensor.shape,
          std::move(tensor.bytes),
          {}};
}

// Handles within the table of the model, as its texts.
static GoldenTensor storeTexts(std::string name, const Tensor &tensor,
                               mlir::ArrayAttr known) {
  GoldenTensor stored{std::move(name), SINTER_STRING, tensor.shape, {}, {}};
  for (size_t at = 0; at < tensor.bytes.size(); at += 8) {
    uint64_t handle;
    memcpy(&handle, tensor.bytes.data() + at, sizeof handle);
    stored.texts.push_back(
        handle < known.size()
            ? mlir::cast<mlir::StringAttr>(known[handle]).str()
            : std::string());
  }
  return stored;
}

// Any of `count` texts for each element.
static Tensor randomHandles(evaluate::Shape shape, uint64_t count,
                            uint64_t seed) {
  Tensor tensor{evaluate::ElementKind::I64, std::move(shape), {}};
  std::mt19937_64 dice(seed);
  for (int64_t i = evaluate::elementCount(tensor.shape); i > 0; --i) {
    uint64_t handle = dice() % count;
    const char *raw = reinterpret_cast<const char *>(&handle);
    tensor.bytes.insert(tensor.bytes.end(), raw, raw + sizeof handle);
  }
  return tensor;
}

// The texts of a model that has some at its border: at least the empty one.
static mlir::ArrayAttr textsOf(mlir::ModuleOp module) {
  return module->getAttrOfType<mlir::ArrayAttr>(graph::kTexts);
}

static llvm::Expected<std::vector<Tensor>>
inputsOf(mlir::ModuleOp module, mlir::func::FuncOp main,
         const GoldenOptions &golden) {
  llvm::StringMap<int64_t> extents = chooseExtents(module, main, golden);
  std::vector<Tensor> inputs;
  for (auto [i, type] : llvm::enumerate(main.getArgumentTypes())) {
    auto tensor = mlir::cast<mlir::RankedTensorType>(type);
    evaluate::Shape shape;
    for (sym::DimAttr dim : sym::dimsOf(tensor))
      shape.push_back(sym::evaluate(dim, [&](llvm::StringRef name) {
                        return std::optional<int64_t>(extents.lookup(name));
                      }).value_or(1));
    std::optional<evaluate::ElementKind> kind =
        evaluate::kindOf(tensor.getElementType());
    if (!kind)
      return userError(ErrorCode::I013,
                       "golden vectors: input '" +
                           nameOf(main.getArgAttrDict(i)) +
                           "' has elements that are no numbers");
    uint64_t salt = llvm::xxh3_64bits(nameOf(main.getArgAttrDict(i)));
    inputs.push_back(
        main.getArgAttr(i, graph::kText)
            ? randomHandles(shape, textsOf(module).size(), golden.seed ^ salt)
            : randomTensor(*kind, shape, golden.seed ^ salt));
  }
  return inputs;
}

llvm::Expected<Golden> sinter::makeGolden(const CompileOptions &options,
                                          const GoldenOptions &golden) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  Diagnostics faults(options.modelPath);
  auto module =
      importModel(options.modelPath, context, importOptionsOf(options), faults);
  if (!module)
    return formattedError(exitCodeOf(faults.text()), faults.text());
  auto main = module->lookupSymbol<mlir::func::FuncOp>("main");
  auto inputs = inputsOf(*module, main, golden);
  if (!inputs)
    return inputs.takeError();
  auto declared = run(main, *inputs, evaluate::Mode::Declared);
  if (!declared)
    return declared.takeError();
  auto exact = run(main, *inputs, evaluate::Mode::Double);
  if (!exact)
    return exact.takeError();
  std::vector<std::vector<Tensor>> beside;
  double resolution = evaluate::resolutionOf(main);
  for (uint64_t seed = 1; resolution > 0 && seed <= 2; ++seed) {
    auto moved = run(main, shaken(*inputs, resolution / 4, seed),
                     evaluate::Mode::Declared);
    if (!moved)
      return moved.takeError();
    beside.push_back(std::move(*moved));
  }
  Golden result;
  result.tolerance = std::max(1e-4, 4 * resolution);
  for (unsigned i = 0; i < inputs->size(); ++i) {
    std::string name = "input." + nameOf(main.getArgAttrDict(i));
    result.tensors.push_back(
        main.getArgAttr(i, graph::kText)
            ? storeTexts(name, (*inputs)[i], textsOf(*module))
            : store(name, (*inputs)[i]));
  }
  for (unsigned i = 0; i < declared->size(); ++i) {
    Tensor &output = (*declared)[i];
    bool isFact = isDetermined(output, (*exact)[i], resolution);
    double error = 4 * distance(output, (*exact)[i]);
    for (const std::vector<Tensor> &other : beside) {
      isFact &= isDetermined(output, other[i], resolution);
      error = std::max(error, distance(output, other[i]));
    }
    if (!isFact || error >= 1) // as large as itself: it would always pass
      continue;
    result.tolerance = std::max(result.tolerance, error);
    std::string name = "output." + nameOf(main.getResultAttrDict(i));
    result.tensors.push_back(main.getResultAttr(i, graph::kText)
                                 ? storeTexts(name, output, textsOf(*module))
                                 : store(name, output));
  }
  return result;
}
