// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Faults of a user's model: collected, not thrown, so that one run lists all of
// them. Each one says what, where, found, expected and what to do.
//
//   m.onnx: error: node 'conv_12' (Conv): weight scale for channel 5 is 0
//     expected a positive finite value; recalibrate the model
//     [SINTER-Q014] see docs/error-codes.md
#ifndef SINTER_COMPILER_IMPORT_DIAGNOSTICS_H
#define SINTER_COMPILER_IMPORT_DIAGNOSTICS_H

#include "dialects/Support/ErrorCodes.h"
#include <string>
#include <vector>

namespace sinter {

struct Fault {
  ErrorCode code;
  std::string node, op; // empty: the model as a whole
  std::string message, expected, remedy;
};

class Diagnostics {
public:
  explicit Diagnostics(std::string file = "") : file(std::move(file)) {}

  void add(Fault fault);
  // Something the user should know that is no fault.
  void note(std::string text) { notes.push_back(std::move(text)); }
  bool empty() const { return faults.empty(); }
  const std::vector<Fault> &all() const { return faults; }
  const std::vector<std::string> &allNotes() const { return notes; }
  const std::string &fileName() const { return file; }

  // Every fault in the format above; equal messages are grouped with their
  // nodes.
  std::string text() const;

private:
  std::string file;
  std::vector<Fault> faults;
  std::vector<std::string> notes;
};

} // namespace sinter

#endif // SINTER_COMPILER_IMPORT_DIAGNOSTICS_H
