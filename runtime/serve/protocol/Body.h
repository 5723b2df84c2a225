// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bytes of one request, in one piece: tensors borrow from it, and the JSON
// reader may look a little past its end.
#ifndef SINTER_SERVE_PROTOCOL_BODY_H
#define SINTER_SERVE_PROTOCOL_BODY_H

#include <cstddef>
#include <memory>
#include <string_view>

namespace sinter::serve {

class Body {
public:
  /// What every body has behind its last byte.
  static constexpr size_t padding = 64;

  /// Null when there is no memory for it.
  static std::shared_ptr<Body> create(size_t capacity);
  static std::shared_ptr<Body> copyOf(std::string_view bytes);
  ~Body();
  Body(const Body &) = delete;
  Body &operator=(const Body &) = delete;

  std::byte *data() { return memory; }
  const std::byte *data() const { return memory; }
  size_t size() const { return used; }
  size_t room() const { return capacity - used; }
  std::string_view text() const {
    return {reinterpret_cast<const char *>(memory), used};
  }
  /// Bytes that were written behind size(); at most room().
  void commit(size_t bytes) { used += bytes; }
  /// False when there is no memory for it; the body stays as it was.
  bool append(const void *bytes, size_t count);

private:
  Body() = default;
  bool reserve(size_t bytes);
  std::byte *memory = nullptr;
  size_t used = 0, capacity = 0;
};

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTOCOL_BODY_H
