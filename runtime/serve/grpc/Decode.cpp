// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/serve/grpc/Decode.h"

#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/protocol/SharedMemory.h"
#include "sinter/sinter.h"

#include <cstring>
#include <limits>

namespace sinter::serve {
namespace {

using InputMessage = inference::ModelInferRequest::InferInputTensor;
using Parameters =
    google::protobuf::Map<std::string, inference::InferParameter>;

constexpr int maxRank = 8; // of sinter_tensor

Status invalid(std::string text) { return {Code::invalid, std::move(text)}; }

std::string ofInput(const InputMessage &input) {
  return "input '" + input.name() + "': ";
}

std::string shapeText(const InputMessage &input) {
  std::string text = "[";
  for (int i = 0; i < input.shape_size(); ++i)
    text += (i ? "," : "") + std::to_string(input.shape(i));
  return text + "]";
}

// BYTES: for each element a u32 length and its bytes, and nothing behind the
// last.
Status checkStrings(const InputMessage &input, const std::byte *data,
                    size_t bytes, uint64_t elements) {
  size_t at = 0;
  for (uint64_t i = 0; i < elements; ++i) {
    uint32_t length;
    if (bytes - at < sizeof length)
      return invalid(ofInput(input) + "the bytes end inside element " +
                     std::to_string(i) + ", expected " +
                     std::to_string(elements) + " elements");
    std::memcpy(&length, data + at, sizeof length);
    at += sizeof length;
    if (bytes - at < length)
      return invalid(ofInput(input) + "element " + std::to_string(i) +
                     " says it has " + std::to_string(length) +
                     " bytes, found " + std::to_string(bytes - at));
    at += length;
  }
  if (at != bytes)
    return invalid(ofInput(input) + std::to_string(bytes - at) +
                   " bytes follow the last of " + std::to_string(elements) +
                   " elements");
  return {};
}

Status checkBytes(const InputMessage &input, const Tensor &tensor,
                  uint64_t elements) {
  size_t each = elementBytes(tensor.dtype);
  if (!each)
    return checkStrings(input, tensor.data, tensor.bytes, elements);
  uint64_t expected;
  if (__builtin_mul_overflow(elements, each, &expected) ||
      expected != tensor.bytes)
    return invalid(ofInput(input) + "found " + std::to_string(tensor.bytes) +
                   " bytes, expected " + std::to_string(elements) +
                   " elements of " + std::to_string(each) +
                   " bytes for shape " + shapeText(input));
  return {};
}

/// Typed contents as the bytes of a tensor; copies only what must change its
/// form.
class Contents {
public:
  Contents(const InputMessage &input, const SharedMessage &message,
           uint64_t elements, Tensor &tensor)
      : input(input), from(input.contents()), message(message),
        elements(elements), tensor(tensor) {}

  Status read() {
    switch (tensor.dtype) {
    case SINTER_BOOL:
      return borrow("bool_contents", from.bool_contents());
    case SINTER_I8:
      return narrow<int8_t>("int_contents", from.int_contents());
    case SINTER_I16:
      return narrow<int16_t>("int_contents", from.int_contents());
    case SINTER_I32:
      return borrow("int_contents", from.int_contents());
    case SINTER_I64:
      return borrow("int64_contents", from.int64_contents());
    case SINTER_U8:
      return narrow<uint8_t>("uint_contents", from.uint_contents());
    case SINTER_U16:
      return narrow<uint16_t>("uint_contents", from.uint_contents());
    case SINTER_U32:
      return borrow("uint_contents", from.uint_contents());
    case SINTER_U64:
      return borrow("uint64_contents", from.uint64_contents());
    case SINTER_F32:
      return borrow("fp32_contents", from.fp32_contents());
    case SINTER_F64:
      return borrow("fp64_contents", from.fp64_contents());
    case SINTER_STRING:
      return strings();
    default:
      return invalid(ofInput(input) + input.datatype() +
                     " has no typed contents; send it in raw_input_contents");
    }
  }

private:
  template <typename List> Status count(const char *field, const List &list) {
    if (uint64_t(list.size()) == elements)
      return {};
    return invalid(ofInput(input) + "found " + std::to_string(list.size()) +
                   " elements in " + field + ", expected " +
                   std::to_string(elements) + " for shape " + shapeText(input));
  }

