// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The PEM files of TLS, which HTTP and gRPC share, and who shows a certificate.
#ifndef SINTER_SERVE_PROTECT_TLSFILES_H
#define SINTER_SERVE_PROTECT_TLSFILES_H

#include "runtime/serve/engine/Status.h"

struct x509_st;

namespace sinter::serve {

/// PEM files. With clientCa, clients must show a certificate that it signed.
struct TlsOptions {
  std::string certificate, key, clientCa;
};

/// What is wrong with them: a file, or that they do not belong together or are
/// not valid now.
Status checkTls(const TlsOptions &files);

/// Changes when one of the files is replaced, renamed or written; also where a
/// folder above it is swapped, as Kubernetes does with secrets.
std::string stampOf(const TlsOptions &files);

/// "/CN=gateway", as [[certificate]] of an access file names it.
std::string subjectOf(const x509_st *certificate);
/// Of the first certificate of a PEM text; empty when it holds none.
std::string subjectOfPem(const std::string &pem);

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTECT_TLSFILES_H
