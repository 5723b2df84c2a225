// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What outlives the process: labels and traffic splits, one JSON file in the
// state folder. Written beside the old one, flushed, renamed: after a crash it
// is as before or as after, never between.
#ifndef SINTER_SERVE_ENGINE_STATE_H
#define SINTER_SERVE_ENGINE_STATE_H

#include "runtime/serve/engine/Description.h"
#include "runtime/serve/engine/Status.h"

#include <map>

namespace sinter::serve {

struct ModelState {
  std::map<std::string, uint64_t> labels;
  uint64_t previousStable = 0; ///< what rollback() goes back to; 0 = nothing
  uint64_t canary = 0, shadow = 0;
  double canaryPercent = 0, shadowPercent = 0;
};

using States = std::map<std::string, ModelState>;

/// No folder or no file: empty. A damaged file is an error that names it.
Status readStates(const std::string &folder, States &out);
Status writeStates(const std::string &folder, const States &states);

} // namespace sinter::serve

#endif // SINTER_SERVE_ENGINE_STATE_H
