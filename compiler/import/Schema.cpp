// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rows are text (OnnxSchemas.inc, MlSchemas.inc for ai.onnx.ml, and
// ContribSchemas.inc for what ONNX Runtime adds); a row is taken apart when it
// is first asked for and kept for the life of the process.
#include "compiler/import/Schema.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>

namespace sinter::onnx {
namespace {

struct Row {
  const char *name;
  int since;
  const char *inputs, *outputs, *types, *attributes;
};

const Row rows[] = {
#define NEWEST_OPSET(version)
#define SCHEMA(name, since, inputs, outputs, types, attributes)                \
  {name, since, inputs, outputs, types, attributes},
#include "compiler/import/OnnxSchemas.inc"
//
#include "compiler/import/MlSchemas.inc"
//
#include "compiler/import/ContribSchemas.inc"
#undef SCHEMA
#undef NEWEST_OPSET
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
  }
  return parts;
}

uint32_t parseMask(std::string_view text) {
  return static_cast<uint32_t>(
      std::strtoul(std::string(text).c_str(), nullptr, 16));
}

std::vector<Formal> parseFormals(std::string_view text) {
  std::vector<Formal> formals;
  for (std::string_view part : split(text, ',')) {
    size_t colon = part.find(':');
    Formal formal;
    formal.name = part.substr(0, colon);
    formal.type = part.substr(colon + 1);
    formal.isOptional = formal.name.back() == '?';
    formal.isVariadic = formal.name.back() == '*';
    if (formal.isOptional || formal.isVariadic)
      formal.name.remove_suffix(1);
    formals.push_back(formal);
  }
  return formals;
}

Schema parseRow(const Row &row) {
  Schema schema;
  schema.name = row.name;
  schema.since = row.since;
  schema.inputs = parseFormals(row.inputs);
  schema.outputs = parseFormals(row.outputs);
  for (std::string_view part : split(row.types, ';')) {
    size_t equals = part.find('=');
    schema.types.push_back(
        {part.substr(0, equals), parseMask(part.substr(equals + 1))});
  }
  for (std::string_view part : split(row.attributes, ';')) {
    AttributeRow attribute;
    size_t colon = part.find(':'), equals = part.find('=');
    attribute.name = part.substr(0, colon);
    attribute.letter = part[colon + 1];
    attribute.isRequired = attribute.name.back() == '!';
    if (attribute.isRequired)
      attribute.name.remove_suffix(1);
    attribute.hasDefault = equals != std::string_view::npos;
    if (attribute.hasDefault)
      attribute.initial = part.substr(equals + 1);
    schema.attributes.push_back(attribute);
  }
  return schema;
}

const char *const names[] = {"undefined",      "float",      "uint8",
                             "int8",           "uint16",     "int16",
                             "int32",          "int64",      "string",
                             "bool",           "float16",    "double",
                             "uint32",         "uint64",     "complex64",
                             "complex128",     "bfloat16",   "float8e4m3fn",
                             "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz",
                             "uint4",          "int4",       "float4e2m1",
                             "float8e8m0",     "uint2",      "int2"};

} // namespace

const AttributeRow *Schema::attribute(std::string_view wanted) const {
  for (const AttributeRow &row : attributes)
    if (row.name == wanted)
      return &row;
  return nullptr;
}

const Formal *Schema::formal(const std::vector<Formal> &formals,
                             size_t position) {
  if (position < formals.size())
    return &formals[position];
  return !formals.empty() && formals.back().isVariadic ? &formals.back()
                                                       : nullptr;
}

uint32_t Schema::maskOf(const Formal &formal) const {
  for (const TypeVariable &variable : types)
    if (variable.name == formal.type)
      return variable.mask;
  return parseMask(formal.type);
}

size_t Schema::requiredInputs() const {
  size_t count = 0;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].isOptional && !inputs[i].isVariadic)
      count = i + 1;
  return count;
}

int newestOpset() {
#define NEWEST_OPSET(version) return version;
#define SCHEMA(...)
#include "compiler/import/OnnxSchemas.inc"
#undef SCHEMA
#undef NEWEST_OPSET
}

const Schema *findSchema(std::string_view op, int64_t opset) {
  const Row *best = nullptr;
  for (const Row &row : rows)
    if (op == row.name && row.since <= opset &&
        (!best || row.since > best->since))
      best = &row;
  if (!best)
    return nullptr;
  static std::mutex mutex;
  static std::map<const Row *, Schema> parsed;
  std::lock_guard<std::mutex> lock(mutex);
  auto it = parsed.find(best);
  if (it == parsed.end())
    it = parsed.emplace(best, parseRow(*best)).first;
  return &it->second;
}

std::vector<int> versionsOf(std::string_view op) {
  std::vector<int> versions;
  for (const Row &row : rows)
    if (op == row.name)
      versions.push_back(row.since);
  return versions;
}

std::vector<std::string_view> operatorNames() {
  std::vector<std::string_view> names;
  for (const Row &row : rows)
    if (std::find(names.begin(), names.end(), row.name) == names.end())
      names.push_back(row.name);
  return names;
}

int firstOpset(std::string_view op) {
  int first = 0;
  for (const Row &row : rows)
    if (op == row.name && (first == 0 || row.since < first))
      first = row.since;
  return first;
}

std::string typeName(int32_t type) {
  if (type >= 0 && type < static_cast<int32_t>(std::size(names)))
    return names[type];
  return "type " + std::to_string(type);
}

std::string typeNames(uint32_t mask) {
  std::string text;
  for (int32_t type = 0; type < 31; ++type)
    if (mask >> type & 1)
      text += (text.empty() ? "" : ", ") + typeName(type);
  return text.empty() ? "no tensor" : text;
}

} // namespace sinter::onnx
