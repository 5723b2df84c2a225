// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Content codings: gzip, and what HTTP calls deflate (zlib's format; raw
// deflate is read, too, because some clients send that).
#ifndef SINTER_SERVE_HTTP_CODING_H
#define SINTER_SERVE_HTTP_CODING_H

#include "runtime/serve/http/HttpMessage.h"

namespace sinter::serve {

enum class Coding { identity, gzip, deflate, unknown };

/// Of a Content-Encoding header.
Coding contentCoding(std::string_view header);
/// The one an Accept-Encoding header likes best, by its q values.
Coding acceptedCoding(std::string_view header);
const char *codingName(Coding coding);

/// Null, and a status, when the bytes are damaged or unfold to more than limit.
std::shared_ptr<Body> unpack(Coding coding, const Body &packed, uint64_t limit,
                             Status &status);
/// A body as its Content-Encoding says, unpacked in its place.
Status unpackBody(std::string_view contentEncoding, uint64_t limit,
                  std::shared_ptr<Body> &body);
/// Packs text and blobs into text. False, and nothing changed, on lack of
/// memory.
bool pack(Coding coding, HttpResponse &response);

} // namespace sinter::serve

#endif // SINTER_SERVE_HTTP_CODING_H