  template <typename T>
  Status borrow(const char *field,
                const google::protobuf::RepeatedField<T> &list) {
    tensor.data = reinterpret_cast<const std::byte *>(list.data());
    tensor.bytes = size_t(list.size()) * sizeof(T);
    tensor.owner = message;
    return count(field, list);
  }

  template <typename To, typename T>
  Status narrow(const char *field,
                const google::protobuf::RepeatedField<T> &list) {
    if (Status status = count(field, list); !status.ok())
      return status;
    auto copy = std::make_shared<std::vector<To>>();
    copy->reserve(size_t(list.size()));
    for (T value : list) {
      if (value < std::numeric_limits<To>::min() ||
          value > std::numeric_limits<To>::max())
        return invalid(ofInput(input) + std::to_string(value) +
                       " does not fit " + input.datatype());
      copy->push_back(To(value));
    }
    tensor.data = reinterpret_cast<const std::byte *>(copy->data());
    tensor.bytes = copy->size() * sizeof(To);
    tensor.owner = std::move(copy);
    return {};
  }

  Status strings() {
    if (Status status = count("bytes_contents", from.bytes_contents());
        !status.ok())
      return status;
    auto copy = std::make_shared<std::string>();
    for (const std::string &value : from.bytes_contents()) {
      uint32_t length = uint32_t(value.size());
      copy->append(reinterpret_cast<const char *>(&length), sizeof length);
      copy->append(value);
    }
    tensor.data = reinterpret_cast<const std::byte *>(copy->data());
    tensor.bytes = copy->size();
    tensor.owner = std::move(copy);
    return {};
  }

  const InputMessage &input;
  const inference::InferTensorContents &from;
  const SharedMessage &message;
  uint64_t elements;
  Tensor &tensor;
};

// The place that a tensor's parameters name; region is empty when they name
// none.
Status decodeSlice(const std::string &tensor, const Parameters &parameters,
                   const SharedMemory *shared, RegionSlice &slice) {
  auto found = parameters.find("shared_memory_region");
  if (found == parameters.end())
    return {};
  if (!shared)
    return {Code::unsupported,
            "tensor '" + tensor +
                "': shared memory is not enabled on this "
                "server; send the bytes, or start it with --shared-memory"};
  slice.region = found->second.string_param();
  slice.offset =
      integerParameter(parameters, "shared_memory_offset").value_or(0);
  std::optional<uint64_t> bytes =
      integerParameter(parameters, "shared_memory_byte_size");
  if (slice.region.empty() || !bytes)
    return invalid(
        "tensor '" + tensor +
        "': a reference to shared memory needs "
        "shared_memory_region, a text, and shared_memory_byte_size, a number");
  slice.bytes = *bytes;
  return {};
}

/// Reads the inputs in order; the raw contents count only those that are in the
/// message.
class Inputs {
public:
  Inputs(const SharedMessage &message, const SharedMemory *shared)
      : message(message), shared(shared) {}

  Status read(std::vector<Tensor> &tensors) {
    tensors.resize(size_t(message->inputs_size()));
    for (int i = 0; i < message->inputs_size(); ++i) {
      uint64_t elements = 0;
      const InputMessage &input = message->inputs(i);
      Status status = describe(input, tensors[size_t(i)], elements);
      if (status.ok())
        status = fill(input, tensors[size_t(i)], elements);
      if (status.ok())
        status = checkBytes(input, tensors[size_t(i)], elements);
      if (!status.ok())
        return status;
    }
    int raws = message->raw_input_contents_size();
    if (raws && raws != nextRaw)
      return invalid("found " + std::to_string(raws) +
                     " raw_input_contents for " + std::to_string(nextRaw) +
                     " inputs, expected one each");
    return {};
  }

private:
  Status describe(const InputMessage &input, Tensor &tensor,
                  uint64_t &elements) {
    tensor.name = input.name();
    tensor.dtype = dataTypeOf(input.datatype());
    if (!tensor.dtype)
      return invalid(ofInput(input) + "unknown datatype '" + input.datatype() +
                     "', expected BOOL, UINT8..64, INT8..64, FP16, BF16, FP32, "
                     "FP64 or BYTES");
    if (input.shape_size() > maxRank)
      return invalid(
          ofInput(input) + "found " + std::to_string(input.shape_size()) +
          " dimensions, expected at most " + std::to_string(maxRank));
    tensor.dims.assign(input.shape().begin(), input.shape().end());
    std::optional<uint64_t> count = elementCount(tensor.dims);
    if (!count)
      return invalid(ofInput(input) + "shape " + shapeText(input) +
                     " is negative or too large in all");
    elements = *count;
    return {};
  }

