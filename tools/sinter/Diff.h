// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A compiled model beside the evaluator, tensor by tensor: what `diff` prints
// and `bisect` asks of ever larger parts.
#ifndef SINTER_TOOLS_SINTER_DIFF_H
#define SINTER_TOOLS_SINTER_DIFF_H

#include "tools/sinter/Arguments.h"
#include "tools/sinter/Compare.h"

namespace sinter {

struct DiffRow {
  Difference ours;  // against float64
  double plain = 0; // plain fp32's error
  std::vector<int64_t> dims;
  double limit = 0;
  bool isWrong() const { return !(ours.error <= limit); }
};

struct DiffResult {
  std::vector<DiffRow> rows; // in the order of the program
  std::vector<HostTensor> inputs;
};

/// Compiles `file` and runs it once. `given`: the inputs; null: those that
/// `arguments` ask for.
llvm::Expected<DiffResult> diffModel(const std::string &file,
                                     CompileOptions options,
                                     const Arguments &arguments,
                                     const std::vector<HostTensor> *given);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_DIFF_H
