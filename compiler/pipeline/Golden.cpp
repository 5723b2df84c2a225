// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two evaluations, declared and in float64: the first is stored, their distance
// is the tolerance.
#include "compiler/pipeline/Golden.h"

#include "compiler/evaluate/Convert.h"
#include "compiler/evaluate/Evaluate.h"
#include "compiler/import/Import.h"
#include "compiler/report/UserError.h"
#include "dialects/graph/GraphOps.h"
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
        value = golden.pixels;
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

static GoldenTensor store(std::string name, Tensor &tensor) {
  return {std::move(name), onnxNumber(tensor.kind), tensor.shape,
          std::move(tensor.bytes)};
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
  llvm::StringMap<int64_t> extents = chooseExtents(*module, main, golden);
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
    inputs.push_back(randomTensor(*kind, shape, golden.seed ^ salt));
  }
  std::vector<Tensor> results[2];
  for (bool isExact : {false, true}) {
    evaluate::Options mode;
    mode.mode = isExact ? evaluate::Mode::Double : evaluate::Mode::Declared;
    std::string problem;
    auto outputs = evaluate::evaluate(main, inputs, mode, problem);
    if (mlir::failed(outputs))
      return userError(ErrorCode::R003, "golden vectors: " + problem);
    results[isExact] = std::move(*outputs);
  }
  Golden result;
  result.tolerance = 1e-4;
  for (unsigned i = 0; i < inputs.size(); ++i)
    result.tensors.push_back(
        store("input." + nameOf(main.getArgAttrDict(i)), inputs[i]));
  for (unsigned i = 0; i < results[0].size(); ++i) {
    result.tolerance =
        std::max(result.tolerance, 4 * distance(results[0][i], results[1][i]));
    result.tensors.push_back(
        store("output." + nameOf(main.getResultAttrDict(i)), results[0][i]));
  }
  return result;
}
