// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `sinter bench`: engines in their own processes, in turn, with the others
// stopped; minimum, median and 99th percentile of all runs, and what a user
// waits for: load, first run, start to first result. A figure never comes
// without the machine it was measured on.
#include "tools/sinter/Commands.h"

#include "compiler/report/TextFile.h"
#include "tools/sinter/Compare.h"
#include "tools/sinter/Loadable.h"
#include "tools/sinter/Machine.h"
#include "tools/sinter/Peer.h"
#include "tools/sinter/Roofline.h"
#include "tools/sinter/Session.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <csignal>
#include <thread>

using namespace sinter;
namespace json = llvm::json;

namespace {

class Bench {
public:
  explicit Bench(const Arguments &arguments) : arguments(arguments) {}
  llvm::Error run();

private:
  llvm::Error makeInputs();
  llvm::Error addPeers();
  llvm::Error measure();
  llvm::Error compareOutputs();
  json::Object figuresOf(const Peer &peer) const;
  void printTable() const;
  llvm::Error writeJson() const;
  llvm::Error roofline() const;

  const Arguments &arguments;
  TemporaryFolder folder;
  Loadable loadable;
  std::string inputs;
  unsigned threads = 1;
  std::vector<std::unique_ptr<Peer>> peers; // ours first
  std::vector<double> differences;          // of each peer from ours
};

} // namespace

static std::string engineProgram() {
  std::string self = llvm::sys::fs::getMainExecutable(nullptr, nullptr);
  return (llvm::sys::path::parent_path(self) + "/sinter-engine").str();
}

llvm::Error Bench::makeInputs() {
  if (!arguments.inputs.empty()) {
    inputs = arguments.inputs;
    return llvm::Error::success();
  }
  inputs = folder.file("inputs.npz");
  auto session = Session::open(loadable.soPath, 1);
  if (!session)
    return session.takeError();
  auto random = (*session)->randomInputs(1, arguments.compile.shapes);
  if (!random)
    return random.takeError();
  return writeTensors(inputs, *random);
}

llvm::Error Bench::addPeers() {
  peers.push_back(std::make_unique<Peer>(
      "sinter",
      std::vector<std::string>{engineProgram(), loadable.soPath, inputs,
                               folder.file("sinter.npz"),
                               std::to_string(threads)},
      /*countFromReady=*/false));
  if (arguments.against.empty())
    return llvm::Error::success();
  if (!loadable.fromModel)
    return userError(ErrorCode::U006,
                     "--against needs the model, and '" + arguments.file +
                         "' is an object",
                     "Give the .onnx file that it was compiled from.");
  auto python = findPython(arguments.python);
  if (!python)
    return python.takeError();
  for (const std::string &engine : arguments.against)
    peers.push_back(std::make_unique<Peer>(
        engine,
        pythonEngine(*python, engine, arguments.file, inputs,
                     folder.file(engine + ".npz"), threads),
        /*countFromReady=*/true));
  return llvm::Error::success();
}

llvm::Error Bench::measure() {
  using namespace std::chrono_literals;
  constexpr double roundSeconds = 0.5;
  for (auto &peer : peers) {
    if (llvm::Error error = peer->start())
      return error;
    peer->pause();
  }
  unsigned rounds = std::max(
      1u, static_cast<unsigned>(arguments.seconds / roundSeconds + 0.5));
  for (unsigned round = 0; round < rounds; ++round)
    for (auto &peer : peers) {
      std::this_thread::sleep_for(100ms);
      peer->resume();
      if (llvm::Error error = peer->round(roundSeconds))
        return error;
      peer->pause();
    }
  for (auto &peer : peers)
    peer->finish();
  return llvm::Error::success();
}

llvm::Error Bench::compareOutputs() {
  auto ours = readTensors(folder.file("sinter.npz"));
  if (!ours)
    return ours.takeError();
  for (size_t i = 1; i < peers.size(); ++i) {
    auto theirs = readTensors(folder.file(peers[i]->name + ".npz"));
    if (!theirs)
      return theirs.takeError();
    differences.push_back(largestError(*ours, *theirs).error);
  }
  return llvm::Error::success();
}

