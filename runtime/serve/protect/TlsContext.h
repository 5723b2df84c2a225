// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TLS for a listener, from PEM files.
#ifndef SINTER_SERVE_PROTECT_TLSCONTEXT_H
#define SINTER_SERVE_PROTECT_TLSCONTEXT_H

#include "runtime/serve/engine/Status.h"
#include "runtime/serve/protect/TlsFiles.h"

#include <boost/asio/ssl/context.hpp>

namespace sinter::serve {

/// Null with a status that names the file when one cannot be used.
std::shared_ptr<boost::asio::ssl::context>
makeTlsContext(const TlsOptions &options, Status &status);

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTECT_TLSCONTEXT_H
