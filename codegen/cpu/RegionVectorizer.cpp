// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One scalar operation after the other; its meaning is in VectorMath.

#include "codegen/cpu/RegionVectorizer.h"
#include "codegen/cpu/VectorMath.h"
#include "dialects/Support/Check.h"
#include "dialects/kernel/KernelOps.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace sinter::kernel;

namespace sinter::cpu {
namespace {

Value splatConstant(KernelBuilder &kb, TypedAttr value, unsigned lanes) {
  Vec shape(kb, kb.zeros(kb.b.getI8Type(), lanes));
  if (auto integer = dyn_cast<IntegerAttr>(value)) {
    APInt bits = integer.getValue();
    VectorType type = shape.like(kb.b.getIntegerType(bits.getBitWidth()));
    return shape.make<arith::ConstantOp>(DenseElementsAttr::get(type, bits))
        .value;
  }
  auto real = cast<FloatAttr>(value);
  return shape
      .make<arith::ConstantOp>(
          DenseElementsAttr::get(shape.like(real.getType()), real.getValue()))
      .value;
}

/// x, low and high where `cast` makes bytes of clip(x, low, high), f32, with
/// bounds that they hold: the cast need not look for what the clip removed.
struct ClippedCast {
  Value x;
  double low, high;
};
std::optional<ClippedCast> clippedCastOf(CastOp cast) {
  auto to = dyn_cast<IntegerType>(cast.getResult().getType());
  auto clip = cast.getInput().getDefiningOp<ApplyOp>();
  if (!to || to.getWidth() != 8 || !cast.getInput().getType().isF32() ||
      !clip || clip.getScalarKind() != scalar::Kind::k_clip)
    return std::nullopt;
  double bounds[2];
  for (unsigned i : {0u, 1u}) {
    auto constant = clip.getOperands()[i + 1].getDefiningOp<ConstOp>();
    auto number =
        constant ? dyn_cast<FloatAttr>(constant.getValue()) : FloatAttr();
    if (!number)
      return std::nullopt;
    bounds[i] = number.getValueAsDouble();
  }
  double least = to.isUnsigned() ? 0 : -128, most = to.isUnsigned() ? 255 : 127;
  if (!(bounds[0] >= least && bounds[1] <= most && bounds[0] <= bounds[1]))
    return std::nullopt;
  return ClippedCast{clip.getOperands()[0], bounds[0], bounds[1]};
}

} // namespace

Values emitRegion(KernelBuilder &kb, Region &region, ArrayRef<Value> args,
                  unsigned lanes,
                  llvm::function_ref<Value(unsigned axis)> index,
                  Value active) {
  if (region.empty())
    return Values(args.begin(), args.end());
  Block &block = region.front();
  SINTER_CHECK(block.getNumArguments() == args.size(),
               "a region needs one vector for each argument");
  IRMapping map;
  map.map(block.getArguments(), args);
  auto mapped = [&](ValueRange values) {
    Values result;
    for (Value value : values)
      result.push_back(map.lookup(value));
    return result;
  };
  for (Operation &op : block.without_terminator()) {
    Value result =
        llvm::TypeSwitch<Operation *, Value>(&op)
            .Case([&](ApplyOp apply) {
              Type type = apply.getOperands().back().getType();
              return emitScalar(kb, apply.getScalarKind(),
                                mapped(apply.getOperands()),
                                type.isUnsignedInteger(), active);
            })
            .Case([&](CastOp cast) {
              if (auto clipped = clippedCastOf(cast))
                return emitClippedCast(
                    kb, map.lookup(clipped->x), clipped->low, clipped->high,
                    llvm::cast<IntegerType>(cast.getResult().getType()));
              return emitCast(kb, map.lookup(cast.getInput()),
                              cast.getInput().getType(),
                              cast.getResult().getType());
            })
            .Case([&](ConstOp constant) {
              return splatConstant(kb, constant.getValue(), lanes);
            })
            .Case([&](IndexOp coordinate) {
              SINTER_CHECK(index, "this root gives no coordinates");
              return index(coordinate.getAxis());
            })
            .Case([&](DimOp dim) {
              return kb.splat(kb.dim(dim.getValue()), lanes);
            });
    map.map(op.getResult(0), result);
  }
  return mapped(block.getTerminator()->getOperands());
}

} // namespace sinter::cpu
