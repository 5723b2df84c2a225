// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows, Fourier transforms and mel weights. A transform is a product with a
// matrix of cosines and one of sines, which are constants when the length is
// known: the lengths of speech models are hundreds.
#include "compiler/import/Composer.h"
#include <cmath>

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;
constexpr double pi = 3.14159265358979323846;
constexpr int64_t longest = 8192; // of a transform whose length is known
constexpr int64_t mostWaves = int64_t(1) << 22; // that are stored

/// a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N)
LogicalResult importWindow(NodeImport &node) {
  double a0 = 0.5, a1 = 0.5, a2 = 0;
  if (node.node.op == "HammingWindow") {
    a0 = 25.0 / 46;
    a1 = 1 - a0;
  } else if (node.node.op == "BlackmanWindow") {
    a0 = 0.42;
    a2 = 0.08;
  }
  std::optional<Dims> size = node.dimsOrBound(0, "size");
  if (!size || size->size() != 1)
    return failure();
  Composer c(node);
  Type f32 = node.model.builder.getF32Type();
  DimAttr period = (*size)[0];
  if (node.integer("periodic") == 0)
    period = node.model.maxOf(period - 1, node.model.dim(1));
  Name turns =
      c.div(c.cast(c.count((*size)[0]), f32), c.cast(c.dim(period), f32));
  auto wave = [&](double times, double by) {
    Name angle = c.mul(turns, c.scalar(2 * pi * times, f32));
    return c.mul(c.op("Cos", {angle}), c.scalar(by, f32));
  };
  Name window = c.sub(c.scalar(a0, f32), wave(1, a1));
  if (a2 != 0)
    window = c.add(window, wave(2, a2));
  return c.set(
      0, c.castTo(window, onnx::DataType(node.integer("output_datatype"))));
}

/// cos and sin of 2 pi n k / N, [N, K] each. With known sizes they are
/// constants, in float64 until they are stored.
std::pair<Name, Name> waves(NodeImport &node, Composer &c, DimAttr length,
                            DimAttr bins, Type element) {
  Type f32 = node.model.builder.getF32Type();
  std::optional<int64_t> rows = sym::asConstant(length),
                         columns = sym::asConstant(bins);
  if (rows && columns && *rows > 0 && *rows * *columns <= mostWaves) {
    SmallVector<double> cosines, sines;
    for (int64_t n = 0; n < *rows; ++n)
      for (int64_t k = 0; k < *columns; ++k) {
        double angle = 2 * pi * double(n * k % *rows) / double(*rows);
        cosines.push_back(std::cos(angle));
        sines.push_back(std::sin(angle));
      }
    return {c.reals({*rows, *columns}, cosines, element),
            c.reals({*rows, *columns}, sines, element)};
  }
  Name n = c.unsqueeze(c.count(length), {1}),
       k = c.unsqueeze(c.count(bins), {0});
  // In integers first: the angle of a product of thousands has no digits left.
  Name turn = c.op("Mod", {c.mul(n, k), c.dim(length)});
  Name angle = c.mul(c.div(c.cast(turn, f32), c.cast(c.dim(length), f32)),
                     c.scalar(2 * pi, f32));
  return {c.cast(c.op("Cos", {angle}), element),
          c.cast(c.op("Sin", {angle}), element)};
}

/// [..., N] and its imaginary part (or an empty name) as [..., K, 2].
Name transformed(NodeImport &node, Composer &c, const Name &real,
                 const Name &imaginary, DimAttr length, DimAttr bins,
                 bool isInverse, Type element) {
  auto [cosine, sine] = waves(node, c, length, bins, element);
  Name re = c.op("MatMul", {real, cosine}), im = c.op("MatMul", {real, sine});
  if (!isInverse)
    im = c.op("Neg", {im});
  if (!imaginary.empty()) {
    Name cross = c.op("MatMul", {imaginary, sine}),
         along = c.op("MatMul", {imaginary, cosine});
    re = isInverse ? c.sub(re, cross) : c.add(re, cross);
    im = c.add(im, along);
  }
  Name both = c.op("Concat", {c.unsqueeze(re, {-1}), c.unsqueeze(im, {-1})},
                   With().integer("axis", -1));
  return isInverse ? c.div(both, c.cast(c.dim(length), element)) : both;
}

