// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// malloc, not a vector: a body of many megabytes is not written with zeros
// first, and running out of memory is an answer, not an exception.
#include "runtime/serve/protocol/Body.h"

#include <cstdlib>
#include <cstring>

namespace sinter::serve {

std::shared_ptr<Body> Body::create(size_t capacity) {
  std::shared_ptr<Body> body(new Body);
  return body->reserve(capacity) ? body : nullptr;
}

std::shared_ptr<Body> Body::copyOf(std::string_view bytes) {
  std::shared_ptr<Body> body = create(bytes.size());
  if (body)
    body->append(bytes.data(), bytes.size());
  return body;
}

Body::~Body() { std::free(memory); }

bool Body::reserve(size_t bytes) {
  if (memory && bytes <= capacity)
    return true;
  if (bytes > SIZE_MAX / 2)
    return false;
  void *grown = std::realloc(memory, bytes + padding);
  if (!grown)
    return false;
  memory = static_cast<std::byte *>(grown);
  capacity = bytes;
  std::memset(memory + capacity, 0, padding);
  return true;
}

bool Body::append(const void *bytes, size_t count) {
  if (count > room() && !reserve(used + count + used / 2))
    return false;
  if (count)
    std::memcpy(memory + used, bytes, count);
  used += count;
  return true;
}

} // namespace sinter::serve
