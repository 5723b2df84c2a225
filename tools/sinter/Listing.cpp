// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/Listing.h"

#include "tools/sinter/Json.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;
namespace json = llvm::json;

// As NumPy names the type that a manifest names as MLIR does: f32, i64, ui8.
static std::string typeName(llvm::StringRef type) {
  if (type == "i1")
    return "bool";
  for (auto [ours, theirs] : {std::pair("bf", "bfloat"),
                              {"f", "float"},
                              {"ui", "uint"},
                              {"i", "int"}})
    if (llvm::StringRef bits = type; bits.consume_front(ours))
      return theirs + bits.str();
  return type.str();
}

static std::string shapeText(const json::Array &shape) {
  std::vector<std::string> dims;
  for (const json::Value &dim : shape)
    dims.push_back(dim.getAsString()
                       ? dim.getAsString()->str()
                       : std::to_string(dim.getAsInteger().value_or(0)));
  return "[" + llvm::join(dims, ", ") + "]";
}

static std::string rangeText(const json::Object &symbol) {
  int64_t min = integerAt(symbol, "min"), max = integerAt(symbol, "max"),
          divisor = integerAt(symbol, "divisor");
  std::string text = max < int64_t(1) << 31
                         ? llvm::formatv("{0} to {1}", min, max).str()
                         : llvm::formatv("{0} or more", min).str();
  return divisor == 1 ? text
                      : text + ", a multiple of " + std::to_string(divisor);
}

using Rows = std::vector<const json::Object *>;

static size_t longestName(const Rows &rows) {
  size_t longest = 0;
  for (const json::Object *row : rows)
    longest = std::max(longest, textAt(*row, "name").size());
  return std::min<size_t>(longest, 40);
}

// A title, and under it the name and the text of each row.
static void
printRows(const Rows &rows, const char *key,
          llvm::function_ref<std::string(const json::Object &)> text) {
  if (rows.empty())
    return;
  llvm::outs() << key << "\n";
  unsigned width = longestName(rows);
  for (const json::Object *row : rows)
    llvm::outs() << "  " << llvm::left_justify(textAt(*row, "name"), width)
                 << "  " << text(*row) << "\n";
}

// As a whole name: N is not in `min(300, NonZero_count)`.
static bool hasName(llvm::StringRef text, llvm::StringRef name) {
  auto isPart = [](char c) {
    return llvm::isAlnum(c) || llvm::StringRef("_/.:").contains(c);
  };
  for (size_t at = text.find(name); at != llvm::StringRef::npos;
       at = text.find(name, at + 1)) {
    size_t end = at + name.size();
    if ((at == 0 || !isPart(text[at - 1])) &&
        (end == text.size() || !isPart(text[end])))
      return true;
  }
  return false;
}

// A size that depends on data has a name that nobody wrote: it is shown where
// the shape of an output has it. A model may have hundreds within.
static void printSymbols(const json::Object &model) {
  std::string shapes;
  for (const char *key : {"inputs", "outputs"})
    for (const json::Object *row : rowsAt(model, key))
      shapes += shapeText(arrayAt(*row, "shape"));
  Rows shown, all = rowsAt(model, "symbols");
  for (const json::Object *row : all)
    if (hasName(shapes, textAt(*row, "name")))
      shown.push_back(row);
  printRows(shown, "symbols", rangeText);
  if (size_t inner = all.size() - shown.size())
    llvm::outs() << "and " << inner
                 << (inner == 1 ? " size that depends" : " sizes that depend")
                 << " on data within (--json lists them)\n";
}

void sinter::printInterface(const json::Object &model) {
  auto tensor = [](const json::Object &row) {
    return llvm::formatv("{0,-8} {1}", typeName(textAt(row, "type")),
                         shapeText(arrayAt(row, "shape")))
        .str();
  };
  printRows(rowsAt(model, "inputs"), "inputs", tensor);
  printRows(rowsAt(model, "outputs"), "outputs", tensor);
  printSymbols(model);
}

static std::string batchText(const json::Object &batch) {
  if (!batch.getBoolean("independent").value_or(false))
    return textAt(batch, "why");
  if (auto rows = batch.getInteger("fixed"))
    return std::to_string(*rows) + ", rows are independent";
  return textAt(batch, "symbol") + ", rows are independent";
}

void sinter::printCosts(const json::Object &manifest) {
  if (const json::Object *batch = manifest.getObject("batch"))
    llvm::outs() << "batch\n  " << batchText(*batch) << "\n";
  Rows costs = rowsAt(manifest, "costs");
  if (costs.empty())
    return;
  llvm::outs() << "estimated cost of a run\n"
               << llvm::formatv("{0,6}{1,12}{2,16}{3,14}\n", "rows", "ms",
                                "multiply-adds", "arena bytes");
  for (const json::Object *row : costs)
    llvm::outs() << llvm::formatv(
        "{0,6}{1,12:F3}{2,16}{3,14}\n", integerAt(*row, "rows"),
        row->getNumber("us").value_or(0) / 1000, integerAt(*row, "macs"),
        integerAt(*row, "arena_bytes"));
}
