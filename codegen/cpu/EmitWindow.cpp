// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling over channels-last views: vectors lie along the channels, four side
// by side to share the walk over the window. The window's bounds are clamped to
// the input for each output position, so there is no padding and no special
// border: a position inside simply has full bounds.
//
// Order: positions of the window in index order, each channel its own chain.

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/PlanWalker.h"
#include "codegen/cpu/RegionVectorizer.h"
#include "codegen/cpu/VectorMath.h"

using namespace mlir;
using sinter::kernel::ViewType;
using sinter::scalar::Kind;

namespace sinter::cpu {
namespace {

constexpr unsigned kChains = 4;

class WindowEmitter {
public:
  WindowEmitter(KernelBuilder &kb, kernel::DefineOp define,
                kernel::WindowOp root)
      : kb(kb), root(root), input(cast<ViewType>(root.getInput().getType())),
        dims(cast<ViewType>(root.getOutputs()[0].getType()).getDims()),
        spatial(dims.size() - 2), items(*kernel::itemPlanOf(define)),
        lanes(kb.target.lanes(widestBits(root))) {
    if (std::optional<ArrayRef<int64_t>> given = define.getBlocks();
        given && given->size() == items.blocks.size())
      items.blocks.assign(given->begin(), given->end());
    compute = isa<FloatType>(input.getElement()) &&
                      input.getElement().getIntOrFloatBitWidth() == 16
                  ? Type(kb.b.getF32Type())
                  : input.getElement();
  }

  void emit() {
    Values counts;
    for (sym::DimAttr count : items.counts())
      counts.push_back(kb.dim(count));
    kb.items(counts, [&](ArrayRef<Value> coordinates) {
      Values first, extents;
      for (unsigned axis = 0; axis < dims.size(); ++axis) {
        Value start = kb.mul(coordinates[axis], items.blocks[axis]);
        Value extent = kb.dim(dims[axis]);
        Value rest = kb.sub(extent, start);
        first.push_back(start);
        extents.push_back(items.blocks[axis] == 0
                              ? extent
                              : kb.min(kb.c(items.blocks[axis]), rest));
      }
      positions(0, first, extents);
    });
  }

private:
  /// Positions of the window that lie inside the input, along one axis.
  struct Bounds {
    Value begin, end; // of the window's index
    Value start;      // coordinate in the input of index 0; may be negative
    Value padded;     // end when padding counts as well
  };

  void positions(unsigned axis, Values at, const Values &extents) {
    if (axis + 1 == dims.size())
      return position(at, extents.back());
    Value first = at[axis];
    kb.loop(kb.c(0), extents[axis], 1, [&](Value i) {
      at[axis] = kb.add(first, i);
      positions(axis + 1, at, extents);
    });
  }

  Bounds boundsOf(unsigned axis, Value at) {
    int64_t kernel = root.getKernel()[axis], stride = root.getStrides()[axis];
    int64_t dilation = root.getDilations()[axis], pad = root.getPads()[axis];
    Value size = kb.dim(input.getDims()[axis + 1]);
    Value start = kb.sub(kb.mul(at, stride), pad);
    auto upTo = [&](Value extent) { // indices whose coordinate is below extent
      Value reach = kb.max(kb.sub(extent, start), kb.c(0));
      return kb.min(kb.ceilDiv(reach, kb.c(dilation)), kb.c(kernel));
    };
    Value missing = kb.max(kb.sub(kb.c(0), start), kb.c(0));
    Value begin = pad == 0 ? kb.c(0) : kb.ceilDiv(missing, kb.c(dilation));
    return {begin, upTo(size), start,
            upTo(kb.add(size, root.getEndPads()[axis]))};
  }

  void position(const Values &at, Value channels) {
    SmallVector<Bounds, 3> bounds;
    for (unsigned axis = 0; axis < spatial; ++axis)
      bounds.push_back(boundsOf(axis, at[axis + 1]));
    int64_t wide = int64_t(lanes) * kChains;
    Value whole = kb.mul(kb.div(channels, kb.c(wide)), wide);
    kb.loop(kb.c(0), whole, wide, [&](Value c) {
      window(at, bounds, kb.add(at.back(), c), kChains, lanes, nullptr);
    });
    Value rest = kb.sub(channels, whole);
    Value vectors = kb.mul(kb.div(rest, kb.c(lanes)), lanes);
    kb.loop(kb.c(0), vectors, lanes, [&](Value c) {
      window(at, bounds, kb.add(at.back(), kb.add(whole, c)), 1, lanes,
             nullptr);
    });
    Value left = kb.sub(rest, vectors);
    if (KernelBuilder::constant(left) == 0 || lanes == 1)
      return;
    Value tail = kb.add(at.back(), kb.add(whole, vectors));
    bool isWide = KernelBuilder::bytesOf(input.getElement()) >= 4;
    if (kb.target.vec.cheapMasks || isWide)
      kb.ifThen(kb.less(kb.c(0), left),
                [&] { window(at, bounds, tail, 1, lanes, left); });
    else
      kb.loop(kb.c(0), left, 1, [&](Value c) {
        window(at, bounds, kb.add(tail, c), 1, 1, nullptr);
      });
  }

  Value pointerTo(ViewType view, Value base, ArrayRef<Value> at) {
    int64_t bytes = KernelBuilder::bytesOf(view.getElement());
    for (auto [axis, coordinate] : llvm::enumerate(at))
      base = kb.at(base,
                   kb.mul(coordinate, kb.dim(view.getStrides()[axis] * bytes)));
    return base;
  }

