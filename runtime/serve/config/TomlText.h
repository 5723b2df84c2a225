// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bytes of a TOML file, checked before toml++ sees them. On text that is no
// UTF-8, and on control characters, its parser (3.3) has undefined behaviour; a
// key with thousands of dots becomes a tree that is as deep, which it frees by
// recursion.
#ifndef SINTER_SERVE_CONFIG_TOMLTEXT_H
#define SINTER_SERVE_CONFIG_TOMLTEXT_H

#include "runtime/serve/engine/Status.h"

#include <string>

namespace sinter::serve {

/// A whole file. Says what is wrong with the line, or that it cannot be read.
Status readTomlText(const std::string &path, std::string &out);

} // namespace sinter::serve

#endif // SINTER_SERVE_CONFIG_TOMLTEXT_H
