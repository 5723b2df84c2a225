// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of the HTTP protocol share: a body with the room it needs, and
// tensors made of plain vectors.
#ifndef SINTER_TEST_UNIT_SERVEPROTOCOL_H
#define SINTER_TEST_UNIT_SERVEPROTOCOL_H

#include "runtime/serve/protocol/Body.h"
#include "runtime/serve/protocol/Infer.h"
#include "runtime/serve/protocol/SharedMemory.h"
#include "sinter/sinter.h"

#include <cstring>
#include <gtest/gtest.h>

namespace sinter::serve::test {

inline Status parse(const std::string &json, InferCall &call,
                    const std::string &blobs = "",
                    const SharedMemory *shared = nullptr,
                    const InferLimits &limits = {}) {
  std::shared_ptr<Body> body = Body::copyOf(json + blobs);
  call.request.received = Clock::now();
  return parseInfer({body->data(), body->size(), json.size(), body}, limits,
                    shared, call);
}

inline std::string faultOf(const std::string &json,
                           const std::string &blobs = "") {
  InferCall call;
  Status status = parse(json, call, blobs);
  return status.ok() ? "accepted" : status.message;
}

template <typename T> std::string bytesOf(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()),
          values.size() * sizeof(T)};
}

inline std::string bytesOf(const Tensor &tensor) {
  return {reinterpret_cast<const char *>(tensor.data), tensor.bytes};
}

inline std::string framed(const std::vector<std::string> &texts) {
  std::string bytes;
  for (const std::string &text : texts) {
    uint32_t length = uint32_t(text.size());
    bytes.append(reinterpret_cast<const char *>(&length), 4);
    bytes += text;
  }
  return bytes;
}

inline Tensor tensorOf(const char *name, uint8_t dtype,
                       std::vector<int64_t> dims, const std::string &bytes) {
  auto owner = std::make_shared<std::string>(bytes);
  Tensor tensor;
  tensor.name = name;
  tensor.dtype = dtype;
  tensor.dims = std::move(dims);
  tensor.data = reinterpret_cast<const std::byte *>(owner->data());
  tensor.bytes = owner->size();
  tensor.owner = owner;
  return tensor;
}

} // namespace sinter::serve::test

#endif // SINTER_TEST_UNIT_SERVEPROTOCOL_H
