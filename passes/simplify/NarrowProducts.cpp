// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product of quantised operands is written with their zero points taken off,
// in i16, or, between dequantisation and quantisation, in floats. Machines have
// dot products of unsigned bytes with signed ones, so the zero points are put
// behind the sum, where those of constant operands are one number a column:
//
//   sum (a - za) * b  =  sum a * b  -  za * sum b
//
// A signed a is shifted to unsigned bytes. Constants that do not fit into
// signed bytes without their zero point c keep a part of it, which is a sum
// over each row of a: one more column of ones. Floats between integers leave as
// a factor on the sum, and a division that follows goes into that factor.
#include "passes/simplify/NarrowProduct.h"
#include "passes/simplify/Passes.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace sinter::graph;
using namespace sinter::simplify;

namespace sinter {
#define GEN_PASS_DEF_NARROWPRODUCTS
#include "passes/simplify/Passes.h.inc"
namespace {

Type unsignedByte(OpBuilder &builder) {
  return builder.getIntegerType(8, /*isSigned=*/false);
}

/// Whether every element is a whole number, as far as one operation shows.
bool isWhole(Value value, const Constants &constants) {
  if (mapOf(value, Kind::k_round))
    return true;
  if (auto cast = value.getDefiningOp<CastOp>())
    return isa<IntegerType>(elementType(cast.getInput()));
  std::optional<double> number = constants.numberOf(value);
  return number && *number == std::floor(*number);
}

/// Signed bytes that a clip of whole numbers made, as unsigned ones 128 higher;
/// null otherwise.
Value unsignedOf(OpBuilder &builder, CastOp quantised,
                 const Constants &constants) {
  MapOp clip = mapOf(quantised.getInput(), Kind::k_clip);
  if (!clip || !isExactly(operand(clip, 1), -128) ||
      !isExactly(operand(clip, 2), 127))
    return {};
  Location location = quantised.getLoc();
  Type real = elementType(operand(clip, 0));
  Value x = operand(clip, 0);
  double shift = 128;
  MapOp add = mapOf(x, Kind::k_add);
  if (add ? !isWhole(operand(add, 0), constants) ||
                !isWhole(operand(add, 1), constants)
          : !isWhole(x, constants))
    return {};
  // Another sum with a constant, of small whole numbers, is exact.
  if (std::optional<double> zero =
          add ? constants.numberOf(operand(add, 1)) : std::nullopt;
      zero && operand(add, 0).getType() == x.getType()) {
    x = operand(add, 0);
    shift += *zero;
  }
  builder.setInsertionPoint(quantised);
  if (shift != 0)
    x = makeMap(builder, location, Kind::k_add,
                {x, makeScalar(builder, location, real, shift)});
  x = makeMap(builder, location, Kind::k_clip,
              {x, makeScalar(builder, location, real, 0),
               makeScalar(builder, location, real, 255)});
  auto type = cast<RankedTensorType>(quantised.getResult().getType());
  return CastOp::create(builder, location,
                        sym::tensorOf(sym::dimsOf(type), unsignedByte(builder)),
                        x);
}

/// Readers of signed bytes read unsigned ones, and another zero point.
bool shiftReaders(OpBuilder &builder, CastOp quantised,
                  const Constants &constants) {
  SmallVector<CastOp> readers;
  for (Operation *user : quantised.getResult().getUsers())
    if (auto reader = dyn_cast<CastOp>(user))
      if (elementType(reader.getResult()).isSignlessInteger(16) ||
          elementType(reader.getResult()).isSignlessInteger(32))
        readers.push_back(reader);
  if (readers.empty())
    return false;
  Value bytes = unsignedOf(builder, quantised, constants);
  if (!bytes)
    return false;
  for (CastOp reader : readers) {
    builder.setInsertionPoint(reader);
    Location location = reader.getLoc();
    Value wide =
        CastOp::create(builder, location, reader.getResult().getType(), bytes);
    Type element = elementType(wide);
    for (Operation *user :
         llvm::make_early_inc_range(reader.getResult().getUsers())) {
      auto sub = dyn_cast<MapOp>(user);
      std::optional<double> zero = sub && sub.getScalarKind() == Kind::k_sub &&
                                           operand(sub, 0) == reader.getResult()
                                       ? constants.numberOf(operand(sub, 1))
                                       : std::nullopt;
      if (!zero || sub.getResult().getType() != wide.getType())
        continue;
      builder.setInsertionPoint(sub);
      Value centred = wide;
      if (*zero != -128)
        centred = makeMap(
            builder, location, Kind::k_sub,
            {wide, makeScalar(builder, location, element, *zero + 128)});
      sub.getResult().replaceAllUsesWith(centred);
      sub.erase();
    }
    if (reader.getResult().use_empty()) {
      reader.erase();
      continue;
    }
    builder.setInsertionPoint(reader);
    Value same = makeMap(builder, location, Kind::k_sub,
                         {wide, makeScalar(builder, location, element, 128)});
    reader.getResult().replaceAllUsesWith(same);
    reader.erase();
  }
  return true;
}

/// Whether `value` / c can be had by changing constants: sums of products times
/// a factor, with bias and rectifier.
bool dividesFreely(Value value, const Constants &constants) {
  auto map = value.getDefiningOp<MapOp>();
  if (!map || !value.hasOneUse() ||
      operand(map, 0).getType() != value.getType())
    return false;
  switch (map.getScalarKind()) {
  case Kind::k_relu:
    return dividesFreely(operand(map, 0), constants);
  case Kind::k_add:
    return constants.floatsOf(operand(map, 1)) &&
           dividesFreely(operand(map, 0), constants);
  case Kind::k_mul: {
    auto cast = operand(map, 0).getDefiningOp<CastOp>();
    return cast && elementType(cast.getInput()).isSignlessInteger(32) &&
           isa_and_nonnull<ConvOp, MatMulOp, MapOp>(
               cast.getInput().getDefiningOp());
  }
  default:
    return false;
  }
}

Value divided(OpBuilder &builder, Value value, Value divisor) {
  auto map = value.getDefiningOp<MapOp>();
  Location location = map.getLoc();
  Value x = operand(map, 0);
  if (map.getScalarKind() == Kind::k_relu)
    return makeMap(builder, location, Kind::k_relu,
                   {divided(builder, x, divisor)});
  Value constant =
      makeMap(builder, location, Kind::k_div, {operand(map, 1), divisor});
  if (map.getScalarKind() == Kind::k_add)
    x = divided(builder, x, divisor);
  return makeMap(builder, location, map.getScalarKind(), {x, constant});
}

struct NarrowProducts : impl::NarrowProductsBase<NarrowProducts> {
  NarrowProducts(std::shared_ptr<const ConstantEvaluator> evaluator)
      : evaluator(std::move(evaluator)) {}

