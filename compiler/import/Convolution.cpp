// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions and pools. ONNX leaves much to defaults (kernel from the filter,
// strides 1, auto_pad); here everything becomes explicit. Where auto_pad
// depends on an extent that is open, the pads become an operation of their own.
#include "compiler/import/Compose.h"
#include "mlir/IR/BuiltinTypes.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace sinter::importer {
namespace {

/// Geometry of a window with all defaults filled in.
struct Window {
  SmallVector<int64_t> kernel, strides, pads, dilations;
  /// What an operation of its own adds before: pads that no constant says.
  Dims low, high;
};

/// SAME pads keep ceil(in / stride). For a symbol they are constant only at
/// stride 1; else they are an expression and `widened` adds them.
void padLikeInput(NodeImport &node, Window &window, bool isUpper) {
  size_t spatial = window.kernel.size();
  Dims dims = node.dims(0);
  window.pads.assign(2 * spatial, 0);
  DimAttr zero = node.model.dim(0);
  for (size_t i = 0; i < spatial; ++i) {
    int64_t extent = window.dilations[i] * (window.kernel[i] - 1) + 1;
    int64_t stride = window.strides[i], total;
    if (std::optional<int64_t> in = sym::asConstant(dims[i + 2])) {
      int64_t out = (*in + stride - 1) / stride;
      total = std::max<int64_t>(0, (out - 1) * stride + extent - *in);
    } else if (stride == 1) {
      total = extent - 1;
    } else {
      DimAttr out = sym::floorDiv(dims[i + 2] + (stride - 1), stride);
      DimAttr sum = (out - 1) * stride + extent - dims[i + 2];
      if (extent < stride) // else it is never negative
        sum = node.model.maxOf(sum, zero);
      window.low.resize(dims.size(), zero);
      window.high.resize(dims.size(), zero);
      window.low[i + 2] = sym::floorDiv(isUpper ? sum : sum + 1, 2);
      window.high[i + 2] = sum - window.low[i + 2];
      continue;
    }
    window.pads[i] = isUpper ? total / 2 : (total + 1) / 2;
    window.pads[i + spatial] = total - window.pads[i];
  }
}

/// The input with the pads that no constant says, filled with `value`.
Value widened(NodeImport &node, const Window &window, Value input,
              double value) {
  if (window.low.empty() || !input)
    return input;
  Type element = cast<RankedTensorType>(input.getType()).getElementType();
  return node.one<graph::PadOp>({input, node.scalar(value, element)},
                                node.attrs()
                                    .text("mode", "constant")
                                    .dims("low", window.low)
                                    .dims("high", window.high));
}

bool fillWindow(NodeImport &node, size_t spatial, Window &window) {
  window.strides = node.integers("strides");
  window.dilations = node.integers("dilations");
  window.pads = node.integers("pads");
  if (window.strides.empty())
    window.strides.assign(spatial, 1);
  if (window.dilations.empty())
    window.dilations.assign(spatial, 1);
  struct {
    StringRef name;
    size_t found, expected;
  } counts[] = {{"kernel_shape", window.kernel.size(), spatial},
                {"strides", window.strides.size(), spatial},
                {"dilations", window.dilations.size(), spatial},
                {"pads", window.pads.empty() ? 2 * spatial : window.pads.size(),
                 2 * spatial}};
  for (auto &[name, found, expected] : counts)
    if (found != expected) {
      (void)node.fault(ErrorCode::I005,
                       "attribute '" + name + "' has " + Twine(found) +
                           " values",
                       Twine(expected));
      return false;
    }
  for (int64_t value :
       llvm::concat<int64_t>(window.kernel, window.strides, window.dilations))
    if (value < 1 || value > INT32_MAX) {
      (void)node.fault(ErrorCode::I005,
                       "a kernel extent, stride or dilation is " + Twine(value),
                       "1 or more");
      return false;
    }
  std::string automatic = node.text("auto_pad");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    padLikeInput(node, window, automatic == "SAME_UPPER");
    return true;
  }
  if (automatic == "VALID" || window.pads.empty())
    window.pads.assign(2 * spatial, 0);
  else if (!automatic.empty() && automatic != "NOTSET") {
    (void)node.fault(ErrorCode::I005, "auto_pad is '" + automatic + "'",
                     "NOTSET, VALID, SAME_UPPER or SAME_LOWER");
    return false;
  }
  return true;
}

bool checkRank(NodeImport &node) {
  if (node.rank(0) >= 3)
    return true;
  (void)node.fault(ErrorCode::S001, "input has rank " + Twine(node.rank(0)),
                   "[N, C, spatial...]");
  return false;
}