  Status fill(const InputMessage &input, Tensor &tensor, uint64_t elements) {
    RegionSlice slice;
    if (Status status =
            decodeSlice(input.name(), input.parameters(), shared, slice);
        !status.ok())
      return status;
    if (!slice.region.empty())
      return shared->read(slice, tensor);
    if (!message->raw_input_contents_size())
      return Contents(input, message, elements, tensor).read();
    if (input.has_contents())
      return invalid(ofInput(input) +
                     "found contents beside raw_input_contents, expected one "
                     "of them for all");
    if (nextRaw == message->raw_input_contents_size())
      return invalid("found " + std::to_string(nextRaw) +
                     " raw_input_contents for more inputs, "
                     "expected one each; none for '" +
                     input.name() + "'");
    const std::string &raw = message->raw_input_contents(nextRaw++);
    tensor.data = reinterpret_cast<const std::byte *>(raw.data());
    tensor.bytes = raw.size();
    tensor.owner = message;
    return {};
  }

  const SharedMessage &message;
  const SharedMemory *shared;
  int nextRaw = 0;
};

Status decodeParameters(const inference::ModelInferRequest &message,
                        Request &out) {
  const Parameters &parameters = message.parameters();
  for (const auto &[name, value] : parameters)
    if (name.rfind("triton_", 0) == 0 &&
        name != "triton_enable_empty_final_response")
      return invalid("parameter '" + name +
                     "': the prefix triton_ is reserved");
  if (auto sequence = parameters.find("sequence_id");
      sequence != parameters.end()) {
    const inference::InferParameter &id = sequence->second;
    if (!id.string_param().empty() || id.int64_param() || id.uint64_param())
      return {Code::unsupported,
              "sequences are not offered: this server keeps no state between "
              "requests; send the state as a tensor"};
  }
  out.priority = integerParameter(parameters, "priority").value_or(0);
  if (uint64_t timeout = integerParameter(parameters, "timeout").value_or(0)) {
    // Ten years is no deadline, and cannot overflow.
    constexpr uint64_t most = 10ull * 365 * 24 * 3600 * 1000000;
    out.deadline = std::min(
        out.deadline,
        out.received + std::chrono::microseconds(std::min(timeout, most)));
  }
  return {};
}

} // namespace

std::optional<uint64_t> integerParameter(const Parameters &parameters,
                                         const std::string &name) {
  auto found = parameters.find(name);
  if (found == parameters.end())
    return std::nullopt;
  const inference::InferParameter &value = found->second;
  if (value.has_uint64_param())
    return value.uint64_param();
  if (value.has_int64_param() && value.int64_param() >= 0)
    return uint64_t(value.int64_param());
  return std::nullopt;
}

Status decodeRequest(const SharedMessage &message, const SharedMemory *shared,
                     Request &out, std::vector<OutputWish> &wishes) {
  constexpr uint64_t mostClasses = 1u << 20;
  out.model = message->model_name();
  out.version = message->model_version();
  out.id = message->id();
  if (Status status = decodeParameters(*message, out); !status.ok())
    return status;
  if (Status status = Inputs(message, shared).read(out.inputs); !status.ok())
    return status;
  for (const auto &output : message->outputs()) {
    OutputWish wish;
    wish.name = output.name();
    wish.classes = uint32_t(std::min(
        integerParameter(output.parameters(), "classification").value_or(0),
        mostClasses));
    if (Status status =
            decodeSlice(output.name(), output.parameters(), shared, wish.slice);
        !status.ok())
      return status;
    out.outputs.push_back(wish.name);
    wishes.push_back(std::move(wish));
  }
  return {};
}

} // namespace sinter::serve
