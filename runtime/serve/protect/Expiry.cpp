// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/protect/Expiry.h"

#include <algorithm>
#include <ctime>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace sinter::serve {

static int64_t endOf(const X509 *certificate) {
  tm parts = {};
  return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts)
             ? int64_t(timegm(&parts))
             : 0;
}

int64_t expiryOf(const std::string &certificateFile) {
  int64_t first = 0;
  BIO *file = BIO_new_file(certificateFile.c_str(), "r");
  while (X509 *certificate =
             file ? PEM_read_bio_X509(file, nullptr, nullptr, nullptr)
                  : nullptr) {
    int64_t end = endOf(certificate);
    first = first ? std::min(first, end) : end;
    X509_free(certificate);
  }
  ERR_clear_error(); // the end of the file is one
  BIO_free(file);
  return first;
}

} // namespace sinter::serve
