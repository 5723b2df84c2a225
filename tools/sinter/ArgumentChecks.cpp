// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/sinter/ArgumentChecks.h"

#include <sstream>

using namespace sinter;

llvm::Error sinter::splitAgainst(const std::string &text, Command command,
                                 std::vector<std::string> &into) {
  std::stringstream parts(text);
  bool bench = command == Command::Bench;
  for (std::string part; std::getline(parts, part, ',');) {
    if (part != "onnxruntime" && part != (bench ? "openvino" : "evaluator"))
      return userError(ErrorCode::U006,
                       "--against '" + part + "' is not known to this command");
    into.push_back(part);
  }
  return llvm::Error::success();
}

llvm::Error sinter::checkReport(llvm::StringRef file, bool isEmitting) {
  if (file.empty())
    return llvm::Error::success();
  if (!file.ends_with(".html") && !file.ends_with(".json"))
    return userError(ErrorCode::U006,
                     "--report '" + file + "' ends in neither .html nor .json",
                     "Write, for example, --report model.html.");
  if (isEmitting)
    return userError(ErrorCode::U006,
                     "--report and --emit contradict each other: a report is "
                     "about an object");
  return llvm::Error::success();
}
