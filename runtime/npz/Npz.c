// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reading half: the whole file in memory, the zip's central directory, and
// one .npy header a member. Arrays point into the file's bytes.
#define _GNU_SOURCE
#include "runtime/npz/NpzText.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  char *error;
  uint64_t n;
} Problem;

static int fail(Problem *problem, const char *format, ...) {
  va_list list;
  va_start(list, format);
  if (problem->n)
    vsnprintf(problem->error, problem->n, format, list);
  va_end(list);
  return -1;
}

static uint64_t little(const char *at, int bytes) {
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i)
    value |= (uint64_t)(uint8_t)at[i] << (8 * i);
  return value;
}

/* What is long and does not start with `magic` is not read to its end: it may
   have none. */
static int readFile(const char *path, const char *magic, char **bytes,
                    uint64_t *size, Problem *problem) {
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
  if (!file)
    return fail(problem, "%s: %s", path, strerror(errno));
  uint64_t room = 1 << 16, n = 0;
  char *all = malloc(room);
  while (all) {
    n += fread(all + n, 1, room - n, file);
    if (n < room || memcmp(all, magic, 2) != 0)
      break;
    char *more = realloc(all, room *= 2);
    if (!more)
      free(all);
    all = more;
  }
  int broken = ferror(file);
  if (file != stdin)
    fclose(file);
  if (!all || broken) {
    free(all);
    return fail(problem, "%s: %s", path,
                all ? strerror(errno) : "not enough memory");
  }
  *bytes = all;
  *size = n;
  return 0;
}

/* ---- .npy ---- */

static const struct {
  const char *text;
  uint8_t dtype, bytes;
} types[] = {{"<f4", 1, 4},  {"|u1", 2, 1},  {"|i1", 3, 1},  {"<u2", 4, 2},
             {"<i2", 5, 2},  {"<i4", 6, 4},  {"<i8", 7, 8},  {"|b1", 9, 1},
             {"<f2", 10, 2}, {"<f8", 11, 8}, {"<u4", 12, 4}, {"<u8", 13, 8}};
enum { TYPE_COUNT = sizeof types / sizeof types[0] };

/* The value behind 'key': in the header, which is NUL-terminated; else NULL. */
static const char *valueOf(const char *header, const char *key) {
  const char *at = strstr(header, key);
  if (!at)
    return NULL;
  at += strlen(key);
  while (*at == ' ' || *at == ':')
    ++at;
  return at;
}

static int parseShape(const char *at, sinter_npz_array *array,
                      Problem *problem) {
  if (!at || *at++ != '(')
    return fail(problem, "array '%s': the header has no shape", array->name);
  while (*at && *at != ')') {
    char *end;
    errno = 0;
    long long dim = strtoll(at, &end, 10);
    if (end == at || errno || dim < 0)
      return fail(problem, "array '%s': the shape in its header is damaged",
                  array->name);
    if (array->rank == 8)
      return fail(problem, "array '%s' has more than 8 dimensions",
                  array->name);
    array->dim[array->rank++] = dim;
    for (at = end; *at == ',' || *at == ' ';)
      ++at;
  }
  return 0;
}

/* '<U5' or '|S5'; the units of an element, 0 of none. */
static int parseText(const char *descr, uint64_t *width) {
  int unit = !strncmp(descr, "'<U", 3) ? 4 : !strncmp(descr, "'|S", 3) ? 1 : 0;
  char *end = NULL;
  errno = 0;
  *width = unit ? strtoull(descr + 3, &end, 10) : 0;
  return unit && end > descr + 3 && *end == '\'' && !errno && *width < 1u << 30
             ? unit
             : 0;
}

static int parseHeader(const char *header, sinter_npz_array *array,
                       uint64_t *bytes, int *unit, uint64_t *width,
                       Problem *problem) {
  const char *descr = valueOf(header, "'descr'");
  const char *order = valueOf(header, "'fortran_order'");
  if (!descr || !order)
    return fail(problem, "array '%s': its header is damaged", array->name);
  if (strncmp(order, "False", 5) != 0)
    return fail(
        problem,
        "array '%s' is in Fortran order: save numpy.ascontiguousarray(x)",
        array->name);
  uint64_t size = 0;
  for (int i = 0; i < TYPE_COUNT; ++i)
    if (descr[0] == '\'' && strncmp(descr + 1, types[i].text, 3) == 0 &&
        descr[4] == '\'') {
      array->dtype = types[i].dtype;
      size = types[i].bytes;
    }
  *unit = size ? 0 : parseText(descr, width);
  if (*unit) {
    array->dtype = SINTER_STRING;
    size = *width * (uint64_t)*unit;
  }
  uint64_t length = strcspn(descr, ",");
  if (!size && !*unit)
    return fail(problem,
                "array '%s' has the type %.*s: numbers and bools in little "
                "endian and texts ('<U', '|S') are read, pickled objects are "
                "refused: save x.astype(numpy.float32), x.astype(str)",
                array->name, length < 24 ? (int)length : 24, descr);
  if (parseShape(valueOf(header, "'shape'"), array, problem))
    return -1;
  for (int i = 0; i < array->rank; ++i)
    if (__builtin_mul_overflow(size, (uint64_t)array->dim[i], &size))
      return fail(problem, "array '%s' is larger than memory", array->name);
  *bytes = size;
  return 0;
}

