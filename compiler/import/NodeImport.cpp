// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs, attributes and results of one node.
#include "compiler/import/NodeImport.h"

#include "compiler/import/NodeCheck.h"
#include "compiler/import/UpperBounds.h"
#include "compiler/import/Values.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace sinter::importer {

static StringRef ref(onnx::Text text) {
  return StringRef(text.data(), text.size());
}

NodeImport::NodeImport(ModelImporter &model, const onnx::Node &node,
                       Scope &scope, const AttributeMap &arguments,
                       const std::vector<onnx::Opset> &opsets, unsigned depth)
    : model(model), node(node), shownOp(node.op), scope(scope),
      arguments(arguments), opsets(opsets), depth(depth),
      location(UnknownLoc::get(&model.context)) {
  Location named =
      NameLoc::get(StringAttr::get(&model.context, scope.prefix + name()));
  int64_t opset = 0;
  for (const onnx::Opset &candidate : opsets)
    if (candidate.domain.empty() || candidate.domain == "ai.onnx")
      opset = candidate.version;
  location = FusedLoc::get(
      &model.context, {named},
      StringAttr::get(&model.context, ref(node.op) + "@" + Twine(opset)));
}

std::string nameOf(const onnx::Node &node) {
  if (!node.name.empty())
    return std::string(node.name);
  for (onnx::Text output : node.outputs)
    if (!output.empty())
      return std::string(output);
  return "unnamed " + std::string(node.op);
}

std::string NodeImport::name() const { return nameOf(node); }

LogicalResult NodeImport::fault(ErrorCode code, const Twine &message,
                                const Twine &expected, const Twine &remedy) {
  if (!isRefused)
    report(code, message, expected, remedy);
  return failure();
}

