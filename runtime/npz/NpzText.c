// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arrays of texts: NumPy stores each in as much room as the longest one needs,
// filled with zeros: '<U5' as code points of four bytes, '|S5' as bytes. Here
// they are sinter_text records, UTF-8, in one block with their bytes. What is
// no code point becomes U+FFFD.
#include "runtime/npz/NpzText.h"

#include <stdlib.h>
#include <string.h>

static uint32_t pointAt(const char *at) {
  const uint8_t *b = (const uint8_t *)at;
  return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
         (uint32_t)b[3] << 24;
}

/* Bytes of a code point in UTF-8, written when `to` is given. */
static uint64_t encode(uint32_t point, char *to) {
  if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
    point = 0xFFFD;
  int more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  static const uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
  for (int i = more; to && i > 0; --i, point >>= 6)
    to[i] = (char)(0x80 | (point & 63));
  if (to)
    to[0] = (char)(lead[more] | point);
  return (uint64_t)more + 1;
}

/* The code point at *at, which moves on; U+FFFD for a byte that starts none. */
static uint32_t decode(const uint8_t **at, const uint8_t *end) {
  uint8_t first = *(*at)++;
  int more = first < 0x80       ? 0
             : first >> 5 == 6  ? 1
             : first >> 4 == 14 ? 2
             : first >> 3 == 30 ? 3
                                : -1;
  if (more <= 0)
    return more ? 0xFFFD : first;
  uint32_t point = first & (0x3Fu >> more);
  if (end - *at < more)
    return 0xFFFD;
  for (int i = 0; i < more; ++i) {
    if (((*at)[i] & 0xC0) != 0x80)
      return 0xFFFD;
    point = point << 6 | ((*at)[i] & 63);
  }
  *at += more;
  return encode(point, 0) == (uint64_t)more + 1 ? point : 0xFFFD;
}

/* Units of an element before the zeros at its end. */
static uint64_t lengthOf(const char *at, uint64_t width, int unit) {
  while (width && (unit == 4 ? !pointAt(at + 4 * (width - 1)) : !at[width - 1]))
    --width;
  return width;
}

static uint64_t put(const char *at, uint64_t length, int unit, char *to) {
  uint64_t n = 0;
  if (unit == 1) {
    if (to)
      memcpy(to, at, length);
    return length;
  }
  for (uint64_t i = 0; i < length; ++i)
    n += encode(pointAt(at + 4 * i), to ? to + n : 0);
  return n;
}

int sinter_npz_decode(const char *data, uint64_t count, uint64_t width,
                      int unit, sinter_npz_array *array) {
  uint64_t bytes = 0, step = width * (uint64_t)unit;
  for (uint64_t i = 0; i < count; ++i)
    bytes +=
        put(data + i * step, lengthOf(data + i * step, width, unit), unit, 0);
  if (count > (UINT64_MAX >> 5) - bytes)
    return -1;
  sinter_text *all = malloc(count * sizeof *all + bytes + 1);
  if (!all)
    return -1;
  char *to = (char *)(all + count);
  for (uint64_t i = 0; i < count; ++i) {
    const char *at = data + i * step;
    all[i].data = to;
    all[i].bytes = put(at, lengthOf(at, width, unit), unit, to);
    to += all[i].bytes;
  }
  array->data = array->own = all;
  array->bytes = count * sizeof *all;
  return 0;
}

static sinter_text textAt(const sinter_npz_array *array, uint64_t i) {
  sinter_text text;
  memcpy(&text, (const char *)array->data + i * sizeof text, sizeof text);
  return text;
}

uint64_t sinter_npz_width(const sinter_npz_array *array) {
  uint64_t width = 1, count = array->bytes / sizeof(sinter_text);
  for (uint64_t i = 0; i < count; ++i) {
    sinter_text text = textAt(array, i);
    const uint8_t *at = (const uint8_t *)text.data, *end = at + text.bytes;
    uint64_t points = 0;
    for (; at < end; ++points)
      decode(&at, end);
    width = points > width ? points : width;
  }
  return width;
}

char *sinter_npz_encode(const sinter_npz_array *array, uint64_t width,
                        uint64_t *bytes) {
  uint64_t count = array->bytes / sizeof(sinter_text);
  char *all = NULL;
  if (!__builtin_mul_overflow(count, 4 * width, bytes))
    all = calloc(*bytes + 1, 1);
  for (uint64_t i = 0; all && i < count; ++i) {
    sinter_text text = textAt(array, i);
    const uint8_t *at = (const uint8_t *)text.data, *end = at + text.bytes;
    for (char *to = all + i * 4 * width; at < end; to += 4) {
      uint32_t point = decode(&at, end);
      for (int byte = 0; byte < 4; ++byte)
        to[byte] = (char)(point >> (8 * byte));
    }
  }
  return all;
}
