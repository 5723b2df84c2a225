// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators composed of other ONNX operators, as the standard writes function
// bodies. Each inner one goes through the same import as a node of the model,
// so shapes that are known stay known and every check runs; what it refuses is
// said of the node in the model.
//
//   Composer c(node);
//   return c.set(0, c.op("Gelu", {c.op("Add", {c.input(0), c.input(1)})}));
#ifndef SINTER_COMPILER_IMPORT_COMPOSER_H
#define SINTER_COMPILER_IMPORT_COMPOSER_H

#include "compiler/import/NodeImport.h"

namespace sinter::importer {

/// Attributes of an inner operator; names and texts must outlive it.
class With {
public:
  With &integer(const char *name, int64_t value);
  With &integers(const char *name, llvm::ArrayRef<int64_t> values);
  With &real(const char *name, double value);
  With &text(const char *name, const char *value);
  /// An attribute of the node in the model, if it has it, under `as`.
  With &same(NodeImport &node, const char *name, const char *as = nullptr);
  std::vector<onnx::Attribute> list;
};

class Composer {
public:
  /// A value by name; empty: an operand that is absent.
  using Name = std::string;
  using Names = llvm::ArrayRef<Name>;

  explicit Composer(NodeImport &node);

  /// Empty when the node lacks the input.
  Name input(size_t i);
  /// Every input of the node from `first` on.
  std::vector<Name> inputs(size_t first = 0);
  /// The only result of an operator of opset 24 or of com.microsoft. After the
  /// first fault everything returns an empty name and `set` fails.
  Name op(llvm::StringRef op, Names inputs, const With &with = {});
  std::vector<Name> ops(llvm::StringRef op, Names inputs, size_t results,
                        const With &with = {});
  Name ints(llvm::ArrayRef<int64_t> values); // i64, rank 1
  Name integer(int64_t value);               // i64, rank 0
  Name dims(llvm::ArrayRef<DimAttr> values); // i64, rank 1
  Name dim(DimAttr value);                   // i64, rank 0
  /// 0, 1, ... as i64, rank 1.
  Name count(DimAttr extent);
  Name reals(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<double> values,
             mlir::Type element);
  Name scalar(double value, mlir::Type element);
  /// What is not an operator's result.
  Name bind(mlir::Value value);
  Name keep(TensorValue value);
  mlir::Value value(const Name &name);
  TensorValue *tensor(const Name &name); // null after a fault
  mlir::RankedTensorType type(const Name &name);
  Dims dimsOf(const Name &name);

  // Frequent forms.
  Name add(const Name &a, const Name &b) { return op("Add", {a, b}); }
  Name sub(const Name &a, const Name &b) { return op("Sub", {a, b}); }
  Name mul(const Name &a, const Name &b) { return op("Mul", {a, b}); }
  Name div(const Name &a, const Name &b) { return op("Div", {a, b}); }
  Name cast(const Name &a, mlir::Type to);
  Name castTo(const Name &a, onnx::DataType to);
  Name reshape(const Name &a, llvm::ArrayRef<DimAttr> dims);
  Name transpose(const Name &a, llvm::ArrayRef<int64_t> order);
  Name unsqueeze(const Name &a, llvm::ArrayRef<int64_t> axes);
  Name slice(const Name &a, int64_t axis, int64_t from, int64_t to);

  mlir::LogicalResult set(size_t i, const Name &name);
  mlir::LogicalResult fault(ErrorCode code, const llvm::Twine &message,
                            const llvm::Twine &expected = "") {
    isBroken = true;
    return node.fault(code, message, expected);
  }

private:
  Name fresh();
  NodeImport &node;
  Scope scope;
  AttributeMap arguments;
  std::vector<onnx::Opset> opsets;
  unsigned counter = 0;
  bool isBroken = false;
};

/// `cache`, `extent` long along `axis` and 0 behind what it holds, with the
/// rows of `fresh` from start[batch] on, round the end when circular.
Composer::Name writeRows(NodeImport &node, Composer &c,
                         const Composer::Name &cache,
                         const Composer::Name &fresh,
                         const Composer::Name &start, int64_t axis,
                         DimAttr extent, bool isCircular);

} // namespace sinter::importer

#endif // SINTER_COMPILER_IMPORT_COMPOSER_H
