// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shape functions of products, convolutions and pools.
#include "dialects/graph/ShapeSupport.h"

using namespace mlir;
using namespace sinter;
using namespace sinter::graph;

LogicalResult MatMulOp::inferReturnTypes(MLIRContext *,
                                         OptionalLocation location, Adaptor op,
                                         Types &results) {
  if (failed(checkFactors(location, op.getA(), op.getB())))
    return failure();
  Dims a = dimsOf(op.getA()), b = dimsOf(op.getB());
  if (a.size() < 2 || b.size() < 2)
    return emitOptionalError(location, "operands need rank 2 or more, found ",
                             textOf(a), " and ", textOf(b));
  if (op.getTransposeA())
    std::swap(a.end()[-1], a.end()[-2]);
  if (op.getTransposeB())
    std::swap(b.end()[-1], b.end()[-2]);
  if (failed(checkEqual(location, "the inner dimension of a", a.end()[-1],
                        "the inner dimension of b", b.end()[-2])))
    return failure();
  std::optional<Dims> dims = broadcastDims(ArrayRef<DimAttr>(a).drop_back(2),
                                           ArrayRef<DimAttr>(b).drop_back(2));
  if (!dims)
    return emitOptionalError(location, "batch dimensions of ", textOf(a),
                             " and ", textOf(b), " do not broadcast");
  dims->push_back(a.end()[-2]);
  dims->push_back(b.end()[-1]);
  results.push_back(sym::tensorOf(*dims, sumTypeOf(op.getA())));
  return success();
}

namespace {
/// Axes of a convolution or pool input, wherever the channels are.
struct WindowInput {
  DimAttr batch, channels;
  Dims spatial;
  bool channelsLast;

  WindowInput(Value input, bool channelsLast) : channelsLast(channelsLast) {
    Dims dims = dimsOf(input);
    batch = dims[0];
    channels = channelsLast ? dims.back() : dims[1];
    size_t first = channelsLast ? 1 : 2;
    spatial.assign(dims.begin() + first,
                   dims.begin() + first + dims.size() - 2);
  }

  Dims result(DimAttr newChannels, ArrayRef<DimAttr> newSpatial) const {
    Dims dims = {batch};
    if (!channelsLast)
      dims.push_back(newChannels);
    llvm::append_range(dims, newSpatial);
    if (channelsLast)
      dims.push_back(newChannels);
    return dims;
  }
};
} // namespace

static LogicalResult checkWindow(OptionalLocation location, Value input,
                                 ArrayRef<int64_t> kernel,
                                 ArrayRef<int64_t> strides,
                                 ArrayRef<int64_t> pads,
                                 ArrayRef<int64_t> dilations) {
  int64_t rank = rankOf(input);
  if (rank < 3)
    return emitOptionalError(location, "input has rank ", rank,
                             ", expected [N, C, spatial...]");
  size_t spatial = rank - 2;
  if (failed(checkCount(location, "kernel", kernel.size(), spatial)) ||
      failed(checkCount(location, "strides", strides.size(), spatial)) ||
      failed(checkCount(location, "dilations", dilations.size(), spatial)) ||
      failed(checkCount(location, "pads", pads.size(), 2 * spatial)))
    return failure();
  constexpr int64_t limit = int64_t(1) << 31;
  auto outside = [&](ArrayRef<int64_t> values, int64_t low) {
    return llvm::any_of(values,
                        [&](int64_t v) { return v < low || v > limit; });
  };
  if (outside(kernel, 1) || outside(strides, 1) || outside(dilations, 1))
    return emitOptionalError(location,
                             "kernel, strides and dilations must be 1 or more");
  if (outside(pads, -limit))
    return emitOptionalError(location, "pads are out of range");
  return success();
}

/// The filter's spatial extents, which have to be constants.
static LogicalResult kernelOf(OptionalLocation location, Value filter,
                              SmallVectorImpl<int64_t> &kernel) {
  Dims dims = dimsOf(filter);
  if (dims.size() < 3)
    return emitOptionalError(location, "filter has rank ", dims.size(),
                             ", expected 3 or more");
  for (DimAttr dim : ArrayRef<DimAttr>(dims).drop_front(2)) {
    std::optional<int64_t> extent = sym::asConstant(dim);
    if (!extent)
      return emitOptionalError(location, "filter ", textOf(dims),
                               " has no static kernel size");
    kernel.push_back(*extent);
  }
  return success();
}

static LogicalResult checkExtent(OptionalLocation location, size_t axis,
                                 DimAttr extent) {
  std::optional<int64_t> known = sym::asConstant(extent);
  if (!known || *known >= 0)
    return success();
  return emitOptionalError(
      location, "spatial axis ", axis,
      " is smaller than its window: the result extent would be ", *known);
}

template <typename ConvAdaptor>
static LogicalResult checkBias(OptionalLocation location, ConvAdaptor op,
                               DimAttr channels) {
  if (!op.getBias())
    return success();
  if (failed(checkRank(location, "bias", op.getBias(), 1)))
    return failure();
  if (elementOf(op.getBias()) != sumTypeOf(op.getInput()))
    return emitOptionalError(location, "the bias is of ",
                             elementOf(op.getBias()), ", expected ",
                             sumTypeOf(op.getInput()));
  return checkEqual(location, "the bias length", dimsOf(op.getBias())[0],
                    "the number of filters", channels);
}

