// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The letters of attribute types are those of tools/dev/dump-onnx-schemas.
#include "compiler/import/NodeCheck.h"

#include "compiler/import/Values.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace sinter::importer {

static StringRef ref(onnx::Text text) {
  return StringRef(text.data(), text.size());
}

static int64_t opsetOf(const std::vector<onnx::Opset> &opsets,
                       StringRef domain) {
  for (const onnx::Opset &opset : opsets)
    if (ref(opset.domain) == domain ||
        (domain.empty() && opset.domain == "ai.onnx"))
      return opset.version;
  return 0;
}

static StringRef letterName(char letter) {
  switch (letter) {
  case 'i':
    return "an int";
  case 'f':
    return "a float";
  case 's':
    return "a string";
  case 't':
    return "a tensor";
  case 'g':
    return "a graph";
  case 'I':
    return "a list of ints";
  case 'F':
    return "a list of floats";
  case 'S':
    return "a list of strings";
  default:
    return "of another type";
  }
}

static bool checkAttributes(NodeImport &node) {
  static constexpr char letters[] = "?fistgFISTGpPyY";
  bool isFine = true;
  for (const onnx::Attribute &attribute : node.node.attributes) {
    StringRef name = ref(attribute.name);
    const onnx::AttributeRow *row = node.schema->attribute(attribute.name);
    if (!row) {
      SmallVector<StringRef> known;
      for (const onnx::AttributeRow &candidate : node.schema->attributes)
        known.push_back(ref(candidate.name));
      node.report(ErrorCode::I005,
                  "has no attribute '" + name + "' in opset " +
                      Twine(node.since()),
                  known.empty() ? "no attributes"
                                : "one of " + llvm::join(known, ", "));
      isFine = false;
      continue;
    }
    char found =
        attribute.type > 0 && attribute.type < int32_t(sizeof letters - 1)
            ? letters[attribute.type]
            : '?';
    bool isStated = attribute.reference.empty() && attribute.type != 0;
    bool lacksBody = (row->letter == 't' && attribute.tensors.size() != 1) ||
                     (row->letter == 'g' && attribute.graphs.size() != 1);
    if ((isStated && found != row->letter) ||
        (attribute.reference.empty() && lacksBody)) {
      node.report(ErrorCode::I005,
                  "attribute '" + name + "' is " + letterName(found),
                  letterName(row->letter));
      isFine = false;
    }
  }
  for (const onnx::AttributeRow &row : node.schema->attributes)
    if (row.isRequired && !node.attribute(ref(row.name))) {
      node.report(ErrorCode::I005,
                  "lacks the attribute '" + ref(row.name) + "'",
                  letterName(row.letter));
      isFine = false;
    }
  return isFine;
}

/// Number and presence of actuals against formals.
static bool checkCount(NodeImport &node, const onnx::Texts &actuals,
                       const std::vector<onnx::Formal> &formals,
                       StringRef what) {
  bool isFine = true;
  if (!actuals.empty() && !onnx::Schema::formal(formals, actuals.size() - 1)) {
    node.report(ErrorCode::I006, "has " + Twine(actuals.size()) + " " + what,
                "at most " + Twine(formals.size()));
    isFine = false;
  }
  for (size_t i = 0; i < std::max(formals.size(), actuals.size()); ++i) {
    const onnx::Formal *formal = onnx::Schema::formal(formals, i);
    bool isPresent = i < actuals.size() && !actuals[i].empty();
    if (!formal || isPresent || formal->isOptional ||
        (formal->isVariadic && i >= actuals.size() && i > 0))
      continue;
    node.report(ErrorCode::I006, "lacks one of its " + what,
                "'" + ref(formal->name) + "' at position " + Twine(i));
    isFine = false;
  }
  return isFine;
}

/// The name in the table of operators; a fault for a domain that has none.
static std::optional<std::string> qualifiedName(NodeImport &node) {
  StringRef domain = ref(node.node.domain), op = ref(node.node.op);
  if (domain.empty() || domain == "ai.onnx")
    return op.str();
  if (domain == "com.microsoft" || domain == "ai.onnx.ml" ||
      domain == "ai.onnx.preview" || domain == "ai.onnx.preview.training")
    return (domain + "." + op).str();
  bool isLaidOut = domain == "com.microsoft.nchwc" || // for one machine
                   domain == "com.ms.internal.nhwc";
  node.report(
      ErrorCode::I003,
      "operator " + op + " of the domain '" + domain + "' is not known",
      "operators of ai.onnx, ai.onnx.ml, ai.onnx.preview and com.microsoft",
      isLaidOut ? "give the model as it was before ONNX Runtime optimised it, "
                  "or optimised with ORT_ENABLE_EXTENDED at most"
                : "export the operator as a function of the model");
  return std::nullopt;
}

