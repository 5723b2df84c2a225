// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Plain loops over the definition of the roots: no tiles, no panels, no order
// but the one the dialect promises, so results are compared bit by bit.

#include "test/unit/TileCases.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <sstream>

namespace sinter::test {
namespace {

using Ints = std::vector<int64_t>;

int64_t product(const Ints &values) {
  return std::accumulate(values.begin(), values.end(), int64_t(1),
                         std::multiplies<int64_t>());
}

std::string list(const Ints &values) {
  std::string text;
  for (int64_t value : values)
    text += (text.empty() ? "" : ", ") + std::to_string(value);
  return text;
}

std::string array(const Ints &values) {
  return "array<i64" + std::string(values.empty() ? "" : ": ") + list(values) +
         ">";
}

int64_t offsetOf(const Ints &strides, const Ints &at) {
  int64_t offset = 0;
  for (size_t i = 0; i < at.size(); ++i)
    offset += at[i] * strides[i];
  return offset;
}

// Calls `visit` with each index of `dims`, last axis fastest.
void forEach(const Ints &dims, const std::function<void(const Ints &)> &visit) {
  if (product(dims) == 0)
    return;
  Ints at(dims.size(), 0);
  while (true) {
    visit(at);
    size_t d = dims.size();
    while (d-- > 0) {
      if (++at[d] < dims[d])
        break;
      at[d] = 0;
      if (d == 0)
        return;
    }
    if (dims.empty())
      return;
  }
}

} // namespace

int64_t Strided::elements() const {
  int64_t last = 0;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0)
      return 0;
    last += (dims[i] - 1) * strides[i];
  }
  return last + 1;
}

Strided dense(Ints dims) {
  Strided view{dims, Ints(dims.size())};
  int64_t stride = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    view.strides[i] = stride;
    stride *= std::max<int64_t>(dims[i], 1);
  }
  return view;
}

int64_t TileCase::n() const { return out.dims.back() / groups; }
int64_t TileCase::depth() const {
  if (kind == Kind::Contract)
    return a.dims.back();
  return product(kernel) * a.dims.back() / groups;
}
int64_t TileCase::macs() const { return product(out.dims) * depth(); }
int64_t TileCase::panelElements() const {
  return groups * ((n() + 15) / 16) * 16 * depth();
}

int64_t TileCase::items() const {
  if (kind == Kind::Depthwise) {
    int64_t rows = product(out.dims) / std::max<int64_t>(1, out.dims.back());
    int64_t down = rowBlock ? (rows + rowBlock - 1) / rowBlock : 1;
    return down * (columnBlock
                       ? (out.dims.back() + columnBlock - 1) / columnBlock
                       : 1);
  }
  size_t batchAxes = kind == Kind::Contract ? (panels ? 0 : out.dims.size() - 2)
                                            : (groups == 1 ? 0 : 1);
  int64_t batch = groups, rows = 1;
  for (size_t i = 0; i + 1 < out.dims.size(); ++i)
    (i < batchAxes ? batch : rows) *= out.dims[i];
  auto blocks = [](int64_t count, int64_t block) {
    return block ? (count + block - 1) / block : 1;
  };
  if (!panels && batchAxes) { // a b shared by the batch makes its axes rows
    bool shared = true;
    for (size_t i = 0; i < batchAxes; ++i)
      shared &= b.strides[i] == 0;
    if (shared) {
      rows *= batch;
      batch = 1;
    }
  }
  return batch * blocks(rows, rowBlock) * blocks(n(), columnBlock);
}

