// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX LSTM, GRU and RNN, one time step of one row at a time. Gate order as
// ONNX: LSTM i, o, f, c; GRU z, r, h. Products of 8 bits are exact sums.
#include "compiler/evaluate/core/Operations.h"

#include "compiler/evaluate/core/Walk.h"

#include <algorithm>
#include <cmath>

namespace sinter::evaluate {
namespace {

double apply(scalar::Kind kind, const double *v) {
  return scalar::evaluateFloat(kind, v);
}
float apply(scalar::Kind kind, const float *v) {
  return scalar::evaluateFloat32(kind, v);
}

template <typename T> struct Activation {
  scalar::Kind kind;
  T alpha, beta;
  T operator()(T x) const {
    T operands[3] = {x, alpha, beta};
    return apply(kind, operands);
  }
};

/// As DynamicQuantizeLinear has them.
template <typename T> struct Rounding {
  T scale = 1;
  int64_t zero = 0;

  explicit Rounding(const std::vector<T> &values) {
    T low = 0, high = 0;
    for (T value : values) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
    if (high > low && std::isfinite(high - low)) {
      scale = (high - low) / 255;
      zero = int64_t(std::nearbyint(-low / scale));
    }
  }
};

/// A row in 8 bits.
template <typename T> struct Bytes {
  std::vector<int64_t> numbers;
  T scale;
  int64_t zero, sum = 0;

  Bytes(const T *row, int64_t length, const Rounding<T> &rounding)
      : numbers(length), scale(rounding.scale), zero(rounding.zero) {
    for (int64_t i = 0; i < length; ++i) {
      T steps = std::nearbyint(row[i] / scale) + T(zero);
      numbers[i] = steps > 0 ? int64_t(std::min(steps, T(255))) : 0;
      sum += numbers[i];
    }
  }
};

/// Weights in 8 bits, and what belongs to each column of them. Sums and zero
/// points are whole numbers.
template <typename T> struct ByteColumns {
  const int64_t *numbers;
  const T *scales, *sums, *zeros;
  int64_t depth; // padded

  T product(int64_t column, const Bytes<T> &x) const {
    int64_t sum = 0;
    for (size_t k = 0; k < x.numbers.size(); ++k)
      sum += numbers[column * depth + int64_t(k)] * x.numbers[k];
    sum -= x.zero * int64_t(sums[column]) + int64_t(zeros[column]) * x.sum;
    return T(sum) * (x.scale * scales[column]);
  }
};

/// One direction of the layer: pointers into its part of every operand.
template <typename T> struct Layer {
  int64_t inputSize, hidden, gates;
  const T *weights, *recurrence, *bias, *peephole;
  std::vector<Activation<T>> activations;
  T clip; // 0: none
  bool linearBeforeReset, inputForget;

  T clipped(T x) const { return clip > 0 ? std::clamp(x, -clip, clip) : x; }
  T biasOf(int64_t row) const { return bias ? bias[row] : T(0); }
  T fromInput(int64_t gate, int64_t j, const T *x) const {
    const T *row = weights + (gate * hidden + j) * inputSize;
    T sum = biasOf(gate * hidden + j);
    for (int64_t k = 0; k < inputSize; ++k)
      sum += row[k] * x[k];
    return sum;
  }
  T fromHidden(int64_t gate, int64_t j, const T *h) const {
    const T *row = recurrence + (gate * hidden + j) * hidden;
    T sum = biasOf((gates + gate) * hidden + j);
    for (int64_t k = 0; k < hidden; ++k)
      sum += row[k] * h[k];
    return sum;
  }
  T peep(int64_t gate, int64_t j, T c) const {
    return peephole ? peephole[gate * hidden + j] * c : T(0);
  }
};

/// `product` of a gate and a unit is what input and h give it.
template <typename T, typename Gate>
void lstmStep(const Layer<T> &l, Gate product, std::vector<T> &h,
              std::vector<T> &c) {
  std::vector<T> next(l.hidden);
  for (int64_t j = 0; j < l.hidden; ++j) {
    auto gate = [&](int64_t g) { return product(g, j); };
    T old = c[j];
    T in = l.activations[0](l.clipped(gate(0) + l.peep(0, j, old)));
    T forget = l.inputForget
                   ? 1 - in
                   : l.activations[0](l.clipped(gate(2) + l.peep(2, j, old)));
    T candidate = l.activations[1](l.clipped(gate(3)));
    c[j] = forget * old + in * candidate;
    T out = l.activations[0](l.clipped(gate(1) + l.peep(1, j, c[j])));
    next[j] = out * l.activations[2](c[j]);
  }
  h = next;
}

template <typename T>
void gruStep(const Layer<T> &l, const T *x, std::vector<T> &h) {
  std::vector<T> update(l.hidden), reset(l.hidden), next(l.hidden);
  for (int64_t j = 0; j < l.hidden; ++j) {
    update[j] = l.activations[0](
        l.clipped(l.fromInput(0, j, x) + l.fromHidden(0, j, h.data())));
    reset[j] = l.activations[0](
        l.clipped(l.fromInput(1, j, x) + l.fromHidden(1, j, h.data())));
  }
  std::vector<T> gated(l.hidden);
  for (int64_t j = 0; j < l.hidden; ++j)
    gated[j] = reset[j] * h[j];
  for (int64_t j = 0; j < l.hidden; ++j) {
    T past = l.linearBeforeReset ? reset[j] * l.fromHidden(2, j, h.data())
                                 : l.fromHidden(2, j, gated.data());
    T candidate = l.activations[1](l.clipped(l.fromInput(2, j, x) + past));
    next[j] = (1 - update[j]) * candidate + update[j] * h[j];
  }
  h = next;
}

template <typename T>
void rnnStep(const Layer<T> &l, const T *x, std::vector<T> &h) {
  std::vector<T> next(l.hidden);
  for (int64_t j = 0; j < l.hidden; ++j)
    next[j] = l.activations[0](
        l.clipped(l.fromInput(0, j, x) + l.fromHidden(0, j, h.data())));
  h = next;
}

int64_t gatesOf(Cell cell) {
  return cell == Cell::Lstm ? 4 : cell == Cell::Gru ? 3 : 1;
}

template <typename T> const T *dataOf(Maybe value, int64_t direction) {
  if (!value)
    return nullptr;
  const std::vector<T> &data = value->as<T>();
  int64_t perDirection = value->shape[0] ? value->count() / value->shape[0] : 0;
  return data.data() + direction * perDirection;
}

template <typename T>
Layer<T> layerOf(const RecurrentOperands &o, const Recurrent &r,
                 int64_t direction) {
  Layer<T> l;
  l.inputSize = o.input->shape[2];
  l.gates = gatesOf(r.cell);
  l.hidden = o.recurrence->shape[1] / l.gates;
  l.weights = r.quantisedState ? nullptr : dataOf<T>(o.weights, direction);
  l.recurrence =
      r.quantisedState ? nullptr : dataOf<T>(o.recurrence, direction);
  l.bias = dataOf<T>(o.bias, direction);
  l.peephole = dataOf<T>(o.peephole, direction);
  size_t perDirection = r.cell == Cell::Lstm ? 3 : r.cell == Cell::Gru ? 2 : 1;
  for (size_t i = direction * perDirection; i < (direction + 1) * perDirection;
       ++i)
    l.activations.push_back({r.activations[i], static_cast<T>(r.alphas[i]),
                             static_cast<T>(r.betas[i])});
  l.clip = r.clip ? static_cast<T>(*r.clip) : T(0);
  l.linearBeforeReset = r.linearBeforeReset;
  l.inputForget = r.inputForget;
  return l;
}

/// The columns of `weights`, which are part `part` of two. Behind both biases
/// lie both scales, then sums, then zero points.
template <typename T>
ByteColumns<T> columnsOf(const Layer<T> &l, Maybe weights, int64_t part,
                         int64_t direction) {
  int64_t all = l.gates * l.hidden;
  const T *scales = l.bias + (2 + part) * all;
  return {dataOf<int64_t>(weights, direction), scales, scales + 2 * all,
          scales + 4 * all, weights->shape[2]};
}

template <typename T>
void byteStep(const RecurrentOperands &o, const Layer<T> &l, int64_t direction,
              const Bytes<T> &x, std::vector<T> &h, std::vector<T> &c) {
  int64_t all = l.gates * l.hidden;
  ByteColumns<T> weights = columnsOf(l, o.weights, 0, direction),
                 recurrence = columnsOf(l, o.recurrence, 1, direction);
  Bytes<T> met(h.data(), l.hidden, Rounding<T>(h));
  lstmStep(
      l,
      [&](int64_t gate, int64_t j) {
        int64_t column = gate * l.hidden + j;
        T input = weights.product(column, x) + l.biasOf(column);
        return input + recurrence.product(column, met) + l.biasOf(all + column);
      },
      h, c);
}

template <typename T>
void runDirection(const RecurrentOperands &o, const Recurrent &r,
                  int64_t direction, RecurrentResults &out) {
  Layer<T> l = layerOf<T>(o, r, direction);
  int64_t steps = o.input->shape[0], batch = o.input->shape[1],
          directions = out.y.shape[1];
  bool backwards = r.direction == Direction::Reverse || direction == 1;
  const std::vector<T> &x = o.input->as<T>();
  Rounding<T> rounding(r.quantisedState ? x : std::vector<T>());
  for (int64_t b = 0; b < batch; ++b) {
    std::vector<T> h(l.hidden), c(l.hidden);
    if (const T *start = dataOf<T>(o.initialH, direction))
      h.assign(start + b * l.hidden, start + (b + 1) * l.hidden);
    if (const T *start = dataOf<T>(o.initialC, direction))
      c.assign(start + b * l.hidden, start + (b + 1) * l.hidden);
    int64_t length =
        o.lengths ? std::clamp<int64_t>(integers(*o.lengths)[b], 0, steps)
                  : steps;
    for (int64_t step = 0; step < length; ++step) {
      int64_t t = backwards ? length - 1 - step : step;
      const T *row = x.data() + (t * batch + b) * l.inputSize;
      if (r.quantisedState)
        byteStep(o, l, direction, Bytes<T>(row, l.inputSize, rounding), h, c);
      else if (r.cell == Cell::Lstm)
        lstmStep(
            l,
            [&](int64_t g, int64_t j) {
              return l.fromInput(g, j, row) + l.fromHidden(g, j, h.data());
            },
            h, c);
      else if (r.cell == Cell::Gru)
        gruStep(l, row, h);
      else
        rnnStep(l, row, h);
      std::copy(h.begin(), h.end(),
                out.y.as<T>().begin() +
                    ((t * directions + direction) * batch + b) * l.hidden);
    }
    std::copy(h.begin(), h.end(),
              out.yH.as<T>().begin() + (direction * batch + b) * l.hidden);
    std::copy(c.begin(), c.end(),
              out.yC.as<T>().begin() + (direction * batch + b) * l.hidden);
  }
}

} // namespace

RecurrentResults recurrent(const RecurrentOperands &o, const Recurrent &r) {
  int64_t directions = r.direction == Direction::Both ? 2 : 1;
  int64_t steps = o.input->shape[0], batch = o.input->shape[1],
          hidden = o.recurrence->shape[1] / gatesOf(r.cell);
  Shape state{directions, batch, hidden};
  RecurrentResults out{makeLike(*o.input, {steps, directions, batch, hidden}),
                       makeLike(*o.input, state), makeLike(*o.input, state)};
  for (int64_t direction = 0; direction < directions; ++direction) {
    if (std::holds_alternative<std::vector<double>>(o.input->data))
      runDirection<double>(o, r, direction, out);
    else
      runDirection<float>(o, r, direction, out);
  }
  return out;
}

} // namespace sinter::evaluate