bool checkSchema(NodeImport &node) {
  StringRef op = ref(node.node.op);
  std::optional<std::string> name = qualifiedName(node);
  if (!name)
    return false;
  // The operators of com.microsoft never changed.
  StringRef domain = ref(node.node.domain);
  bool isStandard = op == *name;
  int64_t opset = isStandard               ? opsetOf(node.opsets, "")
                  : domain == "ai.onnx.ml" ? opsetOf(node.opsets, domain)
                                           : 1;
  node.schema = onnx::findSchema(*name, opset);
  if (!node.schema) {
    int first = onnx::firstOpset(*name);
    if (first > 0)
      node.report(ErrorCode::I003,
                  "opset " + Twine(opset) + " has no operator " + op,
                  "opset " + Twine(first) + " or newer");
    else
      node.report(ErrorCode::I003,
                  (isStandard ? "ONNX" : ref(node.node.domain)) +
                      Twine(" has no operator ") + op);
    return false;
  }
  bool hasInputs =
      checkCount(node, node.node.inputs, node.schema->inputs, "inputs");
  bool hasOutputs = true;
  if (!node.node.outputs.empty() &&
      !onnx::Schema::formal(node.schema->outputs,
                            node.node.outputs.size() - 1)) {
    node.report(ErrorCode::I006,
                "has " + Twine(node.node.outputs.size()) + " outputs",
                "at most " + Twine(node.schema->outputs.size()));
    hasOutputs = false;
  }
  if (node.node.outputs.empty() && !node.schema->outputs.empty()) {
    node.report(ErrorCode::I006, "has no outputs", "at least one");
    hasOutputs = false;
  }
  return checkAttributes(node) && hasInputs && hasOutputs;
}

bool areInputsDefined(NodeImport &node) {
  bool isFine = true;
  for (size_t i = 0; i < node.inputCount(); ++i) {
    StringRef name = ref(node.node.inputs[i]);
    if (name.empty())
      continue;
    TensorValue *value = node.scope.find(name);
    if (!value) {
      node.report(ErrorCode::I008,
                  "reads '" + name + "', which nothing defines");
      value = &node.scope.values[name]; // who reads it next is silent
      value->isPoisoned = true;
    }
    isFine &= !value->isPoisoned;
  }
  return isFine;
}

bool checkTypes(NodeImport &node) {
  llvm::StringMap<onnx::DataType> bound;
  for (size_t i = 0; i < node.inputCount(); ++i) {
    TensorValue *value = node.input(i);
    if (!value)
      continue;
    const onnx::Formal *formal = onnx::Schema::formal(node.schema->inputs, i);
    uint32_t mask = node.schema->maskOf(*formal);
    if (value->parts) {
      if (mask >> 31 & 1)
        continue;
      node.report(ErrorCode::I007,
                  "input '" + ref(formal->name) + "' is a sequence",
                  onnx::typeNames(mask));
      return false;
    }
    onnx::DataType found = dataTypeOf(value->type.getElementType());
    if (!(mask >> int32_t(found) & 1)) {
      node.report(ErrorCode::I007,
                  "input '" + ref(formal->name) + "' holds " +
                      onnx::typeName(int32_t(found)) + " in opset " +
                      Twine(node.since()),
                  onnx::typeNames(mask));
      return false;
    }
    if (formal->isVariadic || formal->type.substr(0, 2) == "0x")
      continue;
    auto [it, isNew] = bound.try_emplace(ref(formal->type), found);
    if (!isNew && it->second != found) {
      node.report(ErrorCode::I007,
                  "input '" + ref(formal->name) + "' holds " +
                      onnx::typeName(int32_t(found)),
                  onnx::typeName(int32_t(it->second)) +
                      " as the inputs before it");
      return false;
    }
  }
  return true;
}

} // namespace sinter::importer
