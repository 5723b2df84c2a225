// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/lower/Place.h"

using namespace mlir;

namespace sinter::lower {

bool Storage::hasHalo() const {
  auto isSome = [](int64_t amount) { return amount != 0; };
  return llvm::any_of(low, isSome) || llvm::any_of(high, isSome);
}

sym::Dims rowMajor(MLIRContext *context, ArrayRef<sym::DimAttr> dims) {
  sym::Dims strides(dims.size());
  sym::DimAttr stride = sym::constantDim(context, 1);
  for (size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride = stride * dims[i];
  }
  return strides;
}

Place wholeOf(Storage &storage) {
  MLIRContext *context = storage.element.getContext();
  sym::Dims padded(storage.dims);
  for (size_t i = 0; i < storage.low.size(); ++i)
    padded[i] = padded[i] + (storage.low[i] + storage.high[i]);
  Place place;
  place.storage = &storage;
  place.dims = storage.dims;
  place.strides = rowMajor(context, padded);
  place.offset = sym::constantDim(context, 0);
  for (size_t i = 0; i < storage.low.size(); ++i)
    place.offset = place.offset + place.strides[i] * storage.low[i];
  return storage.order.empty() ? place
                               : transpose(place, inverse(storage.order));
}

SmallVector<int64_t> inverse(ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> result(permutation.size());
  for (auto [i, axis] : llvm::enumerate(permutation))
    result[axis] = i;
  return result;
}

Place transpose(const Place &place, ArrayRef<int64_t> permutation) {
  Place result = place;
  for (auto [i, axis] : llvm::enumerate(permutation)) {
    result.dims[i] = place.dims[axis];
    result.strides[i] = place.strides[axis];
  }
  return result;
}

Place slice(const Place &place, ArrayRef<sym::DimAttr> starts,
            ArrayRef<sym::DimAttr> sizes, ArrayRef<int64_t> steps) {
  Place result = place;
  for (size_t i = 0; i < starts.size(); ++i) {
    result.offset = result.offset + starts[i] * place.strides[i];
    result.dims[i] = sizes[i];
    result.strides[i] = place.strides[i] * steps[i];
  }
  return result;
}

Place broadcast(const Place &place, ArrayRef<sym::DimAttr> dims) {
  MLIRContext *context = place.element().getContext();
  sym::DimAttr zero = sym::constantDim(context, 0);
  size_t added = dims.size() - place.rank();
  Place result = place;
  result.dims = sym::Dims(dims);
  result.strides.assign(dims.size(), zero);
  for (size_t i = 0; i < place.rank(); ++i) {
    if (sym::isConstant(place.dims[i], 1))
      continue;
    // A number that is not 1 is the result's extent, under whatever name.
    if (place.dims[i] == dims[added + i] || sym::asConstant(place.dims[i])) {
      result.strides[added + i] = place.strides[i];
      continue;
    }
    // An extent known only at run time is 1 or the result's: the stride
    // follows. min(d - 1, 1) is 0 for an extent of 1 and 1 above.
    sym::DimAttr one = sym::constantDim(context, 1);
    result.strides[added + i] =
        place.strides[i] *
        sym::minDim(sym::maxDim(place.dims[i] - 1, zero), one);
  }
  return result;
}

namespace {
/// One axis of the source that still has to be given out, innermost last.
struct Run {
  sym::DimAttr extent, stride;
};
} // namespace

std::optional<Place> reshape(const Place &place, ArrayRef<sym::DimAttr> dims) {
  MLIRContext *context = place.element().getContext();
  Place result = place;
  result.dims = sym::Dims(dims);
  // Join what is mergeable in the source, then cut the runs into the new dims.
  SmallVector<Run> runs;
  for (size_t i = 0; i < place.rank(); ++i) {
    if (sym::isConstant(place.dims[i], 1))
      continue;
    if (!runs.empty() &&
        runs.back().stride == place.dims[i] * place.strides[i]) {
      runs.back().extent = runs.back().extent * place.dims[i];
      runs.back().stride = place.strides[i];
    } else {
      runs.push_back({place.dims[i], place.strides[i]});
    }
  }
  sym::DimAttr one = sym::constantDim(context, 1);
  if (runs.size() <= 1) {
    sym::DimAttr unit = runs.empty() ? one : runs[0].stride;
    result.strides = rowMajor(context, dims);
    for (sym::DimAttr &stride : result.strides)
      stride = stride * unit;
    return result;
  }
  result.strides.assign(dims.size(), one);
  size_t axis = dims.size();
  while (!runs.empty()) {
    // Take axes from the end until their product is the run's extent.
    Run run = runs.pop_back_val();
    sym::DimAttr taken = one;
    while (taken != run.extent) {
      while (axis > 0 && sym::isConstant(dims[axis - 1], 1))
        --axis;
      if (axis == 0)
        return std::nullopt;
      --axis;
      result.strides[axis] = run.stride * taken;
      taken = taken * dims[axis];
      std::optional<int64_t> have = sym::asConstant(taken),
                             want = sym::asConstant(run.extent);
      if (have && want && (*have == 0 || *have > *want))
        return std::nullopt;
    }
  }
  while (axis > 0 && sym::isConstant(dims[axis - 1], 1))
    --axis;
  if (axis != 0)
    return std::nullopt;
  return result;
}

/// Only speed depends on an order of axes, so a guess at dynamic strides will
/// do.
static int64_t guess(sym::DimAttr stride) {
  return sym::evaluate(stride,
                       [](StringRef) { return std::optional<int64_t>(512); })
      .value_or(0);
}

SmallVector<int64_t> memoryOrder(const Place &place) {
  SmallVector<int64_t> order;
  for (unsigned i = 0; i < place.rank(); ++i)
    order.push_back(i);
  llvm::stable_sort(order, [&](int64_t a, int64_t b) {
    return guess(place.strides[a]) > guess(place.strides[b]);
  });
  return order;
}

SmallVector<int64_t> orderForReshape(const Place &place,
                                     ArrayRef<sym::DimAttr> dims) {
  // Groups of source axes that a group of result axes is made of, in order.
  MLIRContext *context = place.element().getContext();
  SmallVector<std::pair<unsigned, unsigned>>
      groups; // [begin, end) of source axes
  size_t from = 0, to = 0;
  while (from < place.rank()) {
    size_t begin = from;
    sym::DimAttr left = place.dims[from++],
                 right = sym::constantDim(context, 1);
    while (left != right) {
      std::optional<int64_t> a = sym::asConstant(left),
                             b = sym::asConstant(right);
      bool takeRight = to < dims.size() && (!a || !b || *b < *a);
      if (takeRight)
        right = right * dims[to++];
      else if (from < place.rank())
        left = left * place.dims[from++];
      else
        break;
    }
    groups.push_back({begin, from});
  }
  auto strideOf = [&](const std::pair<unsigned, unsigned> &group) {
    int64_t largest = 0;
    for (unsigned i = group.first; i < group.second; ++i)
      if (!sym::isConstant(place.dims[i], 1))
        largest = std::max(largest, guess(place.strides[i]));
    return largest;
  };
  llvm::stable_sort(groups, [&](const auto &a, const auto &b) {
    return strideOf(a) > strideOf(b);
  });
  SmallVector<int64_t> order;
  for (auto [begin, end] : groups)
    for (unsigned i = begin; i < end; ++i)
      order.push_back(i);
  return order;
}

Place grow(const Place &place, ArrayRef<int64_t> low, ArrayRef<int64_t> high) {
  Place result = place;
  for (size_t i = 0; i < low.size(); ++i) {
    result.offset = result.offset - place.strides[i] * low[i];
    result.dims[i] = place.dims[i] + (low[i] + high[i]);
  }
  return result;
}

bool isContiguous(const Place &place) {
  sym::Dims expected = rowMajor(place.element().getContext(), place.dims);
  for (size_t i = 0; i < place.rank(); ++i)
    if (expected[i] != place.strides[i] && !sym::isConstant(place.dims[i], 1))
      return false;
  return true;
}

bool isRowContiguous(const Place &place) {
  return place.rank() == 0 || sym::isConstant(place.strides.back(), 1) ||
         sym::isConstant(place.dims.back(), 1);
}

static void dropAxis(Place &place, unsigned axis) {
  place.dims.erase(place.dims.begin() + axis);
  place.strides.erase(place.strides.begin() + axis);
}

unsigned collapse(ArrayRef<Place *> places, unsigned begin, unsigned end,
                  unsigned keep) {
  for (unsigned i = begin; i < end && end - begin > keep;) {
    bool isUnit = llvm::all_of(places, [&](Place *place) {
      return sym::isConstant(place->dims[i], 1);
    });
    if (isUnit) {
      for (Place *place : places)
        dropAxis(*place, i);
      --end;
      continue;
    }
    bool joins = i + 1 < end && llvm::all_of(places, [&](Place *place) {
                   return place->strides[i] ==
                              place->dims[i + 1] * place->strides[i + 1] ||
                          sym::isConstant(place->dims[i + 1], 1);
                 });
    if (!joins) {
      ++i;
      continue;
    }
    bool innerIsUnit = sym::isConstant(places[0]->dims[i + 1], 1);
    for (Place *place : places) {
      if (!innerIsUnit) {
        place->dims[i] = place->dims[i] * place->dims[i + 1];
        place->strides[i] = place->strides[i + 1];
      }
      dropAxis(*place, i + 1);
    }
    --end;
  }
  return end;
}

} // namespace sinter::lower
