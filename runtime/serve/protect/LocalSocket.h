// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where HTTP and gRPC listen on a path. A server that was killed leaves its
// socket behind, and nobody could listen there again until somebody removed it;
// a server that runs must keep its own.
#ifndef SINTER_SERVE_PROTECT_LOCALSOCKET_H
#define SINTER_SERVE_PROTECT_LOCALSOCKET_H

#include "runtime/serve/engine/Status.h"

#include <string>
#include <sys/un.h>

namespace sinter::serve {

/// The address of a Unix socket to listen on. A socket on which nobody listens
/// is removed; of one that is in use, and of a file that is none, bind() says
/// that it is taken.
Status localAddress(const std::string &path, sockaddr_un &out);

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTECT_LOCALSOCKET_H
