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
  int64_t once = mode == PAD_REFLECT ? (x < 0 ? -x : period - x) : x < 0 ? x + n : x - n;
  if (once >= 0 && once < n) /* nearly all there are */
    return once;
  x %= period;
  if (x < 0)
    x += period;
  return x < n ? x : period - x;
}

/* Elements [j, end) of a row that lie outside; from is null where all of it does. */
static void pad_part(char *to, const sinter_view *out, const char *from, const sinter_view *in,
                     int64_t low, int64_t mode, const char *value, int64_t j, int64_t end) {
  int64_t last = last_axis(out), step = out->stride[last], across = in->stride[last];
  int64_t n = in->dim[last], x = j - low;
  if (j >= end)
    return;
  to += j * step;
  if (!from || mode == PAD_CONSTANT || n == 0) {
    copy_row(to, step, value, 0, end - j, out->size);
  } else if (mode == PAD_EDGE) {
    copy_row(to, step, from + (x < 0 ? 0 : n - 1) * across, 0, end - j, out->size);
  } else if (mode == PAD_REFLECT && -x < n && end - low < 2 * n) { /* one turn */
    copy_row(to, step, from + (x < 0 ? -x : 2 * (n - 1) - x) * across, -across, end - j,
             out->size);
  } else {
    for (int64_t i = 0; i < end - j; i++)
      copy_element(to + i * step, from + unpad(x + i, n, mode) * across, out->size);
  }
}

/* A row: what is before its source, the source, and what is after it. */
static void pad_row(char *to, const sinter_view *out, const char *from, const sinter_view *in,
                    int64_t low, int64_t mode, const char *value) {
  int64_t last = last_axis(out), extent = out->dim[last], end = low + in->dim[last];
  int64_t first = low < 0 ? 0 : low < extent ? low : extent;
  end = !from || end < first ? first : end < extent ? end : extent;
  pad_part(to, out, from, in, low, mode, value, 0, first);
  if (from)
    copy_row(to + first * out->stride[last], out->stride[last],
             from + (first - low) * in->stride[last], in->stride[last], end - first, out->size);
  pad_part(to, out, from, in, low, mode, value, end, extent);
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
    visit_item(out, last, item, begin, at);
    char *to = address(out, at);
    const char *from = in->data;
    int inside = 1;
    for (int64_t i = 0; i < last; i++) {
      int64_t x = unpad(at[i] - low[i], in->dim[i], integers[0]);
      inside &= x >= 0;
      from += x * in->stride[i];
    }
    pad_row(to, out, inside ? from : 0, in, low[last], integers[0], value);
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

/* One axis under a window: where its first tap lies, and the taps inside. */
typedef struct {
  int64_t start, first, end, n, stride, pad, dilation, kernel;
  int64_t bytes, weight; /* of a step: in memory, and in the flat index */
} window_axis;

static inline void place_window(window_axis *a, int64_t at) {
  int64_t d = a->dilation, start = at * a->stride - a->pad, rest = a->n - start;
  int64_t before = start < 0 ? -start : 0;
  if (d > 1)
    before = (before + d - 1) / d, rest = (rest + d - 1) / d;
  a->start = start, a->first = before;
  a->end = rest < a->kernel ? rest : a->kernel;
}

/* The greatest number under the window, and its flat index within the plane; -1 when
   the window lies outside. */
static inline __attribute__((always_inline)) int64_t
greatest_under(window_axis *axes, int64_t outer, int64_t type, const char *plane, number *best) {
  const window_axis *last = &axes[outer];
  int64_t tap[SINTER_MAX_RANK], index = -1;
  float greatest = 0;
  for (int64_t s = 0; s < outer; s++) {
    tap[s] = axes[s].first;
    if (axes[s].first >= axes[s].end)
      return -1;
  }
  for (;;) {
    const char *row = plane;
    int64_t flat = 0;
    for (int64_t s = 0; s < outer; s++) {
      int64_t x = axes[s].start + tap[s] * axes[s].dilation;
      row += x * axes[s].bytes, flat += x * axes[s].weight;
    }
    int64_t x = last->start + last->first * last->dilation;
    for (int64_t t = last->first; t < last->end; t++, x += last->dilation) {
      number n = load_number(type, row + x * last->bytes);
      if (type == TYPE_F32) { /* compared as it is: a double would take twice as long */
        float value = *(const float *)(row + x * last->bytes);
        int takes = (index < 0) | (greatest < value) | ((value != value) & (greatest == greatest));
        index = takes ? flat + x * last->weight : index;
        greatest = takes ? value : greatest;
        continue;
      }
      int takes = (index < 0) | number_less(type, *best, n) | ((n.f != n.f) & (best->f == best->f));
      index = takes ? flat + x * last->weight : index;
      best->f = takes ? n.f : best->f, best->i = takes ? n.i : best->i;
    }
    int64_t s = outer - 1;
    for (; s >= 0; s--) {
      if (++tap[s] < axes[s].end)
        break;
      tap[s] = axes[s].first;
    }
    if (s < 0)
      break;
  }
  if (type == TYPE_F32)
    best->f = greatest;
  return index;
}

SINTER_EXTERN_FUNCTION(max_pool_indices) {
  const sinter_view *in = &views[0], *values = &views[1], *indices = &views[2];
  int64_t spatial = in->rank - 2, at[SINTER_MAX_RANK], plane_size = 1;
  const int64_t *kernel = integers + 1, *strides = kernel + spatial;
  const int64_t *pads = strides + spatial, *dilations = pads + spatial;
  window_axis axes[SINTER_MAX_RANK], *last = &axes[spatial - 1];
  for (int64_t k = 0; k < spatial; k++) { /* column major: the first runs fastest */
    int64_t s = integers[0] ? k : spatial - 1 - k;
    axes[s] = (window_axis){0, 0, 0, in->dim[2 + s], strides[s], pads[s], dilations[s], kernel[s],
                            in->stride[2 + s], plane_size};
    plane_size *= in->dim[2 + s];
  }
  for (int64_t item = begin; item < end; item++) {
    visit_item(values, last_axis(values), item, begin, at);
    char *to = address(values, at), *to_index = address(indices, at);
    const char *plane = in->data + at[0] * in->stride[0] + at[1] * in->stride[1];
    for (int64_t s = 0; s < spatial - 1; s++)
      place_window(&axes[s], at[2 + s]);
    for (int64_t j = 0; j < row_length(values); j++) {
      number best = {0, 0};
      place_window(last, j);
      int64_t index = in->type == TYPE_F32
                          ? greatest_under(axes, spatial - 1, TYPE_F32, plane, &best)
                          : greatest_under(axes, spatial - 1, in->type, plane, &best);
      store_number(values->type, to + j * row_stride(values), best);
      *(int64_t *)(to_index + j * row_stride(indices)) =
          index < 0 ? -1 : (at[0] * in->dim[1] + at[1]) * plane_size + index;
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
