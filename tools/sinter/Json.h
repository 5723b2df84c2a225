// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// JSON that somebody else wrote: the manifest of a damaged object, the reply of
// a server. LLVM's parser calls itself for each level, so depth is bounded
// before it starts, and a field of another type reads as an empty one.
#ifndef SINTER_TOOLS_SINTER_JSON_H
#define SINTER_TOOLS_SINTER_JSON_H

#include "llvm/Support/JSON.h"

namespace sinter {

llvm::Expected<llvm::json::Value> parseJson(llvm::StringRef text);

/// Empty or 0 where the field is missing or of another type.
std::string textAt(const llvm::json::Object &object, llvm::StringRef key);
int64_t integerAt(const llvm::json::Object &object, llvm::StringRef key);
const llvm::json::Array &arrayAt(const llvm::json::Object &object,
                                 llvm::StringRef key);
/// The elements that are objects.
std::vector<const llvm::json::Object *> rowsAt(const llvm::json::Object &object,
                                               llvm::StringRef key);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_JSON_H
