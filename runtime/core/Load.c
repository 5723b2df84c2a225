// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models in shared objects. The file's note says which function returns the
// descriptor, so nobody has to know the prefix; it is read before dlopen, which
// keeps files that are no models from running their constructors. A file that
// is shorter than its segments is refused here: dlopen would die of SIGBUS.

#define _GNU_SOURCE
#include "runtime/core/Runtime.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct loaded {
  const sinter_model *model;
  void *handle;
  struct loaded *next;
} loaded;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static loaded *list;

enum { MAX_NOTES = 64 << 10, MAX_NAME = 256 };

/* Finds our note in a segment of notes; name gets the function. */
static bool find_note(const uint8_t *notes, uint64_t n, char *name) {
  uint64_t at = 0;
  while (n - at >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr h;
    memcpy(&h, notes + at, sizeof h);
    uint64_t owner = at + sizeof h;
    uint64_t text = owner + ((h.n_namesz + 3ull) & ~3ull);
    uint64_t next = text + ((h.n_descsz + 3ull) & ~3ull);
    if (next > n)
      return false;
    if (h.n_type == SINTER_NOTE_TYPE && h.n_namesz == 7 &&
        h.n_descsz < MAX_NAME && !memcmp(notes + owner, "Sinter", 7)) {
      memcpy(name, notes + text, h.n_descsz);
      name[h.n_descsz] = 0;
      return true;
    }
    at = next;
  }
  return false;
}

static bool read_at(int fd, void *to, uint64_t n, uint64_t offset) {
  return pread(fd, to, n, (off_t)offset) == (ssize_t)n;
}

static bool model_function(int fd, char *name) {
  Elf64_Ehdr header;
  struct stat file;
  if (fstat(fd, &file) || !read_at(fd, &header, sizeof header, 0) ||
      memcmp(header.e_ident, ELFMAG, SELFMAG) ||
      header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_phentsize != sizeof(Elf64_Phdr))
    return false;
  bool found = false;
  for (uint32_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!read_at(fd, &segment, sizeof segment,
                 header.e_phoff + i * sizeof segment))
      return false;
    uint64_t size = (uint64_t)file.st_size;
    if (segment.p_offset > size || segment.p_filesz > size - segment.p_offset)
      return false;
    if (found || segment.p_type != PT_NOTE || segment.p_filesz > MAX_NOTES)
      continue;
    uint8_t *notes = malloc(segment.p_filesz + 1);
    found = notes && read_at(fd, notes, segment.p_filesz, segment.p_offset) &&
            find_note(notes, segment.p_filesz, name);
    free(notes);
  }
  return found;
}

static void log_text(const sinter_host *host, const char *text) {
  if (host && host->log)
    host->log(host->self, 2, text);
}

static sinter_status load_named(const char *path, const char *name,
                                const sinter_host *host,
                                const sinter_model **out, sinter_error *error) {
  /* A bare name is a file here, not a library to be searched for. */
  char here[4096];
  if (!strchr(path, '/') &&
      snprintf(here, sizeof here, "./%s", path) < (int)sizeof here)
    path = here;
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  const sinter_model *(*function)(void) = 0;
  if (handle)
    *(void **)&function = dlsym(handle, name);
  if (!function) {
    log_text(host, dlerror());
    if (handle)
      dlclose(handle);
    return runtime_error(error, SINTER_E_IO, SINTER_WHY_DLOPEN, 0, 0);
  }
  const sinter_model *model = function();
  sinter_status status = model_check(model, error);
  loaded *entry = status ? 0 : malloc(sizeof *entry);
  if (!entry) {
    dlclose(handle);
    return status ? status
                  : runtime_error(error, SINTER_E_MEMORY, SINTER_WHY_ALLOC, 0,
                                  sizeof *entry);
  }
  entry->model = model;
  entry->handle = handle;
  pthread_mutex_lock(&lock);
  entry->next = list;
  list = entry;
  pthread_mutex_unlock(&lock);
  *out = model;
  return SINTER_OK;
}

sinter_status sinter_load(const char *path, const sinter_host *host,
                          const sinter_model **out, sinter_error *error) {
  char name[MAX_NAME];
  if (!path || !out)
    return runtime_error(error, SINTER_E_ARG, SINTER_WHY_NULL, 0, 0);
  *out = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return runtime_error(error, SINTER_E_IO, SINTER_WHY_OPEN, errno, 0);
  bool found = model_function(fd, name);
  close(fd);
  if (!found)
    return runtime_error(error, SINTER_E_CORRUPT, SINTER_WHY_NO_NOTE, 0, 0);
  return load_named(path, name, host, out, error);
}

void sinter_unload(const sinter_model *model) {
  void *handle = 0;
  pthread_mutex_lock(&lock);
  for (loaded **at = &list; *at; at = &(*at)->next)
    if ((*at)->model == model) {
      loaded *entry = *at;
      handle = entry->handle;
      *at = entry->next;
      free(entry);
      break;
    }
  pthread_mutex_unlock(&lock);
  if (handle)
    dlclose(handle);
}
