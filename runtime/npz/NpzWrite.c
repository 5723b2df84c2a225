// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The writing half: members are stored, not compressed, and carry no time, so
// equal arrays give equal bytes. A file appears under its name when complete; a
// device or a pipe is written to, never replaced.
#include "runtime/npz/NpzText.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void put(char *at, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i)
    at[i] = (char)(value >> (8 * i));
}

static uint32_t crcStep(uint32_t crc, const void *data, uint64_t n) {
  static uint32_t table[256];
  if (!table[1])
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit)
        value = value & 1 ? 0xEDB88320u ^ (value >> 1) : value >> 1;
      table[i] = value;
    }
  const uint8_t *at = data;
  for (uint64_t i = 0; i < n; ++i)
    crc = table[(crc ^ at[i]) & 255] ^ (crc >> 8);
  return crc;
}

/* `room` holds the type of texts, '<U' and the longest. */
static const char *typeText(uint8_t dtype, uint64_t width, char room[32]) {
  if (dtype == SINTER_STRING) {
    snprintf(room, 32, "<U%llu", (unsigned long long)width);
    return room;
  }
  static const char *const texts[] = {0,     "<f4", "|u1", "|i1", "<u2",
                                      "<i2", "<i4", "<i8", 0,     "|b1",
                                      "<f2", "<f8", "<u4", "<u8"};
  return dtype < sizeof texts / sizeof texts[0] ? texts[dtype] : 0;
}

/* The .npy header of an array in `into`; its length, 0 when it has no type. */
static uint64_t npyHeader(const sinter_npz_array *array, uint64_t width,
                          char into[512]) {
  char room[32];
  const char *type = typeText(array->dtype, width, room);
  if (!type)
    return 0;
  int n =
      10 + snprintf(into + 10, 400,
                    "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
  for (int i = 0; i < array->rank; ++i)
    n += snprintf(into + n, 400,
                  array->rank == 1 ? "%lld,"
                  : i              ? ", %lld"
                                   : "%lld",
                  (long long)array->dim[i]);
  n += snprintf(into + n, 8, "), }");
  while ((n + 1) % 64)
    into[n++] = ' ';
  into[n++] = '\n';
  memcpy(into, "\x93NUMPY\x01\x00", 8);
  put(into + 8, n - 10, 2);
  return n;
}

typedef struct {
  uint32_t crc;
  uint64_t place, size, header;
} Member;

/* The fields that local header and directory share, from `version needed` on.
 */
static void putCommon(char *at, const Member *member, uint64_t nameBytes) {
  put(at, 20, 2);
  put(at + 8, 0x21, 4); /* 1 January 1980 */
  put(at + 6, 0, 2);
  put(at + 10, member->crc, 4);
  put(at + 14, member->size, 4);
  put(at + 18, member->size, 4);
  put(at + 22, nameBytes + 4, 2);
}

static int writeMember(FILE *file, const sinter_npz_array *array,
                       Member *member) {
  char header[512] = {0}, local[30] = "PK\3\4";
  int isText = array->dtype == SINTER_STRING;
  uint64_t width = isText ? sinter_npz_width(array) : 0, bytes = array->bytes;
  char *texts = isText ? sinter_npz_encode(array, width, &bytes) : NULL;
  const void *data = isText ? texts : array->data;
  member->header = npyHeader(array, width, header);
  member->size = member->header + bytes;
  if (!member->header || member->size >= 0xFFFFFFFFu ||
      member->place >= 0xFFFFFFFFu || (isText && !texts)) {
    free(texts);
    return -1;
  }
  member->crc = ~crcStep(crcStep(~0u, header, member->header), data, bytes);
  putCommon(local + 4, member, strlen(array->name));
  fwrite(local, 1, sizeof local, file);
  fprintf(file, "%s.npy", array->name);
  fwrite(header, 1, member->header, file);
  if (bytes)
    fwrite(data, 1, bytes, file);
  free(texts);
  return ferror(file) ? -1 : 0;
}

static void writeDirectory(FILE *file, const sinter_npz_array *arrays,
                           const Member *members, uint32_t count,
                           uint64_t place) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < count; ++i) {
    char entry[46] = "PK\1\2\x14";
    putCommon(entry + 6, &members[i], strlen(arrays[i].name));
    put(entry + 42, members[i].place, 4);
    fwrite(entry, 1, sizeof entry, file);
    fprintf(file, "%s.npy", arrays[i].name);
    bytes += sizeof entry + strlen(arrays[i].name) + 4;
  }
  char end[22] = "PK\5\6";
  put(end + 8, count, 2);
  put(end + 10, count, 2);
  put(end + 12, bytes, 4);
  put(end + 16, place, 4);
  fwrite(end, 1, sizeof end, file);
}

static int writeAll(FILE *file, const sinter_npz_array *arrays,
                    uint32_t count) {
  Member *members = calloc(count + 1, sizeof *members);
  uint64_t place = 0;
  int status = members && count < 65535 ? 0 : -1;
  for (uint32_t i = 0; i < count && !status; ++i) {
    members[i].place = place;
    status = writeMember(file, &arrays[i], &members[i]);
    place += 30 + strlen(arrays[i].name) + 4 + members[i].size;
  }
  if (!status)
    writeDirectory(file, arrays, members, count, place);
  free(members);
  return status || fflush(file) ? -1 : 0;
}

int sinter_npz_write(const char *path, const sinter_npz_array *arrays,
                     uint32_t count, char *error, uint64_t n) {
  char temporary[4096];
  int toStdout = strcmp(path, "-") == 0;
  struct stat found;
  int inPlace = !stat(path, &found) && !S_ISREG(found.st_mode);
  int long_ = snprintf(temporary, sizeof temporary, "%s.tmp", path) >=
              (int)sizeof temporary;
  FILE *file = toStdout ? stdout
               : long_  ? NULL
                        : fopen(inPlace ? path : temporary, "wb");
  errno = file ? 0 : errno ? errno : ENAMETOOLONG;
  int status = file ? writeAll(file, arrays, count) : -1;
  int reason = errno;
  if (file && !toStdout) {
    status |= fclose(file);
    if (!inPlace && (status || rename(temporary, path))) {
      status = -1;
      remove(temporary);
    }
  }
  if (status)
    snprintf(error, n, "%s: %s", path,
             reason ? strerror(reason)
                    : "a tensor is over 4 GB or of a type that NumPy lacks");
  return status ? -1 : 0;
}
