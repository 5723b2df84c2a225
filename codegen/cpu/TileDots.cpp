// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Four bytes times four: vpdpbusd where the machine has it. Elsewhere each word
// is taken apart into its even and its odd bytes, as pairs of i16, of which
// every machine adds two products at a time: three shifts for a vector of
// weights, which serves all rows, and two operations for an element of a row.
//
//   word  b3 b2 b1 b0   ->   even  .b2 .b0   odd  .b3 .b1

#include "codegen/cpu/TileDots.h"
#include "codegen/cpu/VectorShuffle.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace sinter::cpu {
namespace {

VectorType withLanes(Value words, unsigned bits) {
  auto type = cast<VectorType>(words.getType());
  return VectorType::get({type.getNumElements() * 32 / bits},
                         IntegerType::get(type.getContext(), bits));
}

Value bitCast(KernelBuilder &kb, Value value, VectorType type) {
  return vector::BitCastOp::create(kb.b, kb.loc, type, value);
}

} // namespace

// Written out, every target's instruction for it is found: vpmaddwd, vpdpwssd,
// smlal.
Value multiplyAddPairs(KernelBuilder &kb, Value words, Value y, Value sum) {
  auto type = cast<VectorType>(y.getType());
  Value x = bitCast(kb, words, type);
  auto wide = type.clone(kb.b.getI32Type());
  Value product = arith::MulIOp::create(
      kb.b, kb.loc, arith::ExtSIOp::create(kb.b, kb.loc, wide, x),
      arith::ExtSIOp::create(kb.b, kb.loc, wide, y));
  SmallVector<int64_t> even, odd;
  for (int64_t lane = 0; lane < type.getNumElements(); lane += 2) {
    even.push_back(lane);
    odd.push_back(lane + 1);
  }
  Value both =
      arith::AddIOp::create(kb.b, kb.loc, shuffle(kb, product, product, even),
                            shuffle(kb, product, product, odd));
  return arith::AddIOp::create(kb.b, kb.loc, sum, both);
}

DotFactor dotFactor(KernelBuilder &kb, Value words, bool isSigned) {
  if (kb.target.dotOf("dot4"))
    return {words, {}};
  VectorType pairs = withLanes(words, 16);
  Value all = bitCast(kb, words, pairs);
  Value eight = arith::ConstantOp::create(
      kb.b, kb.loc, DenseElementsAttr::get(pairs, kb.b.getI16IntegerAttr(8)));
  Value high = arith::ShLIOp::create(kb.b, kb.loc, all, eight);
  if (isSigned)
    return {arith::ShRSIOp::create(kb.b, kb.loc, high, eight),
            arith::ShRSIOp::create(kb.b, kb.loc, all, eight)};
  return {arith::ShRUIOp::create(kb.b, kb.loc, high, eight),
          arith::ShRUIOp::create(kb.b, kb.loc, all, eight)};
}

Value addDots(KernelBuilder &kb, const DotFactor &x, const DotFactor &y,
              Value sum) {
  if (x.odd)
    return multiplyAddPairs(kb, x.odd, y.odd,
                            multiplyAddPairs(kb, x.words, y.words, sum));
  VectorType bytes = withLanes(x.words, 8);
  int64_t bits = bytes.getNumElements() * 8;
  auto call = LLVM::CallIntrinsicOp::create(
      kb.b, kb.loc, sum.getType(),
      kb.b.getStringAttr("llvm.x86.avx512.vpdpbusd." + std::to_string(bits)),
      ValueRange{sum, bitCast(kb, x.words, bytes),
                 bitCast(kb, y.words, bytes)});
  return call.getResults();
}

} // namespace sinter::cpu
