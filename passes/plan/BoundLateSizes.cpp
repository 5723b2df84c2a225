// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory is reserved before the first record runs, so a size that comes out of
// data is reserved at its bound. Two things need no bound: an output whose
// every writer runs after its size is known asks for its memory then (its
// caller may give a hook); and a bound of a few bytes costs nothing. What is
// left and large is refused, all of it at once, at the nodes that compute it.

#include "dialects/Support/ErrorCodes.h"
#include "dialects/exec/LateSizes.h"
#include "passes/plan/Passes.h"
#include "passes/plan/ReferenceShape.h"

using namespace mlir;

namespace sinter {
#define GEN_PASS_DEF_BOUNDLATESIZES
#include "passes/plan/Passes.h.inc"
namespace {

constexpr int64_t fewBytes = 4096; // reserved without a look at the shape

class Bounder {
public:
  Bounder(exec::ProgramOp program, int64_t maxSlack)
      : program(program), maxSlack(maxSlack), late(program),
        reference(program) {}
  LogicalResult run();

private:
  std::optional<int64_t> slackOf(sym::DimAttr bytes) const;
  sym::DimAttr mostOf(sym::DimAttr bytes);
  bool isKnownBefore(Operation *user, sym::DimAttr size);
  LogicalResult refuse(Location location, const llvm::Twine &what,
                       sym::DimAttr bytes, std::optional<int64_t> slack);
  LogicalResult boundAllocs();
  LogicalResult boundOutputs();

  exec::ProgramOp program;
  int64_t maxSlack;
  exec::LateSizes late;
  ReferenceShape reference;
};

/// Bytes that are reserved at the reference shape; null when over 2^63.
std::optional<int64_t> Bounder::slackOf(sym::DimAttr bytes) const {
  bool fits = true;
  std::optional<int64_t> value =
      sym::evaluate(bytes, [&](StringRef name) -> std::optional<int64_t> {
        exec::SymbolOp symbol = late.find(name);
        if (!symbol)
          return reference.valueOf(name);
        sym::DimAttr bound = late.boundOf(name);
        if (!bound)
          return symbol.getMax();
        std::optional<int64_t> most = reference.evaluate(late.bound(bound));
        fits &= most.has_value();
        return most.value_or(0);
      });
  return fits ? value : std::nullopt;
}

/// What is reserved. A size may fall where a late symbol grows (what is left of
/// a slice), so its bound is not its value at the largest symbols alone: a few
/// bytes are reserved by the range of the size, others for both ends.
sym::DimAttr Bounder::mostOf(sym::DimAttr bytes) {
  auto find = [&](StringRef name) -> exec::SymbolOp {
    for (auto symbol : program.getOps<exec::SymbolOp>())
      if (symbol.getName() == name)
        return symbol;
    return {};
  };
  sym::Range range = sym::rangeOf(bytes, [&](StringRef name) -> sym::Range {
    exec::SymbolOp symbol = find(name);
    if (!symbol)
      return {0, int64_t(1) << 31};
    return {int64_t(symbol.getMin()), int64_t(symbol.getMax())};
  });
  if (range.max <= fewBytes)
    return sym::constantDim(bytes.getContext(),
                            std::max<int64_t>(range.max, 0));
  sym::DimAttr low = sym::substitute(bytes, [&](StringRef name) {
    exec::SymbolOp symbol = late.find(name);
    return symbol ? sym::constantDim(bytes.getContext(), symbol.getMin())
                  : sym::DimAttr();
  });
  sym::DimAttr high = late.bound(bytes);
  return sym::asConstant(low).value_or(1) <= 0 ? high : sym::maxDim(high, low);
}

/// True when each late symbol of `size` has its value before `user` runs.
bool Bounder::isKnownBefore(Operation *user, sym::DimAttr size) {
  Operation *top = program.getBody().front().findAncestorOpInBlock(*user);
  bool known = true;
  sym::forEachSymbol(size, [&](StringRef name) {
    if (!late.find(name))
      return;
    bool isRead = false;
    for (auto read : program.getOps<exec::ReadOp>())
      isRead |= read.getSymbol() == name && read->isBeforeInBlock(top);
    known &= isRead;
  });
  return known;
}

LogicalResult Bounder::refuse(Location location, const llvm::Twine &what,
                              sym::DimAttr bytes,
                              std::optional<int64_t> slack) {
  return emitError(location)
         << what << " has " << sym::toString(bytes)
         << " bytes, which depends on data: memory for "
         << (slack ? "up to " + std::to_string(*slack) : "more than 2^63")
         << " bytes would be reserved, over the " << maxSlack
         << " of --max-slack [" << errorText(ErrorCode::I014).code << "]";
}

LogicalResult Bounder::boundAllocs() {
  LogicalResult result = success();
  for (auto alloc : program.getOps<exec::AllocOp>()) {
    sym::DimAttr bytes = alloc.getBytes();
    if (!late.isLate(bytes) || alloc->use_empty())
      continue;
    std::optional<int64_t> slack = slackOf(bytes);
    if (slack && *slack <= maxSlack)
      alloc.setBytesAttr(mostOf(bytes));
    else // the last use in the list is the first of the program: its maker
      result = refuse(llvm::to_vector(alloc->getUsers()).back()->getLoc(),
                      "an inner tensor", bytes, slack);
  }
  return result;
}

LogicalResult Bounder::boundOutputs() {
  LogicalResult result = success();
  SmallVector<int64_t> sizedLate;
  unsigned inputs = program.getInputTypes().size();
  for (auto [i, type] : llvm::enumerate(program.getOutputTypes())) {
    auto tensor = cast<RankedTensorType>(cast<TypeAttr>(type).getValue());
    Type element = tensor.getElementType();
    if (!element.isIntOrFloat())
      continue; // refused with its name when the image is written
    sym::DimAttr bytes = sym::elementCount(tensor) *
                         int64_t((element.getIntOrFloatBitWidth() + 7) / 8);
    std::optional<int64_t> slack = slackOf(bytes);
    if (!late.isLate(bytes) || (slack && *slack <= maxSlack))
      continue;
    Value buffer = program.getBody().getArgument(inputs + i);
    if (llvm::all_of(buffer.getUsers(), [&](Operation *user) {
          return isKnownBefore(user, bytes);
        })) {
      sizedLate.push_back(i);
      continue;
    }
    StringRef name = cast<StringAttr>(program.getOutputNames()[i]).getValue();
    result = refuse(llvm::to_vector(buffer.getUsers()).back()->getLoc(),
                    "output '" + name + "'", bytes, slack);
  }
  if (!sizedLate.empty())
    program->setAttr(exec::kLateOutputs,
                     DenseI64ArrayAttr::get(program.getContext(), sizedLate));
  return result;
}

LogicalResult Bounder::run() {
  if (late.empty())
    return success();
  LogicalResult allocs = boundAllocs(), outputs = boundOutputs();
  return success(succeeded(allocs) && succeeded(outputs));
}

struct BoundLateSizes : impl::BoundLateSizesBase<BoundLateSizes> {
  using BoundLateSizesBase::BoundLateSizesBase;
  void runOnOperation() override {
    if (failed(Bounder(getOperation(), maxSlack).run()))
      signalPassFailure();
  }
};

} // namespace
} // namespace sinter