/// Half a spectrum [..., K] back to a signal [..., N, 1]: what is left out are
/// the conjugates of all bins but the first and, of an even length, the last.
Name restored(NodeImport &node, Composer &c, const Name &real,
              const Name &imaginary, DimAttr length, DimAttr bins,
              Type element) {
  auto [cosine, sine] = waves(node, c, length, bins, element);
  Name k = c.count(bins), zero = c.integer(0);
  Name isAlone =
      c.op("Or", {c.op("Equal", {k, zero}),
                  c.op("Equal", {c.mul(k, c.integer(2)), c.dim(length)})});
  Name weight =
      c.op("Where", {isAlone, c.scalar(1, element), c.scalar(2, element)});
  Name re = c.op("MatMul", {c.mul(real, weight), c.transpose(cosine, {1, 0})});
  Name im =
      c.op("MatMul", {c.mul(imaginary, weight), c.transpose(sine, {1, 0})});
  Name signal = c.div(c.sub(re, im), c.cast(c.dim(length), element));
  return c.unsqueeze(signal, {-1});
}

bool isTooLong(NodeImport &node, DimAttr length) {
  std::optional<int64_t> known = sym::asConstant(length);
  if (!known || *known <= longest)
    return false;
  (void)node.fault(ErrorCode::I004,
                   "transforms " + Twine(*known) + " values at once",
                   "at most " + Twine(longest));
  return true;
}

/// The axis, and the values along it cropped or padded to the length.
LogicalResult importDft(NodeImport &node) {
  int64_t rank = node.rank(0), given = node.integer("axis", -2);
  if (node.since() >= 20 && node.input(2)) {
    std::optional<SmallVector<int64_t>> axis = node.constantInts(2);
    if (!axis || axis->size() != 1)
      return failure();
    given = (*axis)[0];
  }
  std::optional<int64_t> axis = node.axis(given, rank);
  if (!axis)
    return failure();
  bool isInverse = node.integer("inverse") != 0,
       isHalf = node.integer("onesided") != 0;
  Composer c(node);
  Dims dims = node.dims(0);
  std::optional<int64_t> parts = sym::asConstant(dims[rank - 1]);
  bool isRestored = isInverse && isHalf;
  if (*axis == rank - 1 || !parts || *parts < 1 + isRestored || *parts > 2)
    return c.fault(ErrorCode::I004,
                   "the axis is the last one, or that one has no 1 or 2 values",
                   "[..., signal, ..., 1 or 2]");
  Name x = c.input(0);
  DimAttr length = isRestored ? (dims[*axis] - 1) * 2 : dims[*axis];
  if (node.input(1)) {
    std::optional<Dims> wanted = node.dimsOrBound(1, "length");
    if (!wanted || wanted->size() != 1)
      return failure();
    length = (*wanted)[0];
    DimAttr read = isRestored ? sym::floorDiv(length, 2) + 1 : length;
    Dims pads(2 * rank, node.model.dim(0)); // at the end, or cut there
    pads[rank + *axis] = read - dims[*axis];
    x = c.op("Pad", {x, c.dims(pads)});
  }
  if (isTooLong(node, length))
    return failure();
  // The signal goes last; behind it were the parts.
  SmallVector<int64_t> order;
  for (int64_t i = 0; i < rank - 1; ++i)
    if (i != *axis)
      order.push_back(i);
  order.push_back(*axis);
  auto part = [&](int64_t i) {
    Name one = c.op("Squeeze", {c.slice(x, rank - 1, i, i + 1), c.ints({-1})});
    return llvm::is_sorted(order) ? one : c.transpose(one, order);
  };
  DimAttr bins = isHalf ? sym::floorDiv(length, 2) + 1 : length;
  Type element = node.type(0).getElementType();
  Name y = isRestored
               ? restored(node, c, part(0), part(1), length, bins, element)
               : transformed(node, c, part(0), *parts == 2 ? part(1) : Name(),
                             length, bins, isInverse, element);
  SmallVector<int64_t> back(rank);
  for (auto [i, from] : llvm::enumerate(order))
    back[from] = i;
  back[rank - 1] = rank - 1;
  return c.set(0, llvm::is_sorted(back) ? y : c.transpose(y, back));
}

LogicalResult importStft(NodeImport &node) {
  std::optional<SmallVector<int64_t>> step = node.constantInts(1);
  Dims dims = node.dims(0);
  Type element = node.type(0).getElementType();
  DimAttr length;
  if (node.input(3)) {
    std::optional<Dims> given = node.knownDims(3);
    length = given && given->size() == 1 ? (*given)[0] : DimAttr();
  } else if (node.input(2)) {
    length = node.dims(2)[0];
  }
  Composer c(node);
  if (!step || step->size() != 1 || (*step)[0] < 1 || !length ||
      dims.size() < 2 || dims.size() > 3)
    return c.fault(ErrorCode::S001, "frames are not known",
                   "a constant step of 1 or more, and a window or the length "
                   "of a frame");
  if (isTooLong(node, length))
    return failure();
  Name x = c.input(0);
  int64_t parts = 1;
  if (dims.size() == 3)
    parts = sym::asConstant(dims[2]).value_or(0);
  if (parts < 1 || parts > 2)
    return c.fault(ErrorCode::S001, "the signal's last axis is not 1 or 2");
  DimAttr frames = sym::floorDiv(dims[1] - length, (*step)[0]) + 1;
  Name starts = c.mul(c.unsqueeze(c.count(frames), {1}), c.integer((*step)[0]));
  Name places = c.add(starts, c.unsqueeze(c.count(length), {0}));
  auto part = [&](int64_t i) {
    Name one = x;
    if (dims.size() == 3)
      one = c.op("Squeeze", {c.slice(x, 2, i, i + 1), c.ints({2})});
    one = c.op("Gather", {one, places}, With().integer("axis", 1));
    return node.input(2) ? c.mul(one, c.input(2)) : one;
  };
  DimAttr bins =
      node.integer("onesided") != 0 ? sym::floorDiv(length, 2) + 1 : length;
  return c.set(0, transformed(node, c, part(0), parts == 2 ? part(1) : Name(),
                              length, bins, false, element));
}

