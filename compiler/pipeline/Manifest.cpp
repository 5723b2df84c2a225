// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The manifest of an object, from the program and the model's own file.
#include "compiler/pipeline/Manifest.h"

#include "codegen/weights/PackWeights.h"
#include "compiler/import/MappedFile.h"
#include "compiler/import/Proto.h"
#include "compiler/pipeline/CostModel.h"
#include "compiler/pipeline/FileHash.h"
#include "compiler/pipeline/ProgramHash.h"
#include "compiler/report/UserError.h"
#include "dialects/Support/Parallel.h"
#include "dialects/graph/Texts.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace sinter;
namespace json = llvm::json;

/// `first`: which of the program's tensors, inputs before outputs, the list
/// begins with.
static json::Array describeTensors(exec::ProgramOp program,
                                   mlir::ArrayAttr names, mlir::ArrayAttr types,
                                   int64_t first) {
  json::Array list;
  auto texts =
      program->getAttrOfType<mlir::DenseI64ArrayAttr>(graph::kTextTensors);
  for (auto [name, type] : llvm::zip(names, types)) {
    bool isText =
        texts && llvm::is_contained(texts.asArrayRef(),
                                    first + static_cast<int64_t>(list.size()));
    auto tensor = mlir::cast<mlir::RankedTensorType>(
        mlir::cast<mlir::TypeAttr>(type).getValue());
    json::Array shape;
    for (sym::DimAttr dim : sym::dimsOf(tensor)) {
      if (std::optional<int64_t> value = sym::asConstant(dim))
        shape.push_back(*value);
      else
        shape.push_back(sym::toString(dim));
    }
    std::string element;
    llvm::raw_string_ostream(element) << tensor.getElementType();
    list.push_back(json::Object{
        {"name", json::fixUTF8(mlir::cast<mlir::StringAttr>(name).getValue())},
        {"type", isText ? "string" : element},
        {"shape", std::move(shape)}});
  }
  return list;
}

// What the model says about itself: its metadata.
static void describeModel(const std::string &path, json::Object &manifest) {
  std::string problem;
  auto file = onnx::MappedFile::open(path, problem);
  if (!file)
    return;
  onnx::Model model;
  const char *reason = nullptr;
  json::Object metadata;
  if (onnx::parseModel(file->bytes(), model, reason))
    for (auto [key, value] : model.metadata)
      metadata[json::fixUTF8({key.data(), key.size()})] =
          json::fixUTF8({value.data(), value.size()});
  manifest["metadata_props"] = std::move(metadata);
}

// Of the model's file and of the weights in it: each reads all of them.
static void describeHashes(const ManifestInputs &inputs,
                           json::Object &manifest) {
  std::optional<std::string> file;
  std::string weights;
  unsigned jobs = inputs.options.jobs ? inputs.options.jobs : availableCpus();
  parallelFor(2, 2, [&](size_t which) {
    if (which == 0)
      file = sha256OfFile(inputs.options.modelPath);
    else
      weights = weightsDigest(inputs.image, jobs);
  });
  manifest["weights"] =
      json::Object{{"bytes", int64_t(inputs.image.weightsBytes)},
                   {"blake3", std::move(weights)}};
  if (file)
    manifest["model_sha256"] = *file;
}

// Names as copies: what is listed outlives the program.
static json::Array describeSymbols(exec::ProgramOp program) {
  json::Array symbols;
  program.walk([&](exec::SymbolOp symbol) {
    symbols.push_back(
        json::Object{{"name", json::fixUTF8(symbol.getName())},
                     {"min", static_cast<int64_t>(symbol.getMin())},
                     {"max", static_cast<int64_t>(symbol.getMax())},
                     {"divisor", static_cast<int64_t>(symbol.getDivisor())}});
  });
  return symbols;
}

json::Object sinter::describeInterface(exec::ProgramOp program) {
  int64_t inputs = program.getInputTypes().size();
  return json::Object{
      {"inputs", describeTensors(program, program.getInputNames(),
                                 program.getInputTypes(), 0)},
      {"outputs", describeTensors(program, program.getOutputNames(),
                                  program.getOutputTypes(), inputs)},
      {"symbols", describeSymbols(program)}};
}

static json::Array describeAxes(const std::vector<int64_t> &axes) {
  json::Array list;
  for (int64_t axis : axes)
    list.push_back(axis < 0 ? json::Value(nullptr) : json::Value(axis));
  return list;
}

static json::Object describeBatch(const BatchRows &batch, int64_t fixed) {
  json::Object object{{"independent", batch.areIndependent || fixed > 0}};
  if (fixed > 0) {
    object["fixed"] = fixed;
    return object;
  }
  if (batch.symbols.empty()) {
    object["why"] = "no input has a batch dimension that is left open";
    return object;
  }
  object["symbol"] = batch.symbols.front();
  object["symbols"] = json::Array(batch.symbols);
  object["inputs"] = describeAxes(batch.inputs);
  object["outputs"] = describeAxes(batch.outputs);
  if (!batch.areIndependent)
    object["why"] = json::fixUTF8(batch.why);
  return object;
}

