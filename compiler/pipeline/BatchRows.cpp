// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Candidates for the batch dimension, and what the tracer says of each.
#include "compiler/pipeline/BatchRows.h"

#include "compiler/pipeline/RowTracer.h"
#include "compiler/report/MlirDiagnostics.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/STLExtras.h"

using namespace sinter;
using namespace mlir;

namespace {

struct Candidate {
  sym::DimAttr first;
  std::vector<std::string> symbols;
  bool isFirstAxis = false;
};

} // namespace

// Symbols of the inputs' dimensions, those that a check equates as one.
static std::vector<Candidate> candidatesOf(func::FuncOp function) {
  auto isSymbol = [](sym::DimAttr dim) {
    return dim.getKind() == sym::DimKind::Symbol;
  };
  llvm::EquivalenceClasses<Attribute> equal;
  function.walk([&](graph::CheckOp check) {
    if (isSymbol(check.getLeft()) && isSymbol(check.getRight()) &&
        !check.getBroadcast())
      equal.unionSets(check.getLeft(), check.getRight());
  });
  std::vector<Candidate> candidates;
  for (Type type : function.getArgumentTypes())
    for (auto [axis, dim] :
         llvm::enumerate(sym::dimsOf(cast<RankedTensorType>(type)))) {
      if (!isSymbol(dim))
        continue;
      Candidate *known = nullptr;
      for (Candidate &other : candidates)
        if (other.first == dim || equal.isEquivalent(other.first, dim))
          known = &other;
      if (!known) {
        known = &candidates.emplace_back();
        known->first = dim;
      }
      std::string name = dim.getName().getValue().str();
      if (!llvm::is_contained(known->symbols, name))
        known->symbols.push_back(name);
      known->isFirstAxis |= axis == 0;
    }
  std::vector<Candidate> ordered;
  for (bool isFirst : {true, false})
    for (const Candidate &candidate : candidates)
      if (candidate.isFirstAxis == isFirst)
        ordered.push_back(candidate);
  return ordered;
}

// The axes that count rows, and whether the proof goes through.
static BatchRows examine(func::FuncOp function, const Candidate &candidate) {
  BatchRows result;
  result.symbols = candidate.symbols;
  RowTracer tracer(function.getContext(), candidate.symbols);
  for (Type type : function.getArgumentTypes())
    result.inputs.push_back(tracer.batchAxis(cast<RankedTensorType>(type)));
  std::vector<RowState> states = tracer.trace(function);
  result.areIndependent = true;
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    int64_t axis = tracer.batchAxis(cast<RankedTensorType>(type));
    result.outputs.push_back(axis);
    const RowState &state = states[i];
    bool isGood = state.kind == RowState::Shared
                      ? axis < 0
                      : state.isRows() && axis == int64_t(state.axis);
    if (isGood || !result.areIndependent)
      continue;
    result.areIndependent = false;
    Operation *mixer = tracer.mixer();
    std::string where = mixer ? describeLocation(mixer->getLoc()) : "";
    result.why = where.empty() ? "an output is not divided into rows"
                               : where + " mixes rows";
  }
  return result;
}

BatchRows sinter::findBatchRows(func::FuncOp function) {
  BatchRows first;
  for (const Candidate &candidate : candidatesOf(function)) {
    BatchRows rows = examine(function, candidate);
    bool divides =
        llvm::any_of(rows.outputs, [](int64_t axis) { return axis >= 0; });
    if (rows.areIndependent && divides)
      return rows;
    rows.areIndependent = false;
    if (first.symbols.empty() && candidate.isFirstAxis)
      first = rows;
  }
  return first;
}
