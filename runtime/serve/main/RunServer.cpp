// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command around a Server: options in, addresses out, signals between.
#include "runtime/serve/bundle/OpenBundle.h"
#include "runtime/serve/protect/TlsFiles.h"
#include "runtime/serve/main/LastWords.h"
#include "runtime/serve/main/Log.h"
#include "runtime/serve/main/Server.h"
#include "runtime/serve/main/Simulate.h"
#include "runtime/serve/protect/Access.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/resource.h>
#include <sys/stat.h>
#include <utility>

namespace sinter::serve {
namespace {

enum Exit { exitOk = 0, exitUsage = 2, exitModel = 3, exitMachine = 5 };

int complain(const Status &status, int code) {
  std::fprintf(stderr, "sinter-server: error: %s\n", status.message.c_str());
  return code;
}

sigset_t controlSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&set, signal);
  return set;
}

// One descriptor a connection: the soft limit is made for interactive programs.
void raiseDescriptorLimit() {
  rlimit limit;
  if (!getrlimit(RLIMIT_NOFILE, &limit)) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

void reloadNow(Server &server, ServerConfig &config,
               const std::function<Status(ServerConfig &)> &reload) {
  ServerConfig next;
  if (Status status = reload(next); !status.ok()) {
    logEvent(Severity::error, "the configuration stays as it was",
             {{"reason", status.message}});
    return;
  }
  server.reload(next);
  config = std::move(next);
}

// The signal that came, or less than 1 when the time is over.
int waitForSignal(const sigset_t &signals, std::chrono::nanoseconds time) {
  constexpr int64_t second = 1000000000;
  timespec wait = {time_t(time.count() / second), long(time.count() % second)};
  return sigtimedwait(&signals, nullptr, &wait);
}

// Waits for the grace time or the next SIGTERM.
void waitForGrace(uint64_t ms, const sigset_t &signals) {
  TimePoint end = Clock::now() + std::chrono::milliseconds(ms);
  for (auto left = end - Clock::now(); left.count() > 0;
       left = end - Clock::now()) {
    int signal = waitForSignal(signals, left);
    if (signal == SIGTERM || signal == SIGINT)
      return;
  }
}

// The file's own name, for a model that does not say its name.
std::string stemOf(const char *program) {
  std::string name = program;
  name.erase(0, name.rfind('/') + 1);
  return name.substr(0, name.rfind('.'));
}

// A repository that is itself a bundle, as KServe mounts it: one model, version
// 1, called as --name or the manifest says.
Status takeSingleBundle(ServerConfig &config,
                        std::vector<EngineOptions::Embedded> &models) {
  struct stat info;
  bool isFile =
      !stat(config.repository.c_str(), &info) && S_ISREG(info.st_mode);
  if (!isFile && stat((config.repository + "/model.so").c_str(), &info))
    return {};
  std::string key;
  auto bundle = std::make_shared<Bundle>();
  Status status = readKey(config, key);
  if (status.ok())
    status = openBundle(config.repository, key, *bundle);
  if (!status.ok())
    return status;
  EngineOptions::Embedded one;
  one.name =
      !config.name.empty() ? config.name : textIn(bundle->manifest, "name");
  if (one.name.empty())
    one.name = stemOf(config.repository.c_str());
  one.open = [bundle](Bundle &out) {
    out = std::move(*bundle);
    return Status();
  };
  models.push_back(std::move(one));
  config.repository.clear();
  return {};
}

Status findModels(ServerConfig &config, const char *program,
                  std::vector<EngineOptions::Embedded> &models) {
  EngineOptions::Embedded own;
  bool isThere = false;
  if (Status status = openExecutable("/proc/self/exe", own, isThere);
      !status.ok())
    return status;
  if (isThere) {
    if (!config.name.empty())
      own.name = config.name;
    if (own.name.empty())
      own.name = stemOf(program);
    models.push_back(std::move(own));
  }
  if (!config.repository.empty())
    if (Status status = takeSingleBundle(config, models); !status.ok())
      return status;
  if (models.empty() && config.repository.empty())
    return {Code::invalid,
            "nothing to serve: this file holds no model; name a repository, or "
            "write a server with `sinter compile MODEL.onnx -o MODEL.serve`"};
  return {};
}

// What a start reads beside the configuration and the models.
Status checkFiles(const ServerConfig &config) {
  Status status;
  std::string key;
  AccessRules rules;
  if (!config.accessFile.empty())
    status = readAccessFile(config.accessFile, rules);
  if (status.ok() && !config.tlsCertificate.empty())
    status =
        checkTls({config.tlsCertificate, config.tlsKey, config.tlsClientCa});
  return status.ok() ? readKey(config, key) : status;
}

int serve(const CommandLine &line, const ServerConfig &config,
          ConfigValues values, std::vector<EngineOptions::Embedded> models) {
  blockSignals();
  raiseDescriptorLimit();
  Status status;
  std::unique_ptr<Server> server =
      Server::start(config, std::move(models), status);
  if (!server)
    return complain(status,
                    status.code == Code::invalid ? exitMachine : exitModel);
  for (const std::string &address : server->addresses())
    std::printf("%s\n", address.c_str());
  std::printf("ready\n");
  std::fflush(stdout);
  return serveUntilStopped(*server, config, [&](ServerConfig &next) {
    ConfigValues now;
    if (Status bad = loadConfig(line, std::getenv, next, now); !bad.ok())
      return bad;
    for (const std::string &key : needRestart(values, now))
      logEvent(Severity::warning, "a changed value waits for a restart",
               {{"key", key}});
    values = std::move(now);
    return Status();
  });
}

} // namespace

