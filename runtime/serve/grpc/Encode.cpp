// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/grpc/Encode.h"

#include "runtime/serve/protocol/Classification.h"
#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/protocol/SharedMemory.h"

namespace sinter::serve {
namespace {

grpc::StatusCode grpcCode(Code code) {
  switch (code) {
  case Code::ok:
    return grpc::StatusCode::OK;
  case Code::invalid:
    return grpc::StatusCode::INVALID_ARGUMENT;
  case Code::notFound:
    return grpc::StatusCode::NOT_FOUND;
  case Code::unavailable:
    return grpc::StatusCode::UNAVAILABLE;
  case Code::unsupported:
    return grpc::StatusCode::UNIMPLEMENTED;
  case Code::internal:
    return grpc::StatusCode::INTERNAL;
  case Code::deadline:
    return grpc::StatusCode::DEADLINE_EXCEEDED;
  case Code::cancelled:
    return grpc::StatusCode::CANCELLED;
  case Code::unauthenticated:
    return grpc::StatusCode::UNAUTHENTICATED;
  case Code::denied:
    return grpc::StatusCode::PERMISSION_DENIED;
  }
  return grpc::StatusCode::UNKNOWN;
}

void encodeDuration(const Duration &from, inference::StatisticDuration &out) {
  out.set_count(from.count);
  out.set_ns(from.ns);
}

// In a configuration, dims are those of one row of a batch.
template <typename Message>
void encodeTensor(const ModelDescription &model,
                  const TensorDescription &tensor, Message &out) {
  out.set_name(tensor.name);
  inference::DataType type = inference::TYPE_INVALID;
  inference::DataType_Parse(std::string(configTypeName(tensor.dtype)), &type);
  out.set_data_type(type);
  size_t first = model.maxBatch > 0 && !tensor.dims.empty() ? 1 : 0;
  for (size_t i = first; i < tensor.dims.size(); ++i)
    out.add_dims(tensor.dims[i]);
}

void encodeTensor(const TensorDescription &tensor,
                  inference::ModelMetadataResponse::TensorMetadata &out) {
  out.set_name(tensor.name);
  out.set_datatype(std::string(dataTypeName(tensor.dtype)));
  for (int64_t dim : tensor.dims)
    out.add_shape(dim);
}

} // namespace

grpc::Status toGrpc(const Status &status) {
  return status.ok() ? grpc::Status::OK
                     : grpc::Status(grpcCode(status.code), status.message);
}

static Status encodeOutput(const Tensor &tensor, const OutputWish &wish,
                           const SharedMemory *shared,
                           inference::ModelInferResponse &out) {
  auto *output = out.add_outputs();
  output->set_name(tensor.name);
  output->set_datatype(std::string(dataTypeName(tensor.dtype)));
  for (int64_t dim : tensor.dims)
    output->add_shape(dim);
  if (wish.slice.region.empty()) {
    out.add_raw_output_contents(tensor.data, tensor.bytes);
    return {};
  }
  auto &parameters = *output->mutable_parameters();
  parameters["shared_memory_region"].set_string_param(wish.slice.region);
  parameters["shared_memory_offset"].set_int64_param(
      int64_t(wish.slice.offset));
  parameters["shared_memory_byte_size"].set_int64_param(int64_t(tensor.bytes));
  out.add_raw_output_contents(); // clients count outputs and raw contents alike
  return shared->write(wish.slice, tensor);
}

Status encodeResponse(const Response &response, const std::string &id,
                      const std::vector<OutputWish> &wishes, bool batched,
                      const SharedMemory *shared,
                      inference::ModelInferResponse &out) {
  static const OutputWish plain;
  out.set_model_name(response.model);
  out.set_model_version(response.version);
  out.set_id(id);
  out.mutable_outputs()->Reserve(int(response.outputs.size()));
  out.mutable_raw_output_contents()->Reserve(int(response.outputs.size()));
  for (size_t i = 0; i < response.outputs.size(); ++i) {
    const OutputWish &wish = i < wishes.size() ? wishes[i] : plain;
    Tensor best;
    const Tensor *tensor = &response.outputs[i];
    if (wish.classes) {
      if (Status status = classify(*tensor, wish.classes, batched, best);
          !status.ok())
        return status;
      tensor = &best;
    }
    if (Status status = encodeOutput(*tensor, wish, shared, out); !status.ok())
      return status;
  }
  return {};
}

void encodeMetadata(const ModelDescription &model,
                    inference::ModelMetadataResponse &out) {
  out.set_name(model.name);
  for (const std::string &version : model.versions)
    out.add_versions(version);
  out.set_platform("sinter");
  for (const TensorDescription &tensor : model.inputs)
    encodeTensor(tensor, *out.add_inputs());
  for (const TensorDescription &tensor : model.outputs)
    encodeTensor(tensor, *out.add_outputs());
}

void encodeConfig(const ModelDescription &model, const BatchingConfig &batching,
                  inference::ModelConfig &out) {
  out.set_name(model.name);
  out.set_platform("sinter");
  out.set_backend("sinter");
  out.set_max_batch_size(int32_t(model.maxBatch));
  for (const TensorDescription &tensor : model.inputs)
    encodeTensor(model, tensor, *out.add_input());
  for (const TensorDescription &tensor : model.outputs)
    encodeTensor(model, tensor, *out.add_output());
  if (model.maxBatch > 0) {
    auto *dynamic = out.mutable_dynamic_batching();
    dynamic->set_max_queue_delay_microseconds(batching.maxDelayUs);
    dynamic->set_priority_levels(batching.priorityLevels);
    for (uint32_t size : batching.preferred)
      dynamic->add_preferred_batch_size(int32_t(size));
  }
  auto *group = out.add_instance_group();
  group->set_name(model.name + "_0");
  group->set_kind(inference::ModelInstanceGroup::KIND_CPU);
  group->set_count(1);
  out.mutable_model_transaction_policy()->set_decoupled(false);
  out.mutable_response_cache()->set_enable(false);
}

void encodeStatistics(const ModelStatistics &from,
                      inference::ModelStatistics &out) {
  out.set_name(from.name);
  out.set_version(from.version);
  out.set_last_inference(from.lastInferenceMs);
  out.set_inference_count(from.inferenceCount);
  out.set_execution_count(from.executionCount);
  inference::InferStatistics &sum = *out.mutable_inference_stats();
  encodeDuration(from.success, *sum.mutable_success());
  encodeDuration(from.fail, *sum.mutable_fail());
  encodeDuration(from.queue, *sum.mutable_queue());
  encodeDuration(from.computeInput, *sum.mutable_compute_input());
  encodeDuration(from.computeInfer, *sum.mutable_compute_infer());
  encodeDuration(from.computeOutput, *sum.mutable_compute_output());
  sum.mutable_cache_hit();
  sum.mutable_cache_miss();
  for (const BatchStatistics &batch : from.batches) {
    auto *row = out.add_batch_stats();
    row->set_batch_size(batch.size);
    encodeDuration(batch.computeInput, *row->mutable_compute_input());
    encodeDuration(batch.computeInfer, *row->mutable_compute_infer());
    encodeDuration(batch.computeOutput, *row->mutable_compute_output());
  }
  if (from.memoryBytes) {
    auto *memory = out.add_memory_usage();
    memory->set_type("CPU");
    memory->set_byte_size(from.memoryBytes);
  }
}

} // namespace sinter::serve
