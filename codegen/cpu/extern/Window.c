// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Padding by rule, and the window operators that are too rare for an emitter.

#include "codegen/cpu/extern/Extern.h"

enum { PAD_CONSTANT, PAD_EDGE, PAD_REFLECT, PAD_WRAP };

/* Source coordinate of output coordinate x, or -1 for the constant. */
static int64_t unpad(int64_t x, int64_t n, int64_t mode) {
  if (x >= 0 && x < n)
    return x;
  if (mode == PAD_CONSTANT || n == 0)
    return -1;
  if (mode == PAD_EDGE)
    return x < 0 ? 0 : n - 1;
  int64_t period = mode == PAD_WRAP ? n : n == 1 ? 1 : 2 * (n - 1);
  x %= period;
  if (x < 0)
    x += period;
  return x < n ? x : period - x;
}

SINTER_EXTERN_FUNCTION(pad) {
  const sinter_view *in = &views[0], *out = &views[n_inputs];
  const int64_t *low = integers + 1;
  const char zero[16] = {0}, *value = n_inputs > 1 ? views[1].data : zero;
  int64_t last = last_axis(out), at[SINTER_MAX_RANK];
  if (out->rank == 0) {
    if (begin < end)
      copy_element(out->data, in->data, out->size);
    return;
  }
  for (int64_t item = begin; item < end; item++) {
    decode_item(out, last, item, at);
    char *to = address(out, at);
    const char *from = in->data;
    int inside = 1;
    for (int64_t i = 0; i < last; i++) {
      int64_t x = unpad(at[i] - low[i], in->dim[i], integers[0]);
      inside &= x >= 0;
      from += x * in->stride[i];
    }
    for (int64_t j = 0; j < out->dim[last]; j++) {
      int64_t first = j - low[last], rest = out->dim[last] - j;
      if (inside && first >= 0 && first < in->dim[last]) { /* what was there before */
        int64_t n = in->dim[last] - first < rest ? in->dim[last] - first : rest;
        copy_row(to + j * out->stride[last], out->stride[last], from + first * in->stride[last],
                 in->stride[last], n, out->size);
        j += n - 1;
        continue;
      }
      int64_t x = unpad(j - low[last], in->dim[last], integers[0]);
      copy_element(to + j * out->stride[last],
                   inside && x >= 0 ? from + x * in->stride[last] : value, out->size);
    }
  }
}

static float log2_of(float x) {
  uint32_t bits = float_to_bits(x);
  double e = (double)((int32_t)(bits >> 23) - 127);
  double m = bits_to_float((bits & 0x7fffff) | 0x3f800000);
  if (m > 1.41421356)
    m *= 0.5, e += 1;
  /* log2(m) = 2/ln 2 * atanh((m - 1)/(m + 1)), |argument| < 0.172 */
  double z = (m - 1) / (m + 1), zz = z * z;
  double series = 1 + zz * (1.0 / 3 + zz * (1.0 / 5 + zz * (1.0 / 7 + zz * (1.0 / 9 + zz / 11))));
  return (float)(e + 2.8853900817779268 * z * series);
}

/* x > 0 */
static float power(float x, float y) {
  double t = (double)log2_of(x) * y;
  if (t < -126)
    return 0;
  if (t > 127)
    return bits_to_float(0x7f800000);
  int64_t whole = (int64_t)(t < 0 ? t - 0.5 : t + 0.5);
  double r = (t - (double)whole) * 0.6931471805599453, sum = 1;
  for (int64_t i = 11; i > 0; i--)
    sum = 1 + sum * r / (double)i;
  return (float)sum * bits_to_float((uint32_t)(whole + 127) << 23);
}

