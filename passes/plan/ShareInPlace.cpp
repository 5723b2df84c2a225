// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel that reads each element of a view only to compute the same element
// of its result may write the result over it. Where that view is read for the
// last time, the two buffers become one: the sums of a residual network stay in
// one place, and what was read is still in cache when it is written.
//
// Emitters keep to it: nests, rows and epilogues load an element before they
// store it and compute nothing twice that depends on it.

#include "dialects/kernel/KernelOps.h"
#include "passes/plan/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace sinter {
#define GEN_PASS_DEF_SHAREINPLACE
#include "passes/plan/Passes.h.inc"
namespace {

/// Arguments of a kernel whose elements its root reads one by one, each for the
/// same element of the results.
SmallVector<Value> elementwiseArguments(kernel::DefineOp define) {
  SmallVector<Value> result;
  auto add = [&](ValueRange values) { llvm::append_range(result, values); };
  llvm::TypeSwitch<Operation *>(&define.getBody().front().front())
      .Case([&](kernel::NestOp nest) {
        if (nest.getAxes() == 0)
          add(nest.getInputs());
      })
      .Case([&](kernel::RowOp row) {
        add(row.getInputs());
        add(row.getExtras());
      })
      .Case<kernel::ContractOp, kernel::ConvOp>(
          [&](auto product) { add(product.getExtras()); });
  return result;
}

class Sharing {
public:
  Sharing(exec::ProgramOp program, SymbolTable &symbols)
      : program(program), symbols(symbols) {
    program.walk<WalkOrder::PreOrder>(
        [&](Operation *op) { positions[op] = positions.size(); });
  }

  unsigned run() {
    unsigned count = 0;
    for (auto launch : program.getOps<exec::LaunchOp>()) {
      auto define = symbols.lookup<kernel::DefineOp>(launch.getKernel());
      if (define && !launch.getNoWait())
        count += share(launch, define);
    }
    return count;
  }

private:
  unsigned share(exec::LaunchOp launch, kernel::DefineOp define) {
    unsigned count = 0, end = launch.getBuffers().size();
    for (unsigned out = end - define.getNumOutputs(); out < end; ++out)
      for (Value source : elementwiseArguments(define)) {
        unsigned in = cast<BlockArgument>(source).getArgNumber();
        if (!mayShare(launch, define, in, out))
          continue;
        Value result = launch.getBuffers()[out];
        result.replaceAllUsesWith(launch.getBuffers()[in]);
        result.getDefiningOp()->erase();
        ++count;
        break;
      }
    return count;
  }

  bool mayShare(exec::LaunchOp launch, kernel::DefineOp define, unsigned in,
                unsigned out) {
    ValueRange buffers = launch.getBuffers();
    Block &body = define.getBody().front();
    if (body.getArgument(in).getType() != body.getArgument(out).getType() ||
        launch.getOffsets().getDims()[in] != launch.getOffsets().getDims()[out])
      return false;
    auto from = buffers[in].getDefiningOp<exec::AllocOp>(),
         to = buffers[out].getDefiningOp<exec::AllocOp>();
    return from && to && from != to && from.getBytes() == to.getBytes() &&
           llvm::count(buffers, buffers[in]) == 1 &&
           llvm::count(buffers, buffers[out]) == 1 &&
           llvm::all_of(from->getUsers(),
                        [&](Operation *user) {
                          return positions[user] <= positions[launch];
                        }) &&
           llvm::all_of(to->getUsers(), [&](Operation *user) {
             return positions[user] >= positions[launch];
           });
  }

  exec::ProgramOp program;
  SymbolTable &symbols;
  llvm::DenseMap<Operation *, unsigned> positions;
};

struct ShareInPlace : impl::ShareInPlaceBase<ShareInPlace> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto program : getOperation().getOps<exec::ProgramOp>())
      shared += Sharing(program, symbols).run();
  }
};

} // namespace
} // namespace sinter
