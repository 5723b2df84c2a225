// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built with exceptions, to see which one it was; none passes through here. A
// handler of std::terminate may not return: this is the end anyway.
#include "runtime/serve/main/LastWords.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <system_error>

namespace sinter::serve {
namespace {

[[noreturn]] void refused(const char *what, const char *remedy) {
  std::fprintf(stderr, "sinter-server: error: %s\n  %s\n", what, remedy);
  std::quick_exit(5); // the contract's: the machine
}

[[noreturn]] void endInWords() {
  try {
    if (std::exception_ptr problem = std::current_exception())
      std::rethrow_exception(problem);
  } catch (const std::system_error &) {
    refused("the machine has no thread to give",
            "raise the limits of processes and memory (ulimit -u, -v; the "
            "container's), or lower --threads");
  } catch (const std::bad_alloc &) {
    refused("memory could not be had",
            "raise the limit of memory, or serve fewer models");
  } catch (...) {
  }
  std::abort();
}

} // namespace

void sayLastWords() { std::set_terminate(endInWords); }

} // namespace sinter::serve
