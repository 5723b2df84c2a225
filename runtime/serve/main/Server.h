// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A whole server: an engine, its listeners, and a life between start and
// shutdown. The `sinter-server` binary is runServer(); a team's own main
// (`--emit=server-source`) is the same few calls with its model linked in.
#ifndef SINTER_SERVE_MAIN_SERVER_H
#define SINTER_SERVE_MAIN_SERVER_H

#include "runtime/serve/config/Config.h"
#include "runtime/serve/engine/Engine.h"

#include <memory>

namespace sinter::serve {

class Server {
public:
  /// Loads the models, then listens. Null, and why, when there is nothing to
  /// serve or an address cannot be had. Signals to wait for must be blocked
  /// before: blockSignals().
  static std::unique_ptr<Server>
  start(const ServerConfig &config,
        std::vector<EngineOptions::Embedded> embedded, Status &status);
  virtual ~Server() = default;

  virtual Engine &engine() = 0;
  /// "http 0.0.0.0:8000", ...: as bound, one for each listener.
  virtual std::vector<std::string> addresses() const = 0;
  /// Takes what may change at run time, and looks into the repository again.
  virtual void reload(const ServerConfig &config) = 0;
  /// How often look() wants to be called; 0 = never.
  virtual std::chrono::milliseconds lookEvery() const = 0;
  /// At files that others renew while it runs, certificates, and at the heap.
  virtual void look() = 0;
  /// Not ready, but serving.
  virtual void beginShutdown() = 0;
  /// No new connections; returns when every request is answered, or at the
  /// deadline.
  virtual void finishShutdown(TimePoint deadline) = 0;
};

/// SIGTERM, SIGINT and SIGHUP wait for serveUntilStopped(); SIGPIPE and SIGXFSZ
/// are ignored.
void blockSignals();

/// Reloads at SIGHUP and ends the server at SIGTERM or SIGINT, after the grace
/// time; a second SIGTERM ends the grace time. reload fills a configuration, or
/// says why the old one stays. Returns the exit status.
int serveUntilStopped(Server &server, ServerConfig config,
                      const std::function<Status(ServerConfig &out)> &reload);

/// The key that bundles must be signed with; empty when none is configured.
Status readKey(const ServerConfig &config, std::string &out);

/// The command: options, the model inside this executable, a repository.
int runServer(int argc, char **argv,
              std::vector<EngineOptions::Embedded> linked = {});

} // namespace sinter::serve

#endif // SINTER_SERVE_MAIN_SERVER_H
