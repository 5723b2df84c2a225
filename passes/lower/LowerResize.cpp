// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A resize by whole factors that takes the nearest element repeats each element
// side by side, the upsampling of detectors: a copy whose source has an axis of
// stride 0 behind each axis that grows. Any other resize is an extern kernel,
// which computes coordinates.

#include "passes/lower/Lowering.h"

using namespace mlir;

namespace sinter::lower {
namespace {

/// Whether output coordinate i of an axis that grows `factor` times takes
/// element floor(i / factor). Coordinates as ONNX has them: i / factor, or
/// (i + 0.5) / factor - 0.5, whose distance from the element is below a half.
bool repeats(graph::ResizeOp op, int64_t factor) {
  StringRef coordinates = op.getCoordinateMode(), nearest = op.getNearestMode();
  if (coordinates == "asymmetric")
    return nearest == "floor" ||
           (nearest == "round_prefer_floor" && factor == 2);
  return (coordinates == "half_pixel" || coordinates == "pytorch_half_pixel" ||
          coordinates == "half_pixel_symmetric") &&
         (nearest == "round_prefer_floor" || nearest == "round_prefer_ceil");
}

/// The whole factor by which an axis grows; nullopt where there is none.
std::optional<int64_t> factorOf(double scale, sym::DimAttr from,
                                sym::DimAttr to) {
  std::optional<int64_t> in = sym::asConstant(from), out = sym::asConstant(to);
  if (scale == 0 && from == to)
    scale = 1;
  else if (scale == 0 && in && out && *in > 0)
    scale = double(*out) / double(*in);
  int64_t factor = scale >= 1 && scale <= 1024 ? int64_t(scale) : 0;
  if (factor == 0 || double(factor) != scale || to != from * factor)
    return std::nullopt;
  return factor;
}

/// Axis i of `place` as two: dims[i] elements, and as many as its factor that
/// are one element repeated, or lie side by side.
Place split(const Place &place, ArrayRef<sym::DimAttr> dims,
            ArrayRef<int64_t> factors, bool isRepeated) {
  Place result = place;
  result.dims.clear();
  result.strides.clear();
  for (size_t i = 0; i < factors.size(); ++i) {
    sym::DimAttr stride = place.strides[i];
    result.dims.push_back(dims[i]);
    result.strides.push_back(isRepeated ? stride : stride * factors[i]);
    if (factors[i] == 1)
      continue;
    result.dims.push_back(sym::constantDim(dims[i].getContext(), factors[i]));
    result.strides.push_back(
        isRepeated ? sym::constantDim(dims[i].getContext(), 0) : stride);
  }
  return result;
}

} // namespace

LogicalResult Lowering::lowerResize(graph::ResizeOp op) {
  sym::Dims from = sym::dimsOf(cast<RankedTensorType>(op.getInput().getType())),
            to = sym::dimsOf(cast<RankedTensorType>(op.getResult().getType()));
  if (op.getMode() != "nearest" || op.getAntialias())
    return lowerExtern(op);
  SmallVector<int64_t> factors;
  for (size_t i = 0; i < from.size(); ++i) {
    std::optional<int64_t> factor = factorOf(op.getScales()[i], from[i], to[i]);
    if (!factor || (*factor > 1 && !repeats(op, *factor)))
      return lowerExtern(op);
    factors.push_back(*factor);
  }
  Place source = placeOf(op.getInput()), target = destinationOf(op.getResult());
  copy(split(source, from, factors, /*isRepeated=*/true),
       split(target, from, factors, /*isRepeated=*/false), op.getLoc());
  return success();
}

} // namespace sinter::lower
