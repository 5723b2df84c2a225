// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A bundle as the engine wants it, from a folder, a tar, or the end of this
// executable. With a key, the bytes are first copied into sealed memory, hashed
// there and compared with the signature; what is loaded is that memory, so
// nobody can change a file between the check and the load.
#ifndef SINTER_SERVE_BUNDLE_OPENBUNDLE_H
#define SINTER_SERVE_BUNDLE_OPENBUNDLE_H

#include "runtime/serve/engine/Options.h"

namespace sinter::serve {

/// publicKey: PEM, or empty when bundles need no signature.
Status openBundle(const std::string &path, const std::string &publicKey,
                  Bundle &out);

/// A text that a manifest holds under `key` ("name", "model_file"); empty when
/// it holds none.
std::string textIn(const std::string &manifest, const char *key);

/// What a .serve file brings with it, as the engine takes it: the object stays
/// where it is in the file. path: /proc/self/exe for this executable; isThere
/// is false when it brings nothing. The name is empty when the manifest has
/// none.
Status openExecutable(const std::string &path, EngineOptions::Embedded &out,
                      bool &isThere);

} // namespace sinter::serve

#endif // SINTER_SERVE_BUNDLE_OPENBUNDLE_H
