// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Requests against the interface of a version: names, types, shapes, bytes, and
// what the operator allows.
#include "runtime/serve/engine/Compare.h"
#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/engine/Options.h"
#include "runtime/serve/engine/Texts.h"
#include "runtime/serve/engine/Version.h"

#include <algorithm>
#include <cstdio>

namespace sinter::serve {

Status Version::explain(const sinter_error &error) const {
  char text[1024];
  sinter_error_text(object, &error, text, sizeof text);
  std::string message =
      "model '" + modelName + "' version " + versionText + ": " + text;
  switch (error.code) {
  case SINTER_E_ARG:
  case SINTER_E_SHAPE:
  case SINTER_E_DTYPE:
  case SINTER_E_DATA:
    return {Code::invalid, message};
  case SINTER_E_CANCELLED:
    return {Code::cancelled, message};
  case SINTER_E_DEADLINE:
    return {Code::deadline, message};
  case SINTER_E_MEMORY:
    return {Code::unavailable, message, 1000};
  default:
    return {Code::internal, message};
  }
}

static const Tensor *find(const std::vector<Tensor> &tensors,
                          const std::string &name) {
  for (const Tensor &tensor : tensors)
    if (tensor.name == name)
      return &tensor;
  return nullptr;
}

static std::string namesOf(const std::vector<TensorInterface> &list) {
  std::string text;
  for (const TensorInterface &io : list)
    text += (text.empty() ? "'" : ", '") + io.name + "'";
  return text;
}

static std::string typeText(uint8_t dtype) {
  std::string_view name = dataTypeName(dtype);
  return name.empty() ? "unknown" : std::string(name);
}

static Status checkShape(const TensorInterface &io, const Tensor &given,
                         bool freeRows) {
  std::string what = "input '" + io.name + "'";
  std::string expected =
      "; expected " + shapeText(io.dims) + " of " + typeText(io.dtype);
  if (given.dtype != io.dtype)
    return {Code::invalid,
            what + " has datatype " + typeText(given.dtype) + expected};
  if (given.dims.size() != io.dims.size())
    return {Code::invalid,
            what + " has shape " + shapeText(given.dims) + expected};
  bool isText = io.dtype == SINTER_STRING;
  uint64_t bytes = isText ? 1 : io.elementBytes; // of texts: how many
  for (size_t axis = 0; axis < io.dims.size(); ++axis) {
    int64_t dim = given.dims[axis];
    bool fits = dim >= 0 && (io.dims[axis] < 0 || io.dims[axis] == dim ||
                             (axis == 0 && freeRows));
    if (!fits || __builtin_mul_overflow(bytes, uint64_t(dim), &bytes))
      return {Code::invalid,
              what + " has shape " + shapeText(given.dims) + expected};
  }
  if (isText) {
    if (countTexts(given.data, given.bytes) == bytes)
      return {};
    return {Code::invalid, what + " has " + std::to_string(given.bytes) +
                               " bytes, which are not the " +
                               std::to_string(bytes) + " texts of its shape " +
                               shapeText(given.dims) +
                               ", each a length of 4 bytes and its bytes"};
  }
  if (bytes != given.bytes)
    return {Code::invalid, what + " has " + std::to_string(given.bytes) +
                               " bytes; its shape " + shapeText(given.dims) +
                               " of " + typeText(io.dtype) + " takes " +
                               std::to_string(bytes)};
  return {};
}

static std::string numberText(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

Status Version::checkRules(const ModelOptions &asked) const {
  for (const ModelOptions::InputRule &rule : asked.inputRules)
    if (rule.own && std::none_of(inputs.begin(), inputs.end(),
                                 [&](const TensorInterface &io) {
                                   return io.name == rule.input;
                                 }))
      return {Code::unavailable, "the configuration has a rule for input '" +
                                     rule.input + "'; the model takes " +
                                     namesOf(inputs)};
  return {};
}

// What the operator allows beyond what the model can take.
static Status checkRule(const ModelOptions::InputRule &rule,
                        const Tensor &given) {
  auto fits = [&](const std::vector<int64_t> &shape) {
    bool same = shape.size() == given.dims.size();
    for (size_t i = 0; same && i < shape.size(); ++i)
      same = shape[i] < 0 || shape[i] == given.dims[i];
    return same;
  };
  if (!rule.shapes.empty() &&
      std::none_of(rule.shapes.begin(), rule.shapes.end(), fits)) {
    std::string allowed;
    for (const std::vector<int64_t> &shape : rule.shapes)
      allowed += (allowed.empty() ? "" : " or ") + shapeText(shape);
    return {Code::invalid, "input '" + rule.input + "' has shape " +
                               shapeText(given.dims) + "; this server allows " +
                               allowed};
  }
  uint64_t index = 0;
  double value = 0;
  if ((!rule.finite && !rule.ranged) ||
      elementsWithin(given, rule.finite, rule.ranged, rule.min, rule.max, index,
                     value))
    return {};
  std::string allowed =
      rule.ranged ? numberText(rule.min) + " to " + numberText(rule.max)
                  : std::string("finite values");
  return {Code::invalid, "input '" + rule.input + "' holds " +
                             numberText(value) + " at element " +
                             std::to_string(index) + "; this server allows " +
                             allowed};
}

Status Version::checkAllowed(const Request &request) const {
  std::shared_ptr<const ModelOptions> now = options();
  for (const ModelOptions::InputRule &rule : now->inputRules)
    if (const Tensor *given = find(request.inputs, rule.input))
      if (Status bad = checkRule(rule, *given); !bad.ok())
        return bad;
  return {};
}

Status Version::check(const Request &request, int64_t &rows,
                      std::string &key) const {
  rows = -1;
  for (const TensorInterface &io : inputs) {
    const Tensor *given = find(request.inputs, io.name);
    if (!given)
      return {Code::invalid, "input '" + io.name + "' is missing; the model '" +
                                 modelName + "' takes " + namesOf(inputs)};
    if (Status bad = checkShape(io, *given, batch.fixed > 0 && !io.shared);
        !bad.ok())
      return bad;
    bool rowed = batch.batches && !io.shared;
    size_t first = rowed ? 1 : 0;
    if (rowed && rows >= 0 && given->dims[0] != rows)
      return {Code::invalid,
              "input '" + io.name + "' has " + std::to_string(given->dims[0]) +
                  " rows, another input has " + std::to_string(rows) +
                  "; all inputs take the same number"};
    if (rowed)
      rows = given->dims[0];
    key.append(reinterpret_cast<const char *>(given->dims.data() + first),
               (given->dims.size() - first) * sizeof(int64_t));
    // Only requests with the same values of it go together.
    if (io.shared && given->bytes)
      key.append(reinterpret_cast<const char *>(given->data), given->bytes);
  }
  if (request.inputs.size() != inputs.size())
    for (const Tensor &given : request.inputs)
      if (std::none_of(
              inputs.begin(), inputs.end(),
              [&](const TensorInterface &io) { return io.name == given.name; }))
        return {Code::invalid, "input '" + given.name +
                                   "' is unknown; the model '" + modelName +
                                   "' takes " + namesOf(inputs)};
  if (request.inputs.size() != inputs.size())
    return {Code::invalid, "an input is given twice; the model '" + modelName +
                               "' takes " + namesOf(inputs)};
  for (const std::string &name : request.outputs)
    if (std::none_of(
            outputs.begin(), outputs.end(),
            [&](const TensorInterface &io) { return io.name == name; }))
      return {Code::invalid, "output '" + name + "' is unknown; the model '" +
                                 modelName + "' gives " + namesOf(outputs)};
  if (batch.batches && rows % batch.divisor)
    return {Code::invalid, "a request of " + std::to_string(rows) +
                               " rows; the model '" + modelName +
                               "' takes multiples of " +
                               std::to_string(batch.divisor)};
  rows = rows < 0 ? 1 : rows;
  return {};
}

} // namespace sinter::serve
