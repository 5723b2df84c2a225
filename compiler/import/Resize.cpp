// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Resize and Upsample. Extents come from `sizes`, or are floor(extent * scale);
// the scale itself stays, because coordinates are computed with what the model
// says and not with the ratio of rounded extents.
#include "compiler/import/NodeImport.h"

using namespace mlir;

namespace sinter::importer {
namespace {

struct Target {
  Dims dims;
  SmallVector<double> scales; // 0: the ratio of the extents
};

/// floor(extent * scale), exact for scales that are small fractions.
std::optional<DimAttr> scaled(NodeImport &node, DimAttr extent, double scale) {
  if (!(scale > 0) || scale > 1e6) {
    (void)node.fault(ErrorCode::S001,
                     "a scale is " + Twine(std::to_string(scale)),
                     "a positive number");
    return std::nullopt;
  }
  if (std::optional<int64_t> known = sym::asConstant(extent))
    return node.model.dim(int64_t(std::floor(float(*known) * float(scale))));
  for (int64_t divisor = 1; divisor <= 64; ++divisor) {
    double whole = scale * divisor;
    if (float(std::round(whole) / divisor) == float(scale) &&
        std::round(whole) >= 1)
      return sym::floorDiv(extent * int64_t(std::round(whole)), divisor);
  }
  (void)node.fault(
      ErrorCode::I014,
      "scale " + Twine(std::to_string(scale)) + " of the extent " +
          sym::toString(extent) + " is no simple fraction",
      "",
      "Give the extent with --shape, or export with sizes instead of scales.");
  return std::nullopt;
}

/// Positions of the axes that scales, sizes and roi speak of.
std::optional<SmallVector<int64_t>> axesOf(NodeImport &node) {
  SmallVector<int64_t> axes = node.integers("axes");
  if (axes.empty())
    for (int64_t i = 0; i < node.rank(0); ++i)
      axes.push_back(i);
  return node.axes(axes, node.rank(0));
}

std::optional<Target> fromScales(NodeImport &node, ArrayRef<double> scales,
                                 ArrayRef<int64_t> axes) {
  Target target{node.dims(0), SmallVector<double>(node.rank(0), 1.0)};
  if (scales.size() != axes.size()) {
    (void)node.fault(ErrorCode::S001,
                     "scales has " + Twine(scales.size()) + " values",
                     Twine(axes.size()));
    return std::nullopt;
  }
  for (auto [axis, scale] : llvm::zip(axes, scales)) {
    std::optional<DimAttr> extent = scaled(node, target.dims[axis], scale);
    if (!extent)
      return std::nullopt;
    target.dims[axis] = *extent;
    target.scales[axis] = scale;
  }
  return target;
}

std::optional<Target> fromSizes(NodeImport &node, ArrayRef<int64_t> axes) {
  Target target{node.dims(0), SmallVector<double>(node.rank(0), 1.0)};
  std::optional<Dims> sizes = node.dimsOrBound(3, "size", 1);
  if (!sizes)
    return std::nullopt;
  if (sizes->size() != axes.size()) {
    (void)node.fault(ErrorCode::S001,
                     "sizes has " + Twine(sizes->size()) + " values",
                     Twine(axes.size()));
    return std::nullopt;
  }
  std::string policy = node.text("keep_aspect_ratio_policy");
  if (policy.empty() || policy == "stretch") {
    for (auto [axis, size] : llvm::zip(axes, *sizes)) {
      target.scales[axis] = size == target.dims[axis] ? 1.0 : 0.0;
      target.dims[axis] = size;
    }
    return target;
  }
  // One scale for all axes, so that none is larger (smaller) than asked for.
  double scale = 0;
  for (auto [axis, size] : llvm::zip(axes, *sizes)) {
    std::optional<int64_t> from = sym::asConstant(target.dims[axis]),
                           to = sym::asConstant(size);
    if (!from || !to || *from == 0) {
      (void)node.fault(ErrorCode::I014,
                       "keep_aspect_ratio_policy needs constant extents");
      return std::nullopt;
    }
    double ratio = double(*to) / double(*from);
    scale = scale == 0               ? ratio
            : policy == "not_larger" ? std::min(scale, ratio)
                                     : std::max(scale, ratio);
  }
  for (int64_t axis : axes) {
    target.dims[axis] = node.model.dim(
        int64_t(std::round(scale * *sym::asConstant(target.dims[axis]))));
    target.scales[axis] = scale;
  }
  return target;
}

LogicalResult emitResize(NodeImport &node, const Target &target,
                         ArrayRef<double> roi, StringRef coordinates,
                         StringRef nearest) {
  std::string mode = node.text("mode");
  if (mode == "bilinear" || mode == "trilinear")
    mode = "linear";
  bool isSame =
      target.dims == node.dims(0) &&
      llvm::all_of(target.scales, [](double scale) { return scale == 1.0; }) &&
      coordinates != "tf_crop_and_resize";
  if (isSame)
    return node.setSame(0, *node.input(0));
  return node.set(
      0, node.one<graph::ResizeOp>(
             node.value(0),
             node.attrs()
                 .text("mode", mode)
                 .text("coordinate_mode", coordinates)
                 .text("nearest_mode", nearest)
                 .reals("scales", target.scales)
                 .reals("roi", roi)
                 .real("cubic_coeff_a", node.real("cubic_coeff_a", -0.75))
                 .real("extrapolation_value", node.real("extrapolation_value"))
                 .flag("exclude_outside", node.integer("exclude_outside"))
                 .flag("antialias", node.integer("antialias")),
             {sym::tensorOf(target.dims, node.type(0).getElementType())}));
}

bool hasElements(TensorValue *value) {
  return value &&
         !(value->type.hasStaticShape() && value->type.getNumElements() == 0);
}

LogicalResult importResize(NodeImport &node) {
  std::optional<SmallVector<int64_t>> axes = axesOf(node);
  if (!axes)
    return failure();
  bool isOld = node.since() < 11;
  size_t scalesAt = isOld ? 1 : 2;
  bool hasSizes = hasElements(node.input(3));
  if (!hasSizes && !hasElements(node.input(scalesAt)))
    return node.fault(ErrorCode::I006, "has neither scales nor sizes");
  std::optional<Target> target;
  if (hasSizes) {
    target = fromSizes(node, *axes);
  } else if (std::optional<SmallVector<double>> scales =
                 node.constantReals(scalesAt)) {
    target = fromScales(node, *scales, *axes);
  }
  if (!target)
    return failure();
  std::string coordinates =
      isOld ? "asymmetric" : node.text("coordinate_transformation_mode");
  SmallVector<double> roi;
  if (coordinates == "tf_crop_and_resize") {
    std::optional<SmallVector<double>> given =
        node.input(1) ? node.constantReals(1) : std::nullopt;
    if (!given || given->size() != 2 * axes->size())
      return node.fault(ErrorCode::S001,
                        "tf_crop_and_resize needs a constant roi of " +
                            Twine(2 * axes->size()) + " values");
    roi.assign(2 * node.rank(0), 0.0);
    std::fill(roi.begin() + node.rank(0), roi.end(), 1.0);
    for (size_t i = 0; i < axes->size(); ++i) {
      roi[(*axes)[i]] = (*given)[i];
      roi[node.rank(0) + (*axes)[i]] = (*given)[i + axes->size()];
    }
  }
  return emitResize(node, *target, roi, coordinates,
                    isOld ? "floor" : node.text("nearest_mode"));
}

LogicalResult importUpsample(NodeImport &node) {
  SmallVector<double> scales = node.reals("scales");
  if (node.since() >= 9) {
    std::optional<SmallVector<double>> given = node.constantReals(1);
    if (!given)
      return failure();
    scales = *given;
  }
  std::optional<SmallVector<int64_t>> axes = axesOf(node);
  std::optional<Target> target = fromScales(node, scales, *axes);
  return target ? emitResize(node, *target, {}, "asymmetric", "floor")
                : failure();
}

} // namespace

void addResize(OpTable &table) {
  table["Resize"] = importResize;
  table["Upsample"] = importUpsample;
}

} // namespace sinter::importer
