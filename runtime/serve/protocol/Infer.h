// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One inference over HTTP, as bytes: what a body asks for, and the body that
// answers it. Both directions borrow: input tensors lie in the request's body,
// blobs of the answer in the batch's output.
//
//   {"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32",
//     "parameters":{"binary_data_size":16}}]} + 16 bytes
//
// JSON is exact: an integer or a real becomes the nearest value of its type or
// a fault, never a wrapped or saturated one. What JSON cannot hold is refused
// with a text that names the binary form.
#ifndef SINTER_SERVE_PROTOCOL_INFER_H
#define SINTER_SERVE_PROTOCOL_INFER_H

#include "runtime/serve/engine/Description.h"
#include "runtime/serve/engine/Request.h"

#include <optional>

namespace sinter::serve {

class SharedMemory;

/// What a request may cost before it is looked at any further.
struct InferLimits {
  uint64_t tensorBytes = 256u << 20; ///< of one tensor
  uint32_t tensors = 1024;           ///< of one request, in and out
  uint32_t jsonDepth = 32;
};

/// A place in a region of shared memory.
struct RegionSlice {
  std::string region; ///< empty = none
  uint64_t offset = 0, bytes = 0;
};

/// How one output is to be answered.
struct OutputWish {
  std::string name;
  std::optional<bool> binary; ///< else as InferPlan::binary says
  uint32_t classes = 0;       ///< the best so many, as texts; 0 = the tensor
  RegionSlice slice;
};

/// What must be kept of a request to answer it.
struct InferPlan {
  std::string id;
  bool binary = false;            ///< for outputs that do not say
  std::vector<OutputWish> wishes; ///< empty = all outputs
};

struct InferCall {
  Request request;
  InferPlan plan;
};

struct InferBody {
  const std::byte *data = nullptr; ///< with Body::padding bytes behind it
  size_t bytes = 0;
  size_t jsonBytes = 0; ///< Inference-Header-Content-Length, or bytes
  std::shared_ptr<const void> owner;
};

/// Fills all of call that the body says; request.received must be set. shared
/// may be null: then a reference to shared memory is unsupported.
Status parseInfer(const InferBody &body, const InferLimits &limits,
                  const SharedMemory *shared, InferCall &call);
/// Inference-Header-Content-Length: 0. The whole body is the only input.
Status parseRawInfer(const InferBody &body, const ModelDescription &model,
                     InferCall &call);

/// Whether a tensor has the bytes that its shape and type say, BYTES elements
/// counted one by one. Also for gRPC's raw contents.
Status checkTensorBytes(const Tensor &tensor);

/// Bytes to send, kept alive by their owner.
struct Piece {
  const std::byte *data = nullptr;
  size_t bytes = 0;
  std::shared_ptr<const void> owner;
};

struct InferReply {
  std::string json;
  std::vector<Piece> blobs;
  bool binary =
      false; ///< has blobs, even empty ones: name json's length in the header
};

/// batched: dimension 0 of outputs is a batch (classification looks at rows).
Status renderInfer(const InferPlan &plan, const Response &response,
                   bool batched, const SharedMemory *shared, InferReply &reply);

} // namespace sinter::serve

#endif // SINTER_SERVE_PROTOCOL_INFER_H
