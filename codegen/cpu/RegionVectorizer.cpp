// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scalar regions on vectors, one operation at a time.

#include "codegen/cpu/RegionVectorizer.h"
#include "dialects/Support/Check.h"
#include "dialects/kernel/KernelOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sinter::cpu {

Values emitRegion(KernelBuilder &kb, Region &region, ArrayRef<Value> args,
                  unsigned lanes, llvm::function_ref<Value(unsigned)> index) {
  if (region.empty())
    return {args[0]};
  llvm::DenseMap<Value, Value> map;
  for (auto [argument, value] : llvm::zip(region.front().getArguments(), args))
    map[argument] = value;
  Values yielded;
  for (Operation &op : region.front()) {
    if (auto yield = dyn_cast<kernel::YieldOp>(op)) {
      for (Value v : yield.getValues())
        yielded.push_back(map[v]);
      continue;
    }
    auto apply = dyn_cast<kernel::ApplyOp>(op);
    SINTER_CHECK(apply, "only apply");
    Value x = map[op.getOperand(0)];
    Value y = op.getNumOperands() > 1 ? map[op.getOperand(1)] : Value();
    Value r;
    if (apply.getKind() == "add")
      r = arith::AddFOp::create(kb.b, kb.loc, x, y);
    else if (apply.getKind() == "relu")
      r = arith::MaximumFOp::create(kb.b, kb.loc, x,
                                    kb.zeros(kb.b.getF32Type(), lanes));
    SINTER_CHECK(r, "add or relu");
    map[op.getResult(0)] = r;
  }
  return yielded;
}

} // namespace sinter::cpu
