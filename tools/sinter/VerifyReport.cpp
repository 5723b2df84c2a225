// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/VerifyReport.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace sinter;
namespace json = llvm::json;

static json::Object describe(const Verdict &verdict) {
  const Difference &d = verdict.difference;
  json::Object row{{"case", json::fixUTF8(verdict.caseName)},
                   {"reference", verdict.reference},
                   {"error", jsonNumber(d.error)},
                   {"limit", jsonNumber(verdict.limit)},
                   {"output", json::fixUTF8(d.output)},
                   {"passed", verdict.passed()}};
  if (!d.problem.empty())
    row["problem"] = json::fixUTF8(d.problem);
  return row;
}

static void printText(const Verdict &verdict) {
  const Difference &d = verdict.difference;
  llvm::outs() << llvm::formatv(
      "{0,-6} {1,-12} error {2,9:E2}  limit {3,9:E2}  {4}\n",
      verdict.passed() ? "ok" : "FAILED", verdict.reference, d.error,
      verdict.limit, verdict.caseName);
  if (verdict.passed())
    return;
  llvm::outs() << "       output '" << d.output << "': "
               << (d.problem.empty()
                       ? llvm::formatv("element {0} is {1:E6}, expected {2:E6}",
                                       d.element, d.found, d.expected)
                             .str()
                       : d.problem)
               << "\n";
}

bool sinter::reportVerdicts(const Arguments &arguments,
                            llvm::ArrayRef<Verdict> verdicts,
                            const Evidence &evidence) {
  bool agrees =
      llvm::all_of(verdicts, [](const Verdict &v) { return v.passed(); });
  bool passed = agrees && !evidence.isNone();
  if (arguments.json) {
    json::Array list, warnings;
    for (const Verdict &verdict : verdicts)
      list.push_back(describe(verdict));
    for (const std::string &text : evidence.warnings())
      warnings.push_back(json::fixUTF8(text));
    json::Object object{{"model", json::fixUTF8(arguments.file)},
                        {"passed", passed},
                        {"cases", std::move(list)},
                        {"warnings", std::move(warnings)}};
    llvm::outs() << llvm::formatv("{0:2}", json::Value(std::move(object)))
                 << "\n";
    return passed;
  }
  for (const Verdict &verdict : verdicts)
    printText(verdict);
  for (const std::string &text : evidence.warnings())
    llvm::errs() << arguments.file << ": warning: " << text << "\n";
  llvm::outs() << arguments.file
               << (passed   ? ": passed\n"
                   : agrees ? ": FAILED: every output is NaN\n"
                            : ": FAILED\n");
  return passed;
}
