// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A server needs a few threads and some memory to begin with. A machine that
// refuses them ends it with a sentence and the contract's exit code, not with
// an abort and a core.
#ifndef SINTER_SERVE_MAIN_LASTWORDS_H
#define SINTER_SERVE_MAIN_LASTWORDS_H

namespace sinter::serve {

/// From now on. Once, at the start of main.
void sayLastWords();

} // namespace sinter::serve

#endif // SINTER_SERVE_MAIN_LASTWORDS_H
