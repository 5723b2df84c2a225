// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What ONNX says about each operator in each version: inputs, types, attributes
// and their defaults. One generic check against this table finds most faults of
// a model before any operator's own code sees it.
#ifndef SINTER_COMPILER_IMPORT_SCHEMA_H
#define SINTER_COMPILER_IMPORT_SCHEMA_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sinter::onnx {

struct Formal {
  std::string_view name;
  bool isOptional = false, isVariadic = false;
  std::string_view type; // a variable of Schema::types, or a mask
};

struct AttributeRow {
  std::string_view name;
  char letter; // i f s t g, capitals for lists, see tools/dev/dump-onnx-schemas
  bool isRequired = false, hasDefault = false;
  std::string_view initial; // text of the default
};

struct TypeVariable {
  std::string_view name;
  uint32_t mask; // bit i: DataType i; bit 31: not a tensor
};

struct Schema {
  std::string_view name;
  int since;
  std::vector<Formal> inputs, outputs;
  std::vector<TypeVariable> types;
  std::vector<AttributeRow> attributes;

  const AttributeRow *attribute(std::string_view name) const;
  // The formal of an actual's position (a variadic one repeats); null past the
  // end.
  static const Formal *formal(const std::vector<Formal> &formals,
                              size_t position);
  // Allowed element types of a formal.
  uint32_t maskOf(const Formal &formal) const;
  size_t requiredInputs() const;
};

// The newest default-domain opset of the table.
int newestOpset();
// The version of `op` in force at `opset`; null when there is none.
const Schema *findSchema(std::string_view op, int64_t opset);
// Opsets in which the operator changed, ascending; none for an unknown one.
std::vector<int> versionsOf(std::string_view op);
// Every operator of the table, by name.
std::vector<std::string_view> operatorNames();
// The opset that introduced the operator; 0 when no opset has it.
int firstOpset(std::string_view op);
// "float, double" for a mask.
std::string typeNames(uint32_t mask);
// "int64" for a DataType; "type 99" when there is none.
std::string typeName(int32_t type);

} // namespace sinter::onnx

#endif // SINTER_COMPILER_IMPORT_SCHEMA_H
