// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The options of `serve`, `package` and `ctl`, for the one parser
// (Arguments.cpp).
#ifndef SINTER_TOOLS_SINTER_SERVINGARGUMENTS_H
#define SINTER_TOOLS_SINTER_SERVINGARGUMENTS_H

#include "tools/sinter/Arguments.h"

namespace CLI {
class App;
}

namespace sinter {

/// Everything behind `serve` goes to the server as it is.
void addServeOptions(CLI::App *serve);
void addPackageOutput(CLI::App *package, Arguments &arguments);
void addPackageOptions(CLI::App *package, Arguments &arguments);
void addCtlOptions(CLI::App *ctl, Arguments &arguments);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_SERVINGARGUMENTS_H
