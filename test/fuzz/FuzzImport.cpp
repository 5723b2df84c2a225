// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the part of the importer that sees raw bytes: wire format, messages,
// the look-up of schemas, the texts of faults. Everything parsed is touched, so
// that a view outside the input is seen by the sanitizers.
#include "compiler/import/Diagnostics.h"
#include "compiler/import/Proto.h"
#include "compiler/import/Schema.h"
#include "compiler/import/WireReader.h"

#include <cstdlib>

using namespace sinter;
using namespace sinter::onnx;

namespace {

uint64_t sum;

void touch(Text text) {
  for (unsigned char c : text)
    sum = sum * 31 + c;
}

void touch(const Tensor &tensor) {
  touch(tensor.name);
  if (tensor.raw)
    touch(*tensor.raw);
  for (const Texts *chunks :
       {&tensor.floats, &tensor.ints32, &tensor.ints64, &tensor.doubles,
        &tensor.uints64, &tensor.strings})
    for (Text chunk : *chunks) {
      WireReader reader(chunk);
      uint64_t value;
      while (!reader.atEnd() && reader.varint(value))
        sum += value;
      touch(chunk);
    }
  for (auto [key, value] : tensor.external) {
    touch(key);
    touch(value);
  }
}

void touch(const Graph &graph, Diagnostics &faults) {
  for (const Tensor &tensor : graph.initializers)
    touch(tensor);
  for (const ValueInfo &value : graph.inputs)
    touch(value.name);
  for (const Node &node : graph.nodes) {
    const Schema *schema = findSchema(node.op, 17);
    if (!schema)
      faults.add({ErrorCode::I003, std::string(node.name), std::string(node.op),
                  "unknown", "", ""});
    for (size_t i = 0; schema && i < node.inputs.size(); ++i)
      if (const Formal *formal = Schema::formal(schema->inputs, i))
        touch(typeNames(schema->maskOf(*formal)));
    for (const Attribute &attribute : node.attributes) {
      touch(attribute.name);
      if (schema)
        sum += schema->attribute(attribute.name) != nullptr;
      for (const Tensor &tensor : attribute.tensors)
        touch(tensor);
      for (const Graph &inner : attribute.graphs)
        touch(inner, faults);
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Text bytes(reinterpret_cast<const char *>(data), size);
  Model model;
  const char *problem = nullptr;
  bool isFine = parseModel(bytes, model, problem);
  if (isFine == (problem != nullptr))
    std::abort();
  Diagnostics faults("fuzz.onnx");
  if (model.graph)
    touch(*model.graph, faults);
  touch(faults.text());
  return 0;
}