/// Kernel from the attribute or from the filter, which must agree.
bool filterKernel(NodeImport &node, Window &window, size_t filterAt) {
  Dims filter = node.dims(filterAt);
  if (!checkRank(node))
    return false;
  if (int64_t(filter.size()) != node.rank(0)) {
    (void)node.fault(ErrorCode::S001,
                     "the filter has rank " + Twine(filter.size()),
                     Twine(node.rank(0)));
    return false;
  }
  for (DimAttr dim : ArrayRef<DimAttr>(filter).drop_front(2)) {
    std::optional<int64_t> extent = sym::asConstant(dim);
    if (!extent) {
      (void)node.fault(ErrorCode::I014,
                       "the extents of the filter are not known");
      return false;
    }
    window.kernel.push_back(*extent);
  }
  SmallVector<int64_t> stated = node.integers("kernel_shape");
  if (!stated.empty() && stated != window.kernel) {
    (void)node.fault(ErrorCode::S001, "kernel_shape differs from the filter");
    return false;
  }
  return true;
}

LogicalResult importConv(NodeImport &node) {
  return node.set(
      0, convolution(node, node.value(0), node.value(1), node.value(2), 1));
}

/// output_shape and SAME: pads follow from the wanted extents; where the result
/// is to be larger than the input gives, it is extended at the end.
bool padToShape(NodeImport &node, Window &window,
                MutableArrayRef<int64_t> extra) {
  size_t spatial = window.kernel.size();
  SmallVector<int64_t> wanted = node.integers("output_shape");
  std::string automatic = node.text("auto_pad");
  bool isSame = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (wanted.empty() && !isSame)
    return true;
  if (wanted.size() > spatial) // some exporters write N and C too
    wanted.erase(wanted.begin(), wanted.end() - spatial);
  for (size_t i = 0; i < spatial; ++i) {
    int64_t stride = window.strides[i], total;
    int64_t extent = window.dilations[i] * (window.kernel[i] - 1) + 1;
    std::optional<int64_t> in = sym::asConstant(node.dims(0)[i + 2]);
    if (wanted.empty()) {
      total = extent + extra[i] - stride; // out = in * stride
    } else if (in) {
      total = stride * (*in - 1) + extra[i] + extent - wanted[i];
    } else {
      (void)node.fault(ErrorCode::I014,
                       "output_shape needs the extents of the input");
      return false;
    }
    extra[i] -= std::min<int64_t>(total, 0);
    total = std::max<int64_t>(total, 0);
    window.pads[i] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
    window.pads[i + spatial] = total - window.pads[i];
  }
  return true;
}

LogicalResult importConvTranspose(NodeImport &node) {
  Window window;
  if (!filterKernel(node, window, 1))
    return failure();
  size_t spatial = window.kernel.size();
  std::string automatic = node.text("auto_pad");
  bool isSame = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  window.strides = node.integers("strides");
  window.dilations = node.integers("dilations");
  window.pads = node.integers("pads");
  SmallVector<int64_t> extra = node.integers("output_padding");
  for (SmallVector<int64_t> *list : {&window.strides, &window.dilations})
    if (list->empty())
      list->assign(spatial, 1);
  if (window.pads.empty() || isSame)
    window.pads.assign(2 * spatial, 0);
  if (extra.empty())
    extra.assign(spatial, 0);
  if (window.strides.size() != spatial || window.dilations.size() != spatial ||
      window.pads.size() != 2 * spatial || extra.size() != spatial)
    return node.fault(ErrorCode::I005,
                      "strides, dilations, pads or output_padding have a "
                      "wrong length",
                      Twine(spatial) + " spatial axes");
  if (!padToShape(node, window, extra) ||
      !node.requireEqual(node.dims(0)[1], node.dims(1)[0],
                         "input channels and filters"))
    return failure();
  Value input = node.value(0), filter = node.value(1);
  if (sym::asConstant(node.dims(1)[0]))
    input = node.written(input, 1, node.dims(1)[0]);
  else if (sym::asConstant(node.dims(0)[1]))
    filter = node.written(filter, 0, node.dims(0)[1]);
  SmallVector<Value> operands = {input, filter};
  if (node.input(2))
    operands.push_back(node.value(2));
  return node.set(0,
                  node.one<graph::ConvTransposeOp>(
                      operands, node.attrs()
                                    .integers("strides", window.strides)
                                    .integers("pads", window.pads)
                                    .integers("dilations", window.dilations)
                                    .integers("output_padding", extra)
                                    .integer("group", node.integer("group"))));
}

/// Below every element of the type.
double lowestOf(Type element) {
  if (isa<FloatType>(element))
    return -std::numeric_limits<double>::infinity();
  return element.isUnsignedInteger() || element.isInteger(1)
             ? 0
             : -std::ldexp(1.0, int(element.getIntOrFloatBitWidth()) - 1);
}

