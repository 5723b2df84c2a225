// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command line as values. One parser (Arguments.cpp) knows all commands and
// their options; commands see only this struct. What can never work is refused
// by the parser, before a file is opened.
#ifndef SINTER_TOOLS_SINTER_ARGUMENTS_H
#define SINTER_TOOLS_SINTER_ARGUMENTS_H

#include "compiler/pipeline/CompileOptions.h"
#include "compiler/report/UserError.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sinter {

enum class Command {
  Compile,
  Check,
  Run,
  Verify,
  Inspect,
  Bench,
  Serve,
  Package,
  Ctl,
  Explain,
  Cache,
  Diff,
  Bisect,
  Repack
};

struct Arguments {
  Command command = Command::Compile;
  std::string file; // MODEL.onnx or OBJECT; the code of `explain`
  CompileOptions compile;
  bool json = false;
  bool serverSource = false; // compile --emit=server-source

  // run, verify, bench
  std::string inputs, outputs;
  std::vector<std::string> inputFiles; // NAME=f.npy
  std::optional<uint64_t> random;
  unsigned threads = 0; // 0: the CPUs this process may use
  std::vector<std::string> against;
  std::string python;

  // verify
  std::vector<std::string> data;
  std::optional<double> tolerance; // absent: the contract's
  unsigned seeds = 3;

  // bench
  bool roofline = false;
  double seconds = 4;
  std::string jsonFile;

  // serve: what the server gets. ctl: verb and words
  std::vector<std::string> passed, words;
  std::string admin = "127.0.0.1:8002";
  unsigned timeout = 0; // seconds; 0: what fits the verb

  // package
  std::string name, sign, deploy;
  bool golden = true;

  // repack
  std::string newModel;

  // cache
  bool clear = false;
};

/// Fills `arguments`. When there is nothing more to do (help, version, a
/// refused option: already printed) returns the exit code.
std::optional<ExitCode> parseArguments(int argc, char **argv,
                                       Arguments &arguments);

/// All commands and options as one page of Markdown (docs/commands.md).
std::string helpPage();

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_ARGUMENTS_H
