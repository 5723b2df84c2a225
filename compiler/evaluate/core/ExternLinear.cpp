// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linear attention, once more and head by head: see
// codegen/cpu/extern/Recurrence.c. And the bits of one type read as another.
#include "compiler/evaluate/core/Extern.h"

#include <cstring>

namespace sinter::evaluate {

void linearAttention(ExternCall &call) {
  const Value &q = *call.inputs[0], &k = *call.inputs[1], &v = *call.inputs[2],
              &past = *call.inputs[3], &decay = *call.inputs[4],
              &beta = *call.inputs[5];
  Value &y = call.results[0], &state = call.results[1];
  int64_t batch = past.shape[0], heads = past.shape[1], width = past.shape[2],
          size = past.shape[3], tokens = q.shape[1], group = call.integers[1];
  bool hasDecay = call.integers[2] & 1, isDelta = call.integers[2] & 2;
  auto at = [&](const Value &x, int64_t b, int64_t t, int64_t i) {
    return realAt(x, (b * tokens + t) * x.shape[2] + i);
  };
  for (int64_t item = 0; item < batch * heads; ++item) {
    int64_t b = item / heads, h = item % heads;
    std::vector<double> s(width * size);
    for (int64_t i = 0; i < width * size; ++i)
      s[i] = realAt(past, item * width * size + i);
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t i = 0; i < width * size && hasDecay; ++i)
        s[i] *=
            at(decay, b, t, decay.shape[2] == heads ? h : h * width + i / size);
      for (int64_t j = 0; j < size; ++j) {
        double update = at(v, b, t, h * size + j), found = 0;
        for (int64_t i = 0; i < width; ++i)
          found += at(k, b, t, h * width + i) * s[i * size + j];
        if (isDelta)
          update =
              at(beta, b, t, beta.shape[2] == 1 ? 0 : h) * (update - found);
        for (int64_t i = 0; i < width; ++i)
          s[i * size + j] += at(k, b, t, h * width + i) * update;
        for (int64_t g = h * group; g < (h + 1) * group; ++g) {
          double sum = 0;
          for (int64_t i = 0; i < width; ++i)
            sum += at(q, b, t, g * width + i) * s[i * size + j];
          setReal(y, ((b * tokens + t) * heads * group + g) * size + j,
                  sum * call.floats[0]);
        }
      }
    }
    for (int64_t i = 0; i < width * size; ++i)
      setReal(state, item * width * size + i, s[i]);
  }
}

namespace {

template <typename T> void store(char *to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

/// The little-endian bytes of an element, as its type says.
void storeBits(ElementKind kind, const Value &from, int64_t i, char *to) {
  switch (kind) {
  case ElementKind::F16:
    return store(to, encodeHalf(realAt(from, i)));
  case ElementKind::BF16:
    return store(to, encodeBrain(realAt(from, i)));
  case ElementKind::F32:
    return store(to, float(realAt(from, i)));
  case ElementKind::F64:
    return store(to, realAt(from, i));
  default:
    std::memcpy(to, &integers(from)[i], byteWidth(kind));
  }
}

} // namespace

void bitCast(ExternCall &call) {
  const Value &from = *call.inputs[0];
  Value &to = call.results[0];
  size_t size = byteWidth(from.kind);
  std::vector<char> bytes(from.count() * size);
  for (int64_t i = 0; i < from.count(); ++i)
    storeBits(from.kind, from, i, bytes.data() + i * size);
  Value read = fromBytes(to.kind, to.shape, bytes.data(), Mode::Declared);
  if (!isFloat(to.kind))
    to.data = read.data;
  else
    for (int64_t i = 0; i < to.count(); ++i)
      setReal(to, i, realAt(read, i));
}

} // namespace sinter::evaluate