LogicalResult ConvOp::inferReturnTypes(MLIRContext *, OptionalLocation location,
                                       Adaptor op, Types &results) {
  SmallVector<int64_t> kernel;
  if (failed(kernelOf(location, op.getFilter(), kernel)) ||
      failed(checkWindow(location, op.getInput(), kernel, op.getStrides(),
                         op.getPads(), op.getDilations())) ||
      failed(checkFactors(location, op.getInput(), op.getFilter())))
    return failure();
  WindowInput input(op.getInput(), op.getChannelsLast());
  Dims filter = dimsOf(op.getFilter());
  int64_t group = op.getGroup();
  if (group < 1)
    return emitOptionalError(location, "group is ", group,
                             ", expected 1 or more");
  if (failed(checkEqual(location, "the number of input channels",
                        input.channels, "filter channels x group",
                        filter[1] * group)))
    return failure();
  std::optional<int64_t> filters = sym::asConstant(filter[0]);
  if (filters && *filters % group != 0)
    return emitOptionalError(
        location, *filters, " filters cannot be split into ", group, " groups");
  if (failed(checkBias(location, op, filter[0])))
    return failure();
  Dims spatial;
  for (size_t i = 0; i < kernel.size(); ++i) {
    int64_t window = op.getDilations()[i] * (kernel[i] - 1) + 1;
    int64_t pads = op.getPads()[i] + op.getPads()[i + kernel.size()];
    DimAttr extent =
        floorDiv(input.spatial[i] + (pads - window), op.getStrides()[i]) + 1;
    if (failed(checkExtent(location, i, extent)))
      return failure();
    spatial.push_back(extent);
  }
  results.push_back(sym::tensorOf(input.result(filter[0], spatial),
                                  sumTypeOf(op.getInput())));
  return success();
}

LogicalResult ConvTransposeOp::inferReturnTypes(MLIRContext *,
                                                OptionalLocation location,
                                                Adaptor op, Types &results) {
  SmallVector<int64_t> kernel;
  if (failed(kernelOf(location, op.getFilter(), kernel)) ||
      failed(checkWindow(location, op.getInput(), kernel, op.getStrides(),
                         op.getPads(), op.getDilations())) ||
      failed(checkCount(location, "output_padding",
                        op.getOutputPadding().size(), kernel.size())) ||
      failed(checkSameElement(location, op.getInput(), op.getFilter())))
    return failure();
  WindowInput input(op.getInput(), op.getChannelsLast());
  Dims filter = dimsOf(op.getFilter());
  if (op.getGroup() < 1)
    return emitOptionalError(location, "group is ", op.getGroup(),
                             ", expected 1 or more");
  DimAttr channels = filter[1] * op.getGroup();
  if (failed(checkEqual(location, "the number of input channels",
                        input.channels, "the first filter dimension",
                        filter[0])) ||
      failed(checkBias(location, op, channels)))
    return failure();
  Dims spatial;
  for (size_t i = 0; i < kernel.size(); ++i) {
    int64_t rest = op.getOutputPadding()[i] +
                   op.getDilations()[i] * (kernel[i] - 1) + 1 -
                   op.getPads()[i] - op.getPads()[i + kernel.size()];
    DimAttr extent = (input.spatial[i] - 1) * op.getStrides()[i] + rest;
    if (failed(checkExtent(location, i, extent)))
      return failure();
    spatial.push_back(extent);
  }
  results.push_back(
      sym::tensorOf(input.result(channels, spatial), elementOf(op.getInput())));
  return success();
}

/// Windows of a pool along one axis; `room` is what is left of the padded input
/// beyond the first one. ONNX Runtime divides towards zero: an input that is
/// too short by less than a stride still has one window. Shorter forms stand
/// where only an empty input makes a difference.
static DimAttr pooledExtent(DimAttr input, int64_t pads, int64_t window,
                            int64_t stride) {
  DimAttr room = input + (pads - window), extent = floorDiv(room, stride) + 1;
  if (stride == 1 || window - pads < 2)
    return extent;
  DimAttr few = window - pads <= stride ? input : ceilDiv(room, stride) + 1;
  DimAttr one = sym::constantDim(input.getContext(), 1);
  return sym::maxDim(extent, sym::minDim(one, few));
}

LogicalResult PoolOp::inferReturnTypes(MLIRContext *context,
                                       OptionalLocation location, Adaptor op,
                                       Types &results) {
  ArrayRef<int64_t> kernel = op.getKernel();
  if (failed(checkWindow(location, op.getInput(), kernel, op.getStrides(),
                         op.getPads(), op.getDilations())))
    return failure();
  WindowInput input(op.getInput(), op.getChannelsLast());
  Dims spatial;
  for (size_t i = 0; i < kernel.size(); ++i) {
    int64_t window = op.getDilations()[i] * (kernel[i] - 1) + 1;
    int64_t begin = op.getPads()[i], stride = op.getStrides()[i],
            pads = begin + op.getPads()[i + kernel.size()];
    DimAttr rest = input.spatial[i] + (pads - window);
    DimAttr extent = pooledExtent(input.spatial[i], pads, window, stride);
    if (op.getCeilMode()) // the last window starts inside the input or its
                          // begin padding
      extent =
          sym::minDim(ceilDiv(rest, stride) + 1,
                      floorDiv(input.spatial[i] + (begin - 1), stride) + 1);
    if (failed(checkExtent(location, i, extent)))
      return failure();
    spatial.push_back(extent);
  }
  Dims dims = input.result(input.channels, spatial);
  results.push_back(sym::tensorOf(dims, elementOf(op.getInput())));
  if (op.getWithIndices())
    results.push_back(sym::tensorOf(dims, IntegerType::get(context, 64)));
  return success();
}

LogicalResult PoolOp::verify() {
  if (getKind() != "max" && getKind() != "average" && getKind() != "lp")
    return emitOpError("kind must be max, average or lp, found '")
           << getKind() << "'";
  if (getWithIndices() && getKind() != "max")
    return emitOpError("only a max pool has indices");
  return success();
}
