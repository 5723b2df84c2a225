// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything that decides what comes out of a compile, in one struct. The
// command line fills it (tools/sinter), a program that embeds the compiler
// fills it too. Two compiles with equal options and equal model bytes give
// equal objects; jobs, cacheDir and verbose never change a byte.
#ifndef SINTER_COMPILER_PIPELINE_COMPILEOPTIONS_H
#define SINTER_COMPILER_PIPELINE_COMPILEOPTIONS_H

#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sinter {

struct ImportOptions;

/// `--shape NAME=1,3,H,W`: a dimension is a number or the name of a symbol.
struct ShapeOption {
  std::string input;
  std::vector<std::string> dims;
};

/// `--dim H=32..4096`: the values of a symbol, inclusive.
struct DimOption {
  std::string symbol;
  int64_t min = 0, max = 0;
};

/// What `compile` writes: an object by default, or a text of one floor.
enum class EmitKind { Object, Graph, Kernel, Exec, Image, Llvm, Asm };

struct CompileOptions {
  std::string modelPath;
  std::string outputPath;        // for texts: "-" is stdout
  std::vector<std::string> isas; // best first; empty: this host, plus x86-64-v3
  std::vector<ShapeOption> shapes;
  std::vector<DimOption> dims;
  std::string prefix; // empty: from the name of the output
  bool weightsInFile = false;
  bool exact = false;
  std::vector<std::string> taps; // nodes whose results are outputs too
  bool tapAll = false;           // every tensor that a kernel writes
  std::string expectedProgram;   // JSON that the program must equal; empty: any
  std::string schedules;         // file of measured schedules; empty: none
  std::string report;            // FILE.html or FILE.json; empty: none
  std::vector<int64_t> batches;  // rows of the cost table; empty: the usual
  int64_t maxSlack = 64 << 20;   // bytes reserved for one size that data decide
  EmitKind emit = EmitKind::Object;
  std::optional<std::string>
      cacheDir;      // "" is no cache; absent: the user's cache folder
  unsigned jobs = 0; // 0: one a CPU that this process may use
  bool verbose = false;
};

/// "NAME=1,3,224,224", "NAME=1x3x224x224", "NAME=N,3,H,W", "NAME=" (a scalar).
/// The name ends at the last '='.
llvm::Expected<ShapeOption> parseShapeOption(const std::string &text);
/// "H=32..4096" or "H=64".
llvm::Expected<DimOption> parseDimOption(const std::string &text);
/// "native", "x86-64-v3", "x86-64-v4,x86-64-v3": checked names, best first.
llvm::Expected<std::vector<std::string>> parseIsas(const std::string &text);
/// "1,2,4,8": at most 64 different sizes, in order.
llvm::Expected<std::vector<int64_t>> parseBatches(const std::string &text);
/// "67108864", "64M", "1G": bytes.
llvm::Expected<int64_t> parseMaxSlack(const std::string &text);
llvm::Expected<EmitKind> parseEmitKind(const std::string &text);

/// The part that the importer reads.
ImportOptions importOptionsOf(const CompileOptions &options);

/// The CPUs this process may use.
unsigned availableCpus();

} // namespace sinter

#endif // SINTER_COMPILER_PIPELINE_COMPILEOPTIONS_H
