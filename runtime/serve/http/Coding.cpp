// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// zlib, with a bound on what a small body may unfold to: the limit is checked
// as bytes come out, so a bomb costs no more than the limit.
#include "runtime/serve/http/Coding.h"

#include <algorithm>
#include <cstdlib>
#include <zlib.h>

namespace sinter::serve {
namespace {

constexpr int zlibBits = 15, gzipBits = 31, rawBits = -15;

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
    s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t'))
    s.remove_suffix(1);
  return s;
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y;
         });
}

/// Inflates all of it; Z_OK, Z_DATA_ERROR, Z_BUF_ERROR past the limit,
/// Z_MEM_ERROR.
int inflateAll(int bits, const Body &packed, uint64_t limit, Body &out) {
  z_stream stream = {};
  if (inflateInit2(&stream, bits) != Z_OK)
    return Z_MEM_ERROR;
  size_t fed = 0;
  int code = Z_OK;
  unsigned char chunk[16384];
  while (code == Z_OK) {
    size_t feed = std::min<size_t>(packed.size() - fed, 1u << 30);
    stream.next_in =
        reinterpret_cast<Bytef *>(const_cast<std::byte *>(packed.data() + fed));
    stream.avail_in = uInt(feed);
    stream.next_out = chunk;
    stream.avail_out = sizeof chunk;
    code = inflate(&stream, Z_NO_FLUSH);
    fed += feed - stream.avail_in;
    size_t made = sizeof chunk - stream.avail_out;
    if (out.size() + made > limit)
      code = Z_BUF_ERROR;
    else if (!out.append(chunk, made))
      code = Z_MEM_ERROR;
    else if (code == Z_BUF_ERROR ||
             (code == Z_OK && fed == packed.size() && made < sizeof chunk))
      code = Z_DATA_ERROR; // wants more than there is
  }
  inflateEnd(&stream);
  if (code == Z_STREAM_END)
    return fed == packed.size() ? Z_OK : Z_DATA_ERROR;
  return code == Z_BUF_ERROR || code == Z_MEM_ERROR ? code : Z_DATA_ERROR;
}

} // namespace

Coding contentCoding(std::string_view header) {
  header = trimmed(header);
  if (header.empty() || same(header, "identity"))
    return Coding::identity;
  if (same(header, "gzip") || same(header, "x-gzip"))
    return Coding::gzip;
  return same(header, "deflate") ? Coding::deflate : Coding::unknown;
}

Coding acceptedCoding(std::string_view header) {
  Coding best = Coding::identity;
  double bestQuality = 0;
  while (!header.empty()) {
    std::string_view item = header.substr(0, header.find(','));
    header.remove_prefix(std::min(header.size(), item.size() + 1));
    double quality = 1;
    size_t mark = item.find(';');
    if (mark != std::string_view::npos) {
      std::string parameter(trimmed(item.substr(mark + 1)));
      if (parameter.size() > 2 &&
          (parameter[0] == 'q' || parameter[0] == 'Q') && parameter[1] == '=')
        quality = std::strtod(parameter.c_str() + 2, nullptr);
    }
    Coding coding = contentCoding(item.substr(0, mark));
    if ((coding == Coding::gzip || coding == Coding::deflate) &&
        quality > bestQuality) {
      best = coding;
      bestQuality = quality;
    }
  }
  return best;
}

const char *codingName(Coding coding) {
  return coding == Coding::gzip ? "gzip" : "deflate";
}

std::shared_ptr<Body> unpack(Coding coding, const Body &packed, uint64_t limit,
                             Status &status) {
  size_t guess = std::min<uint64_t>(
      limit, packed.size() < (1u << 20) ? packed.size() * 4 : packed.size());
  std::shared_ptr<Body> out = Body::create(guess);
  int code = Z_MEM_ERROR;
  if (out)
    code = inflateAll(coding == Coding::gzip ? gzipBits : zlibBits, packed,
                      limit, *out);
  if (out && code == Z_DATA_ERROR && coding == Coding::deflate &&
      (out = Body::create(guess)))
    code = inflateAll(rawBits, packed, limit, *out);
  if (code == Z_OK)
    return out;
  if (code == Z_BUF_ERROR)
    status = {Code::invalid,
              "body: unfolds to over " + std::to_string(limit) +
                  " bytes, the limit of a body after decompression"};
  else if (code == Z_MEM_ERROR)
    status = {Code::unavailable, "body: no memory to decompress it", 1000};
  else
    status = {Code::invalid, std::string("body: is no whole ") +
                                 codingName(coding) +
                                 " stream, as Content-Encoding says it is"};
  return nullptr;
}

Status unpackBody(std::string_view contentEncoding, uint64_t limit,
                  std::shared_ptr<Body> &body) {
  Coding coding = contentCoding(contentEncoding);
  if (coding == Coding::unknown)
    return {Code::unsupported,
            "request: Content-Encoding must be gzip, deflate or identity"};
  Status status;
  if (coding == Coding::identity)
    return status;
  if (std::shared_ptr<Body> unpacked = unpack(coding, *body, limit, status))
    body = std::move(unpacked);
  return status;
}

bool pack(Coding coding, HttpResponse &response) {
  z_stream stream = {};
  // The fastest level: a server packs because it was asked to, not to save
  // disk.
  if (deflateInit2(&stream, 1, Z_DEFLATED,
                   coding == Coding::gzip ? gzipBits : zlibBits, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return false;
  std::string packed;
  char chunk[16384];
  auto feed = [&](const void *data, size_t bytes, bool last) {
    do {
      size_t some = std::min<size_t>(bytes, 1u << 30);
      stream.next_in = static_cast<Bytef *>(const_cast<void *>(data));
      stream.avail_in = uInt(some);
      do {
        stream.next_out = reinterpret_cast<Bytef *>(chunk);
        stream.avail_out = sizeof chunk;
        deflate(&stream, last && some == bytes ? Z_FINISH : Z_NO_FLUSH);
        packed.append(chunk, sizeof chunk - stream.avail_out);
      } while (!stream.avail_out);
      data = static_cast<const char *>(data) + some;
      bytes -= some;
    } while (bytes);
  };
  feed(response.text.data(), response.text.size(), response.blobs.empty());
  for (size_t i = 0; i < response.blobs.size(); ++i)
    feed(response.blobs[i].data, response.blobs[i].bytes,
         i + 1 == response.blobs.size());
  deflateEnd(&stream);
  response.text = std::move(packed);
  response.blobs.clear();
  return true;
}

} // namespace sinter::serve
