// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of keys. A row knows its kind, default, help, and how its value
// gets into the configuration; whether a change needs a restart is part of the
// row.
#ifndef SINTER_SERVE_CONFIG_SCHEMA_H
#define SINTER_SERVE_CONFIG_SCHEMA_H

#include "runtime/serve/config/Config.h"

namespace sinter::serve {

enum class KeyKind {
  text,
  file,
  port,
  number,
  real,
  signedReal,
  bytes,
  milliseconds,
  boolean,
  choice,
  numbers,
  versions,
  shapes
};

/// Parsed: which member counts depends on the kind.
struct ParsedValue {
  std::string text;
  uint64_t number = 0;
  int64_t port = 0;
  double real = 0;
  bool boolean = false;
  std::vector<uint32_t> numbers;
  std::vector<std::vector<int64_t>> shapes; ///< -1 = any
};

template <typename Target> struct KeyRow {
  const char *key;
  KeyKind kind;
  const char *preset;
  const char *help;
  void (*put)(Target &, const ParsedValue &);
  bool live = false;        ///< a reload changes it
  const char *choices = ""; ///< of a choice: "a|b|c"
};

const std::vector<KeyRow<ServerConfig>> &serverKeys();
/// Defaults of all models under these names; for one model under models.NAME.
const std::vector<KeyRow<ModelOptions>> &modelKeys();
/// Of one input: inputs.INPUT.KEY for all models, models.NAME.inputs.INPUT.KEY.
const std::vector<KeyRow<ModelOptions::InputRule>> &inputKeys();

const char *kindName(KeyKind kind);
/// "1x3x48x?,2x3x48x?"; false when it is none.
bool readShapes(const std::string &text,
                std::vector<std::vector<int64_t>> &shapes);
/// Says what was found and what the kind expects.
Status parseValue(KeyKind kind, const char *choices, const std::string &text,
                  ParsedValue &out);
/// The key with the fewest edits between; "" when none is near.
std::string nearestKey(const std::string &wrong,
                       const std::vector<std::string> &keys);

} // namespace sinter::serve

#endif // SINTER_SERVE_CONFIG_SCHEMA_H
