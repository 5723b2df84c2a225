// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the code of one operator sees: inputs, attributes with the defaults of
// the node's opset, and building with shape inference. Nothing here aborts on a
// bad model: a refused operation is a fault, a null value, and the end of that
// node.
#ifndef SINTER_COMPILER_IMPORT_NODEIMPORT_H
#define SINTER_COMPILER_IMPORT_NODEIMPORT_H

#include "compiler/import/AttributeList.h"
#include "compiler/import/ModelImporter.h"
#include "compiler/import/OpTable.h"
#include "compiler/import/Schema.h"
#include "dialects/graph/GraphOps.h"

namespace sinter::importer {

class NodeImport {
public:
  NodeImport(ModelImporter &model, const onnx::Node &node, Scope &scope,
             const AttributeMap &arguments,
             const std::vector<onnx::Opset> &opsets, unsigned depth);

  // Inputs.
  size_t inputCount() const { return node.inputs.size(); }
  TensorValue *input(size_t i); // null when absent
  mlir::Value value(size_t i);  // null when absent or refused
  mlir::RankedTensorType type(size_t i) { return input(i)->type; }
  Dims dims(size_t i) { return sym::dimsOf(type(i)); }
  int64_t rank(size_t i) { return type(i).getRank(); }
  /// Contents as dimensions, constants or numbers; a fault when not known.
  std::optional<Dims> knownDims(size_t i);
  /// As knownDims, but a vector that depends on data binds fresh symbols from
  /// `min` to 2^31 to its elements; memory is reserved for `most` where given.
  std::optional<Dims> dimsOrBound(size_t i, llvm::StringRef hint,
                                  int64_t min = 0, DimAttr most = {});
  std::optional<llvm::SmallVector<int64_t>> constantInts(size_t i);
  std::optional<llvm::SmallVector<double>> constantReals(size_t i);

  // Attributes. The defaults are those of the schema.
  const onnx::Attribute *attribute(llvm::StringRef name);
  int64_t integer(llvm::StringRef name, int64_t otherwise = 0);
  double real(llvm::StringRef name, double otherwise = 0);
  std::string text(llvm::StringRef name);
  llvm::SmallVector<int64_t> integers(llvm::StringRef name);
  llvm::SmallVector<double> reals(llvm::StringRef name);
  /// Adds the rank to a negative axis; a fault when it is outside.
  std::optional<int64_t> axis(int64_t axis, int64_t rank);
  std::optional<llvm::SmallVector<int64_t>> axes(llvm::ArrayRef<int64_t> axes,
                                                 int64_t rank);

  // Building. All of them take null operands and then return null.
  AttributeList attrs() { return AttributeList(model.context); }
  template <typename Op>
  mlir::Operation *create(mlir::ValueRange operands,
                          llvm::ArrayRef<mlir::NamedAttribute> attrs,
                          mlir::TypeRange stated = {});
  template <typename Op>
  mlir::Value one(mlir::ValueRange operands,
                  llvm::ArrayRef<mlir::NamedAttribute> attrs,
                  mlir::TypeRange stated = {}) {
    mlir::Operation *op = create<Op>(operands, attrs, stated);
    return op ? op->getResult(0) : mlir::Value();
  }
  mlir::Value map(llvm::StringRef kind, mlir::ValueRange operands);
  mlir::Value agree(mlir::Value value, llvm::ArrayRef<DimAttr> wide);
  /// `value` with `dim` as the extent of `axis`; a check says that it is that.
  mlir::Value written(mlir::Value value, int64_t axis, DimAttr dim);
  mlir::Value cast(mlir::Value value, mlir::Type element, bool saturate = true);
  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<DimAttr> dims);
  mlir::Value broadcast(mlir::Value value, llvm::ArrayRef<DimAttr> dims);
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> permutation);
  /// Starts and sizes of every axis, step 1.
  mlir::Value slice(mlir::Value value, Dims starts, Dims sizes,
                    llvm::ArrayRef<int64_t> steps);
  mlir::Value reduce(llvm::StringRef kind, mlir::Value value,
                     llvm::ArrayRef<int64_t> axes, bool keepDims);
  /// A scalar of `element`.
  mlir::Value scalar(double value, mlir::Type element);
  /// A check unless it is proved; a fault when it cannot hold.
  bool requireEqual(DimAttr a, DimAttr b, llvm::StringRef what,
                    bool orOne = false);
  /// The same for a <= b.
  bool requireAtMost(DimAttr a, DimAttr b, llvm::StringRef what);
  /// A fault when an input, if there is one, has another rank.
  bool requireRank(size_t i, int64_t rank);
  /// A fault when an extent cannot be 0 or more.
  bool requireExtents(llvm::ArrayRef<DimAttr> dims);

  // Results.
  mlir::LogicalResult set(size_t i, mlir::Value value);
  mlir::LogicalResult setKnown(size_t i, Dims contents,
                               mlir::RankedTensorType type);
  /// Moves of known contents: the element of the result at an index is that of
  /// the first input at source(index). False when it cannot be followed.
  bool setMoved(
      llvm::ArrayRef<DimAttr> dims,
      llvm::function_ref<llvm::SmallVector<int64_t>(llvm::ArrayRef<int64_t>)>
          source);
  /// The same tensor under another name.
  mlir::LogicalResult setSame(size_t i, const TensorValue &value);
  /// What was set; null when the model does not use it.
  TensorValue *result(size_t i);
  bool wants(size_t i) const {
    return i < node.outputs.size() && !node.outputs[i].empty();
  }

  /// Silent once the node is refused: what is wrong then follows from that.
  mlir::LogicalResult fault(ErrorCode code, const llvm::Twine &message,
                            const llvm::Twine &expected = "",
                            const llvm::Twine &remedy = "");
  /// One of several faults that are independent of each other.
  void report(ErrorCode code, const llvm::Twine &message,
              const llvm::Twine &expected = "", const llvm::Twine &remedy = "");
  std::string name() const;

  ModelImporter &model;
  const onnx::Node &node;
  const onnx::Schema *schema = nullptr; // in force at the node's opset
  onnx::Text shownOp; // of the model's node, which this one may be a part of
  Scope &scope;
  const AttributeMap &arguments;
  const std::vector<onnx::Opset> &opsets;
  unsigned depth;
  mlir::Location location;
  int64_t since() const { return schema->since; }
  /// A fault is said: of the node, within its graphs, or of what they read.
  bool isRefused = false;

private:
  /// Infers the types and verifies; a fault and null when either refuses.
  mlir::Operation *createInferred(mlir::OperationState &state);
};

template <typename Op>
mlir::Operation *NodeImport::create(mlir::ValueRange operands,
                                    llvm::ArrayRef<mlir::NamedAttribute> attrs,
                                    mlir::TypeRange stated) {
  if (!llvm::all_of(operands, [](mlir::Value v) { return bool(v); }))
    return nullptr;
  mlir::OperationState state(location, Op::getOperationName());
  state.getOrAddProperties<typename Op::Properties>();
  Op::build(model.builder, state, stated, operands, attrs);
  return createInferred(state);
}

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_NODEIMPORT_H
