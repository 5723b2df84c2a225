// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How long a certificate is still good for: who forgets to renew it loses every
// client at once, so it is said long before.
#ifndef SINTER_SERVE_PROTECT_EXPIRY_H
#define SINTER_SERVE_PROTECT_EXPIRY_H

#include <cstdint>
#include <string>

namespace sinter::serve {

/// When the first of the certificates in a PEM file ends, in seconds of the
/// wall clock; 0 when the file holds none. A chain is worth nothing past that.
int64_t expiryOf(const std::string &certificateFile);

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTECT_EXPIRY_H