// The offset of a buffer is the largest end of those in `above`; an end is
// offset + bytes, rounded up to 64; the arena is the largest end.
static json::Object describeArena(exec::ProgramOp program, CostModel &cost,
                                  const ReferenceShape &reference) {
  llvm::DenseMap<mlir::Value, int64_t> numbers;
  json::Array buffers;
  for (auto alloc : program.getOps<exec::AllocOp>()) {
    json::Array above;
    for (mlir::Value below : alloc.getAbove())
      above.push_back(numbers.lookup(below));
    numbers[alloc.getResult()] = int64_t(buffers.size());
    buffers.push_back(json::Object{{"bytes", sym::toString(alloc.getBytes())},
                                   {"above", std::move(above)}});
  }
  return json::Object{{"align", 64},
                      {"buffers", std::move(buffers)},
                      {"reference_bytes", cost.arenaBytes(reference)}};
}

static llvm::Error checkBatches(const ManifestInputs &inputs,
                                exec::ProgramOp program) {
  if (inputs.options.batches.empty())
    return llvm::Error::success();
  if (inputs.batch.symbols.empty())
    return userError(ErrorCode::U006,
                     "--batch asks for costs of batches, but no input of the "
                     "model has an open first dimension",
                     "Open it with --shape NAME=N,..., or leave --batch out.");
  for (auto symbol : program.getOps<exec::SymbolOp>())
    for (int64_t rows : inputs.options.batches)
      if (llvm::is_contained(inputs.batch.symbols, symbol.getName()) &&
          (rows < int64_t(symbol.getMin()) || rows > int64_t(symbol.getMax())))
        return userError(ErrorCode::U006,
                         "--batch " + std::to_string(rows) +
                             " is outside of '" + symbol.getName() +
                             "', which is " + std::to_string(symbol.getMin()) +
                             " to " + std::to_string(symbol.getMax()));
  return llvm::Error::success();
}

// One row a batch size; one row for a model that takes one size only.
static json::Array describeCosts(const ManifestInputs &inputs,
                                 exec::ProgramOp program, CostModel &cost) {
  std::vector<int64_t> batches = inputs.options.batches;
  if (batches.empty())
    batches = {1, 2, 4, 8, 16, 32};
  if (inputs.batch.symbols.empty())
    batches = {std::max<int64_t>(inputs.fixedBatch, 1)};
  json::Array rows;
  for (int64_t batch : batches) {
    ReferenceShape shape(program);
    bool isAllowed = true;
    for (auto symbol : program.getOps<exec::SymbolOp>())
      if (llvm::is_contained(inputs.batch.symbols, symbol.getName())) {
        shape.set(symbol.getName(), batch);
        isAllowed &= batch >= int64_t(symbol.getMin()) &&
                     batch <= int64_t(symbol.getMax()) &&
                     batch % int64_t(symbol.getDivisor()) == 0;
      }
    if (!isAllowed)
      continue;
    double macs = 0, bytes = 0, us = 0;
    for (const KernelCost &launch : cost.launches(shape)) {
      macs += launch.macs;
      bytes += launch.bytes;
      us += launch.us;
    }
    rows.push_back(json::Object{{"rows", batch},
                                {"us", std::round(us * 1000) / 1000},
                                {"macs", int64_t(macs)},
                                {"bytes", int64_t(bytes)},
                                {"arena_bytes", cost.arenaBytes(shape)}});
  }
  return rows;
}

// What decides the program beside the model: repack compiles with the same.
static json::Object describeOptions(const CompileOptions &options) {
  json::Array shapes, dims;
  for (const ShapeOption &shape : options.shapes)
    shapes.push_back(
        json::fixUTF8(shape.input + "=" + llvm::join(shape.dims, ",")));
  for (const DimOption &dim : options.dims)
    dims.push_back(json::fixUTF8(dim.symbol + "=" + std::to_string(dim.min) +
                                 ".." + std::to_string(dim.max)));
  json::Object decided{{"shapes", std::move(shapes)},
                       {"dims", std::move(dims)},
                       {"exact", options.exact},
                       {"max_slack", options.maxSlack},
                       {"batches", json::Array(options.batches)}};
  if (!options.taps.empty()) {
    json::Array taps;
    for (const std::string &node : options.taps)
      taps.push_back(json::fixUTF8(node));
    decided["taps"] = std::move(taps);
  }
  return decided;
}

llvm::Expected<json::Object>
sinter::makeManifest(const ManifestInputs &inputs) {
  mlir::ModuleOp module = inputs.module;
  auto program = module.lookupSymbol<exec::ProgramOp>("main");
  if (llvm::Error error = checkBatches(inputs, program))
    return std::move(error);
  CostModel cost(module, program, *cpu::findTarget(inputs.isas.front()));
  ReferenceShape reference(program);
  json::Object rest{
      {"compiler", std::string("sinter ") + SINTER_VERSION},
      {"isas", json::Array(inputs.isas)},
      {"batch", describeBatch(inputs.batch, inputs.fixedBatch)},
      {"costs", describeCosts(inputs, program, cost)},
      {"arena", describeArena(program, cost, reference)},
      {"program", programHash(inputs.image, inputs.isas)},
      {"options", describeOptions(inputs.options)},
      {"golden",
       json::Object{{"file", "golden.npz"}, {"seed", 1}, {"tolerance", 1e-4}}},
      {"facts", factsOf(inputs.image)}};
  json::Object manifest = describeInterface(program);
  for (auto &[key, value] : rest)
    manifest[key] = std::move(value);
  describeHashes(inputs, manifest);
  describeModel(inputs.options.modelPath, manifest);
  return manifest;
}
