// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A run at width 1 makes no allocation, lock or system call. The child process
// of this test lets the kernel kill it at any system call but write and exit
// (seccomp's strict mode), and its malloc and mutex functions count while they
// are armed.

#include "RuntimeModels.h"

#include <dlfcn.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int trapped;
static volatile bool armed;

extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);
void *malloc(size_t n) {
  trapped += armed;
  return __libc_malloc(n);
}
void *calloc(size_t n, size_t m) {
  trapped += armed;
  return __libc_calloc(n, m);
}
void *realloc(void *p, size_t n) {
  trapped += armed;
  return __libc_realloc(p, n);
}
void free(void *p) {
  trapped += armed;
  __libc_free(p);
}
int pthread_mutex_lock(pthread_mutex_t *mutex) noexcept {
  using Lock = int (*)(pthread_mutex_t *);
  static Lock real =
      reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  trapped += armed;
  return real(mutex);
}
}

namespace sinter {
namespace {

void *(*volatile allocate)(size_t) = malloc; // so that it is not optimised away

enum class Act { Run, Malloc, SystemCall };

// The status of a child that does `act` under both traps.
int childStatus(Act act) {
  TestModel m;
  makeBiasModel(m);
  Runner r;
  sinter_host host = {}; // strict mode also forbids the clock's rdtsc
  host.size = sizeof host;
  host.now_ns = [](void *) -> uint64_t { return 1; };
  EXPECT_EQ(r.open(m, 1, &host), SINTER_OK);
  EXPECT_EQ(r.size({100}), SINTER_OK);
  std::vector<float> x(800, 1), y(800), small(80, 1);
  r.set(0, SINTER_F32, {100, 8}, x);
  r.set(1, SINTER_F32, {}, y);
  sinter_sample ring[4];
  sinter_tensor other = {};
  other.data = small.data();
  other.bytes = 320;
  other.rank = 2;
  other.dtype = SINTER_F32;
  other.dim[0] = 10, other.dim[1] = 8;
  sinter_tensor wrong = other;
  wrong.dim[0] = 8, wrong.dim[1] = 10;
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    armed = true;
    if (act == Act::Malloc)
      free(allocate(1));
    if (act == Act::SystemCall)
      syscall(SYS_getppid);
    bool ok = r.run() == SINTER_OK && r.run() == SINTER_OK;
    ok &= sinter_set(r.context, 0, &other) == SINTER_OK &&
          r.run() == SINTER_OK; // another shape
    sinter_profile(r.context, ring, 4);
    ok &= r.run() == SINTER_OK;
    sinter_set(r.context, 0, &wrong);
    ok &= r.run() == SINTER_E_SHAPE; // errors neither
    armed = false;
    syscall(SYS_exit, ok && !trapped ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

TEST(RuntimeTrap, NoAllocationLockOrSystemCall) {
  int status = childStatus(Act::Run);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(RuntimeTrap, TheTrapsWork) {
  int status = childStatus(Act::Malloc);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << status;
  status = childStatus(Act::SystemCall);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
}

} // namespace
} // namespace sinter