  void runOnOperation() override {
    if (!evaluator)
      return;
    Constants constants(*evaluator);
    OpBuilder builder(&getContext());
    SmallVector<Operation *> products;
    SmallVector<CastOp> casts;
    getOperation().walk([&](Operation *op) {
      if (isa<MatMulOp, ConvOp>(op))
        products.push_back(op);
      if (auto cast = dyn_cast<CastOp>(op);
          cast && elementType(cast.getResult()).isSignlessInteger(8))
        casts.push_back(cast);
    });
    if (products.empty())
      return;
    for (CastOp cast : casts)
      if (shiftReaders(builder, cast, constants))
        ++shifted;
    for (Operation *product : products)
      if (narrowProduct(builder, product, constants))
        ++narrowed;
    SmallVector<MapOp> divisions;
    getOperation().walk([&](MapOp map) {
      if (map.getScalarKind() == Kind::k_div)
        divisions.push_back(map);
    });
    for (MapOp map : divisions) {
      std::optional<double> divisor = constants.numberOf(operand(map, 1));
      if (!divisor || !(*divisor > 0) ||
          map.getResult().getType() != operand(map, 0).getType() ||
          !dividesFreely(operand(map, 0), constants))
        continue;
      builder.setInsertionPoint(map);
      map.getResult().replaceAllUsesWith(
          divided(builder, operand(map, 0), operand(map, 1)));
      map.erase();
    }
    eraseUnused();
  }

private:
  // Operands as they were: folding them would take time and room.
  void eraseUnused() {
    SmallVector<Operation *> order;
    getOperation().walk([&](Operation *op) { order.push_back(op); });
    for (Operation *op : llvm::reverse(order))
      if (isOpTriviallyDead(op))
        op->erase();
  }

  std::shared_ptr<const ConstantEvaluator> evaluator;
};

} // namespace

std::unique_ptr<Pass>
createNarrowProducts(std::shared_ptr<const ConstantEvaluator> evaluator) {
  return std::make_unique<NarrowProducts>(std::move(evaluator));
}

} // namespace sinter
