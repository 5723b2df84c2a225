// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function a command, each in a file of its own name. They print their own
// errors; what they return is the exit code of the process.
#ifndef SINTER_TOOLS_SINTER_COMMANDS_H
#define SINTER_TOOLS_SINTER_COMMANDS_H

#include "tools/sinter/Arguments.h"

namespace sinter {

ExitCode runCompile(const Arguments &arguments);
ExitCode runCheck(const Arguments &arguments);
ExitCode runRun(const Arguments &arguments);
ExitCode runVerify(const Arguments &arguments);
ExitCode runInspect(const Arguments &arguments);
ExitCode runBench(const Arguments &arguments);
ExitCode runServe(const Arguments &arguments);
ExitCode runPackage(const Arguments &arguments);
ExitCode runCtl(const Arguments &arguments);
ExitCode runExplain(const Arguments &arguments);
ExitCode runBisect(const Arguments &arguments);
ExitCode runRepack(const Arguments &arguments);
ExitCode runDiff(const Arguments &arguments);
ExitCode runCache(const Arguments &arguments);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_COMMANDS_H
