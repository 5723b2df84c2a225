// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The SIGNATURE of a bundle: a text that names the hash of every member, signed
// as a whole by Ed25519. A member that is not named, or named and not there, is
// as wrong as one with other bytes.
//
//   sinter-bundle 1
//   sha256 golden.npz 6c1f...
//   sha256 manifest.json 0b27...
//   sha256 model.so 91aa...
//   ed25519 5d0e...                 (of the lines above)
#ifndef SINTER_SERVE_BUNDLE_SIGNATURE_H
#define SINTER_SERVE_BUNDLE_SIGNATURE_H

#include "runtime/serve/engine/Status.h"

#include <map>
#include <string>

namespace sinter::serve {

/// Name of a member -> SHA-256, as lower-case hexadecimal.
using Digests = std::map<std::string, std::string>;

/// Of all bytes of the file, from its begin.
Status digestFile(int file, std::string &out);
std::string digestText(const std::string &text);

/// privateKey: PEM, as `openssl genpkey -algorithm ed25519` writes it.
Status signDigests(const Digests &digests, const std::string &privateKey,
                   std::string &signature);
/// publicKey: PEM, as `openssl pkey -pubout` writes it.
Status checkSignature(const std::string &signature, const Digests &digests,
                      const std::string &publicKey);

} // namespace sinter::serve

#endif // SINTER_SERVE_BUNDLE_SIGNATURE_H
