// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each inner operator is a node made here, imported in a scope of its own.
#include "compiler/import/Composer.h"
#include "compiler/import/Compose.h"
#include "compiler/import/Values.h"

using namespace mlir;

namespace sinter::importer {

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

// AttributeProto.AttributeType
enum : int32_t { Real = 1, Integer = 2, String = 3, Integers = 7 };

static onnx::Attribute &addTo(With &with, const char *name, int32_t type) {
  with.list.emplace_back();
  with.list.back().name = name;
  with.list.back().type = type;
  return with.list.back();
}

With &With::integer(const char *name, int64_t value) {
  addTo(*this, name, Integer).i = value;
  return *this;
}
With &With::integers(const char *name, ArrayRef<int64_t> values) {
  addTo(*this, name, Integers).ints.assign(values.begin(), values.end());
  return *this;
}
With &With::real(const char *name, double value) {
  addTo(*this, name, Real).f = float(value);
  return *this;
}
With &With::text(const char *name, const char *value) {
  addTo(*this, name, String).s = value;
  return *this;
}
With &With::same(NodeImport &node, const char *name, const char *as) {
  if (const onnx::Attribute *found = node.attribute(name)) {
    list.push_back(*found);
    list.back().name = as ? as : name;
    list.back().reference = {};
  }
  return *this;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Composer::Composer(NodeImport &node) : node(node) {
  scope.prefix = node.scope.prefix;
  opsets.resize(2);
  opsets[0].version = 24;
  opsets[1].domain = "com.microsoft";
  opsets[1].version = 1;
}

Composer::Name Composer::fresh() { return "v" + std::to_string(counter++); }

Composer::Name Composer::keep(TensorValue value) {
  Name name = fresh();
  if (!value.isConstant)
    value.name = name;
  scope.values[name] = std::move(value);
  return name;
}

Composer::Name Composer::input(size_t i) {
  TensorValue *value = node.input(i);
  return value ? keep(*value) : Name();
}

std::vector<Composer::Name> Composer::inputs(size_t first) {
  std::vector<Name> names;
  for (size_t i = first; i < node.inputCount(); ++i)
    names.push_back(input(i));
  return names;
}

Composer::Name Composer::dims(ArrayRef<DimAttr> values) {
  Type i64 = node.model.builder.getI64Type();
  return keep(node.model.knownOf(
      Dims(values), RankedTensorType::get({int64_t(values.size())}, i64)));
}

Composer::Name Composer::ints(ArrayRef<int64_t> values) {
  Dims contents;
  for (int64_t value : values)
    contents.push_back(node.model.dim(value));
  return dims(contents);
}

Composer::Name Composer::dim(DimAttr value) {
  return keep(node.model.knownOf(
      {value}, RankedTensorType::get({}, node.model.builder.getI64Type())));
}

Composer::Name Composer::integer(int64_t value) {
  return dim(node.model.dim(value));
}

Composer::Name Composer::count(DimAttr extent) {
  return op("Range", {integer(0), dim(extent), integer(1)});
}

Composer::Name Composer::reals(ArrayRef<int64_t> shape, ArrayRef<double> values,
                               Type element) {
  std::vector<float> floats(values.begin(), values.end());
  std::vector<char> bytes(sizeof(float) * floats.size());
  if (!bytes.empty())
    memcpy(bytes.data(), floats.data(), bytes.size());
  Type f32 = node.model.builder.getF32Type();
  TensorValue constant = node.model.constantOf(
      RankedTensorType::get(shape, f32), std::move(bytes), "");
  return cast(keep(std::move(constant)), element);
}

Composer::Name Composer::scalar(double value, Type element) {
  return bind(node.scalar(value, element));
}

Composer::Name Composer::bind(Value value) {
  if (!value) {
    isBroken = true;
    return {};
  }
  TensorValue tensor;
  tensor.type = mlir::cast<RankedTensorType>(value.getType());
  tensor.value = value;
  return keep(std::move(tensor));
}

TensorValue *Composer::tensor(const Name &name) {
  return isBroken || name.empty() ? nullptr : scope.find(name);
}

Value Composer::value(const Name &name) {
  TensorValue *found = tensor(name);
  return found ? node.model.materialise(*found, node.location) : Value();
}

RankedTensorType Composer::type(const Name &name) {
  TensorValue *found = tensor(name);
  return found ? found->type : RankedTensorType();
}

Dims Composer::dimsOf(const Name &name) {
  TensorValue *found = tensor(name);
  return found ? sym::dimsOf(found->type) : Dims();
}

Operation *externCall(NodeImport &node, StringRef callee, ValueRange inputs,
                      ArrayRef<DimAttr> integers, ArrayRef<double> floats,
                      TypeRange results) {
  return node.create<graph::ExternOp>(inputs,
                                      node.attrs()
                                          .text("callee", callee)
                                          .dims("integers", integers)
                                          .reals("floats", floats),
                                      results);
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

std::vector<Composer::Name> Composer::ops(StringRef op, Names inputs,
                                          size_t results, const With &with) {
  std::vector<Name> names(results);
  isBroken |= node.isRefused;
  if (isBroken)
    return names;
  onnx::Node inner;
  std::string shown = node.name(), domain;
  inner.name = shown;
  if (op.consume_front("com.microsoft."))
    domain = "com.microsoft";
  inner.domain = domain;
  inner.op = {op.data(), op.size()};
  inner.inputs.assign(inputs.begin(), inputs.end());
  while (!inner.inputs.empty() && inner.inputs.back().empty())
    inner.inputs.pop_back();
  for (Name &name : names)
    inner.outputs.push_back(name = fresh());
  inner.attributes = with.list;
  NodeImport import(node.model, inner, scope, arguments, opsets,
                    node.depth + 1);
  import.location = node.location;
  import.shownOp = node.shownOp;
  if (failed(importNode(import))) {
    isBroken = node.isRefused = true;
    return std::vector<Name>(results);
  }
  return names;
}

Composer::Name Composer::op(StringRef op, Names inputs, const With &with) {
  return ops(op, inputs, 1, with)[0];
}

Composer::Name Composer::castTo(const Name &a, onnx::DataType to) {
  return op("Cast", {a}, With().integer("to", int64_t(to)));
}
Composer::Name Composer::cast(const Name &a, Type to) {
  RankedTensorType from = type(a);
  return !from || from.getElementType() == to ? a : castTo(a, dataTypeOf(to));
}
Composer::Name Composer::reshape(const Name &a, ArrayRef<DimAttr> to) {
  return isBroken ? Name() : bind(node.reshape(value(a), to));
}
Composer::Name Composer::transpose(const Name &a, ArrayRef<int64_t> order) {
  return op("Transpose", {a}, With().integers("perm", order));
}
Composer::Name Composer::unsqueeze(const Name &a, ArrayRef<int64_t> axes) {
  return op("Unsqueeze", {a, ints(axes)});
}
Composer::Name Composer::slice(const Name &a, int64_t axis, int64_t from,
                               int64_t to) {
  return op("Slice", {a, ints({from}), ints({to}), ints({axis})});
}

LogicalResult Composer::set(size_t i, const Name &name) {
  if (!node.wants(i))
    return success(!isBroken);
  TensorValue *found = tensor(name);
  return found ? node.setSame(i, *found) : failure();
}

} // namespace sinter::importer
