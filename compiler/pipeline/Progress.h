// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a compile is doing. On a terminal one line, rewritten, from the third
// second on; with --verbose a line a phase with its time; else nothing.
#ifndef SINTER_COMPILER_PIPELINE_PROGRESS_H
#define SINTER_COMPILER_PIPELINE_PROGRESS_H

#include <chrono>
#include <cstddef>
#include <string>

namespace sinter {

class Progress {
public:
  explicit Progress(bool verbose);
  ~Progress();

  void phase(const std::string &name);
  /// "kernels 12 of 40"; calls must not overlap.
  void step(size_t done, size_t total);

private:
  using Clock = std::chrono::steady_clock;
  void show(const std::string &text);
  void finishPhase();

  bool verbose, isTerminal, isShown = false;
  std::string current;
  Clock::time_point begin, phaseBegin;
};

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_PROGRESS_H
