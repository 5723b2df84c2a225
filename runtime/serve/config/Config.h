// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a server is told: one table of keys, four places to say them. A flag
// beats an environment variable, that beats the file, that beats the default;
// for each value it is known where it came from. A wrong key or value is an
// error with the nearest right one, and nothing of it takes effect.
//
//   http.port = 8000      --http-port=8000      SINTER_HTTP_PORT=8000
//   [models.ocr]
//   max-batch = 8         --set models.ocr.max-batch=8
#ifndef SINTER_SERVE_CONFIG_CONFIG_H
#define SINTER_SERVE_CONFIG_CONFIG_H

#include "runtime/serve/engine/Options.h"
#include "runtime/serve/engine/Status.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace sinter::serve {

/// A place to listen at; none with port -1 and no socket.
struct ListenerConfig {
  std::string address;
  int64_t port = -1;
  std::string socket; ///< path of a Unix socket, beside the port
};

struct ServerConfig {
  ListenerConfig http, grpc, admin;
  uint64_t maxBody = 0;        ///< bytes of a request
  uint64_t maxConnections = 0; ///< of HTTP
  uint64_t maxStreams = 0;     ///< calls at once on a gRPC connection
  std::string tlsCertificate, tlsKey, tlsClientCa; ///< files
  std::string repository, stateDir, bundleKey, accessFile, auditLog;
  std::string
      name; ///< of the model inside this file; empty = as it was compiled
  bool controlEverywhere = false, controlNowhere = false;
  bool sharedMemory = false, watch = false;
  uint64_t threads = 0, memoryBudget = 0;
  Limit clientLimit;         ///< of each client
  std::string simulate;      ///< a trace to replay in place of serving
  std::string simulateCosts; ///< and what was measured; empty = estimates
  uint64_t graceMs = 0, drainMs = 0;
  bool traceOn = true;
  uint64_t traceRate = 1000, traceCount = 0; ///< count 0 = no limit
  std::string traceFile, otlpEndpoint;
  uint64_t profileRate = 0; ///< one run in so many; 0 = none
  std::string logLevel, logFormat;
  ModelOptions defaults;
  std::vector<ModelOptions> models;
};

/// A value as it was written, and by whom.
struct ConfigValue {
  std::string text, origin;
};
using ConfigValues = std::map<std::string, ConfigValue>;

/// What the command line says besides keys.
struct CommandLine {
  ConfigValues values;
  std::string configFile, repository;
  bool help = false, version = false, checkOnly = false, explain = false;
};

Status parseCommandLine(const std::vector<std::string> &arguments,
                        CommandLine &out);

using Environment = std::function<const char *(const char *name)>;

/// All four places into one configuration. values: what took effect, for
/// explain().
Status loadConfig(const CommandLine &line, const Environment &environment,
                  ServerConfig &out, ConfigValues &values);

/// One line a key: its value, and where it came from.
std::string explainConfig(const ConfigValues &values);
/// The page of --help, from the table.
std::string configHelp();

/// Keys whose values differ and that only a restart changes.
std::vector<std::string> needRestart(const ConfigValues &before,
                                     const ConfigValues &after);

} // namespace sinter::serve

#endif // SINTER_SERVE_CONFIG_CONFIG_H
