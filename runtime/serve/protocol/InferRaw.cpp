// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bodies without JSON (Inference-Header-Content-Length: 0), and the check that
// every tensor of the wire passes: as many bytes as its shape and type say.
#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/protocol/Infer.h"
#include "sinter/sinter.h"

#include <cstring>

namespace sinter::serve {
namespace {

Status invalid(std::string text) { return {Code::invalid, std::move(text)}; }

/// A shape with one open dimension gets it from the bytes.
Status fillFreeDim(Tensor &tensor) {
  uint64_t known = std::max<size_t>(1, elementBytes(tensor.dtype));
  int64_t *open = nullptr;
  for (int64_t &dim : tensor.dims) {
    if (dim < 0 && open)
      return invalid(
          "request: a raw body cannot fill the two open dimensions of input '" +
          tensor.name + "'");
    if (dim < 0)
      open = &dim;
    else if (__builtin_mul_overflow(known, uint64_t(dim), &known))
      return invalid("request: input '" + tensor.name + "' is too large");
  }
  if (open)
    *open = tensor.dtype == SINTER_STRING ? 1
            : known                       ? int64_t(tensor.bytes / known)
                                          : 0;
  return {};
}

} // namespace

Status checkTensorBytes(const Tensor &tensor) {
  std::string where = "input '" + tensor.name + "'";
  std::optional<uint64_t> elements = elementCount(tensor.dims);
  if (tensor.dtype != SINTER_STRING) {
    size_t width = elementBytes(tensor.dtype);
    if (!elements || *elements > SIZE_MAX / 8 ||
        *elements * width != tensor.bytes)
      return invalid(where + ": has " + std::to_string(tensor.bytes) +
                     " bytes, expected " +
                     (elements && *elements <= SIZE_MAX / 8
                          ? std::to_string(*elements * width)
                          : "far more") +
                     " for its shape and " +
                     std::string(dataTypeName(tensor.dtype)));
    return {};
  }
  uint64_t found = 0;
  for (size_t at = 0; at < tensor.bytes; ++found) {
    uint32_t length = 0;
    if (tensor.bytes - at < sizeof length)
      return invalid(where + ": ends inside the length of element " +
                     std::to_string(found));
    std::memcpy(&length, tensor.data + at, sizeof length);
    at += sizeof length;
    if (tensor.bytes - at < length)
      return invalid(where + ": element " + std::to_string(found) + " has " +
                     std::to_string(length) + " bytes, but only " +
                     std::to_string(tensor.bytes - at) + " are left");
    at += length;
  }
  if (!elements || found != *elements)
    return invalid(where + ": holds " + std::to_string(found) +
                   " BYTES elements, another number than its shape says");
  return {};
}

Status parseRawInfer(const InferBody &body, const ModelDescription &model,
                     InferCall &call) {
  if (model.inputs.size() != 1)
    return invalid("request: a raw body needs a model with one input, '" +
                   model.name + "' has " + std::to_string(model.inputs.size()));
  const TensorDescription &input = model.inputs[0];
  Tensor tensor;
  tensor.name = input.name;
  tensor.dtype = input.dtype;
  tensor.dims = input.dims;
  if (model.batchDim == 0 && !tensor.dims.empty())
    tensor.dims[0] = 1;
  std::shared_ptr<const void> owner = body.owner;
  tensor.data = body.data;
  tensor.bytes = body.bytes;
  if (input.dtype == SINTER_STRING) {
    // One element: the body is its text, the length is ours to add.
    auto framed = std::make_shared<std::string>(sizeof(uint32_t), 0);
    if (body.bytes > UINT32_MAX)
      return invalid("request: a raw BYTES element has at most 2^32 - 1 bytes");
    uint32_t length = uint32_t(body.bytes);
    std::memcpy(framed->data(), &length, sizeof length);
    framed->append(reinterpret_cast<const char *>(body.data), body.bytes);
    tensor.data = reinterpret_cast<const std::byte *>(framed->data());
    tensor.bytes = framed->size();
    owner = framed;
  }
  tensor.owner = std::move(owner);
  if (Status status = fillFreeDim(tensor); !status.ok())
    return status;
  call.plan.binary = true;
  call.request.inputs.push_back(std::move(tensor));
  return checkTensorBytes(call.request.inputs.back());
}

} // namespace sinter::serve