std::string TileCase::define(const std::string &isa) const {
  // Parameters name dims of the output; equal places of a and b follow.
  auto dimText = [&](int64_t value, size_t axis, bool follows) {
    for (size_t p = 0; p < symbols.size(); ++p)
      if (follows && symbols[p] == axis)
        return "p" + std::to_string(p);
    return std::to_string(value);
  };
  auto view = [&](const Strided &v, size_t followed, bool lastFollows,
                  const char *element) {
    std::string dims;
    for (size_t i = 0; i < v.dims.size(); ++i)
      dims += (i ? ", " : "") +
              dimText(v.dims[i], i,
                      i < followed || (lastFollows && i + 1 == v.dims.size()));
    return "!kernel.view<[" + dims + "] x " + element + ", [" +
           list(v.strides) + "]>";
  };
  const char *left = bytes ? "ui8" : "f32", *right = bytes ? "i8" : "f32",
             *sum = bytes ? "i32" : "f32";
  size_t rank = out.dims.size();
  std::string aType =
      view(a, kind == Kind::Contract ? rank - 1 : 1, false, left);
  std::string bType;
  if (kind == Kind::Depthwise)
    bType = "!kernel.view<[" + std::to_string(product(kernel)) + ", " +
            std::to_string(out.dims.back()) + "] x " + right + ", [" +
            std::to_string(out.dims.back()) + ", 1]>";
  else if (panels)
    bType = "!kernel.panels<" + std::to_string(groups) +
            " groups, n = " + std::to_string(n()) +
            ", k = " + std::to_string(depth()) + ", " + right + ">";
  else
    bType = view(b, kind == Kind::Contract ? rank - 2 : 0, true, right);
  std::string outType = view(out, rank, true, sum);
  Strided biasView{out.dims, Ints(rank, 0)};
  biasView.strides.back() = 1;
  std::string biasType = view(biasView, rank, true, sum);
  std::ostringstream text;
  text << "kernel.define @k (%a: " << aType << ", %b: " << bType;
  if (bias)
    text << ", %bias: " << biasType;
  if (residual)
    text << ", %res: " << outType;
  text << ") -> (%y: " << outType << ") params = " << symbols.size()
       << " attributes {blocks = " << array({rowBlock, columnBlock})
       << ", schedules = [#kernel.schedule<isa = \"" << isa
       << "\", algo = \"direct\", tile_m = " << tileRows
       << ", tile_n = " << tileColumns << ", unroll = " << unroll
       << ", prefetch = " << prefetch << ">]} {\n  kernel."
       << (kind == Kind::Contract ? "contract" : "conv")
       << " %a, %b : " << aType << ", " << bType << "\n";
  if (bias || residual) {
    std::string names = bias ? "%bias" : "", types = bias ? biasType : "";
    if (residual) {
      names += bias ? ", %res" : "%res";
      types += (bias ? ", " : "") + outType;
    }
    text << "  extras(" << names << " : " << types << ")\n";
  }
  text << "  outs(%y : " << outType << ")";
  if (kind != Kind::Contract)
    text << " attributes {kernel = " << array(kernel)
         << ", strides = " << array(strides)
         << ", dilations = " << array(dilations) << ", groups = " << groups
         << " : i64"
         << (borderLow.empty() ? ""
                               : ", border_low = " + array(borderLow) +
                                     ", border_high = " + array(borderHigh))
         << (alongK ? ", along_k}" : "}");
  else if (alongK)
    text << " attributes {along_k}";
  text << " {\n";
  if (bias || residual || relu) {
    text << "  ^bb0(%acc: f32" << (bias ? ", %c: f32" : "")
         << (residual ? ", %r: f32" : "") << "):\n";
    std::string last = "%acc";
    auto apply = [&](const char *kind, const char *other) {
      std::string next = last + "x";
      text << "    " << next << " = kernel.apply \"" << kind << "\"(" << last
           << (other ? std::string(", ") + other : "") << ") : (f32"
           << (other ? ", f32" : "") << ") -> f32\n";
      last = next;
    };
    if (bias)
      apply("add", "%c");
    if (residual)
      apply("add", "%r");
    if (relu)
      apply("relu", nullptr);
    text << "    kernel.yield " << last << " : f32\n";
  }
  text << "  }\n}\n";
  return text.str();
}

std::string TileCase::describe() const {
  std::ostringstream text;
  text << "items " << items() << "\n" << define("isa");
  return text.str();
}

void zeroBorders(const TileCase &test, float *a) {
  forEach(test.a.dims, [&](const Ints &at) {
    bool isBorder = false;
    for (size_t i = 0; i < test.borderLow.size(); ++i)
      isBorder |= at[i + 1] < test.borderLow[i] ||
                  at[i + 1] >= test.a.dims[i + 1] - test.borderHigh[i];
    if (isBorder)
      a[offsetOf(test.a.strides, at)] = 0;
  });
}

