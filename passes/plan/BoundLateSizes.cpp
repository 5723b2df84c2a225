// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory is reserved before the first record runs, so a size that comes out of
// data is reserved at its bound. Two things need no bound: an output whose
// every writer runs after its size is known asks for its memory then (its
// caller may give a hook); and a bound of a few bytes costs nothing, nor does
// one that is the size but for rounding. What is left and large is refused, all
// of it at once, at the nodes that compute it.

#include "dialects/Support/ErrorCodes.h"
#include "dialects/exec/LateSizes.h"
#include "passes/plan/Passes.h"
#include "passes/plan/ReferenceShape.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace sinter {
#define GEN_PASS_DEF_BOUNDLATESIZES
#include "passes/plan/Passes.h.inc"
namespace {

constexpr int64_t fewBytes = 4096; // reserved without a look at the shape
constexpr int64_t openSize = int64_t(1) << 31; // the range of any size
constexpr int64_t likelySize = 1024;           // what a message proposes

class Bounder {
public:
  Bounder(exec::ProgramOp program, int64_t maxSlack)
      : program(program), maxSlack(maxSlack), late(program),
        reference(program) {}
  LogicalResult run();

private:
  std::optional<int64_t> slackOf(sym::DimAttr bytes, int64_t open = openSize,
                                 StringRef wide = "") const;
  bool isTight(sym::DimAttr bytes);
  sym::DimAttr mostOf(sym::DimAttr bytes);
  bool isKnownBefore(Operation *user, sym::DimAttr size);
  struct Refusal {
    Location location;
    std::string what;
    sym::DimAttr bytes;
    std::optional<int64_t> slack;
  };
  void boundAllocs();
  void boundOutputs();
  bool isOpen(StringRef name) const;
  std::string options() const;

  exec::ProgramOp program;
  int64_t maxSlack;
  exec::LateSizes late;
  ReferenceShape reference;
  llvm::StringMap<bool> tight; // late symbols
  SmallVector<Refusal> refusals;
};

/// Bytes that are reserved at the reference shape, with `open` for sizes that
/// nothing bounds but for `wide`; null when over 2^63.
std::optional<int64_t> Bounder::slackOf(sym::DimAttr bytes, int64_t open,
                                        StringRef wide) const {
  return reference.evaluate(late.bound(bytes, [&](exec::SymbolOp symbol) {
    StringRef name = symbol.getName();
    return isOpen(name) && name != wide ? open : int64_t(symbol.getMax());
  }));
}

/// Whether no late symbol of the size, nor of its bound, can be much below its
/// own bound. A bound names symbols that were read before it.
bool Bounder::isTight(sym::DimAttr bytes) {
  bool result = true;
  sym::forEachSymbol(bytes, [&](StringRef name) {
    if (!result || !late.find(name))
      return;
    if (tight.try_emplace(name, true).second)
      tight[name] = late.isTight(name) && isTight(late.boundOf(name));
    result = tight[name];
  });
  return result;
}

/// What is reserved: a few bytes by the range of the size.
sym::DimAttr Bounder::mostOf(sym::DimAttr bytes) {
  sym::Range range = late.rangeOf(bytes);
  if (range.max <= fewBytes)
    return sym::constantDim(bytes.getContext(),
                            std::max<int64_t>(range.max, 0));
  return late.bound(bytes);
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

/// Whether nothing but its type bounds a late symbol.
bool Bounder::isOpen(StringRef name) const {
  exec::SymbolOp symbol = late.find(name);
  return symbol && !late.boundOf(name) && symbol.getMax() >= openSize;
}

/// What to write on the command line, for all refusals at once: bounds for the
/// sizes that have none, and the memory that is reserved then.
std::string Bounder::options() const {
  std::string dims;
  llvm::StringSet<> seen;
  std::optional<int64_t> most = 0;
  for (const Refusal &refusal : refusals) {
    std::optional<int64_t> slack = slackOf(refusal.bytes, likelySize);
    sym::forEachSymbol(refusal.bytes, [&](StringRef name) {
      if (isOpen(name) && slackOf(refusal.bytes, likelySize, name) != slack &&
          seen.insert(name).second)
        dims += (" --dim '" + name).str() + "=0.." +
                std::to_string(likelySize) + "'";
    });
    most =
        most && slack ? std::optional(std::max(*most, *slack)) : std::nullopt;
  }
  if (!most)
    return "--shape for the inputs" + dims;
  if (*most <= maxSlack)
    return dims.substr(dims.empty() ? 0 : 1);
  return "--max-slack " + std::to_string((*most >> 20) + 1) + "M" + dims;
}

void Bounder::boundAllocs() {
  for (auto alloc : program.getOps<exec::AllocOp>()) {
    sym::DimAttr bytes = alloc.getBytes();
    if (!late.isLate(bytes) || alloc->use_empty())
      continue;
    std::optional<int64_t> slack = slackOf(bytes);
    if (isTight(bytes) || (slack && *slack <= maxSlack))
      alloc.setBytesAttr(mostOf(bytes));
    else // the last use in the list is the first of the program: its maker
      refusals.push_back({llvm::to_vector(alloc->getUsers()).back()->getLoc(),
                          "an inner tensor", bytes, slack});
  }
}

void Bounder::boundOutputs() {
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
    if (!late.isLate(bytes) || isTight(bytes) || (slack && *slack <= maxSlack))
      continue;
    Value buffer = program.getBody().getArgument(inputs + i);
    if (llvm::all_of(buffer.getUsers(), [&](Operation *user) {
          return isKnownBefore(user, bytes);
        })) {
      sizedLate.push_back(i);
      continue;
    }
    StringRef name = cast<StringAttr>(program.getOutputNames()[i]).getValue();
    refusals.push_back({llvm::to_vector(buffer.getUsers()).back()->getLoc(),
                        ("output '" + name + "'").str(), bytes, slack});
  }
  if (!sizedLate.empty())
    program->setAttr(exec::kLateOutputs,
                     DenseI64ArrayAttr::get(program.getContext(), sizedLate));
}

/// The start of a long form: the options behind it matter more.
std::string shown(sym::DimAttr bytes) {
  std::string text = sym::toString(bytes);
  return text.size() > 160 ? text.substr(0, 150) + "..." : text;
}

LogicalResult Bounder::run() {
  if (late.empty())
    return success();
  boundAllocs();
  boundOutputs();
  std::string allowed = options();
  for (const Refusal &refusal : refusals)
    emitError(refusal.location)
        << refusal.what << " has " << shown(refusal.bytes)
        << " bytes, which depends on data: memory for "
        << (refusal.slack ? "up to " + std::to_string(*refusal.slack)
                          : "more than 2^63")
        << " bytes would be reserved, over the " << maxSlack
        << " of --max-slack; allow it with " << allowed << " ["
        << errorText(ErrorCode::I014).code << "]";
  return success(refusals.empty());
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
