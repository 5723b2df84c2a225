// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random LSTM, GRU and RNN layers against the evaluator's core, on every
// target and on emulated AVX-512, under guard pages, with the items split
// differently: the same bits from every target and every split.

#include "compiler/evaluate/core/Operations.h"
#include "dialects/scalar/ScalarOps.h"
#include "test/unit/ViewCases.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace sinter;
using namespace sinter::test;

namespace {

struct Layer {
  std::string cell;
  int64_t steps, batch, inputSize, hidden;
  int64_t gates = 1, states = 1;
  std::vector<std::string> activations;
  std::vector<double> alphas, betas;
  double clip = 0;
  bool reverse = false, linear = false, inputForget = false, ofBytes = false;
  bool bias = false, hasLengths = false, hasPeephole = false, zeroStart = false;

  // As ONNX lays them out, one direction.
  std::vector<float> w, r, b, p;
  std::vector<float> scales, sums, zeros; // of columns of bytes
  TestView x, h, c, lengths, y, yH, yC;
  std::vector<int64_t> params;

  int64_t units() const { return (hidden + 15) / 16 * 16; }
  std::string text() const;
  evaluate::RecurrentResults expected() const;
};

std::vector<float> numbers(int64_t count, float range, Random &random) {
  std::uniform_real_distribution<float> uniform(-range, range);
  std::vector<float> values(count);
  for (float &value : values)
    value = uniform(random.engine);
  return values;
}

/// [gates * hidden][depth] as panels: 16 units of each gate side by side.
template <typename T>
std::vector<T> pack(const Layer &layer, const std::vector<T> &from,
                    int64_t depth) {
  std::vector<T> panels(layer.gates * layer.units() * depth, T());
  for (int64_t g = 0; g < layer.gates; ++g)
    for (int64_t j = 0; j < layer.hidden; ++j)
      for (int64_t k = 0; k < depth; ++k)
        panels[(((j / 16) * layer.gates + g) * depth + k) * 16 + j % 16] =
            from[(g * layer.hidden + j) * depth + k];
  return panels;
}

/// The same of bytes: k in words of four.
std::vector<int8_t> packBytes(const Layer &layer,
                              const std::vector<float> &from, int64_t depth) {
  int64_t words = (depth + 3) / 4;
  std::vector<int8_t> panels(layer.gates * layer.units() * words * 4, 0);
  for (int64_t g = 0; g < layer.gates; ++g)
    for (int64_t j = 0; j < layer.hidden; ++j)
      for (int64_t k = 0; k < depth; ++k) {
        int64_t panel = (j / 16) * layer.gates + g;
        panels[((panel * words + k / 4) * 16 + j % 16) * 4 + k % 4] =
            int8_t(from[(g * layer.hidden + j) * depth + k]);
      }
  return panels;
}

std::string listOf(const std::vector<double> &values) {
  std::string text = "array<f64: ";
  for (size_t i = 0; i < values.size(); ++i)
    text += (i ? ", " : "") + std::to_string(values[i]);
  return text + ">";
}

std::string Layer::text() const {
  std::string n = std::to_string(gates * units());
  auto panels = [&](int64_t k) {
    return "!kernel.panels<1 groups, n = " + n +
           ", k = " + std::to_string(ofBytes ? (k + 3) / 4 * 4 : k) +
           (ofBytes ? ", i8>" : ", f32>");
  };
  std::string biasType = "!kernel.view<[" + n + "] x f32, [1]>";
  std::vector<std::string> types, outs{y.type(), yH.type()};
  if (bias)
    types.insert(types.end(), 2, biasType);
  types.push_back(h.type());
  if (states == 2) {
    types.push_back(c.type());
    outs.push_back(yC.type());
  }
  if (hasLengths)
    types.push_back(lengths.type());
  if (hasPeephole)
    types.push_back("!kernel.view<[" + std::to_string(3 * hidden) +
                    "] x f32, [1]>");
  if (ofBytes) {
    std::string all = std::to_string(2 * gates * units());
    types.insert(types.end(), 3, "!kernel.view<[" + all + "] x f32, [1]>");
  }
  auto join = [](const std::vector<std::string> &list, std::string name,
                 bool names, bool typed) {
    std::string text;
    for (size_t i = 0; i < list.size(); ++i)
      text += std::string(i ? ", " : "") +
              (names ? "%" + name + std::to_string(i) : "") +
              (names && typed ? ": " : "") + (typed ? list[i] : "");
    return text;
  };
  std::string attributes = "activations = [";
  for (size_t i = 0; i < activations.size(); ++i)
    attributes += (i ? ", \"" : "\"") + activations[i] + "\"";
  attributes += "], alphas = " + listOf(alphas) + ", betas = " + listOf(betas);
  auto flag = [&](bool value, const char *name) {
    attributes += value ? std::string(", ") + name : "";
  };
  flag(reverse, "reverse");
  flag(linear, "linear_before_reset");
  flag(inputForget, "input_forget");
  flag(ofBytes, "quantised_state");
  flag(bias, "has_bias");
  flag(hasLengths, "has_lengths");
  flag(hasPeephole, "has_peephole");
  if (clip > 0)
    attributes += ", clip = " + std::to_string(clip) + " : f64";
  return "kernel.define @k (%x: " + x.type() + ", %w: " + panels(inputSize) +
         ", %r: " + panels(hidden) + ", " + join(types, "e", true, true) +
         ") -> (" + join(outs, "o", true, true) +
         ") params = " + std::to_string(params.size()) +
         " {\nkernel.recurrent \"" + cell + "\" %x, %w, %r : " + x.type() +
         ", " + panels(inputSize) + ", " + panels(hidden) + " extras(" +
         join(types, "e", true, false) + " : " + join(types, "e", false, true) +
         ") outs(" + join(outs, "o", true, false) + " : " +
         join(outs, "o", false, true) + ") attributes {" + attributes +
         "}\n}\n";
}

evaluate::Value valueOf(const TestView &view, evaluate::Shape shape) {
  evaluate::Value value;
  value.shape = shape;
  std::vector<float> data;
  forEachIndex(view.dims, [&](const test::Shape &at) {
    data.push_back(float(view.get(at)));
  });
  value.data = data;
  return value;
}

evaluate::Value valueOf(const std::vector<float> &data, evaluate::Shape shape) {
  evaluate::Value value;
  value.shape = shape;
  value.data = data;
  return value;
}

evaluate::Value bytesOf(const std::vector<float> &data, evaluate::Shape shape) {
  evaluate::Value value;
  value.kind = evaluate::ElementKind::I8;
  value.shape = shape;
  value.data = std::vector<int64_t>(data.begin(), data.end());
  return value;
}

evaluate::RecurrentResults Layer::expected() const {
  evaluate::Value input = valueOf(x, {steps, batch, inputSize}),
                  weights = valueOf(w, {1, gates * hidden, inputSize}),
                  recurrence = valueOf(r, {1, gates * hidden, hidden}),
                  biases = valueOf(b, {1, 2 * gates * hidden}),
                  start = valueOf(h, {1, batch, hidden}),
                  startC = valueOf(c, {1, batch, hidden}),
                  peepholes = valueOf(p, {1, 3 * hidden}), ends;
  evaluate::RecurrentOperands operands{};
  operands.input = &input;
  operands.weights = &weights;
  operands.recurrence = &recurrence;
  operands.bias = bias ? &biases : nullptr;
  operands.initialH = &start;
  operands.initialC = states == 2 ? &startC : nullptr;
  operands.peephole = hasPeephole ? &peepholes : nullptr;
  if (ofBytes) {
    weights = bytesOf(w, {1, gates * hidden, inputSize});
    recurrence = bytesOf(r, {1, gates * hidden, hidden});
    std::vector<float> all(bias ? b : std::vector<float>(b.size()));
    for (const std::vector<float> &part : {scales, sums, zeros})
      all.insert(all.end(), part.begin(), part.end());
    biases = valueOf(all, {1, 8 * gates * hidden});
    operands.bias = &biases;
  }
  if (hasLengths) {
    std::vector<int64_t> values;
    for (int64_t i = 0; i < batch; ++i)
      values.push_back(int64_t(lengths.get({i})));
    ends.kind = evaluate::ElementKind::I32;
    ends.shape = {batch};
    ends.data = values;
    operands.lengths = &ends;
  }
  evaluate::Recurrent attributes{};
  attributes.cell = cell == "lstm"  ? evaluate::Cell::Lstm
                    : cell == "gru" ? evaluate::Cell::Gru
                                    : evaluate::Cell::Rnn;
  attributes.direction =
      reverse ? evaluate::Direction::Reverse : evaluate::Direction::Forward;
  for (const std::string &name : activations)
    attributes.activations.push_back(*scalar::kindOf(name));
  attributes.alphas = alphas;
  attributes.betas = betas;
  if (clip > 0)
    attributes.clip = clip;
  attributes.linearBeforeReset = linear;
  attributes.inputForget = inputForget;
  attributes.quantisedState = ofBytes;
  return evaluate::recurrent(operands, attributes);
}

void drawAttributes(Layer &layer, Random &random) {
  std::vector<std::string> usual = {"sigmoid", "tanh", "tanh"};
  if (layer.cell == "rnn")
    usual = {"tanh"};
  usual.resize(layer.cell == "lstm" ? 3 : layer.cell == "gru" ? 2 : 1);
  const std::vector<std::string> rare = {"relu", "hard_sigmoid", "leaky_relu",
                                         "elu",  "softsign",     "softplus"};
  bool isRare = random.oneIn(3);
  for (const std::string &name : usual) {
    layer.activations.push_back(
        isRare && random.oneIn(2) ? rare[random.below(rare.size())] : name);
    layer.alphas.push_back(0.25);
    layer.betas.push_back(0.5);
  }
  // Unbounded activations grow over the steps until rounding decides.
  if (isRare)
    layer.steps = std::min<int64_t>(layer.steps, 3);
  layer.clip = isRare || random.oneIn(5) ? 1.5 : 0;
  layer.reverse = random.oneIn(3);
  layer.linear = layer.cell == "gru" && random.oneIn(2);
  layer.inputForget = layer.cell == "lstm" && random.oneIn(4);
  layer.bias = !random.oneIn(3);
  layer.hasLengths = random.oneIn(4);
  layer.hasPeephole = layer.cell == "lstm" && random.oneIn(3);
  layer.zeroStart = random.oneIn(3);
  // After a step, last bits of h decide on which side of a half it falls.
  layer.ofBytes = layer.cell == "lstm" && layer.steps <= 1;
}

/// Weights are bytes: what belongs to their columns.
void drawBytes(Layer &layer, Random &random) {
  for (auto [weights, depth] : {std::pair(&layer.w, layer.inputSize),
                                std::pair(&layer.r, layer.hidden)}) {
    for (float &weight : *weights)
      weight = float(random.below(256)) - 128;
    for (int64_t column = 0; column < layer.gates * layer.hidden; ++column) {
      float zero = float(random.below(21)) - 10, sum = 0;
      for (int64_t k = 0; k < depth; ++k)
        sum += (*weights)[column * depth + k] - zero;
      layer.sums.push_back(sum);
      layer.zeros.push_back(zero);
      layer.scales.push_back(0.001f * float(1 + random.below(9)));
    }
  }
}

Layer draw(const std::string &cell, unsigned seed) {
  Random random(seed);
  auto pick = [&](std::vector<int64_t> list) {
    return list[random.below(list.size())];
  };
  Layer layer;
  layer.cell = cell;
  layer.gates = cell == "lstm" ? 4 : cell == "gru" ? 3 : 1;
  layer.states = cell == "lstm" ? 2 : 1;
  layer.steps = pick({0, 1, 1, 2, 7, 13, 60});
  layer.batch = pick({1, 1, 2, 3, 4, 5, 9});
  layer.inputSize = pick({1, 3, 8, 17, 33});
  layer.hidden = pick({1, 5, 8, 13, 16, 24, 37, 64});
  drawAttributes(layer, random);
  float scale = 1 / std::sqrt(float(layer.hidden));
  layer.w =
      numbers(layer.gates * layer.hidden * layer.inputSize, scale, random);
  layer.r = numbers(layer.gates * layer.hidden * layer.hidden, scale, random);
  layer.b = numbers(2 * layer.gates * layer.hidden, 1, random);
  layer.p = numbers(3 * layer.hidden, 1, random);
  if (layer.ofBytes)
    drawBytes(layer, random);
  auto text = [&](int64_t value) {
    if (!random.oneIn(2))
      return std::to_string(value);
    layer.params.push_back(value);
    return "p" + std::to_string(layer.params.size() - 1);
  };
  std::string s = text(layer.steps), b = text(layer.batch);
  auto domain = [&](test::Shape dims, std::vector<std::string> names) {
    Domain result(dims, false, random);
    result.text = names;
    return result;
  };
  std::string i = std::to_string(layer.inputSize),
              h = std::to_string(layer.hidden);
  Domain state = domain({layer.batch, layer.hidden}, {b, h});
  auto any = [&](const Domain &d) {
    TestView view = randomView(d, "f32", random, false);
    view.allocate(random);
    view.fill(random, -1, 1);
    return view;
  };
  layer.x = any(domain({layer.steps, layer.batch, layer.inputSize}, {s, b, i}));
  layer.y = any(domain({layer.steps, layer.batch, layer.hidden}, {s, b, h}));
  layer.yH = any(state);
  layer.yC = any(state);
  layer.h = layer.c = makeView(state, "f32", {}, 0, {true, true});
  if (layer.zeroStart) {
    for (TestView *view : {&layer.h, &layer.c}) {
      view->memory = std::make_shared<Guarded>(4);
      view->set({0, 0}, 0);
    }
  } else {
    layer.h = any(state);
    layer.c = any(state);
  }
  layer.lengths = makeView(domain({layer.batch}, {b}), "i32");
  layer.lengths.allocate(random);
  for (int64_t row = 0; row < layer.batch; ++row)
    layer.lengths.set({row}, double(random.below(layer.steps + 2)));
  return layer;
}

template <typename T>
std::shared_ptr<Guarded> guarded(const std::vector<T> &values) {
  int64_t bytes = int64_t(values.size() * sizeof(T));
  auto memory = std::make_shared<Guarded>(bytes);
  if (!values.empty())
    std::memcpy(memory->data(), values.data(), bytes);
  return memory;
}

/// The columns of weights or those of recurrence, as panels have them.
template <typename T>
std::vector<T> half(const Layer &layer, const std::vector<T> &all, int64_t i) {
  int64_t columns = layer.gates * layer.hidden;
  return pack(layer,
              std::vector<T>(all.begin() + i * columns,
                             all.begin() + (i + 1) * columns),
              1);
}

template <typename T>
std::shared_ptr<Guarded> halves(const Layer &layer, const std::vector<T> &all) {
  std::vector<T> joined = half(layer, all, 0), second = half(layer, all, 1);
  joined.insert(joined.end(), second.begin(), second.end());
  return guarded(joined);
}

/// What comes behind the other operands, if weights are bytes.
std::vector<std::shared_ptr<Guarded>> ofBytes(const Layer &layer) {
  if (!layer.ofBytes)
    return {};
  return {halves(layer, layer.scales), halves(layer, layer.sums),
          halves(layer, layer.zeros)};
}

std::shared_ptr<Guarded>
panelsOf(const Layer &layer, const std::vector<float> &weights, int64_t depth) {
  return layer.ofBytes ? guarded(packBytes(layer, weights, depth))
                       : guarded(pack(layer, weights, depth));
}

void compare(const TestView &view, const evaluate::Value &want,
             const std::string &label) {
  size_t next = 0;
  int failures = 0;
  forEachIndex(view.dims, [&](const test::Shape &at) {
    double got = view.get(at), expected = want.as<float>()[next++];
    if (!(std::fabs(got - expected) <=
          2e-5 * std::max(1.0, std::fabs(expected))) &&
        ++failures <= 2)
      ADD_FAILURE() << label << ": element " << next - 1 << " is " << got
                    << ", expected " << expected;
  });
}

void check(const std::string &cell, unsigned seed) {
  Layer layer = draw(cell, seed);
  evaluate::RecurrentResults want = layer.expected();
  std::shared_ptr<Guarded> w = panelsOf(layer, layer.w, layer.inputSize),
                           r = panelsOf(layer, layer.r, layer.hidden),
                           p = guarded(layer.p);
  std::vector<std::shared_ptr<Guarded>> biases{
      guarded(half(layer, layer.b, 0)), guarded(half(layer, layer.b, 1))};
  std::vector<std::shared_ptr<Guarded>> rest = ofBytes(layer);
  std::vector<void *> buffers{layer.x.data(), w->data(), r->data()};
  if (layer.bias)
    for (const std::shared_ptr<Guarded> &bias : biases)
      buffers.push_back(bias->data());
  buffers.push_back(layer.h.data());
  if (layer.states == 2)
    buffers.push_back(layer.c.data());
  if (layer.hasLengths)
    buffers.push_back(layer.lengths.data());
  if (layer.hasPeephole)
    buffers.push_back(p->data());
  for (const std::shared_ptr<Guarded> &part : rest)
    buffers.push_back(part->data());
  std::vector<TestView *> outputs{&layer.y, &layer.yH};
  if (layer.states == 2)
    outputs.push_back(&layer.yC);
  for (TestView *output : outputs)
    buffers.push_back(output->data());
  std::string first;
  forEachTarget(layer.text(), layer.params, [&](const Prepared &run) {
    SCOPED_TRACE(run.isa + " seed " + std::to_string(seed) + "\n" +
                 layer.text());
    for (int64_t parts : {1, 3}) {
      std::string bits;
      for (TestView *output : outputs)
        std::memset(output->data(), 0xAB, output->memory->size());
      EXPECT_EQ(
          run.kernel->run(buffers, layer.params, run.items, run.scratch, parts),
          0u);
      compare(layer.y, want.y, "Y");
      compare(layer.yH, want.yH, "Y_h");
      if (layer.states == 2)
        compare(layer.yC, want.yC, "Y_c");
      for (TestView *output : outputs)
        bits.append(static_cast<char *>(output->data()),
                    output->memory->size());
      if (first.empty() && run.sharesBits)
        first = bits;
      EXPECT_TRUE(bits == first || !run.sharesBits) << "bits differ";
    }
  });
}

TEST(Recurrent, Lstm) {
  for (unsigned seed = 1; seed <= 24 && !HasFailure(); ++seed)
    check("lstm", seed);
}

TEST(Recurrent, Gru) {
  for (unsigned seed = 101; seed <= 124 && !HasFailure(); ++seed)
    check("gru", seed);
}

TEST(Recurrent, Rnn) {
  for (unsigned seed = 201; seed <= 212 && !HasFailure(); ++seed)
    check("rnn", seed);
}

} // namespace
