// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// glibc loads no file that says it is a position-independent executable, which
// is all that tells one from a shared object.
#ifndef SINTER_TOOLS_SINTER_ELFFLAG_H
#define SINTER_TOOLS_SINTER_ELFFLAG_H

#include "llvm/ADT/ArrayRef.h"

namespace sinter {

/// Takes that flag out of `bytes`, a whole file; false when they are no such
/// file.
bool clearExecutableFlag(llvm::MutableArrayRef<char> bytes);

} // namespace sinter

#endif // SINTER_TOOLS_SINTER_ELFFLAG_H
