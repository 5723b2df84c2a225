// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Texts of the command line become values; what is impossible is refused here,
// with the text that was found and a form that works.
#include "compiler/pipeline/CompileOptions.h"

#include "compiler/import/Import.h"
#include "compiler/report/UserError.h"
#include "dialects/target/Emulation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include <algorithm>
#include <sched.h>

using namespace sinter;
using llvm::StringRef;

// The largest extent of a dimension: what `no --shape` allows (contract).
static constexpr int64_t maxExtent = int64_t(1) << 31;

static bool isSymbolName(StringRef text) {
  return !text.empty() &&
         (llvm::isAlpha(text.front()) || text.front() == '_') &&
         llvm::all_of(text,
                      [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

static bool isExtent(StringRef text) {
  int64_t value;
  return !text.getAsInteger(10, value) && value >= 0 && value <= maxExtent;
}

llvm::Expected<ShapeOption> sinter::parseShapeOption(const std::string &text) {
  auto [name, dims] = StringRef(text).rsplit('=');
  if (name.empty() || StringRef(text).rfind('=') == StringRef::npos)
    return userError(ErrorCode::U002, "--shape '" + text + "' names no input");
  ShapeOption option{name.str(), {}};
  // 'x' separates only where every part is a number: a symbol may contain one.
  llvm::SmallVector<StringRef> parts;
  if (dims.contains('x') &&
      llvm::all_of(dims, [](char c) { return llvm::isDigit(c) || c == 'x'; }))
    dims.split(parts, 'x');
  else if (!dims.empty())
    dims.split(parts, ',');
  for (StringRef part : parts) {
    part = part.trim();
    if (!isExtent(part) && !isSymbolName(part))
      return userError(
          ErrorCode::U002,
          "--shape '" + text + "': '" + part +
              "' is neither an extent (0 to 2147483648) nor a name");
    option.dims.push_back(part.str());
  }
  return option;
}

llvm::Expected<DimOption> sinter::parseDimOption(const std::string &text) {
  auto [name, range] = StringRef(text).rsplit('=');
  DimOption option{name.str(), 0, 0};
  auto [low, high] = range.split("..");
  if (!range.contains(".."))
    high = low;
  // Sizes that depend on data are called after their node: any text.
  if (name.empty() || llvm::isDigit(name.front()) || !isExtent(low) ||
      !isExtent(high))
    return userError(ErrorCode::U003,
                     "--dim '" + text + "' is not NAME=MIN..MAX");
  low.getAsInteger(10, option.min);
  high.getAsInteger(10, option.max);
  if (option.min > option.max)
    return userError(ErrorCode::U003, "--dim '" + text + "' holds no value: " +
                                          low + " > " + high);
  return option;
}

llvm::Expected<std::vector<std::string>>
sinter::parseIsas(const std::string &text) {
  llvm::SmallVector<StringRef> parts;
  StringRef(text).split(parts, ',');
  static const char *const known[] = {"x86-64-v4-vnni-emulated",
                                      "x86-64-v4-vnni",
                                      "x86-64-v4-emulated",
                                      "x86-64-v4",
                                      "x86-64-v3",
                                      "x86-64-v2"};
  std::vector<std::string> isas;
  for (StringRef part : parts) {
    if (part == "native") {
      if (parts.size() > 1)
        return userError(ErrorCode::U004,
                         "--isa '" + text + "' mixes native with a name");
      return isas;
    }
    if (!llvm::is_contained(known, part))
      return userError(ErrorCode::U004, "--isa '" + part + "' is not known",
                       "Write native, x86-64-v4-vnni (AVX-512 with dot "
                       "products of bytes), x86-64-v4, x86-64-v3 or x86-64-v2, "
                       "or several of the last four.");
    auto levelOf = [](StringRef isa) {
      isa.consume_back(cpu::kEmulatedSuffix);
      return isa;
    };
    if (llvm::any_of(
            isas, [&](StringRef isa) { return levelOf(isa) == levelOf(part); }))
      return userError(ErrorCode::U004,
                       "--isa '" + text + "' names " + part + " twice");
    isas.push_back(part.str());
  }
  // v4 is tried before v3, whatever order the user wrote.
  std::sort(isas.begin(), isas.end(), std::greater<std::string>());
  return isas;
}

llvm::Expected<std::vector<int64_t>>
sinter::parseBatches(const std::string &text) {
  llvm::SmallVector<StringRef> parts;
  StringRef(text).split(parts, ',');
  std::vector<int64_t> batches;
  for (StringRef part : parts) {
    int64_t rows = 0;
    if (part.getAsInteger(10, rows) || rows < 1 || rows > maxExtent)
      return userError(ErrorCode::U006,
                       "--batch '" + text + "': '" + part +
                           "' is no number of rows from 1 to 2147483648",
                       "Write, for example, --batch 1,2,4,8.");
    if (llvm::is_contained(batches, rows))
      return userError(ErrorCode::U006,
                       "--batch '" + text + "' names " + part + " twice");
    batches.push_back(rows);
  }
  if (batches.size() > 64)
    return userError(ErrorCode::U006, "--batch names " +
                                          std::to_string(batches.size()) +
                                          " sizes; at most 64 have a row");
  llvm::sort(batches);
  return batches;
}

llvm::Expected<int64_t> sinter::parseMaxSlack(const std::string &text) {
  StringRef number(text);
  int64_t unit = 1, value = 0;
  for (auto [suffix, bytes] : {std::pair<StringRef, int64_t>{"K", 1 << 10},
                               {"M", 1 << 20},
                               {"G", 1 << 30}})
    if (number.consume_back(suffix))
      unit = bytes;
  if (number.getAsInteger(10, value) || value < 0 ||
      value > (int64_t(1) << 40) / unit)
    return userError(ErrorCode::U006,
                     "--max-slack '" + text +
                         "' is no number of bytes from 0 to 1024G",
                     "Write, for example, --max-slack 256M.");
  return value * unit;
}

llvm::Expected<EmitKind> sinter::parseEmitKind(const std::string &text) {
  auto kind = llvm::StringSwitch<std::optional<EmitKind>>(text)
                  .Case("graph", EmitKind::Graph)
                  .Case("kernel", EmitKind::Kernel)
                  .Case("exec", EmitKind::Exec)
                  .Case("image", EmitKind::Image)
                  .Case("llvm", EmitKind::Llvm)
                  .Case("asm", EmitKind::Asm)
                  .Default(std::nullopt);
  if (!kind)
    return userError(ErrorCode::U005, "--emit '" + text + "' is not known",
                     "Choose one of graph, kernel, exec, image, llvm, asm and "
                     "server-source, or leave --emit out.");
  return *kind;
}

ImportOptions sinter::importOptionsOf(const CompileOptions &options) {
  ImportOptions result;
  for (const ShapeOption &shape : options.shapes)
    result.shapes.push_back({shape.input, shape.dims});
  for (const DimOption &dim : options.dims)
    result.dims.push_back({dim.symbol, dim.min, dim.max});
  return result;
}

unsigned sinter::availableCpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0)
    return 1;
  return std::max(1, CPU_COUNT(&set));
}
