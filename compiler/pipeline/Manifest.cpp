// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The manifest of an object, from the program and the model's own file.
#include "compiler/pipeline/Manifest.h"

#include "compiler/import/MappedFile.h"
#include "compiler/import/Proto.h"
#include "dialects/exec/ExecOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;
namespace json = llvm::json;

static json::Array describeTensors(mlir::ArrayAttr names,
                                   mlir::ArrayAttr types) {
  json::Array list;
  for (auto [name, type] : llvm::zip(names, types)) {
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
        {"type", element},
        {"shape", std::move(shape)}});
  }
  return list;
}

// What the model says about itself: its hash and its metadata.
static void describeModel(const std::string &path, json::Object &manifest) {
  std::string problem;
  auto file = onnx::MappedFile::open(path, problem);
  if (!file)
    return;
  llvm::StringRef bytes(file->bytes().data(), file->bytes().size());
  llvm::ArrayRef<uint8_t> data(reinterpret_cast<const uint8_t *>(bytes.data()),
                               bytes.size());
  manifest["model_sha256"] =
      llvm::toHex(llvm::SHA256::hash(data), /*LowerCase=*/true);
  onnx::Model model;
  const char *reason = nullptr;
  json::Object metadata;
  if (onnx::parseModel(file->bytes(), model, reason))
    for (auto [key, value] : model.metadata)
      metadata[json::fixUTF8({key.data(), key.size()})] =
          json::fixUTF8({value.data(), value.size()});
  manifest["metadata_props"] = std::move(metadata);
}

std::string sinter::makeManifest(mlir::ModuleOp module,
                                 const CompileOptions &options,
                                 const std::vector<std::string> &isas,
                                 json::Array facts) {
  auto program = module.lookupSymbol<exec::ProgramOp>("main");
  json::Array symbols;
  program.walk([&](exec::SymbolOp symbol) {
    symbols.push_back(
        json::Object{{"name", symbol.getName()},
                     {"min", static_cast<int64_t>(symbol.getMin())},
                     {"max", static_cast<int64_t>(symbol.getMax())},
                     {"divisor", static_cast<int64_t>(symbol.getDivisor())}});
  });
  json::Object manifest{{"compiler", std::string("sinter ") + SINTER_VERSION},
                        {"inputs", describeTensors(program.getInputNames(),
                                                   program.getInputTypes())},
                        {"outputs", describeTensors(program.getOutputNames(),
                                                    program.getOutputTypes())},
                        {"symbols", std::move(symbols)},
                        {"isas", json::Array(isas)},
                        {"facts", std::move(facts)}};
  describeModel(options.modelPath, manifest);
  return llvm::formatv("{0}", json::Value(std::move(manifest)));
}
