// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the body of an inference over HTTP. The first two bytes say how much
// of the rest is JSON. What is accepted is touched to its last byte, answered
// once as JSON and once as binary, and the JSON answer must parse.
#include "runtime/serve/protocol/Body.h"
#include "runtime/serve/protocol/Infer.h"

#include <cstdlib>
#include <simdjson.h>

using namespace sinter::serve;

namespace {

uint64_t sum;

void answer(const InferCall &call, bool binary) {
  InferPlan plan = call.plan;
  plan.binary = binary;
  plan.wishes.clear();
  Response response;
  response.outputs = call.request.inputs;
  InferReply reply;
  Status status = renderInfer(plan, response, true, nullptr, reply);
  if (!status.ok())
    return;
  simdjson::dom::parser parser;
  simdjson::padded_string text(reply.json);
  if (parser.parse(text).error())
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  size_t json = data[0] | data[1] << 8;
  std::shared_ptr<Body> body =
      Body::copyOf({reinterpret_cast<const char *>(data + 2), size - 2});
  InferLimits limits;
  limits.tensorBytes = 1 << 20;
  InferCall call;
  Status status = parseInfer(
      {body->data(), body->size(), std::min(json, body->size()), body}, limits,
      nullptr, call);
  if (status.ok() == !status.message.empty())
    std::abort();
  if (!status.ok())
    return 0;
  for (const Tensor &tensor : call.request.inputs)
    for (size_t i = 0; i < tensor.bytes; ++i)
      sum += uint8_t(tensor.data[i]);
  answer(call, false);
  answer(call, true);
  return 0;
}
