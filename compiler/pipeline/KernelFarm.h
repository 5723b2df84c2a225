// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Machine code for many kernels at once. LLVM aborts on what it cannot do, so
// it never runs in the compiler itself: kernels go to worker processes, which
// live as long as the farm, have limits on memory and time and are replaced
// when they die. A kernel that fails is compiled again, in a new process, to
// plain code with the same results; the failure is reported with a reproducer.
// Only when the plain code fails too does the compile.
//
// What comes out depends on the jobs alone, never on the number of workers, on
// who compiled what, or on what the cache held.
#ifndef SINTER_COMPILER_PIPELINE_KERNELFARM_H
#define SINTER_COMPILER_PIPELINE_KERNELFARM_H

#include "compiler/pipeline/KernelCache.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sinter {

/// One kernel for one ISA. `define` is the text of a kernel.define with only
/// the schedule of that ISA, without locations, named `kernel`. `display` is
/// for people.
struct KernelJob {
  std::string define, isa, display;
};

struct KernelCode {
  std::string symbol; // from the contents: equal jobs share a symbol
  std::vector<char> object;
  /// Set when `object` is plain code: why, and where the reproducer is.
  std::string failure, reproducer;

  bool isFallback() const { return !failure.empty(); }
};

struct FarmOptions {
  unsigned workers = 1;
  std::string cacheDir; // empty: none
  /// What to run as a worker; empty: this program with --kernel-worker.
  std::vector<std::string> command;
  int64_t timeoutMs = 180 * 1000;
  /// Called after each kernel from any thread, one call at a time.
  std::function<void(size_t done, size_t total)> progress;
};

/// Compiles all jobs; the result is in their order. Equal jobs are compiled
/// once. Fails with the first job in order that has not even plain code, as
/// SINTER-C001.
llvm::Expected<std::vector<KernelCode>>
compileKernels(const std::vector<KernelJob> &jobs, const FarmOptions &options);

/// The command that shows a saved failure again.
std::string reproduceCommand(const KernelJob &job, llvm::StringRef reproducer);

/// What a worker is asked for: an ELF object with `symbol` from the text of a
/// define.
struct KernelRequest {
  llvm::StringRef define, isa, symbol;
  bool plain = false;
};
/// The worker's side. On failure returns false with diagnostics in `error`.
using KernelCompiler = std::function<bool(
    const KernelRequest &request, std::string &object, std::string &error)>;
/// Serves jobs on the socket that is standard input until it closes. The exit
/// code.
int runKernelWorker(const KernelCompiler &compiler);

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_KERNELFARM_H
