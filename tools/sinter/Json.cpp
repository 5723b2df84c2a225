// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/Json.h"

using namespace sinter;
namespace json = llvm::json;

static constexpr unsigned mostLevels = 64;

// Brackets in texts do not count.
static bool isTooDeep(llvm::StringRef text) {
  unsigned depth = 0;
  bool isText = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (isText && c == '\\')
      ++i;
    else if (c == '"')
      isText = !isText;
    else if (!isText && (c == '[' || c == '{') && ++depth > mostLevels)
      return true;
    else if (!isText && (c == ']' || c == '}') && depth)
      --depth;
  }
  return false;
}

llvm::Expected<json::Value> sinter::parseJson(llvm::StringRef text) {
  if (isTooDeep(text))
    return llvm::createStringError("it is nested deeper than %u levels",
                                   mostLevels);
  return json::parse(text);
}

std::string sinter::textAt(const json::Object &object, llvm::StringRef key) {
  return object.getString(key).value_or("").str();
}

int64_t sinter::integerAt(const json::Object &object, llvm::StringRef key) {
  return object.getInteger(key).value_or(0);
}

const json::Array &sinter::arrayAt(const json::Object &object,
                                   llvm::StringRef key) {
  static const json::Array none;
  const json::Array *array = object.getArray(key);
  return array ? *array : none;
}

std::vector<const json::Object *> sinter::rowsAt(const json::Object &object,
                                                 llvm::StringRef key) {
  std::vector<const json::Object *> rows;
  for (const json::Value &value : arrayAt(object, key))
    if (const json::Object *row = value.getAsObject())
      rows.push_back(row);
  return rows;
}
