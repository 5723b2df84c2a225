// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes every symbol of a relocatable ELF file local but one. Hidden visibility
// is not enough: two models in one program would still collide at link time. It
// happens in place, by moving entries of the symbol table and renumbering
// relocations; llvm-objcopy would copy all the weights.

#ifndef SINTER_CODEGEN_OBJECT_LOCALSYMBOLS_H
#define SINTER_CODEGEN_OBJECT_LOCALSYMBOLS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

namespace sinter {

/// Keeps `keep` global. An undefined symbol other than memcpy, memset and
/// memmove is an error that names it.
llvm::Error localizeSymbols(llvm::MutableArrayRef<char> elf,
                            llvm::StringRef keep);

} // namespace sinter

#endif // SINTER_CODEGEN_OBJECT_LOCALSYMBOLS_H
