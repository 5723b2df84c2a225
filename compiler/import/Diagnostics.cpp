// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names come out of a user's file, so control characters never reach a
// terminal.
#include "compiler/import/Diagnostics.h"

#include <cstdio>

namespace sinter {
namespace {

std::string printable(const std::string &text) {
  std::string result;
  for (unsigned char c : text.substr(0, 1200))
    if (c < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x", c);
      result += escape;
    } else {
      result += static_cast<char>(c);
    }
  return text.size() > 1200 ? result + "..." : result;
}

bool areAlike(const Fault &a, const Fault &b) {
  return a.code == b.code && a.op == b.op && a.message == b.message &&
         a.expected == b.expected && a.remedy == b.remedy;
}

} // namespace

void Diagnostics::add(Fault fault) {
  if (fault.remedy.empty())
    fault.remedy = errorText(fault.code).remedy;
  faults.push_back(std::move(fault));
}

std::string Diagnostics::text() const {
  std::string result;
  for (const std::string &note : notes)
    result += file + ": note: " + printable(note) + "\n";
  std::vector<bool> isDone(faults.size());
  for (size_t i = 0; i < faults.size(); ++i) {
    if (isDone[i])
      continue;
    const Fault &fault = faults[i];
    std::vector<std::string> alike;
    for (size_t j = i + 1; j < faults.size(); ++j)
      if (!isDone[j] && !fault.node.empty() && areAlike(fault, faults[j])) {
        isDone[j] = true;
        alike.push_back(faults[j].node);
      }
    result += file + ": error: ";
    if (!fault.node.empty())
      result += "node '" + printable(fault.node) + "'" +
                (fault.op.empty() ? "" : " (" + printable(fault.op) + ")") +
                ": ";
    result += printable(fault.message) + "\n";
    if (!alike.empty()) {
      result += "  the same in " + std::to_string(alike.size()) + " more:";
      for (size_t j = 0; j < alike.size() && j < 8; ++j)
        result += " '" + printable(alike[j]) + "'";
      result += alike.size() > 8 ? " ...\n" : "\n";
    }
    if (!fault.expected.empty())
      result += "  expected " + printable(fault.expected) + "\n";
    result += "  " + printable(fault.remedy) + "\n";
    result += "  [" + std::string(errorText(fault.code).code) +
              "] see docs/error-codes.md\n";
  }
  return result;
}

} // namespace sinter
