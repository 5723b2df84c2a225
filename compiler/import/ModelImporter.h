// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// State of one import: names, symbols with their ranges, constants, the
// builder. What an operator's own code uses is NodeImport.h.
#ifndef SINTER_COMPILER_IMPORT_MODELIMPORTER_H
#define SINTER_COMPILER_IMPORT_MODELIMPORTER_H

#include "compiler/import/BranchInputs.h"
#include "compiler/import/Import.h"
#include "compiler/import/MappedFile.h"
#include "compiler/import/Proto.h"
#include "dialects/graph/GraphDialect.h"
#include "dialects/sym/Facts.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include <map>

namespace sinter::importer {

using sym::DimAttr;
using sym::Dims;

/// One value of the ONNX graph. Shape arithmetic never becomes an operation: as
/// long as the contents are dimensions, `known` holds them and `value` is null.
struct TensorValue {
  mlir::RankedTensorType type;
  mlir::Value value;
  std::optional<Dims> known; // row-major; integral floats and bools too
  /// Of floats that are known but no integers: these over `divisor`.
  struct Fractions {
    Dims numerators;
    int64_t divisor = 1; // positive
    bool isExact = true; // no float arithmetic rounds on the way
  };
  std::optional<Fractions> fractions;
  llvm::ArrayRef<char> bytes; // of a constant: little-endian, packed
  /// Of a scalar bool: true exactly when these are equal.
  std::optional<std::pair<DimAttr, DimAttr>> equality;
  /// Of a sequence, or of an optional (one element or none): there is no type.
  std::shared_ptr<std::vector<TensorValue>> parts;
  bool isConstant = false;
  bool isPoisoned = false; // its producer was refused: say no more about it
  std::string name;
};

/// Names visible in a graph; a subgraph sees those around it.
struct Scope {
  Scope *parent = nullptr;
  llvm::StringMap<TensorValue> values;
  std::string prefix; // of node names: the calls of functions around this scope
  TensorValue *find(llvm::StringRef name);
};

/// Attributes that a function call passes to the body's `ref_attr_name`.
using AttributeMap = llvm::StringMap<const onnx::Attribute *>;

class ModelImporter {
public:
  ModelImporter(mlir::MLIRContext &context, const ImportOptions &options,
                Diagnostics &faults);
  mlir::OwningOpRef<mlir::ModuleOp> run(std::shared_ptr<onnx::MappedFile> file,
                                        llvm::StringRef path);

  mlir::MLIRContext &context;
  Diagnostics &faults;
  mlir::OpBuilder builder;
  const ImportOptions &options;

  /// Extents that a Squeeze without axes left because they are open.
  Dims unsqueezed;
  /// Which inputs only branches read, and what their extents are called there.
  std::optional<BranchInputs> branchInputs;

  // Symbols (Symbols.cpp).
  struct Symbol {
    int64_t min, max;
    std::optional<int64_t> input, axis;
    llvm::SmallVector<int64_t> likely;
    bool isFresh = false; // a value is bound to it, even if it can be one only
  };
  DimAttr dim(int64_t value) { return sym::constantDim(&context, value); }
  DimAttr symbolNamed(llvm::StringRef name);
  /// The symbol for what an input of the model calls `name`.
  DimAttr symbolOfInput(llvm::StringRef input, llvm::StringRef name);
  /// A symbol with a name nobody has, close to `hint`.
  DimAttr freshSymbol(llvm::StringRef hint, int64_t min, int64_t max);
  sym::Range rangeOf(DimAttr dim) const;
  sym::Facts extents; // 0 or more: a check of the run stands before their use
  bool isProvedLessEqual(DimAttr a, DimAttr b) const;
  DimAttr minOf(DimAttr a, DimAttr b) const;
  DimAttr maxOf(DimAttr a, DimAttr b) const;

  // Constants (Constants.cpp).
  std::optional<TensorValue> constantOf(const onnx::Tensor &tensor,
                                        llvm::StringRef name,
                                        llvm::StringRef node,
                                        llvm::StringRef op);
  TensorValue constantOf(mlir::RankedTensorType type, std::vector<char> bytes,
                         llvm::StringRef name);
  TensorValue knownOf(Dims contents, mlir::RankedTensorType type);
  mlir::Value materialise(TensorValue &tensor, mlir::Location location);
  /// What a few operations on small constants make of them, computed now: a
  /// shape may depend on it. Nothing when one of them is large or no constant.
  std::optional<TensorValue> smallConstant(mlir::Value value,
                                           llvm::StringRef name);
  mlir::Type elementType(onnx::DataType type);

  // Graphs (GraphImport.cpp).
  /// Copies of functions and bodies, and elements of sequences, are counted.
  size_t importedNodes = 0;
  bool isTooLong = false;
  void importNodes(const std::vector<onnx::Node> &nodes, Scope &scope,
                   const AttributeMap &attributes,
                   const std::vector<onnx::Opset> &opsets, unsigned depth);
  void importInitializers(const onnx::Graph &graph, Scope &scope);
  const onnx::Function *findFunction(const onnx::Node &node) const;

private:
  void importInputs(const onnx::Graph &graph, Scope &scope, mlir::Block *entry);
  mlir::RankedTensorType inputType(const onnx::ValueInfo &info,
                                   int64_t position);
  DimAttr inputDim(const onnx::ValueInfo &info, const onnx::Dimension &declared,
                   const std::string *option, int64_t position, int64_t axis);
  void applyOptions(const onnx::Graph &graph);
  void importOutputs(const onnx::Graph &graph, Scope &scope,
                     mlir::ModuleOp module, mlir::Operation *function);
  bool checkOpsets();
  void finishModule(mlir::ModuleOp module, mlir::Operation *function);
  std::optional<llvm::ArrayRef<char>> externalBytes(const onnx::Tensor &tensor,
                                                    std::string &problem);
  bool tensorBytes(const onnx::Tensor &tensor, mlir::Type element,
                   uint64_t count, llvm::ArrayRef<char> &bytes,
                   std::string &problem, bool &isExternal);

  onnx::Model proto;
  std::string folder;
  llvm::MapVector<mlir::StringAttr, Symbol> symbols;
  llvm::StringMap<std::string> renamedSymbols; // dim_param -> --shape's name
  std::map<std::string, std::shared_ptr<onnx::MappedFile>> dataFiles;
  mlir::Block *entry = nullptr;
  mlir::Operation *lastConstant = nullptr;
  graph::WeightStore *weights = nullptr;
};

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_MODELIMPORTER_H
