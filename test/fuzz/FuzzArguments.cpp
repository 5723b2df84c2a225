// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the command line of `sinter`: a line of the input is an argument. It
// ends in values that commands can use or in an exit code that a user may see,
// and never in that of an internal error.
#include "tools/sinter/Arguments.h"

#include <cmath>
#include <cstdlib>

using namespace sinter;

static constexpr int64_t mostExtent = int64_t(1) << 31;

static bool isUsable(const Arguments &arguments) {
  const CompileOptions &compile = arguments.compile;
  for (const ShapeOption &shape : compile.shapes)
    if (shape.input.empty())
      return false;
  for (const DimOption &dim : compile.dims)
    if (dim.symbol.empty() || dim.min < 0 || dim.min > dim.max ||
        dim.max > mostExtent)
      return false;
  for (int64_t rows : compile.batches)
    if (rows < 1 || rows > mostExtent)
      return false;
  double tolerance = arguments.tolerance.value_or(0);
  return compile.maxSlack >= 0 && compile.jobs <= 1024 &&
         compile.batches.size() <= 64 && tolerance >= 0 &&
         std::isfinite(tolerance) && std::isfinite(arguments.seconds) &&
         arguments.seeds >= 1;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // As the system gives them: each ends at a zero byte.
  std::vector<std::string> texts = {"sinter"};
  std::string line;
  for (size_t i = 0; i <= size; ++i)
    if (i == size || data[i] == '\n') {
      texts.push_back(line.c_str());
      line.clear();
    } else {
      line += char(data[i]);
    }
  std::vector<char *> argv;
  for (std::string &text : texts)
    argv.push_back(text.data());
  argv.push_back(nullptr);
  Arguments arguments;
  std::optional<ExitCode> exit =
      parseArguments(int(texts.size()), argv.data(), arguments);
  if (exit ? *exit != ExitCode::Ok && *exit != ExitCode::Usage
           : !isUsable(arguments))
    std::abort();
  return 0;
}
