// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/observe/CostsJson.h"

#include "runtime/serve/protocol/JsonWriter.h"

namespace sinter::serve {

static void write(JsonWriter &json, const ModelCosts::Times &times) {
  json.open('[');
  for (auto [ns, often] : times)
    json.open('[').number(ns / 1e3).number(often).close(']');
  json.close(']');
}

std::string costsJson(const std::vector<ModelCosts> &models) {
  JsonWriter json;
  json.open('{').key("models").open('[');
  for (const ModelCosts &model : models) {
    json.open('{').key("name").string(model.name);
    json.key("version").string(model.version).key("costs").open('[');
    for (const ModelCosts::Size &size : model.sizes) {
      json.open('{').key("rows").number(size.rows);
      json.key("us").number(size.ns / 1e3).key("runs");
      write(json, size.runs);
      json.close('}');
    }
    json.close(']').key("wakes");
    write(json, model.wakes);
    json.close('}');
  }
  json.close(']').close('}');
  return std::move(json.text);
}

} // namespace sinter::serve