/// A pool over an input that was widened first. An average counts the pads
/// then: what it makes of ones is the share that it should have divided by.
Value poolWidened(NodeImport &node, const Window &window, StringRef kind,
                  ArrayRef<NamedAttribute> attributes) {
  Type element = node.type(0).getElementType();
  double fill = kind == "max" ? lowestOf(element) : 0;
  Value x = widened(node, window, node.value(0), fill);
  Value y = node.one<graph::PoolOp>(x, attributes);
  if (kind != "average" || node.integer("count_include_pad"))
    return y;
  Dims dims = node.dims(0);
  dims[0] = dims[1] = node.model.dim(1);
  Value ones = node.broadcast(node.scalar(1, element), dims);
  Value share =
      node.one<graph::PoolOp>(widened(node, window, ones, 0), attributes);
  return node.map("div", {y, share});
}

LogicalResult importPool(NodeImport &node) {
  StringRef op(node.node.op.data(), node.node.op.size());
  Window window;
  window.kernel = node.integers("kernel_shape");
  if (!checkRank(node) || !fillWindow(node, node.rank(0) - 2, window))
    return failure();
  bool hasIndices = node.wants(1);
  StringRef kind = op == "MaxPool" ? "max" : op == "LpPool" ? "lp" : "average";
  AttributeList attributes = node.attrs();
  attributes.text("kind", kind)
      .integers("kernel", window.kernel)
      .integers("strides", window.strides)
      .integers("pads", window.pads)
      .integers("dilations", window.dilations)
      .flag("ceil_mode", node.integer("ceil_mode"))
      .flag("count_include_pad", node.integer("count_include_pad"))
      .integer("p", node.integer("p", 2))
      .flag("with_indices", hasIndices)
      .flag("column_major_indices",
            hasIndices && node.integer("storage_order"));
  if (!window.low.empty()) {
    if (!hasIndices)
      return node.set(0, poolWidened(node, window, kind, attributes));
    return node.fault(
        ErrorCode::I014,
        "auto_pad SAME needs the extents of the input for its indices", "",
        "Give them with --shape, or export the model with explicit pads.");
  }
  Operation *pool = node.create<graph::PoolOp>(node.value(0), attributes);
  if (!pool || failed(node.set(0, pool->getResult(0))))
    return failure();
  return hasIndices ? node.set(1, pool->getResult(1)) : success();
}

LogicalResult importGlobalPool(NodeImport &node) {
  if (!checkRank(node))
    return failure();
  StringRef op(node.node.op.data(), node.node.op.size());
  SmallVector<int64_t> axes;
  for (int64_t i = 2; i < node.rank(0); ++i)
    axes.push_back(i);
  Value x = node.value(0);
  if (op != "GlobalLpPool")
    return node.set(
        0, node.reduce(op == "GlobalMaxPool" ? "max" : "mean", x, axes, true));
  int64_t p = node.integer("p");
  if (p == 1 || p == 2)
    return node.set(0, node.reduce(p == 1 ? "l1" : "l2", x, axes, true));
  Type element = node.type(0).getElementType();
  Value powers =
      node.map("pow", {node.map("abs", {x}), node.scalar(p, element)});
  return node.set(0, node.map("pow", {node.reduce("sum", powers, axes, true),
                                      node.scalar(1.0 / p, element)}));
}

} // namespace

Value convolution(NodeImport &node, Value input, Value filter, Value bias,
                  size_t filterAt) {
  Window window;
  if (!filterKernel(node, window, filterAt) ||
      !fillWindow(node, window.kernel.size(), window))
    return {};
  int64_t group = node.integer("group");
  if (!node.requireEqual(node.dims(0)[1], node.dims(filterAt)[1] * group,
                         "input channels and filter channels x group"))
    return {};
  // The filter knows: a sum of parts, or a late size, is that number here.
  DimAttr channels = node.dims(filterAt)[1] * group;
  std::optional<int64_t> given = sym::asConstant(node.dims(0)[1]);
  if (sym::asConstant(channels))
    input = node.written(input, 1, channels);
  else if (given && group > 0 && *given % group == 0)
    filter = node.written(filter, 1, node.model.dim(*given / group));
  SmallVector<Value> operands = {widened(node, window, input, 0), filter};
  if (bias)
    operands.push_back(bias);
  return node.one<graph::ConvOp>(operands,
                                 node.attrs()
                                     .integers("strides", window.strides)
                                     .integers("pads", window.pads)
                                     .integers("dilations", window.dilations)
                                     .integer("group", group));
}

void addConvolution(OpTable &table) {
  table["Conv"] = importConv;
  table["ConvTranspose"] = importConvTranspose;
  for (StringRef op : {"MaxPool", "AveragePool", "LpPool"})
    table[op] = importPool;
  for (StringRef op : {"GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"})
    table[op] = importGlobalPool;
}

} // namespace sinter::importer
