// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An export with a batch of 1 may serve others: --shape x=N,3,224,224 opens it.
// That is right where nothing else in the file holds the 1, and most exporters
// write it into the targets of their reshapes. There the importer has left a
// check that only one number passes; and where a reshape took the rows of the
// batch for something else, no output has their extent.
#include "compiler/import/OpenedDims.h"

#include "dialects/graph/GraphOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace sinter::importer {
namespace {

struct Mentions {
  bool symbol = false, others = false;
};

Mentions mentionsOf(StringRef symbol, ArrayRef<DimAttr> dims) {
  Mentions result;
  for (DimAttr dim : dims)
    sym::substitute(dim, [&](StringRef found) {
      (found == symbol ? result.symbol : result.others) = true;
      return DimAttr();
    });
  return result;
}

/// The node that works for one value of the symbol alone; empty: there is none.
std::string findDemand(Operation *function, StringRef name) {
  std::string node;
  function->walk([&](graph::CheckOp check) {
    DimAttr left = check.getLeft(), right = check.getRight();
    Mentions found = mentionsOf(name, {left, right});
    if (left == right || !found.symbol || found.others)
      return WalkResult::advance();
    if (auto fused = dyn_cast<FusedLoc>(check.getLoc()))
      if (auto name = dyn_cast<NameLoc>(fused.getLocations().front()))
        node = name.getName().str();
    node = node.empty() ? "of the model" : node;
    return WalkResult::interrupt();
  });
  return node;
}

bool isInResults(func::FuncOp function, StringRef name) {
  for (Type type : function.getResultTypes())
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      if (mentionsOf(name, sym::dimsOf(tensor)).symbol)
        return true;
  return false;
}

} // namespace

void checkOpenedDims(ModelImporter &importer, const onnx::Graph &graph,
                     Operation *function) {
  for (const ImportOptions::InputShape &shape : importer.options.shapes)
    for (const onnx::ValueInfo &info : graph.inputs) {
      if (StringRef(info.name.data(), info.name.size()) != shape.input ||
          !info.type.shape || info.type.shape->size() != shape.dims.size())
        continue;
      for (size_t axis = 0; axis < shape.dims.size(); ++axis) {
        std::optional<int64_t> fixed = (*info.type.shape)[axis].value;
        StringRef name = shape.dims[axis];
        int64_t number;
        if (!fixed || *fixed < 0 || !name.getAsInteger(10, number) ||
            importer.symbolNamed(name).getKind() != sym::DimKind::Symbol)
          continue;
        std::string node = findDemand(function, name);
        bool isBatch = axis == 0; // an extent of a picture may be pooled away
        if (node.empty() &&
            (!isBatch || isInResults(cast<func::FuncOp>(function), name)))
          continue;
        importer.faults.add(
            {ErrorCode::U011, "", "",
             "--shape opens dimension " + std::to_string(axis) + " of input '" +
                 shape.input + "', but " +
                 (node.empty() ? "no output of the model has its extent"
                               : "node '" + node + "' works for " +
                                     std::to_string(*fixed) + " alone"),
             "a model whose other nodes do not hold the " +
                 std::to_string(*fixed),
             "Export the model with that dimension dynamic."});
      }
    }
}

} // namespace sinter::importer
