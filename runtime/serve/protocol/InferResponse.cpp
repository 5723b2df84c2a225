// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Binary outputs are pieces that point into the batch's own output; only the
// JSON in front of them is new memory.
#include "runtime/serve/protocol/Classification.h"
#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/protocol/JsonData.h"
#include "runtime/serve/protocol/JsonWriter.h"
#include "runtime/serve/protocol/SharedMemory.h"

namespace sinter::serve {
namespace {

class ReplyWriter {
public:
  ReplyWriter(const InferPlan &plan, const SharedMemory *shared,
              InferReply &reply)
      : plan(plan), shared(shared), reply(reply) {}

  Status write(const Response &response, bool batched) {
    json.open('{');
    if (!plan.id.empty())
      json.key("id").string(plan.id);
    json.key("model_name").string(response.model);
    json.key("model_version").string(response.version);
    json.key("outputs").open('[');
    Status status = outputs(response, batched);
    json.close(']').close('}');
    reply.json = std::move(json.text);
    return status;
  }

private:
  Status outputs(const Response &response, bool batched) {
    static const OutputWish plain;
    if (plan.wishes.empty()) {
      for (const Tensor &tensor : response.outputs)
        if (Status status = output(tensor, plain, batched); !status.ok())
          return status;
      return {};
    }
    for (const OutputWish &wish : plan.wishes) {
      const Tensor *found = nullptr;
      for (const Tensor &tensor : response.outputs)
        if (tensor.name == wish.name)
          found = &tensor;
      if (!found)
        return {Code::internal,
                "output '" + wish.name + "' is missing in the model's answer"};
      if (Status status = output(*found, wish, batched); !status.ok())
        return status;
    }
    return {};
  }

  Status output(const Tensor &tensor, const OutputWish &wish, bool batched) {
    if (!wish.classes)
      return one(tensor, wish);
    Tensor best;
    if (Status status = classify(tensor, wish.classes, batched, best);
        !status.ok())
      return status;
    return one(best, wish);
  }

  Status one(const Tensor &tensor, const OutputWish &wish) {
    json.open('{').key("name").string(tensor.name);
    json.key("datatype").string(dataTypeName(tensor.dtype));
    json.key("shape").numbers(tensor.dims);
    Status status = place(tensor, wish);
    json.close('}');
    return status;
  }

  Status place(const Tensor &tensor, const OutputWish &wish) {
    if (!wish.slice.region.empty()) {
      json.key("parameters")
          .open('{')
          .key("shared_memory_region")
          .string(wish.slice.region);
      json.key("shared_memory_offset").number(wish.slice.offset);
      json.key("shared_memory_byte_size").number(tensor.bytes).close('}');
      return shared ? shared->write(wish.slice, tensor)
                    : Status(Code::unsupported,
                             "shared memory is not enabled on this server");
    }
    if (wish.binary.value_or(plan.binary)) {
      json.key("parameters")
          .open('{')
          .key("binary_data_size")
          .number(tensor.bytes)
          .close('}');
      reply.binary = true;
      if (tensor.bytes)
        reply.blobs.push_back({tensor.data, tensor.bytes, tensor.owner});
      return {};
    }
    json.key("data");
    return writeJsonData(tensor, json.text);
  }

  const InferPlan &plan;
  const SharedMemory *shared;
  InferReply &reply;
  JsonWriter json;
};

} // namespace

Status renderInfer(const InferPlan &plan, const Response &response,
                   bool batched, const SharedMemory *shared,
                   InferReply &reply) {
  return ReplyWriter(plan, shared, reply).write(response, batched);
}

} // namespace sinter::serve
