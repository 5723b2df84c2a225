// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What --shape says of an input whose dimensions have names: a number closes
// the name everywhere, another name takes its place. Where --dim, another input
// or the model says otherwise, it is a fault.
#include "compiler/import/ModelImporter.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace sinter::importer {

static StringRef ref(onnx::Text text) {
  return StringRef(text.data(), text.size());
}

void ModelImporter::applyOptions(const onnx::Graph &graph) {
  for (const ImportOptions::InputShape &shape : options.shapes) {
    const onnx::ValueInfo *input = nullptr;
    for (const onnx::ValueInfo &info : graph.inputs)
      if (ref(info.name) == shape.input)
        input = &info;
    if (!input) {
      auto names = llvm::map_range(graph.inputs,
                                   [](auto &info) { return ref(info.name); });
      faults.add({ErrorCode::U008, "", "",
                  "--shape names '" + shape.input + "'",
                  "one of " + llvm::join(names, ", "), ""});
      continue;
    }
    const auto &declared = input->type.shape;
    if (declared && declared->size() != shape.dims.size()) {
      faults.add({ErrorCode::U011, "", "",
                  "--shape gives input '" + shape.input + "' " +
                      std::to_string(shape.dims.size()) + " dimensions",
                  std::to_string(declared->size()), ""});
      continue;
    }
    for (size_t i = 0; declared && i < shape.dims.size(); ++i) {
      StringRef param = ref((*declared)[i].param);
      if (param.empty())
        continue;
      int64_t value;
      if (StringRef(shape.dims[i]).getAsInteger(10, value)) {
        renamedSymbols[param] = shape.dims[i];
      } else {
        symbolNamed(param);
        Symbol &symbol = symbols[StringAttr::get(&context, param)];
        if (value < symbol.min || value > symbol.max)
          faults.add(
              {ErrorCode::U011, "", "",
               "--shape makes '" + param.str() + "' " + shape.dims[i],
               std::to_string(symbol.min) + " to " + std::to_string(symbol.max),
               ""});
        symbol.min = symbol.max = value;
      }
    }
  }
}

} // namespace sinter::importer
