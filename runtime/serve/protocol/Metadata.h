// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers about the server and its models, as JSON texts.
#ifndef SINTER_SERVE_PROTOCOL_METADATA_H
#define SINTER_SERVE_PROTOCOL_METADATA_H

#include "runtime/serve/engine/Description.h"

namespace sinter::serve {

/// What of Triton's extensions this server has switched on; only these are
/// advertised.
struct Extensions {
  bool sharedMemory = false;
  bool trace = false;
  bool logging = false;
};

/// How a model is batched, for clients that read Triton's configuration.
struct BatchingConfig {
  uint64_t maxDelayUs = 0;
  std::vector<uint32_t> preferred;
  uint32_t priorityLevels = 0;
};

extern const char *const serverName;
std::string serverVersion();
std::vector<std::string> extensionNames(const Extensions &extensions);

std::string serverMetadataJson(const Extensions &extensions);
std::string modelMetadataJson(const ModelDescription &model);
/// Triton's ModelConfig. Dimensions are without the batch when there is one.
std::string modelConfigJson(const ModelDescription &model,
                            const BatchingConfig &batching);
std::string repositoryIndexJson(const std::vector<IndexEntry> &index,
                                bool readyOnly);
const char *stateName(VersionState state);
/// "unloaded", ... for an index entry; "" while it is ready.
std::string stateReason(const IndexEntry &entry);

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTOCOL_METADATA_H
