// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TLS 1.2 and 1.3, no renegotiation. A certificate that is not valid now is
// refused at start and at reload: clients would refuse it, later and one by
// one.
#include "runtime/serve/protect/TlsContext.h"

#include <openssl/ssl.h>

namespace sinter::serve {

namespace ssl = boost::asio::ssl;

namespace {

Status unusable(const char *what, const std::string &file,
                const std::string &why) {
  return {Code::invalid, std::string("TLS: the ") + what + " '" + file +
                             "' cannot be used: " + why};
}

Status checkDates(ssl::context &context, const std::string &file) {
  const X509 *certificate = SSL_CTX_get0_certificate(context.native_handle());
  if (!certificate)
    return unusable("certificate", file, "it holds none");
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
    return unusable("certificate", file, "it is not valid yet");
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
    return unusable("certificate", file, "it has expired; renew it");
  return {};
}

Status fill(ssl::context &context, const TlsOptions &options) {
  boost::system::error_code error;
  context.set_options(ssl::context::default_workarounds |
                          ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                          ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1,
                      error);
  SSL_CTX_set_options(context.native_handle(), SSL_OP_NO_RENEGOTIATION);
  context.use_certificate_chain_file(options.certificate, error);
  if (error)
    return unusable("certificate", options.certificate, error.message());
  context.use_private_key_file(options.key, ssl::context::pem, error);
  if (error)
    return unusable("key", options.key, error.message());
  if (!SSL_CTX_check_private_key(context.native_handle()))
    return unusable("key", options.key,
                    "it does not belong to the certificate '" +
                        options.certificate + "'");
  if (Status status = checkDates(context, options.certificate);
      !status.ok() || options.clientCa.empty())
    return status;
  context.load_verify_file(options.clientCa, error);
  if (error)
    return unusable("client CA", options.clientCa, error.message());
  context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert,
                          error);
  return {};
}

} // namespace

std::shared_ptr<ssl::context> makeTlsContext(const TlsOptions &options,
                                             Status &status) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  status = fill(*context, options);
  return status.ok() ? context : nullptr;
}

Status checkTls(const TlsOptions &files) {
  Status status;
  makeTlsContext(files, status);
  return status;
}

} // namespace sinter::serve
