// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes a ModelInferRequest: what is accepted is touched to its last byte, and
// has as many bytes as its shape says.
#include "runtime/serve/grpc/Decode.h"
#include "runtime/serve/engine/DataType.h"

#include <cstdlib>

using namespace sinter::serve;

static uint64_t sum;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto message = std::make_shared<inference::ModelInferRequest>();
  if (!message->ParseFromArray(data, int(size)))
    return 0;
  Request request;
  request.received = Clock::now();
  std::vector<OutputWish> wishes;
  Status status = decodeRequest(message, nullptr, request, wishes);
  if (status.ok() == !status.message.empty())
    std::abort();
  if (!status.ok())
    return 0;
  message.reset(); // the tensors keep what they point into
  for (const Tensor &tensor : request.inputs) {
    auto count = elementCount(tensor.dims);
    size_t each = elementBytes(tensor.dtype);
    if (!count || (each && *count * each != tensor.bytes))
      std::abort();
    for (size_t i = 0; i < tensor.bytes; ++i)
      sum += uint8_t(tensor.data[i]);
  }
  return 0;
}
