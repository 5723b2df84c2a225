// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/Listing.h"

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
    dims.push_back(dim.getAsString() ? dim.getAsString()->str()
                                     : std::to_string(*dim.getAsInteger()));
  return "[" + llvm::join(dims, ", ") + "]";
}

static std::string rangeText(const json::Object &symbol) {
  int64_t min = *symbol.getInteger("min"), max = *symbol.getInteger("max"),
          divisor = *symbol.getInteger("divisor");
  std::string text = max < int64_t(1) << 31
                         ? llvm::formatv("{0} to {1}", min, max).str()
                         : llvm::formatv("{0} or more", min).str();
  return divisor == 1 ? text
                      : text + ", a multiple of " + std::to_string(divisor);
}

static size_t longestName(const json::Array &rows) {
  size_t longest = 0;
  for (const json::Value &row : rows)
    longest = std::max(longest, row.getAsObject()->getString("name")->size());
  return std::min<size_t>(longest, 40);
}

// A title, and under it the name and the text of each row.
static void
printRows(const json::Array &rows, const char *key,
          llvm::function_ref<std::string(const json::Object &)> text) {
  if (rows.empty())
    return;
  llvm::outs() << key << "\n";
  unsigned width = longestName(rows);
  for (const json::Value &row : rows)
    llvm::outs() << "  "
                 << llvm::left_justify(*row.getAsObject()->getString("name"),
                                       width)
                 << "  " << text(*row.getAsObject()) << "\n";
}

static const json::Array &rowsOf(const json::Object &model, const char *key) {
  static const json::Array none;
  const json::Array *rows = model.getArray(key);
  return rows ? *rows : none;
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
    for (const json::Value &row : rowsOf(model, key))
      shapes += shapeText(*row.getAsObject()->getArray("shape"));
  json::Array shown;
  const json::Array &all = rowsOf(model, "symbols");
  for (const json::Value &row : all)
    if (hasName(shapes, *row.getAsObject()->getString("name")))
      shown.push_back(row);
  printRows(shown, "symbols", rangeText);
  if (size_t inner = all.size() - shown.size())
    llvm::outs() << "and " << inner
                 << (inner == 1 ? " size that depends" : " sizes that depend")
                 << " on data within (--json lists them)\n";
}

void sinter::printInterface(const json::Object &model) {
  auto tensor = [](const json::Object &row) {
    return llvm::formatv("{0,-8} {1}", typeName(*row.getString("type")),
                         shapeText(*row.getArray("shape")))
        .str();
  };
  printRows(rowsOf(model, "inputs"), "inputs", tensor);
  printRows(rowsOf(model, "outputs"), "outputs", tensor);
  printSymbols(model);
}

static std::string batchText(const json::Object &batch) {
  if (!*batch.getBoolean("independent"))
    return batch.getString("why")->str();
  if (auto rows = batch.getInteger("fixed"))
    return std::to_string(*rows) + ", rows are independent";
  return batch.getString("symbol")->str() + ", rows are independent";
}

void sinter::printCosts(const json::Object &manifest) {
  if (const json::Object *batch = manifest.getObject("batch"))
    llvm::outs() << "batch\n  " << batchText(*batch) << "\n";
  const json::Array *costs = manifest.getArray("costs");
  if (!costs || costs->empty())
    return;
  llvm::outs() << "estimated cost of a run\n"
               << llvm::formatv("{0,6}{1,12}{2,16}{3,14}\n", "rows", "ms",
                                "multiply-adds", "arena bytes");
  for (const json::Value &value : *costs) {
    const json::Object &row = *value.getAsObject();
    llvm::outs() << llvm::formatv(
        "{0,6}{1,12:F3}{2,16}{3,14}\n", *row.getInteger("rows"),
        *row.getNumber("us") / 1000, *row.getInteger("macs"),
        *row.getInteger("arena_bytes"));
  }
}