void blockSignals() {
  sigset_t set = controlSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // a file at its limit is a fault of that write
}

int serveUntilStopped(Server &server, ServerConfig config,
                      const std::function<Status(ServerConfig &)> &reload) {
  sigset_t signals = controlSignals();
  while (true) {
    auto every = server.lookEvery();
    int signal = every.count() ? waitForSignal(signals, every)
                               : sigwaitinfo(&signals, nullptr);
    if (signal < 1 && errno == EAGAIN)
      server.look();
    if (signal == SIGHUP)
      reloadNow(server, config, reload);
    if (signal == SIGTERM || signal == SIGINT)
      break;
  }
  logEvent(Severity::info, "shutting down: not ready, still serving",
           {{"grace_ms", std::to_string(config.graceMs)}});
  server.beginShutdown();
  waitForGrace(config.graceMs, signals);
  server.finishShutdown(Clock::now() +
                        std::chrono::milliseconds(config.drainMs));
  logEvent(Severity::info, "every request is answered");
  return exitOk;
}

int runServer(int argc, char **argv,
              std::vector<EngineOptions::Embedded> linked) {
  sayLastWords();
  CommandLine line;
  Status status = parseCommandLine({argv + 1, argv + argc}, line);
  if (!status.ok())
    return complain(status, exitUsage);
  if (line.help) {
    std::printf("%s", configHelp().c_str());
    return exitOk;
  }
  if (line.version) {
    std::printf("sinter-server %s\n", SINTER_VERSION);
    return exitOk;
  }
  ServerConfig config;
  ConfigValues values;
  status = loadConfig(line, std::getenv, config, values);
  if (!status.ok())
    return complain(status, exitUsage);
  if (line.explain)
    std::printf("%s", explainConfig(values).c_str());
  if (line.checkOnly) {
    if (status = checkFiles(config); !status.ok())
      return complain(status, exitUsage);
    std::printf("the configuration is valid\n");
  }
  if (line.explain || line.checkOnly)
    return exitOk;
  status = findModels(config, argv[0], linked);
  if (!status.ok())
    return complain(status, exitUsage);
  if (!config.simulate.empty()) {
    std::string page;
    status = simulateModels(config, linked, page);
    if (!status.ok())
      return complain(status, exitUsage);
    std::printf("%s", page.c_str());
    return exitOk;
  }
  return serve(line, config, std::move(values), std::move(linked));
}

} // namespace sinter::serve
