// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files that bring a model's server into the world: container, Kubernetes,
// KServe, systemd, Grafana, Prometheus. Texts of tools/sinter/deploy with what
// is known of the model filled in.
#ifndef SINTER_TOOLS_SINTER_DEPLOY_H
#define SINTER_TOOLS_SINTER_DEPLOY_H

#include "llvm/Support/Error.h"
#include <string>

namespace sinter {

struct Deployment {
  std::string name; ///< of the model
  uint64_t objectBytes = 0;
  std::string manifest; ///< JSON; its arena tells the memory of a run
};

/// Writes the files into `folder`, which is made when it is not there.
llvm::Error writeDeployment(const Deployment &what, const std::string &folder);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_DEPLOY_H
