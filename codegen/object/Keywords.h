// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of models and files become names in generated headers, where a keyword
// cannot stand.

#ifndef SINTER_CODEGEN_OBJECT_KEYWORDS_H
#define SINTER_CODEGEN_OBJECT_KEYWORDS_H

#include "llvm/ADT/StringRef.h"

namespace sinter {

/// Whether C or C++ has the word for itself.
bool isKeyword(llvm::StringRef word);

} // namespace sinter

#endif // SINTER_CODEGEN_OBJECT_KEYWORDS_H
