// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX LSTM, GRU and RNN, one time step of one row at a time. Gate order as
// ONNX: LSTM i, o, f, c; GRU z, r, h.
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

/// One direction of the layer: pointers into its part of every operand.
template <typename T> struct Layer {
  int64_t inputSize, hidden, gates;
  const T *weights, *recurrence, *bias, *peephole;
  std::vector<Activation<T>> activations;
  T clip; // 0: none
  bool linearBeforeReset, inputForget, quantisedState;

  T clipped(T x) const { return clip > 0 ? std::clamp(x, -clip, clip) : x; }
  T fromInput(int64_t gate, int64_t j, const T *x) const {
    const T *row = weights + (gate * hidden + j) * inputSize;
    T sum = bias ? bias[gate * hidden + j] : T(0);
    for (int64_t k = 0; k < inputSize; ++k)
      sum += row[k] * x[k];
    return sum;
  }
  T fromHidden(int64_t gate, int64_t j, const T *h) const {
    const T *row = recurrence + (gate * hidden + j) * hidden;
    T sum = bias ? bias[(gates + gate) * hidden + j] : T(0);
    for (int64_t k = 0; k < hidden; ++k)
      sum += row[k] * h[k];
    return sum;
  }
  T peep(int64_t gate, int64_t j, T c) const {
    return peephole ? peephole[gate * hidden + j] * c : T(0);
  }
};

/// As DynamicQuantizeLinear and back; zeros stay, as they have no scale.
template <typename T> std::vector<T> roundedTo8Bits(const std::vector<T> &h) {
  T low = 0, high = 0;
  for (T value : h) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  std::vector<T> result(h.size());
  T scale = (high - low) / 255;
  if (!(scale > 0))
    return result;
  T zero = std::nearbyint(-low / scale);
  for (size_t i = 0; i < h.size(); ++i) {
    T steps = std::nearbyint(h[i] / scale) + zero;
    result[i] = (std::clamp(steps, T(0), T(255)) - zero) * scale;
  }
  return result;
}

template <typename T>
void lstmStep(const Layer<T> &l, const T *x, std::vector<T> &h,
              std::vector<T> &c) {
  std::vector<T> next(l.hidden);
  const std::vector<T> met = l.quantisedState ? roundedTo8Bits(h) : h;
  for (int64_t j = 0; j < l.hidden; ++j) {
    auto gate = [&](int64_t g) {
      return l.fromInput(g, j, x) + l.fromHidden(g, j, met.data());
    };
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
  l.hidden = o.recurrence->shape[2];
  l.gates = gatesOf(r.cell);
  l.weights = dataOf<T>(o.weights, direction);
  l.recurrence = dataOf<T>(o.recurrence, direction);
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
  l.quantisedState = r.quantisedState;
  return l;
}

template <typename T>
void runDirection(const RecurrentOperands &o, const Recurrent &r,
                  int64_t direction, RecurrentResults &out) {
  Layer<T> l = layerOf<T>(o, r, direction);
  int64_t steps = o.input->shape[0], batch = o.input->shape[1],
          directions = out.y.shape[1];
  bool backwards = r.direction == Direction::Reverse || direction == 1;
  const std::vector<T> &x = o.input->as<T>();
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
      if (r.cell == Cell::Lstm)
        lstmStep(l, row, h, c);
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
          hidden = o.recurrence->shape[2];
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
