// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An engine in a process of its own: ours (sinter-engine) or another runtime in
// Python (bench/engine.py). Both talk in lines:
//
//   engine: ready
//   engine: {"load_ms": 31.0, "first_ms": 52.1}     or {"error": "..."}
//           (and the outputs are in the .npz file that it was told)
//   we:     round 0.5                               engine: {"ms": [48.1, 47.9,
//   ...]} we:     end
//
// While one engine runs, the others are stopped (SIGSTOP): a pool that spins
// for work would take the time of the one that is measured.
#ifndef SINTER_TOOLS_SINTER_PEER_H
#define SINTER_TOOLS_SINTER_PEER_H

#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <chrono>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sinter {

struct PeerFigures {
  double loadMs = 0, firstMs = 0, startToFirstMs = 0, rssMb = 0;
  std::vector<double> ms; // every run of every round

  double min() const, median() const, p99() const;
};

class Peer {
public:
  /// `countFromReady`: start-to-first begins at the line "ready", not at the
  /// start of the process (Python's own start is nobody's cost).
  Peer(std::string name, std::vector<std::string> command, bool countFromReady)
      : name(std::move(name)), command(std::move(command)),
        countFromReady(countFromReady) {}
  ~Peer();
  Peer(const Peer &) = delete;

  /// Starts the process and waits for its first result.
  llvm::Error start();
  /// One round of at least `seconds`.
  llvm::Error round(double seconds);
  void pause();
  void resume();
  /// Reads the resident memory and ends the process.
  void finish();

  const std::string name;
  PeerFigures figures;

private:
  llvm::Expected<std::string> readLine();
  llvm::Expected<llvm::json::Object> readObject();

  std::vector<std::string> command;
  bool countFromReady;
  pid_t pid = -1;
  int to = -1, from = -1;
  std::string buffer;
};

/// The Python to use: --python, $SINTER_PYTHON, ~/.cache/sinter/venv.
llvm::Expected<std::string> findPython(const std::string &asked);
/// The command of bench/engine.py, whose text this program carries.
std::vector<std::string>
pythonEngine(const std::string &python, const std::string &engine,
             const std::string &model, const std::string &inputs,
             const std::string &outputs, unsigned threads);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_PEER_H