void NodeImport::report(ErrorCode code, const Twine &message,
                        const Twine &expected, const Twine &remedy) {
  isRefused = true;
  std::string text = message.str();
  // "'graph.reshape' op " tells a user nothing: the node is named already.
  size_t end = StringRef(text).starts_with("'graph.") ? text.find(" op ")
                                                      : std::string::npos;
  if (end != std::string::npos)
    text = text.substr(end + 4);
  model.faults.add({code, scope.prefix + name(), std::string(shownOp), text,
                    expected.str(), remedy.str()});
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

TensorValue *NodeImport::input(size_t i) {
  if (i >= node.inputs.size() || node.inputs[i].empty())
    return nullptr;
  return scope.find(ref(node.inputs[i]));
}

Value NodeImport::value(size_t i) {
  TensorValue *tensor = input(i);
  if (!tensor || !tensor->parts)
    return tensor ? model.materialise(*tensor, location) : Value();
  (void)fault(ErrorCode::I013, "input " + Twine(i) + " is a sequence",
              "a tensor");
  return {};
}

std::optional<Dims> NodeImport::knownDims(size_t i) {
  if (TensorValue *tensor = input(i); tensor && tensor->known)
    return tensor->known;
  const onnx::Formal *formal = onnx::Schema::formal(schema->inputs, i);
  (void)fault(ErrorCode::I014, "the contents of input '" + ref(formal->name) +
                                   "' depend on data");
  return std::nullopt;
}

std::optional<Dims> NodeImport::dimsOrBound(size_t i, StringRef hint,
                                            int64_t min, DimAttr most) {
  TensorValue *tensor = input(i);
  if (tensor->known || !hasAtMost(tensor->type, 32))
    return knownDims(i);
  std::vector<UpperBound> bounds = boundsOf(model, *tensor);
  Value source = cast(value(i), model.builder.getI64Type());
  Dims result;
  for (int64_t element = 0; element < tensor->type.getNumElements();
       ++element) {
    const UpperBound &bound = bounds[size_t(element)];
    if (bound.known) {
      result.push_back(bound.known);
      continue;
    }
    DimAttr symbol =
        model.freshSymbol(name() + "_" + hint.str() + std::to_string(element),
                          min, int64_t(1) << 31);
    auto bind = graph::BindDimOp::create(
        model.builder, location, source,
        model.builder.getI64IntegerAttr(element), symbol.getName());
    DimAttr limit = mostOf(model, bound);
    if (limit && bound.isTight)
      bind->setAttr("graph.tight", model.builder.getUnitAttr());
    if (most)
      limit = limit ? model.minOf(limit, most) : most;
    if (limit)
      bind->setAttr("graph.bound", limit);
    result.push_back(symbol);
  }
  return result;
}

std::optional<SmallVector<int64_t>> NodeImport::constantInts(size_t i) {
  std::optional<Dims> dims = knownDims(i);
  if (!dims)
    return std::nullopt;
  SmallVector<int64_t> values;
  for (DimAttr dim : *dims) {
    std::optional<int64_t> value = sym::asConstant(dim);
    if (!value) {
      const onnx::Formal *formal = onnx::Schema::formal(schema->inputs, i);
      (void)fault(ErrorCode::I014, "input '" + ref(formal->name) + "' is " +
                                       sym::toString(dim) +
                                       ", which is no constant");
      return std::nullopt;
    }
    values.push_back(*value);
  }
  return values;
}

std::optional<SmallVector<double>> NodeImport::constantReals(size_t i) {
  TensorValue *tensor = input(i);
  if (tensor && tensor->isConstant && tensor->type.getNumElements() <= 65536) {
    SmallVector<double> values;
    for (int64_t e = 0; e < tensor->type.getNumElements(); ++e)
      values.push_back(
          *realAt(tensor->type.getElementType(), tensor->bytes, e));
    return values;
  }
  std::optional<SmallVector<int64_t>> integers = constantInts(i);
  if (!integers)
    return std::nullopt;
  return SmallVector<double>(integers->begin(), integers->end());
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const onnx::Attribute *NodeImport::attribute(StringRef name) {
  for (const onnx::Attribute &attribute : node.attributes) {
    if (ref(attribute.name) != name)
      continue;
    if (attribute.reference.empty())
      return &attribute;
    auto it = arguments.find(ref(attribute.reference));
    return it == arguments.end() ? nullptr : it->second;
  }
  return nullptr;
}

/// Text of the default in the schema; empty when there is none.
static StringRef initialOf(const onnx::Schema *schema, StringRef name) {
  const onnx::AttributeRow *row = schema->attribute({name.data(), name.size()});
  return row && row->hasDefault ? ref(row->initial) : "";
}

int64_t NodeImport::integer(StringRef name, int64_t otherwise) {
  if (const onnx::Attribute *found = attribute(name))
    return found->i;
  int64_t value;
  return initialOf(schema, name).getAsInteger(10, value) ? otherwise : value;
}

double NodeImport::real(StringRef name, double otherwise) {
  if (const onnx::Attribute *found = attribute(name))
    return found->f;
  double value;
  if (initialOf(schema, name).getAsDouble(value))
    return otherwise;
  return float(value); // as ONNX stores it
}

std::string NodeImport::text(StringRef name) {
  if (const onnx::Attribute *found = attribute(name))
    return std::string(found->s);
  return initialOf(schema, name).str();
}

SmallVector<int64_t> NodeImport::integers(StringRef name) {
  SmallVector<int64_t> values;
  if (const onnx::Attribute *found = attribute(name)) {
    values.append(found->ints.begin(), found->ints.end());
    return values;
  }
  SmallVector<StringRef> parts;
  initialOf(schema, name).split(parts, '|', -1, /*KeepEmpty=*/false);
  for (StringRef part : parts)
    if (int64_t value; !part.getAsInteger(10, value))
      values.push_back(value);
  return values;
}

SmallVector<double> NodeImport::reals(StringRef name) {
  SmallVector<double> values;
  if (const onnx::Attribute *found = attribute(name))
    values.append(found->floats.begin(), found->floats.end());
  return values;
}

bool NodeImport::requireRank(size_t i, int64_t rank) {
  if (!input(i) || this->rank(i) == rank)
    return true;
  (void)fault(ErrorCode::S001,
              "input " + Twine(i) + " has rank " + Twine(this->rank(i)),
              "rank " + Twine(rank));
  return false;
}

std::optional<int64_t> NodeImport::axis(int64_t axis, int64_t rank) {
  if (axis >= -rank && axis < rank)
    return axis < 0 ? axis + rank : axis;
  (void)fault(ErrorCode::S001, "axis " + Twine(axis) +
                                   " is outside a tensor of rank " +
                                   Twine(rank));
  return std::nullopt;
}

std::optional<SmallVector<int64_t>> NodeImport::axes(ArrayRef<int64_t> given,
                                                     int64_t rank) {
  SmallVector<int64_t> result;
  for (int64_t one : given) {
    std::optional<int64_t> found = axis(one, rank);
    if (!found)
      return std::nullopt;
    if (llvm::is_contained(result, *found)) {
      (void)fault(ErrorCode::S001, "axis " + Twine(one) + " is listed twice");
      return std::nullopt;
    }
    result.push_back(*found);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

TensorValue *NodeImport::result(size_t i) {
  return wants(i) ? scope.find(ref(node.outputs[i])) : nullptr;
}

LogicalResult NodeImport::setSame(size_t i, const TensorValue &value) {
  if (!wants(i))
    return success();
  if (std::string shown = beyondMemory(value.type); !shown.empty())
    return fault(ErrorCode::S001, "makes " + shown, fitsMemory);
  std::string constantName =
      value.isConstant ? value.name : std::string(node.outputs[i]);
  TensorValue &result = scope.values[ref(node.outputs[i])];
  result = value;
  result.name = constantName;
  return success();
}

bool NodeImport::setMoved(
    ArrayRef<DimAttr> dims,
    llvm::function_ref<SmallVector<int64_t>(ArrayRef<int64_t>)> source) {
  TensorValue *from = input(0);
  RankedTensorType type = sym::tensorOf(dims, from->type.getElementType());
  if (!from->known || !hasAtMost(type, 1024))
    return false;
  Dims contents;
  SmallVector<int64_t> index(dims.size(), 0);
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    int64_t flat = 0;
    for (auto [at, extent] : llvm::zip(source(index), from->type.getShape()))
      flat = flat * extent + at;
    contents.push_back((*from->known)[flat]);
    for (size_t axis = index.size(); axis-- > 0;) {
      if (++index[axis] < type.getDimSize(axis))
        break;
      index[axis] = 0;
    }
  }
  (void)setKnown(0, contents, type);
  return true;
}

LogicalResult NodeImport::set(size_t i, Value value) {
  if (!value)
    return failure();
  if (wants(i))
    if (std::optional<TensorValue> constant =
            model.smallConstant(value, ref(node.outputs[i])))
      return setSame(i, *constant);
  TensorValue result;
  result.type = mlir::cast<RankedTensorType>(value.getType());
  result.value = value;
  return setSame(i, result);
}

LogicalResult NodeImport::setKnown(size_t i, Dims contents,
                                   RankedTensorType type) {
  TensorValue value = model.knownOf(std::move(contents), type);
  if (wants(i))
    value.name = std::string(node.outputs[i]);
  return setSame(i, value);
}

} // namespace sinter::importer
