// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/protect/TlsFiles.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

namespace sinter::serve {

std::string stampOf(const TlsOptions &files) {
  std::string stamp;
  for (const std::string *file :
       {&files.certificate, &files.key, &files.clientCa}) {
    struct stat info = {};
    if (!file->empty())
      stat(file->c_str(), &info); // a missing one has a stamp, too
    for (int64_t part :
         {int64_t(info.st_dev), int64_t(info.st_ino), int64_t(info.st_size),
          int64_t(info.st_mtim.tv_sec), int64_t(info.st_mtim.tv_nsec)})
      stamp += std::to_string(part) + " ";
  }
  return stamp;
}

std::string subjectOf(const X509 *certificate) {
  char line[512] = "";
  X509_NAME_oneline(X509_get_subject_name(certificate), line, sizeof line);
  return line;
}

std::string subjectOfPem(const std::string &pem) {
  BIO *text = BIO_new_mem_buf(pem.data(), int(pem.size()));
  X509 *certificate =
      text ? PEM_read_bio_X509(text, nullptr, nullptr, nullptr) : nullptr;
  std::string subject = certificate ? subjectOf(certificate) : "";
  X509_free(certificate);
  BIO_free(text);
  return subject;
}

} // namespace sinter::serve