static int parseArray(const char *at, uint64_t n, sinter_npz_array *array,
                      Problem *problem) {
  if (n < 12 || memcmp(at, "\x93NUMPY", 6) != 0)
    return fail(problem, "'%s' is not an .npy array", array->name);
  int wide = at[6] >= 2;
  uint64_t start = wide ? 12 : 10, length = little(at + 8, wide ? 4 : 2);
  if (length > n - start || length > 65536)
    return fail(problem, "array '%s': its header is cut off", array->name);
  char *header = malloc(length + 1);
  if (!header)
    return fail(problem, "not enough memory");
  memcpy(header, at + start, length);
  header[length] = 0;
  uint64_t bytes = 0, width = 0, count = 1;
  int unit = 0;
  int status = parseHeader(header, array, &bytes, &unit, &width, problem);
  free(header);
  if (status)
    return -1;
  if (bytes > n - start - length)
    return fail(problem, "array '%s' is cut off: %llu bytes of %llu",
                array->name, (unsigned long long)(n - start - length),
                (unsigned long long)bytes);
  array->data = at + start + length;
  array->bytes = bytes;
  if (!unit)
    return 0;
  for (int i = 0; i < array->rank; ++i)
    if (__builtin_mul_overflow(count, (uint64_t)array->dim[i], &count))
      return fail(problem, "array '%s' is larger than memory", array->name);
  if (!width && count) /* NumPy gives every text room for one letter */
    return fail(problem, "array '%s': its header is damaged", array->name);
  return sinter_npz_decode(array->data, count, width, unit, array)
             ? fail(problem, "array '%s': not enough memory", array->name)
             : 0;
}

/* ---- zip ---- */

enum { END_BYTES = 22, ENTRY_BYTES = 46, LOCAL_BYTES = 30 };

/* The end record lies behind all members, before a comment of at most 64 KB. */
static const char *findEnd(const char *file, uint64_t n) {
  for (uint64_t back = END_BYTES; back <= n && back < END_BYTES + 65536; ++back)
    if (memcmp(file + n - back, "PK\5\6", 4) == 0)
      return file + n - back;
  return NULL;
}

/* One entry of the directory, at *at; advances *at. */
static int readEntry(const char *file, uint64_t n, const char **at,
                     sinter_npz_array *array, Problem *problem) {
  uint64_t left = file + n - *at;
  const char *entry = *at;
  if (left < ENTRY_BYTES || memcmp(entry, "PK\1\2", 4) != 0)
    return fail(problem, "the directory of the .npz is damaged");
  uint64_t method = little(entry + 10, 2), size = little(entry + 24, 4),
           place = little(entry + 42, 4);
  uint64_t nameBytes = little(entry + 28, 2),
           skip = nameBytes + little(entry + 30, 2) + little(entry + 32, 2);
  if (skip > left - ENTRY_BYTES)
    return fail(problem, "the directory of the .npz is damaged");
  *at = entry + ENTRY_BYTES + skip;
  char *name = calloc(nameBytes + 1, 1);
  if (!name)
    return fail(problem, "not enough memory");
  memcpy(name, entry + ENTRY_BYTES, nameBytes);
  array->name = name;
  uint64_t stem = strlen(name);
  if (stem > 4 && strcmp(name + stem - 4, ".npy") == 0)
    name[stem - 4] = 0;
  if (method != 0)
    return fail(problem, "array '%s' is compressed: save it with numpy.savez",
                name);
  if (place > n || n - place < LOCAL_BYTES ||
      memcmp(file + place, "PK\3\4", 4) != 0)
    return fail(problem, "array '%s' lies outside the file", name);
  uint64_t data = place + LOCAL_BYTES + little(file + place + 26, 2) +
                  little(file + place + 28, 2);
  if (size == 0xFFFFFFFFu &&
      data <= n) /* zip64: the .npy header has the size */
    size = n - data;
  if (data > n || size > n - data)
    return fail(problem, "array '%s' is cut off", name);
  return parseArray(file + data, size, array, problem);
}

int sinter_npz_read(const char *path, sinter_npz *out, char *error,
                    uint64_t n) {
  Problem problem = {error, n};
  uint64_t size;
  memset(out, 0, sizeof *out);
  if (readFile(path, "PK", &out->file, &size, &problem))
    return -1;
  const char *end = findEnd(out->file, size);
  uint64_t count = end ? little(end + 10, 2) : 0,
           directory = end ? little(end + 16, 4) : size;
  if (!end || directory > size) {
    sinter_npz_free(out);
    return fail(&problem, "%s is not an .npz file", path);
  }
  out->arrays = calloc(count + 1, sizeof *out->arrays);
  const char *at = out->file + directory;
  int status = out->arrays ? 0 : fail(&problem, "not enough memory");
  while (!status &&
         out->count < count) /* counted first: free() takes its name */
    status =
        readEntry(out->file, size, &at, &out->arrays[out->count++], &problem);
  if (status)
    sinter_npz_free(out);
  return status;
}

int sinter_npy_read(const char *path, sinter_npz *out, char *error,
                    uint64_t n) {
  Problem problem = {error, n};
  uint64_t size;
  memset(out, 0, sizeof *out);
  if (readFile(path, "\x93N", &out->file, &size, &problem))
    return -1;
  out->arrays = calloc(1, sizeof *out->arrays);
  int status = out->arrays ? 0 : fail(&problem, "not enough memory");
  if (!status) {
    out->count = 1;
    out->arrays[0].name = strdup(path);
    status = out->arrays[0].name
                 ? parseArray(out->file, size, out->arrays, &problem)
                 : fail(&problem, "not enough memory");
  }
  if (status)
    sinter_npz_free(out);
  return status;
}

void sinter_npz_free(sinter_npz *npz) {
  for (uint32_t i = 0; i < npz->count; ++i)
    free((void *)npz->arrays[i].name), free(npz->arrays[i].own);
  free(npz->arrays);
  free(npz->file);
  memset(npz, 0, sizeof *npz);
}
