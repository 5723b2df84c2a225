// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exporters give every unknown extent a name of its own, even where the model
// works for equal ones only: the importer then writes a graph.check, and each
// later shape carries both names. Behind the checks of the function's own block
// the two are the same number, so one name, or the constant, takes the place of
// the other everywhere. The checks stay as they are and still name their node.
//
//   x: [A, K], w: [L, 8], check K equals L   ==>   x: [A, K], w: [K, 8], same
//   check
//
// Only symbols that an input binds are renamed. Types that follow from operands
// are inferred anew; should the result not verify, the function stays as it
// was.
#include "passes/simplify/Passes.h"

#include "dialects/graph/GraphOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace sinter::graph;

namespace sinter {
#define GEN_PASS_DEF_UNIFYSYMBOLS
#include "passes/simplify/Passes.h.inc"
namespace {

using sym::DimAttr;
using sym::DimKind;

/// Which name, or number, each symbol is replaced by.
class Renaming {
public:
  explicit Renaming(func::FuncOp function) {
    for (Type type : function.getArgumentTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type))
        for (DimAttr dim : sym::dimsOf(tensor))
          if (dim.getKind() == DimKind::Symbol)
            order.try_emplace(dim.getName(), order.size());
    for (CheckOp check : function.getOps<CheckOp>())
      if (!check.getBroadcast() &&
          unify(apply(check.getLeft()), apply(check.getRight())))
        checks.push_back(check);
  }
  /// The checks that prove the renaming; they speak of inputs only.
  ArrayRef<CheckOp> provedBy() const { return checks; }
  bool isEmpty() const { return to.empty(); }

  DimAttr apply(DimAttr dim) const {
    // A replacement may have been replaced since: there are few, and no cycles.
    for (size_t round = 0; round <= to.size(); ++round) {
      DimAttr next = sym::substitute(dim, [&](StringRef name) {
        auto found = to.find(name);
        return found == to.end() ? DimAttr() : found->second;
      });
      if (next == dim)
        break;
      dim = next;
    }
    return dim;
  }

private:
  bool isBound(DimAttr dim) const {
    return dim.getKind() == DimKind::Symbol && order.contains(dim.getName());
  }
  bool unify(DimAttr a, DimAttr b) {
    if (a == b)
      return false;
    if (isBound(a) && (b.getKind() == DimKind::Constant ||
                       (isBound(b) && order[b.getName()] < order[a.getName()])))
      to[a.getName()] = b;
    else if (isBound(b) && (a.getKind() == DimKind::Constant || isBound(a)))
      to[b.getName()] = a;
    else
      return false;
    return true;
  }

  llvm::StringMap<size_t> order; // of first appearance among the inputs
  llvm::StringMap<DimAttr> to;
  SmallVector<CheckOp> checks;
};

AttrTypeReplacer replacerFor(const Renaming &renaming) {
  AttrTypeReplacer replacer;
  // A tensor whose extents are all known loses its encoding: build it anew.
  replacer.addReplacement(
      [&](RankedTensorType type) -> std::pair<Type, WalkResult> {
        sym::Dims dims = sym::dimsOf(type);
        for (DimAttr &dim : dims)
          dim = renaming.apply(dim);
        return {sym::tensorOf(dims, type.getElementType()), WalkResult::skip()};
      });
  replacer.addReplacement([&](DimAttr dim) -> std::pair<Attribute, WalkResult> {
    return {renaming.apply(dim), WalkResult::skip()};
  });
  return replacer;
}

/// Result types that follow from the operands, in the order of the program.
void inferTypes(func::FuncOp function) {
  function.walk<WalkOrder::PreOrder>([](Operation *op) {
    auto infer = dyn_cast<InferTypeOpInterface>(op);
    SmallVector<Type> types;
    if (!infer || failed(infer.inferReturnTypes(
                      op->getContext(), op->getLoc(), op->getOperands(),
                      op->getDiscardableAttrDictionary(),
                      op->getPropertiesStorage(), op->getRegions(), types)))
      return;
    for (auto [result, type] : llvm::zip(op->getResults(), types))
      result.setType(type);
  });
}

/// An extent that a renaming has made negative: the checks say that no input
/// reaches it, and their run, not the compiler, is to refuse the input.
bool hasNegativeExtent(func::FuncOp function) {
  return function
      .walk([](Operation *op) {
        for (Type type : op->getResultTypes())
          if (auto tensor = dyn_cast<RankedTensorType>(type))
            for (sym::DimAttr dim : sym::dimsOf(tensor))
              if (std::optional<int64_t> extent = sym::asConstant(dim);
                  extent && *extent < 0)
                return WalkResult::interrupt();
        return WalkResult::advance();
      })
      .wasInterrupted();
}

/// Inputs are read through reshapes to their new extents, behind the checks.
void renameInputs(func::FuncOp function, const Renaming &renaming,
                  AttrTypeReplacer &replacer) {
  Block &body = function.getBody().front();
  Operation *first = &body.front();
  for (CheckOp check : renaming.provedBy())
    if (check.getOperation() != first)
      check->moveBefore(first);
    else
      first = first->getNextNode();
  OpBuilder builder(first);
  for (BlockArgument argument : function.getArguments()) {
    Type type = replacer.replace(argument.getType());
    if (type == argument.getType())
      continue;
    auto reshape =
        ReshapeOp::create(builder, function.getLoc(), type, argument);
    argument.replaceAllUsesExcept(reshape.getResult(), reshape);
  }
}

struct UnifySymbols : impl::UnifySymbolsBase<UnifySymbols> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    auto renamed = cast<func::FuncOp>(function->clone());
    Renaming renaming(renamed);
    if (renaming.isEmpty()) {
      renamed->destroy();
      return;
    }
    AttrTypeReplacer replacer = replacerFor(renaming);
    renameInputs(renamed, renaming, replacer);
    renamed.getBody().walk([&](Operation *op) {
      if (!isa<CheckOp, SymbolOp>(op))
        replacer.replaceElementsIn(op, /*replaceAttrs=*/true,
                                   /*replaceLocs=*/false,
                                   /*replaceTypes=*/true);
    });
    {
      ScopedDiagnosticHandler quiet(&getContext(),
                                    [](Diagnostic &) { return success(); });
      inferTypes(renamed);
      Operation *end = renamed.getBody().front().getTerminator();
      renamed.setFunctionType(
          FunctionType::get(&getContext(), renamed.getBody().getArgumentTypes(),
                            end->getOperandTypes()));
      if (hasNegativeExtent(renamed) || failed(verify(renamed))) {
        renamed->destroy();
        return;
      }
    }
    function.setFunctionType(renamed.getFunctionType());
    function.getBody().takeBody(renamed.getBody());
    renamed->destroy();
  }
};

} // namespace
} // namespace sinter
