// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The inside of a worker process: limits first, then one job after another.
// When a kernel makes LLVM abort, hang or eat memory, this process dies and no
// other.
#include "compiler/pipeline/Channel.h"
#include "compiler/pipeline/KernelFarm.h"

#include <csignal>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <tuple>

using namespace sinter;
using llvm::StringRef;

// The LLVM libraries alone map half a gigabyte; a kernel needs well under one.
static constexpr rlim_t memoryLimit = rlim_t(6) << 30;
static constexpr rlim_t secondsPerKernel = 120;

static void limitMemory() {
  rlimit limit;
#if !__has_feature(address_sanitizer) // which maps terabytes of shadow
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = std::min(limit.rlim_max, memoryLimit);
  setrlimit(RLIMIT_AS, &limit);
#endif
  limit = {0, 0}; // the parent saves a reproducer; a core file helps nobody
  setrlimit(RLIMIT_CORE, &limit);
}

// The limit counts the whole life of a process: give each kernel its own share.
static void limitSeconds() {
  rusage used;
  getrusage(RUSAGE_SELF, &used);
  rlimit limit;
  getrlimit(RLIMIT_CPU, &limit);
  rlim_t now = used.ru_utime.tv_sec + used.ru_stime.tv_sec;
  limit.rlim_cur = std::min(limit.rlim_max, now + secondsPerKernel);
  setrlimit(RLIMIT_CPU, &limit);
}

int sinter::runKernelWorker(const KernelCompiler &compiler) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  limitMemory();
  Message request;
  while (receiveMessage(0, request, -1) == Receive::Ok &&
         request.kind == MessageKind::Compile) {
    limitSeconds();
    KernelRequest job;
    StringRef effort;
    std::tie(effort, job.define) = StringRef(request.bytes).split('\0');
    std::tie(job.isa, job.define) = job.define.split('\0');
    std::tie(job.symbol, job.define) = job.define.split('\0');
    job.plain = effort == "plain";
    std::string object, error;
    bool ok = compiler(job, object, error);
    if (!sendMessage(0, ok ? MessageKind::Code : MessageKind::Failed,
                     ok ? object : error))
      return 1;
  }
  return 0;
}
