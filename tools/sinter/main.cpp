// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter`: the command that users run. It parses, calls one function, and
// turns what comes back into an exit code; `sinter --help` lists the commands.
//
// Not listed: --kernel-worker, which is this program as a worker of the kernel
// farm, and help-page, which test/tools/sinter keeps equal to the committed
// page.
#include "tools/sinter/Commands.h"

#include "compiler/pipeline/CompileDefine.h"
#include "compiler/report/UserError.h"
#include "llvm/Support/raw_ostream.h"
#include <csignal>
#include <cstdlib>
#include <new>
#include <unistd.h>

using namespace sinter;

// For the tests of what happens when LLVM dies: so does this worker on every
// define that contains a text, unless plain code is asked for (and not even
// that is to be had).
static KernelCompiler workerCompiler() {
  KernelCompiler compiler = makeKernelCompiler();
  const char *broken = getenv("SINTER_TEST_BREAK_KERNEL");
  bool breaksPlain = getenv("SINTER_TEST_BREAK_PLAIN") != nullptr;
  if (!broken)
    return compiler;
  return [=](const KernelRequest &request, std::string &object,
             std::string &error) {
    if ((breaksPlain || !request.plain) && request.define.contains(broken))
      abort();
    return compiler(request, object, error);
  };
}

static std::optional<int> runHidden(llvm::StringRef word) {
  if (word == "help-page")
    llvm::outs() << helpPage();
  else if (word == "--kernel-worker")
    return runKernelWorker(workerCompiler());
  else
    return std::nullopt;
  return 0;
}

// Sizes come from users' files and inputs. Nothing can be freed and nothing be
// undone here: outputs get their names only when they are complete.
static void endWithoutMemory() {
  llvm::errs()
      << "sinter: error: memory could not be had\n  Give smaller inputs, "
         "or raise the limit of memory.\n  [SINTER-O010] see "
         "docs/error-codes.md\n";
  _exit(static_cast<int>(ExitCode::Machine));
}

static ExitCode dispatch(const Arguments &arguments) {
  switch (arguments.command) {
  case Command::Compile:
    return runCompile(arguments);
  case Command::Check:
    return runCheck(arguments);
  case Command::Run:
    return runRun(arguments);
  case Command::Verify:
    return runVerify(arguments);
  case Command::Inspect:
    return runInspect(arguments);
  case Command::Bench:
    return runBench(arguments);
  case Command::Serve:
    return runServe(arguments);
  case Command::Package:
    return runPackage(arguments);
  case Command::Ctl:
    return runCtl(arguments);
  case Command::Explain:
    return runExplain(arguments);
  case Command::Diff:
    return runDiff(arguments);
  case Command::Bisect:
    return runBisect(arguments);
  case Command::Repack:
    return runRepack(arguments);
  case Command::Cache:
    return runCache(arguments);
  }
  return ExitCode::Internal;
}

int main(int argc, char **argv) {
  signal(SIGXFSZ, SIG_IGN); // a file over `ulimit -f` is an error in words
  std::set_new_handler(endWithoutMemory);
  if (argc == 2)
    if (std::optional<int> exit = runHidden(argv[1]))
      return *exit;
  Arguments arguments;
  if (std::optional<ExitCode> exit = parseArguments(argc, argv, arguments))
    return static_cast<int>(*exit);
  ExitCode exit = dispatch(arguments);
  llvm::outs().flush();
  if (std::error_code code = llvm::outs().error()) {
    llvm::outs().clear_error();
    exit = printError("sinter", userError(ErrorCode::O010, "standard output: " +
                                                               code.message()));
  }
  return static_cast<int>(exit);
}
