// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The options of `inspect`, `repack`, `explain` and `cache`, for the one parser
// (Arguments.cpp).
#ifndef SINTER_TOOLS_SINTER_SMALLARGUMENTS_H
#define SINTER_TOOLS_SINTER_SMALLARGUMENTS_H

#include "tools/sinter/Arguments.h"

namespace CLI {
class App;
}

namespace sinter {

void addInspectOptions(CLI::App *inspect, Arguments &arguments);
void addRepackOptions(CLI::App *repack, Arguments &arguments);
void addExplainOptions(CLI::App *explain, Arguments &arguments);
void addCacheOptions(CLI::App *cache, Arguments &arguments,
                     std::string &folder);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_SMALLARGUMENTS_H
