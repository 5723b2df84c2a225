// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the two TOML files of a server: the configuration and the access
// rules. What is refused has a reason; what is taken can be explained, and
// taken again it needs no restart.
#include "runtime/serve/config/Config.h"
#include "runtime/serve/protect/Access.h"

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

using namespace sinter::serve;

static Status load(const CommandLine &line, ServerConfig &config,
                   ConfigValues &values) {
  return loadConfig(
      line, [](const char *) -> const char * { return nullptr; }, config,
      values);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static int file = memfd_create("config", MFD_CLOEXEC);
  if (ftruncate(file, 0) || pwrite(file, data, size, 0) != ssize_t(size))
    return 0;
  CommandLine line;
  line.configFile = "/proc/self/fd/" + std::to_string(file);
  ServerConfig config;
  ConfigValues values, again;
  Status status = load(line, config, values);
  if (status.ok() == !status.message.empty())
    std::abort();
  if (status.ok() &&
      (explainConfig(values).empty() || !load(line, config, again).ok() ||
       !needRestart(values, again).empty()))
    std::abort();
  Access access;
  status = access.load(line.configFile);
  if (status.ok() == !status.message.empty())
    std::abort();
  return 0;
}
