// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `--simulate TRACE`: what the batcher would make of recorded arrivals, with
// the costs that the models' manifests hold or a server measured; nothing
// listens and nothing runs.
#ifndef SINTER_SERVE_MAIN_SIMULATE_H
#define SINTER_SERVE_MAIN_SIMULATE_H

#include "runtime/serve/config/Config.h"

namespace sinter::serve {

/// A page for each model, the newest version of those in a repository.
Status simulateModels(const ServerConfig &config,
                      const std::vector<EngineOptions::Embedded> &embedded,
                      std::string &page);

} // namespace sinter::serve

#endif // SINTER_SERVE_MAIN_SIMULATE_H