std::vector<float> packPanels(const std::vector<float> &weights, int64_t groups,
                              int64_t n, int64_t k) {
  int64_t columns = (n + 15) / 16;
  std::vector<float> panels(size_t(groups * columns * 16 * k), 0.0f);
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t i = 0; i < k; ++i)
      for (int64_t j = 0; j < n; ++j)
        panels[size_t(((g * columns + j / 16) * k + i) * 16 + j % 16)] =
            weights[size_t((g * k + i) * n + j)];
  return panels;
}

namespace {

/// Virtual lanes of one sum, or its single accumulator.
struct Sum {
  int64_t count;
  bool fused;
  float lanes[16] = {};

  void add(int64_t index, float x, float y) {
    float &lane = lanes[index % count];
    lane = fused ? std::fma(x, y, lane) : lane + x * y;
  }
  float value() const {
    Sum left = *this;
    for (int64_t half = count / 2; half > 0; half /= 2)
      for (int64_t i = 0; i < half; ++i)
        left.lanes[i] += left.lanes[i + half];
    return left.lanes[0];
  }
};

/// A filter along one axis has a sum for each position.
bool sumsPositions(const TileCase &test) {
  return test.kind == TileCase::Kind::Conv &&
         test.a.dims.back() / test.groups >= 32 &&
         std::count_if(test.kernel.begin(), test.kernel.end(),
                       [](int64_t size) { return size > 1; }) == 1;
}

/// Elements of a window that follow each other in memory.
int64_t runOf(const TileCase &test) {
  if (test.kind == TileCase::Kind::Contract)
    return test.depth();
  int64_t run = test.a.dims.back() / test.groups;
  for (size_t i = test.kernel.size(); i-- > 0 && !sumsPositions(test);) {
    if (test.kernel[i] == 1)
      continue;
    if (test.a.strides[i + 1] * test.dilations[i] != run)
      break;
    run *= test.kernel[i];
  }
  return run;
}

} // namespace

void reference(const TileCase &test, const float *a, const float *weights,
               const float *bias, const float *residual, float *out,
               bool fused) {
  size_t rank = test.out.dims.size();
  int64_t n = test.n(), depth = test.depth(),
          channels = test.a.dims.back() / test.groups, run = runOf(test);
  forEach(test.out.dims, [&](const Ints &at) {
    int64_t column = at.back(), group = column / n;
    Sum sum{test.alongK ? 16 : 1, fused};
    if (test.kind == TileCase::Kind::Contract) {
      Ints from(at.begin(), at.end() - 1);
      from.push_back(0);
      Ints other(at.begin(), at.end() - 2);
      other.push_back(0);
      other.push_back(column);
      for (int64_t k = 0; k < depth; ++k) {
        from.back() = k;
        if (!test.panels)
          other[rank - 2] = k;
        float w = test.panels ? weights[k * n + column]
                              : weights[offsetOf(test.b.strides, other)];
        sum.add(k, a[offsetOf(test.a.strides, from)], w);
      }
    } else {
      int64_t k = 0;
      bool apart = sumsPositions(test);
      forEach(test.kernel, [&](const Ints &tap) {
        Sum total = sum;
        sum = apart ? Sum{sum.count, fused} : sum;
        Ints from(at);
        for (size_t i = 0; i < tap.size(); ++i)
          from[i + 1] =
              at[i + 1] * test.strides[i] + tap[i] * test.dilations[i];
        for (int64_t c = 0; c < channels; ++c, ++k) {
          from.back() = group * channels + c;
          float w = test.kind == TileCase::Kind::Depthwise
                        ? weights[k * test.out.dims.back() + column]
                    : test.alongK
                        ? weights[offsetOf(test.b.strides, {k, column})]
                        : weights[(group * depth + k) * n + column % n];
          sum.add(k % run, a[offsetOf(test.a.strides, from)], w);
        }
        for (int64_t i = 0; apart && i < sum.count; ++i)
          sum.lanes[i] += total.lanes[i];
      });
    }
    float value = sum.value();
    int64_t place = offsetOf(test.out.strides, at);
    if (bias)
      value += bias[column];
    if (residual)
      value += residual[place];
    out[place] = test.relu ? (value < 0 ? 0.0f : value) : value;
  });
}

} // namespace sinter::test