/// Triangles between frequencies that lie evenly on the mel scale.
LogicalResult importMelWeights(NodeImport &node) {
  std::optional<SmallVector<int64_t>> bins = node.constantInts(0),
                                      length = node.constantInts(1),
                                      rate = node.constantInts(2);
  std::optional<SmallVector<double>> low = node.constantReals(3),
                                     high = node.constantReals(4);
  if (!bins || !length || !rate || !low || !high)
    return failure();
  int64_t count = (*bins)[0], rows = (*length)[0] / 2 + 1;
  Composer c(node);
  if (count < 1 || rows < 1 || (*rate)[0] < 1 || count > 65536 || rows > 65536)
    return c.fault(ErrorCode::S001, "num_mel_bins is " + Twine(count) +
                                        ", dft_length gives " + Twine(rows) +
                                        " rows");
  auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  double from = mel((*low)[0]),
         step = (mel((*high)[0]) - from) / double(count + 2);
  SmallVector<int64_t> edges;
  for (int64_t i = 0; i < count + 2; ++i) {
    double hertz = 700 * (std::pow(10.0, (from + double(i) * step) / 2595) - 1);
    int64_t at = int64_t(
        std::floor(double((*length)[0] + 1) * hertz / double((*rate)[0])));
    edges.push_back(std::clamp<int64_t>(at, 0, rows - 1));
  }
  SmallVector<double> weights(rows * count, 0);
  for (int64_t i = 0; i < count; ++i) {
    int64_t begin = edges[i], top = edges[i + 1], end = edges[i + 2];
    for (int64_t row = begin; row <= top; ++row)
      weights[row * count + i] =
          top == begin ? 1 : double(row - begin) / double(top - begin);
    for (int64_t row = top; row < end; ++row)
      weights[row * count + i] = double(end - row) / double(end - top);
  }
  Name result =
      c.reals({rows, count}, weights, node.model.builder.getF32Type());
  return c.set(
      0, c.castTo(result, onnx::DataType(node.integer("output_datatype"))));
}

/// com.microsoft: one axis, real to half a spectrum and back.
bool isHalfSpectrum(NodeImport &node, int64_t leastRank) {
  if (node.integer("signal_ndim", 1) == 1 && node.integer("normalized") == 0 &&
      node.integer("onesided") == 1 && node.rank(0) >= leastRank)
    return true;
  (void)node.fault(ErrorCode::I004, "several axes, both sides or a norm",
                   "signal_ndim 1, onesided 1, normalized 0");
  return false;
}

LogicalResult importRfft(NodeImport &node) {
  if (!isHalfSpectrum(node, 1))
    return failure();
  Composer c(node);
  DimAttr length = node.dims(0).back();
  if (isTooLong(node, length))
    return failure();
  return c.set(0, transformed(node, c, c.input(0), "", length,
                              sym::floorDiv(length, 2) + 1, false,
                              node.type(0).getElementType()));
}

/// [..., n / 2 + 1, 2] as the signal [..., n].
LogicalResult importIrfft(NodeImport &node) {
  if (!isHalfSpectrum(node, 2))
    return failure();
  Composer c(node);
  Name y = c.op("DFT", {c.input(0)},
                With().integer("inverse", 1).integer("onesided", 1));
  return c.set(0, c.op("Squeeze", {y, c.ints({-1})}));
}

} // namespace

void addSignal(OpTable &table) {
  for (const char *name : {"HannWindow", "HammingWindow", "BlackmanWindow"})
    table[name] = importWindow;
  table["DFT"] = importDft;
  table["STFT"] = importStft;
  table["MelWeightMatrix"] = importMelWeights;
  table["com.microsoft.Rfft"] = importRfft;
  table["com.microsoft.Irfft"] = importIrfft;
}

} // namespace sinter::importer