/* The beta of every published net: x^0.75 is sqrt(x) sqrt(sqrt(x)). */
static void lrn_row(const sinter_view *in, const sinter_view *out, int64_t axis, int64_t size,
                    float alpha, float bias, int64_t *at) {
  enum { BLOCK = 64 };
  int64_t last = last_axis(out), step = in->stride[last];
  for (int64_t begin = 0; begin < out->dim[last]; begin += BLOCK) {
    int64_t n = out->dim[last] - begin < BLOCK ? out->dim[last] - begin : BLOCK;
    float sum[BLOCK] = {0};
    at[last] = begin;
    char *to = address(out, at);
    const char *from = address(in, at);
    for (int64_t j = 0; j < n && axis == last; j++) {
      for (int64_t c = begin + j - (size - 1) / 2; c <= begin + j + size / 2; c++) {
        float x = c < 0 || c >= in->dim[axis] ? 0 : *(const float *)(from + (c - begin) * step);
        sum[j] += x * x;
      }
    }
    for (int64_t c = at[axis] - (size - 1) / 2; c <= at[axis] + size / 2 && axis != last; c++) {
      if (c < 0 || c >= in->dim[axis])
        continue;
      const char *row = from + (c - at[axis]) * in->stride[axis];
      for (int64_t j = 0; j < n; j++) {
        float x = *(const float *)(row + j * step);
        sum[j] += x * x;
      }
    }
    VECTOR_LOOP
    for (int64_t j = 0; j < n; j++) {
      float root = __builtin_elementwise_sqrt(bias + alpha * sum[j]);
      sum[j] = root * __builtin_elementwise_sqrt(root);
    }
    for (int64_t j = 0; j < n; j++)
      *(float *)(to + j * out->stride[last]) = *(const float *)(from + j * step) / sum[j];
  }
}

/* y = x / (bias + alpha/size * sum of squares over the axis' window)^beta */
SINTER_EXTERN_FUNCTION(lrn) {
  const sinter_view *in = &views[0], *out = &views[1];
  int64_t axis = integers[0], size = integers[1], last = last_axis(out);
  int64_t at[SINTER_MAX_RANK];
  float alpha = (float)(floats[0] / (double)size), beta = (float)floats[1];
  float bias = (float)floats[2];
  for (int64_t item = begin; item < end; item++) {
    decode_item(out, last, item, at);
    if (in->type == TYPE_F32 && beta == 0.75f) {
      lrn_row(in, out, axis, size, alpha, bias, at);
      continue;
    }
    for (int64_t j = 0; j < out->dim[last]; j++) {
      at[last] = j;
      char *to = address(out, at);
      const char *from = address(in, at);
      int64_t first = at[axis] - (size - 1) / 2, stop = at[axis] + size / 2 + 1;
      if (first < 0)
        first = 0;
      if (stop > in->dim[axis])
        stop = in->dim[axis];
      float sum = 0;
      for (int64_t c = first; c < stop; c++) {
        float x = (float)load_number(in->type, from + (c - at[axis]) * in->stride[axis]).f;
        sum += x * x;
      }
      number y = {(float)load_number(in->type, from).f / power(bias + alpha * sum, beta), 0};
      store_number(out->type, to, y);
    }
  }
}

/* Moves `at` (rank axes, row-major) to the next position below `limit`. */
static int next_position(int64_t *at, const int64_t *limit, int64_t rank) {
  for (int64_t i = rank - 1; i >= 0; i--) {
    if (++at[i] < limit[i])
      return 1;
    at[i] = 0;
  }
  return 0;
}

SINTER_EXTERN_FUNCTION(max_pool_indices) {
  const sinter_view *in = &views[0], *values = &views[1], *indices = &views[2];
  int64_t spatial = in->rank - 2, at[SINTER_MAX_RANK];
  const int64_t *kernel = integers + 1, *strides = kernel + spatial;
  const int64_t *pads = strides + spatial, *dilations = pads + spatial;
  for (int64_t item = begin; item < end; item++) {
    decode_item(values, last_axis(values), item, at);
    for (int64_t j = 0; j < row_length(values); j++) {
      at[values->rank - 1] = j;
      number best = {0, 0};
      int64_t best_index = -1, tap[SINTER_MAX_RANK] = {0};
      do {
        int64_t offset = at[0] * in->stride[0] + at[1] * in->stride[1];
        int64_t flat = 0, scale = 1;
        int inside = 1;
        for (int64_t s = 0; s < spatial; s++) {
          int64_t x = at[2 + s] * strides[s] - pads[s] + tap[s] * dilations[s];
          inside &= x >= 0 && x < in->dim[2 + s];
          offset += x * in->stride[2 + s];
          if (integers[0]) { /* column major: the first spatial axis runs fastest */
            flat += x * scale;
            scale *= in->dim[2 + s];
          } else {
            flat = flat * in->dim[2 + s] + x;
            scale *= in->dim[2 + s];
          }
        }
        if (!inside)
          continue;
        number n = load_number(in->type, in->data + offset);
        if (best_index < 0 || number_less(in->type, best, n) || (n.f != n.f && best.f == best.f)) {
          best = n;
          best_index = (at[0] * in->dim[1] + at[1]) * scale + flat;
        }
      } while (next_position(tap, kernel, spatial));
      store_number(values->type, address(values, at), best);
      *(int64_t *)address(indices, at) = best_index;
    }
  }
}