  Vec identity(unsigned width) {
    auto integer = dyn_cast<IntegerType>(compute);
    Type element =
        integer ? Type(kb.b.getIntegerType(integer.getWidth())) : compute;
    Vec zero(kb, kb.zeros(element, width));
    if (root.getKind() != "max")
      return zero;
    if (!integer)
      return zero.number(-__builtin_inf());
    unsigned bits = integer.getWidth();
    return zero.integer(
        integer.isUnsigned() || bits == 1 ? 0 : INT64_MIN >> (64 - bits));
  }

  Value combine(Value acc, Value loaded) {
    Value value = emitCast(kb, loaded, input.getElement(), compute);
    if (root.getKind() == "max")
      return emitScalar(kb, compute.isInteger(1) ? Kind::k_or : Kind::k_max,
                        {acc, value}, compute.isUnsignedInteger());
    Vec x(kb, value), sum(kb, acc);
    if (root.getKind() == "average")
      return (sum + x).value;
    if (root.getP() == 1)
      return (sum + abs(x)).value;
    if (root.getP() == 2)
      return fma(x, x, sum).value;
    return (sum +
            Vec(kb,
                emitScalar(kb, Kind::k_pow,
                           {abs(x).value, x.number(root.getP()).value}, false)))
        .value;
  }

  Value result(Value acc, ArrayRef<Bounds> bounds, unsigned width) {
    Vec x(kb, acc);
    if (root.getKind() == "average") {
      Value count = kb.c(1);
      for (const Bounds &axis : bounds)
        count = kb.mul(count, root.getCountIncludePad()
                                  ? axis.padded
                                  : kb.sub(axis.end, axis.begin));
      Value real = arith::SIToFPOp::create(kb.b, kb.loc, compute,
                                           kb.max(count, kb.c(1)));
      x = x / Vec(kb, kb.splat(real, width));
    } else if (root.getKind() == "lp" && root.getP() != 1) {
      Value power = x.number(1.0 / double(root.getP())).value;
      x = Vec(kb, emitScalar(kb, Kind::k_pow, {acc, power}, false));
    }
    return emitCast(kb, x.value, compute, input.getElement());
  }

  /// The accumulators after axis `axis` and those inside it.
  Values accumulate(unsigned axis, ArrayRef<Bounds> bounds, Value pointer,
                    Values carried, unsigned width, Value count) {
    int64_t bytes = KernelBuilder::bytesOf(input.getElement());
    sym::DimAttr along = input.getStrides().back();
    if (axis == spatial) {
      for (auto [v, acc] : llvm::enumerate(carried)) {
        Value at = kb.at(pointer, kb.dim(along * int64_t(v * width * bytes)));
        acc = combine(acc, kb.loadLanes(input.getElement(), width, at,
                                        width == 1 ? one() : along, count));
      }
      return carried;
    }
    Value step = kb.dim(input.getStrides()[axis + 1] *
                        (bytes * root.getDilations()[axis]));
    return kb.loop(bounds[axis].begin, bounds[axis].end, 1, carried,
                   [&](Value k, ValueRange inner) {
                     return accumulate(
                         axis + 1, bounds, kb.at(pointer, kb.mul(k, step)),
                         Values(inner.begin(), inner.end()), width, count);
                   });
  }

  sym::DimAttr one() { return sym::constantDim(root.getContext(), 1); }

  void window(const Values &at, ArrayRef<Bounds> bounds, Value channel,
              unsigned vectors, unsigned width, Value count) {
    Values corner{at[0]};
    for (const Bounds &axis : bounds)
      corner.push_back(axis.start);
    corner.push_back(channel);
    Value base = kb.buffer(cast<BlockArgument>(root.getInput()).getArgNumber());
    Values sums =
        accumulate(0, bounds, pointerTo(input, base, corner),
                   Values(vectors, identity(width).value), width, count);
    for (auto [v, sum] : llvm::enumerate(sums)) {
      Values place(at);
      place.back() = kb.add(channel, int64_t(v) * width);
      finish(place, result(sum, bounds, width), width, count);
    }
  }

  void finish(const Values &at, Value value, unsigned width, Value count) {
    auto locate = [&](Value view, sym::DimAttr &stride) {
      auto type = cast<ViewType>(view.getType());
      stride = width == 1 ? one() : type.getStrides().back();
      return pointerTo(type,
                       kb.buffer(cast<BlockArgument>(view).getArgNumber()), at);
    };
    Values values{value};
    sym::DimAttr stride;
    for (Value extra : root.getExtras()) {
      Value pointer = locate(extra, stride);
      values.push_back(
          kb.loadLanes(cast<ViewType>(extra.getType()).getElement(), width,
                       pointer, stride, count));
    }
    Value active = count ? kb.mask(width, count) : Value();
    values = emitRegion(kb, root.getEpilogue(), values, width, nullptr, active);
    for (auto [output, result] : llvm::zip(root.getOutputs(), values)) {
      Value pointer = locate(output, stride);
      kb.storeLanes(result, pointer, stride, count);
    }
  }

  KernelBuilder &kb;
  kernel::WindowOp root;
  ViewType input;
  ArrayRef<sym::DimAttr> dims;
  unsigned spatial;
  kernel::ItemPlan items;
  unsigned lanes;
  Type compute;
};

} // namespace

LogicalResult emitWindow(KernelBuilder &kb, kernel::DefineOp define,
                         kernel::WindowOp root) {
  WindowEmitter(kb, define, root).emit();
  return success();
}

} // namespace sinter::cpu
