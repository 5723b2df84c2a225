// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Preloaded into a server by run-serve-faults.py: a wall clock that jumps and a
// disk that is full, as the test says in the file that SINTER_FAULTS names. It
// holds two 64-bit numbers: seconds to add to the wall clock, and whether the
// disk is full. A write to a full disk takes half of its bytes, the next none.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *faults(void) {
  static const volatile int64_t *shared;
  static const int64_t none[2];
  if (!shared) {
    const char *path = getenv("SINTER_FAULTS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = file < 0 ? MAP_FAILED
                        : mmap(0, sizeof none, PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0)
      close(file);
    shared = at == MAP_FAILED ? none : at;
  }
  return shared;
}

int clock_gettime(clockid_t clock, struct timespec *out) {
  long status = syscall(SYS_clock_gettime, clock, out);
  if (!status && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    out->tv_sec += faults()[0];
  return (int)status;
}

int gettimeofday(struct timeval *out, void *zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now))
    return -1;
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec now = {0};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out)
    *out = now.tv_sec;
  return now.tv_sec;
}

ssize_t write(int file, const void *bytes, size_t count) {
  static _Atomic int calls;
  struct stat info;
  if (faults()[1] && !fstat(file, &info) && S_ISREG(info.st_mode)) {
    if (calls++ % 2 || count < 2) {
      errno = ENOSPC;
      return -1;
    }
    count /= 2;
  }
  return syscall(SYS_write, file, bytes, count);
}
