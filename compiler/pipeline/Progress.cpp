// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Progress goes to standard error, never to a file or a pipe.
#include "compiler/pipeline/Progress.h"

#include <cstdio>
#include <unistd.h>

using namespace sinter;

Progress::Progress(bool verbose)
    : verbose(verbose), isTerminal(isatty(2)), begin(Clock::now()),
      phaseBegin(begin) {}

Progress::~Progress() {
  finishPhase();
  if (isShown)
    fputs("\r\033[K", stderr);
}

void Progress::finishPhase() {
  if (verbose && !current.empty())
    fprintf(stderr, "%s%-10s %8.1f ms\n", isShown ? "\r\033[K" : "",
            current.c_str(),
            std::chrono::duration<double, std::milli>(Clock::now() - phaseBegin)
                .count());
}

void Progress::phase(const std::string &name) {
  finishPhase();
  current = name;
  phaseBegin = Clock::now();
  show(name);
}

void Progress::step(size_t done, size_t total) {
  show(current + " " + std::to_string(done) + " of " + std::to_string(total));
}

void Progress::show(const std::string &text) {
  if (!isTerminal || Clock::now() - begin < std::chrono::seconds(2))
    return;
  fprintf(stderr, "\r\033[K%s", text.c_str());
  isShown = true;
}