/* One output pixel gathers from the input pixels whose kernel reaches it. */
SINTER_EXTERN_FUNCTION(conv_transpose) {
  const sinter_view *in = &views[0], *filter = &views[1];
  int64_t spatial = in->rank - 2, group = integers[0], has_bias = n_inputs > 2;
  const sinter_view *bias = &views[2], *out = &views[n_inputs];
  const int64_t *kernel = integers + 1, *strides = kernel + spatial;
  const int64_t *pads = strides + spatial, *dilations = pads + spatial;
  int64_t last = out->rank - 1, channels = in->dim[last] / group;
  int64_t outputs = out->dim[last] / group, at[SINTER_MAX_RANK];
  for (int64_t item = begin; item < end; item++) {
    decode_item(out, last, item, at);
    char *to = address(out, at);
    int64_t tap[SINTER_MAX_RANK] = {0};
    for (int64_t m = 0; m < out->dim[last]; m++)
      *(float *)(to + m * out->stride[last]) =
          has_bias ? *(const float *)(bias->data + m * bias->stride[0]) : 0;
    do {
      const char *from = in->data + at[0] * in->stride[0], *weight = filter->data;
      int inside = 1;
      for (int64_t s = 0; s < spatial; s++) {
        int64_t x = at[1 + s] + pads[s] - tap[s] * dilations[s];
        inside &= x >= 0 && x % strides[s] == 0 && x / strides[s] < in->dim[1 + s];
        from += x / strides[s] * in->stride[1 + s];
        weight += tap[s] * filter->stride[2 + s];
      }
      if (!inside)
        continue;
      for (int64_t c = 0; c < in->dim[last]; c++) {
        float x = *(const float *)(from + c * in->stride[last]);
        const char *w = weight + c * filter->stride[0];
        char *y = to + c / channels * outputs * out->stride[last];
        if (filter->stride[1] == 4 && out->stride[last] == 4) {
          VECTOR_LOOP
          for (int64_t m = 0; m < outputs; m++)
            ((float *)y)[m] += x * ((const float *)w)[m];
          continue;
        }
        for (int64_t m = 0; m < outputs; m++)
          *(float *)(y + m * out->stride[last]) +=
              x * *(const float *)(w + m * filter->stride[1]);
      }
    } while (next_position(tap, kernel, spatial));
  }
}

/* Mean and variance over a group of channels, two passes in double. */
SINTER_EXTERN_FUNCTION(group_norm) {
  const sinter_view *in = &views[0], *scale = &views[1], *bias = &views[2];
  const sinter_view *out = &views[3];
  int64_t groups = integers[0], width = in->dim[1] / groups;
  int64_t limit[SINTER_MAX_RANK], count = width;
  for (int64_t i = 2; i < in->rank; i++) {
    limit[i - 1] = in->dim[i];
    count *= in->dim[i];
  }
  limit[0] = width;
  if (count == 0)
    return;
  for (int64_t item = begin; item < end; item++) {
    double sums[2] = {0, 0};
    for (int pass = 0; pass < 3; pass++) {
      double mean = sums[0] / (double)count;
      double factor = pass == 2 ? 1 / __builtin_elementwise_sqrt(sums[1] / (double)count + floats[0]) : 0;
      int64_t at[SINTER_MAX_RANK] = {0}, full[SINTER_MAX_RANK];
      do {
        full[0] = item / groups;
        full[1] = item % groups * width + at[0];
        for (int64_t i = 2; i < in->rank; i++)
          full[i] = at[i - 1];
        double x = load_number(in->type, address(in, full)).f;
        if (pass == 0) {
          sums[0] += x;
        } else if (pass == 1) {
          sums[1] += (x - mean) * (x - mean);
        } else {
          number a = load_number(scale->type, scale->data + full[1] * scale->stride[0]);
          number b = load_number(bias->type, bias->data + full[1] * bias->stride[0]);
          number y = {(x - mean) * factor * a.f + b.f, 0};
          store_number(out->type, address(out, full), y);
        }
      } while (next_position(at, limit, in->rank - 1));
    }
  }
}
