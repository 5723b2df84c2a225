// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Starting, stopping and listening to engines.
#include "tools/sinter/Peer.h"

#include "compiler/report/UserError.h"
#include "tools/sinter/EngineScript.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sinter;
using llvm::StringRef;
using Clock = std::chrono::steady_clock;

extern char **environ;

static double quantile(std::vector<double> values, double share) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<size_t>(share * values.size()))];
}
double PeerFigures::min() const { return quantile(ms, 0); }
double PeerFigures::median() const { return quantile(ms, 0.5); }
double PeerFigures::p99() const { return quantile(ms, 0.99); }

Peer::~Peer() {
  if (pid > 0) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  if (to >= 0)
    close(to);
  if (from >= 0)
    close(from);
}

llvm::Expected<std::string> Peer::readLine() {
  for (;;) {
    size_t end = buffer.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      return line;
    }
    char bytes[65536];
    ssize_t got = read(from, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return userError(ErrorCode::R003,
                       "the process of " + name + " ended early");
    buffer.append(bytes, got);
  }
}

llvm::Expected<llvm::json::Object> Peer::readObject() {
  auto line = readLine();
  if (!line)
    return line.takeError();
  auto value = llvm::json::parse(*line);
  if (!value) {
    llvm::consumeError(value.takeError());
    return userError(ErrorCode::R003, name + " answered '" + *line + "'");
  }
  llvm::json::Object *object = value->getAsObject();
  if (!object)
    return userError(ErrorCode::R003, name + " answered '" + *line + "'");
  if (auto error = object->getString("error"))
    return userError(ErrorCode::R003, name + ": " + *error);
  return std::move(*object);
}

llvm::Error Peer::start() {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
    return userError(ErrorCode::O010, "no pipe could be made");
  std::vector<char *> argv;
  for (std::string &word : command)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  auto begin = Clock::now();
  int failed =
      posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  to = in[1];
  from = out[0];
  if (failed) {
    pid = -1;
    return userError(ErrorCode::R003,
                     "'" + command[0] +
                         "' could not be started: " + strerror(failed));
  }
  auto ready = readLine();
  if (!ready)
    return ready.takeError();
  if (countFromReady)
    begin = Clock::now();
  auto first = readObject();
  if (!first)
    return first.takeError();
  figures.startToFirstMs =
      std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  figures.loadMs = first->getNumber("load_ms").value_or(0);
  figures.firstMs = first->getNumber("first_ms").value_or(0);
  return llvm::Error::success();
}

llvm::Error Peer::round(double seconds) {
  std::string line = "round " + std::to_string(seconds) + "\n";
  if (write(to, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    return userError(ErrorCode::R003,
                     "the process of " + name + " ended early");
  auto object = readObject();
  if (!object)
    return object.takeError();
  if (llvm::json::Array *times = object->getArray("ms"))
    for (const llvm::json::Value &value : *times)
      figures.ms.push_back(value.getAsNumber().value_or(0));
  return llvm::Error::success();
}

void Peer::pause() { kill(pid, SIGSTOP); }
void Peer::resume() { kill(pid, SIGCONT); }

void Peer::finish() {
  resume();
  auto status = llvm::MemoryBuffer::getFileAsStream(
      "/proc/" + std::to_string(pid) + "/status");
  if (status) {
    StringRef rest = (*status)->getBuffer().split("VmRSS:").second.ltrim();
    long long kilobytes = 0;
    if (!rest.consumeInteger(10, kilobytes))
      figures.rssMb = kilobytes / 1024.0;
  }
  close(to); // the engine sees the end of its input
  to = -1;
  waitpid(pid, nullptr, 0);
  pid = -1;
}

llvm::Expected<std::string> sinter::findPython(const std::string &asked) {
  std::vector<std::string> candidates;
  const char *named = getenv("SINTER_PYTHON"), *home = getenv("HOME");
  if (!asked.empty())
    candidates = {asked};
  else if (named && *named)
    candidates = {named};
  else if (home)
    candidates = {std::string(home) + "/.cache/sinter/venv/bin/python3"};
  for (const std::string &candidate : candidates)
    if (llvm::sys::fs::can_execute(candidate))
      return candidate;
  return userError(ErrorCode::U007, candidates.empty() ? "no Python was named"
                                                       : "'" + candidates[0] +
                                                             "' cannot be run");
}

std::vector<std::string>
sinter::pythonEngine(const std::string &python, const std::string &engine,
                     const std::string &model, const std::string &inputs,
                     const std::string &outputs, unsigned threads) {
  return {python, "-c",   engineScript, engine,
          model,  inputs, outputs,      std::to_string(threads)};
}
