// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights of a program: in the object, in memory the caller gives, or in a
// file that is mapped, so that processes share its pages. A file belongs to a
// model when its identity, a hash of the blob, is the one in the descriptor.

#define _GNU_SOURCE
#include "runtime/core/Runtime.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static sinter_status map_file(sinter_program *p, int fd, sinter_error *error) {
  struct stat info;
  sinter_weights_header header;
  const sinter_model *m = p->model;
  if (fstat(fd, &info) ||
      pread(fd, &header, sizeof header, 0) != sizeof header ||
      header.magic != SINTER_WEIGHTS_MAGIC)
    return runtime_error(error, SINTER_E_CORRUPT, SINTER_WHY_WEIGHTS_ID, 0, 0);
  if (memcmp(header.id, m->weights_id, sizeof header.id))
    return runtime_error(error, SINTER_E_CORRUPT, SINTER_WHY_WEIGHTS_ID, 0, 0);
  uint64_t size = (uint64_t)info.st_size;
  if (size < SINTER_WEIGHTS_OFFSET ||
      header.bytes > size - SINTER_WEIGHTS_OFFSET ||
      header.bytes < m->weights_bytes)
    return runtime_error(error, SINTER_E_CORRUPT, SINTER_WHY_WEIGHTS_SIZE,
                         (int64_t)size,
                         (int64_t)(m->weights_bytes + SINTER_WEIGHTS_OFFSET));
  void *map = mmap(0, size, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED)
    return runtime_error(error, SINTER_E_IO, SINTER_WHY_OPEN, errno, 0);
  p->mapping = map;
  p->mapping_bytes = size;
  p->weights = (const uint8_t *)map + SINTER_WEIGHTS_OFFSET;
  p->weights_bytes = header.bytes;
  return SINTER_OK;
}

/* NAME.weights beside the file that holds the model. */
static bool default_path(const sinter_model *model, char *path, size_t n) {
  Dl_info info;
  if (!dladdr(model, &info) || !info.dli_fname)
    return false;
  size_t stem = strlen(info.dli_fname);
  const char *dot = strrchr(info.dli_fname, '.');
  if (dot && !strcmp(dot, ".so"))
    stem = (size_t)(dot - info.dli_fname);
  return snprintf(path, n, "%.*s.weights", (int)stem, info.dli_fname) < (int)n;
}

sinter_status weights_open(sinter_program *p, const sinter_open_args *args,
                           sinter_error *error) {
  const sinter_model *m = p->model;
  char path[4096];
  if (m->weights || !m->weights_bytes) {
    p->weights = m->weights;
    p->weights_bytes = m->weights_bytes;
    return SINTER_OK;
  }
  if (args->weights) {
    if (args->weights_bytes < m->weights_bytes)
      return runtime_error(error, SINTER_E_CORRUPT, SINTER_WHY_WEIGHTS_SIZE,
                           (int64_t)args->weights_bytes,
                           (int64_t)m->weights_bytes);
    if ((uintptr_t)args->weights % 64)
      return runtime_error(error, SINTER_E_ARG, SINTER_WHY_ALIGN, 0, 64);
    p->weights = args->weights;
    p->weights_bytes = args->weights_bytes;
    return SINTER_OK;
  }
  const char *name = args->weights_path;
  if (!name)
    name = default_path(m, path, sizeof path) ? path : "";
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return runtime_error(error, SINTER_E_IO, SINTER_WHY_WEIGHTS_MISSING, errno,
                         0);
  sinter_status status = map_file(p, fd, error);
  close(fd);
  return status;
}

void weights_close(sinter_program *p) {
  if (p->mapping)
    munmap(p->mapping, p->mapping_bytes);
  p->mapping = 0;
}

sinter_status sinter_program_prefault(sinter_program *p, int locked) {
  if (!p)
    return SINTER_E_ARG;
  const volatile uint8_t *at = p->weights, *end = at + p->weights_bytes;
  if (!at)
    return SINTER_OK;
  uintptr_t page = (uintptr_t)at & ~(uintptr_t)4095;
  madvise((void *)page, p->weights_bytes + ((uintptr_t)at - page),
          MADV_WILLNEED);
  for (; at < end; at += 4096)
    (void)*at;
  if (locked && mlock((const void *)p->weights, p->weights_bytes))
    return SINTER_E_MEMORY;
  return SINTER_OK;
}