json::Object Bench::figuresOf(const Peer &peer) const {
  const PeerFigures &f = peer.figures;
  bool ours = &peer == peers.front().get();
  uint64_t modelBytes = 0;
  llvm::sys::fs::file_size(arguments.file, modelBytes);
  return json::Object{
      {"min_ms", f.min()},
      {"median_ms", f.median()},
      {"p99_ms", f.p99()},
      {"load_ms", f.loadMs},
      {"first_ms", f.firstMs},
      {"start_to_first_ms", f.startToFirstMs},
      {"rss_mb", f.rssMb},
      {"object_bytes",
       static_cast<int64_t>(ours ? loadable.objectBytes : modelBytes)},
      {"compile_s", ours ? loadable.compileSeconds : 0.0}};
}

void Bench::printTable() const {
  llvm::raw_ostream &out = llvm::outs();
  out << machineLine() << ", " << threads
      << (threads == 1 ? " thread" : " threads") << "\n"
      << llvm::formatv("{0,-14}{1,9}{2,11}{3,9}{4,9}{5,10}{6,13}{7,9}{8}\n",
                       "engine", "min ms", "median ms", "p99 ms", "load ms",
                       "first ms", "to first ms", "RSS MB",
                       peers.size() > 1 ? "  speed-up" : "");
  for (auto &peer : peers) {
    const PeerFigures &f = peer->figures;
    out << llvm::formatv(
        "{0,-14}{1,9:F3}{2,11:F3}{3,9:F3}{4,9:F2}{5,10:F2}{6,13:F1}{7,9:F1}",
        peer->name, f.min(), f.median(), f.p99(), f.loadMs, f.firstMs,
        f.startToFirstMs, f.rssMb);
    if (peer != peers.front())
      out << llvm::formatv("{0,9:F2}x", f.min() / peers.front()->figures.min());
    out << "\n";
  }
  for (size_t i = 1; i < peers.size(); ++i)
    out << "outputs differ from " << peers[i]->name << " by "
        << llvm::format("%.2e", differences[i - 1])
        << " of the largest value\n";
  if (loadable.compileSeconds)
    out << llvm::format("compiled in %.2f s, object %.1f MB\n",
                        loadable.compileSeconds, loadable.objectBytes / 1e6);
}

llvm::Error Bench::writeJson() const {
  json::Object object{{"machine", machineLine()},
                      {"model", llvm::sys::path::stem(arguments.file)},
                      {"threads", static_cast<int64_t>(threads)}};
  for (auto &peer : peers)
    object[peer->name] = figuresOf(*peer);
  return writeTextFile(
      arguments.jsonFile,
      llvm::formatv("{0:2}\n", json::Value(std::move(object))).str());
}

llvm::Error Bench::roofline() const {
  auto session = Session::open(loadable.soPath, threads);
  if (!session)
    return session.takeError();
  auto tensors = readTensors(inputs);
  if (!tensors)
    return tensors.takeError();
  return printRoofline(**session, *tensors, threads, arguments.seconds);
}

llvm::Error Bench::run() {
  signal(SIGPIPE, SIG_IGN); // an engine that died is an error, not our end
  threads = arguments.threads ? arguments.threads : availableCpus();
  auto made = makeLoadable(arguments.file, arguments.compile, folder);
  if (!made)
    return made.takeError();
  loadable = std::move(*made);
  if (llvm::Error error = makeInputs())
    return error;
  if (arguments.roofline)
    if (llvm::Error error = roofline())
      return error;
  for (auto step : {&Bench::addPeers, &Bench::measure, &Bench::compareOutputs})
    if (llvm::Error error = (this->*step)())
      return error;
  signal(SIGPIPE, SIG_DFL);
  if (arguments.jsonFile != "-")
    printTable();
  return arguments.jsonFile.empty() ? llvm::Error::success() : writeJson();
}

ExitCode sinter::runBench(const Arguments &arguments) {
  return printError(arguments.file, Bench(arguments).run());
}
