// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads a body front to back with simdjson's on-demand parser: no tree is
// built, and every token is looked at, so what passes is JSON throughout. Only
// "data" that stands before its shape or type is read twice.
#include "runtime/serve/engine/DataType.h"
#include "runtime/serve/protocol/JsonData.h"
#include "runtime/serve/protocol/JsonParameters.h"
#include "runtime/serve/protocol/SharedMemory.h"

namespace sinter::serve {

namespace od = simdjson::ondemand;

namespace {

/// Documents up to this size share a parser per thread; larger ones bring their
/// own.
constexpr size_t sharedParserBytes = 1 << 20;

Status invalid(std::string text) { return {Code::invalid, std::move(text)}; }

Status notOffered(std::string text) {
  return {Code::unsupported, std::move(text)};
}

std::string inQuotes(std::string_view name) {
  return "'" + std::string(name) + "'";
}

class InferReader {
public:
  InferReader(const InferBody &body, const InferLimits &limits,
              const SharedMemory *shared, InferCall &call)
      : body(body), limits(limits), shared(shared), request(call.request),
        plan(call.plan) {}

  Status read(od::parser &parser) {
    // A text that ends too early makes the parser look at the byte behind it,
    // which must not be a binary tensor's: a copy has zeros there.
    simdjson::padded_string text(reinterpret_cast<const char *>(body.data),
                                 body.jsonBytes);
    if (!text.data())
      return {Code::unavailable, "request: no memory to read it", 1000};
    od::document document;
    od::value root;
    if (simdjson::error_code code = parser.iterate(text).get(document))
      return jsonFault("request", code);
    if (simdjson::error_code code = document.get_value().get(root))
      return jsonFault("request", code);
    Status status = readMembers(root, "request",
                                [&](std::string_view key, od::value value) {
                                  return member(key, value);
                                });
    if (!status.ok())
      return status;
    if (const char *rest; !document.current_location().get(rest))
      return invalid("request: something follows the JSON object");
    if (request.inputs.empty())
      return invalid("request: has no 'inputs'; expected an array with at "
                     "least one tensor");
    return finish();
  }

private:
  Status member(std::string_view key, od::value value) {
    if (seenBefore(key, {"inputs", "outputs", "id", "parameters"}, seen))
      return invalid("request: " + inQuotes(key) + " is given twice");
    if (key == "inputs")
      return list(value, "inputs",
                  [&](od::value item, size_t i) { return input(item, i); });
    if (key == "outputs")
      return list(value, "outputs",
                  [&](od::value item, size_t i) { return output(item, i); });
    if (key == "id") {
      std::string_view text;
      if (value.get_string().get(text))
        return invalid("request: 'id' must be a string, found " + shown(value));
      request.id = plan.id = text;
      return {};
    }
    if (key == "parameters")
      return readParameters(value, "request",
                            [&](const JsonParameter &parameter) {
                              return topParameter(parameter);
                            });
    return skipJson(value, "request member " + inQuotes(key), limits.jsonDepth);
  }

  template <typename Read>
  Status list(od::value value, const char *name, Read read) {
    od::array array;
    if (value.get_array().get(array))
      return invalid(std::string("request: '") + name +
                     "' must be an array, found " + shown(value));
    size_t index = 0;
    for (auto item : array) {
      od::value element;
      if (simdjson::error_code code = item.get(element))
        return jsonFault(name, code);
      if (index >= limits.tensors)
        return invalid(std::string("request: '") + name + "' has over " +
                       std::to_string(limits.tensors) + " tensors");
      if (Status status = read(element, index++); !status.ok())
        return status;
    }
    return {};
  }

  // Parameters of sequences mean nothing to a model without state, as with
  // Triton; neither do those that we do not know.
  Status topParameter(const JsonParameter &parameter) {
    if (parameter.name == "priority")
      return parameter.get("request", request.priority);
    if (parameter.name == "binary_data_output")
      return parameter.get("request", plan.binary);
    if (parameter.name == "timeout") {
      uint64_t us = 0;
      Status status = parameter.get("request", us);
      // Beyond a month there is no deadline, and no overflow.
      if (status.ok() && us && us < uint64_t(2592000) * 1000000)
        request.deadline = std::min(
            request.deadline, request.received + std::chrono::microseconds(us));
      return status;
    }
    return {};
  }

  struct InputText {
    std::optional<uint64_t> blobBytes;
    RegionSlice slice;
    bool hasShape = false, hasType = false, hasData = false;
    uint32_t seen = 0;
    std::string_view late; ///< data that came before shape and type
  };

  Status input(od::value value, size_t index) {
    Tensor tensor;
    InputText text;
    std::string where = "inputs[" + std::to_string(index) + "]";
    Status status =
        readMembers(value, where, [&](std::string_view key, od::value member) {
          return inputMember(key, member, where, tensor, text);
        });
    if (!status.ok())
      return status;
    if (tensor.name.empty() || !text.hasType || !text.hasShape)
      return invalid(where + ": has no " +
                     (tensor.name.empty() ? "'name'"
                      : !text.hasType     ? "'datatype'"
                                          : "'shape'"));
    for (const Tensor &other : request.inputs)
      if (other.name == tensor.name)
        return invalid("input " + inQuotes(tensor.name) + ": is given twice");
    if (Status found = place(text, tensor); !found.ok())
      return found;
    request.inputs.push_back(std::move(tensor));
    return {};
  }

  Status inputMember(std::string_view key, od::value value,
                     const std::string &where, Tensor &tensor,
                     InputText &text) {
    if (seenBefore(key, {"name", "shape", "datatype", "parameters", "data"},
                   text.seen))
      return invalid(where + ": " + inQuotes(key) + " is given twice");
    if (key == "name" || key == "datatype") {
      std::string_view characters;
      if (value.get_string().get(characters))
        return invalid(where + ": " + inQuotes(key) +
                       " must be a string, found " + shown(value));
      if (key == "name") {
        tensor.name = characters;
        return {};
      }
      text.hasType = true;
      tensor.dtype = dataTypeOf(characters);
      return tensor.dtype ? Status()
                          : invalid(where + ": unknown datatype " +
                                    inQuotes(characters) +
                                    "; expected BOOL, INT8 to INT64, UINT8 to "
                                    "UINT64, FP16, BF16, "
                                    "FP32, FP64 or BYTES");
    }
    if (key == "shape")
      return shape(value, where, tensor, text);
    if (key == "parameters")
      return readParameters(value, where, [&](const JsonParameter &parameter) {
        return inputParameter(parameter, where, text);
      });
    if (key != "data")
      return skipJson(value, where, limits.jsonDepth);
    text.hasData = true;
    if (text.hasType && text.hasShape && !tensor.name.empty())
      return readJsonData(value, body.jsonBytes, limits, tensor);
    od::array array;
    if (value.get_array().get(array) || array.raw_json().get(text.late))
      return invalid(where + ": 'data' must be an array");
    return {};
  }

  Status shape(od::value value, const std::string &where, Tensor &tensor,
               InputText &text) {
    od::array array;
    if (value.get_array().get(array))
      return invalid(where + ": 'shape' must be an array, found " +
                     shown(value));
    text.hasShape = true;
    for (auto item : array) {
      od::value element;
      int64_t dim;
      if (simdjson::error_code code = item.get(element))
        return jsonFault(where, code);
      if (element.get_int64().get(dim) || dim < 0)
        return invalid(
            where + ": 'shape' must hold integers from 0 to 2^63 - 1, found " +
            shown(element));
      if (tensor.dims.size() == 8)
        return invalid(where + ": 'shape' has over 8 dimensions");
      tensor.dims.push_back(dim);
    }
    return {};
  }

  static Status sliceParameter(const JsonParameter &parameter,
                               const std::string &where, RegionSlice &slice,
                               bool &mine) {
    mine = true;
    if (parameter.name == "shared_memory_region")
      return parameter.get(where, slice.region);
    if (parameter.name == "shared_memory_offset")
      return parameter.get(where, slice.offset);
    if (parameter.name == "shared_memory_byte_size")
      return parameter.get(where, slice.bytes);
    mine = false;
    return {};
  }

  Status inputParameter(const JsonParameter &parameter,
                        const std::string &where, InputText &text) {
    if (parameter.name == "binary_data_size") {
      uint64_t bytes = 0;
      Status status = parameter.get(where, bytes);
      text.blobBytes = bytes;
      return status;
    }
    bool mine;
    return sliceParameter(parameter, where, text.slice, mine);
  }

  /// Finds the bytes of a tensor: JSON read already or late, a blob, shared
  /// memory.
  Status place(const InputText &text, Tensor &tensor) {
    std::string where = "input " + inQuotes(tensor.name);
    int ways = int(text.hasData) + int(text.blobBytes.has_value()) +
               int(!text.slice.region.empty());
    if (ways != 1)
      return invalid(where +
                     ": needs exactly one of 'data', 'binary_data_size' and "
                     "'shared_memory_region', found " +
                     std::to_string(ways));
    if (text.hasData) {
      // Checked again although JSON was read: a second 'shape' may follow the
      // data.
      Status status =
          text.late.empty() ? Status() : lateData(text.late, tensor);
      return status.ok() ? checkTensorBytes(tensor) : status;
    }
    uint64_t bytes = text.blobBytes ? *text.blobBytes : text.slice.bytes;
    if (bytes > limits.tensorBytes)
      return invalid(where + ": has " + std::to_string(bytes) +
                     " bytes, over the limit of " +
                     std::to_string(limits.tensorBytes));
    if (!text.blobBytes) {
      if (!shared)
        return notOffered(where +
                          ": shared memory is not enabled on this server");
      if (Status status = shared->read(text.slice, tensor); !status.ok())
        return status;
      return checkTensorBytes(tensor);
    }
    if (bytes > body.bytes - body.jsonBytes - blobAt)
      return invalid(where + ": binary_data_size is " + std::to_string(bytes) +
                     ", but the body has only " +
                     std::to_string(body.bytes - body.jsonBytes - blobAt) +
                     " bytes left");
    tensor.data = body.data + body.jsonBytes + blobAt;
    tensor.bytes = bytes;
    tensor.owner = body.owner;
    blobAt += bytes;
    return checkTensorBytes(tensor);
  }

  Status lateData(std::string_view text, Tensor &tensor) {
    od::parser parser;
    od::document document;
    od::value value;
    simdjson::padded_string_view view(text,
                                      text.size() + simdjson::SIMDJSON_PADDING);
    simdjson::error_code code = parser.iterate(view).get(document);
    if (code || (code = document.get_value().get(value)))
      return jsonFault("data of input " + inQuotes(tensor.name), code);
    return readJsonData(value, body.jsonBytes, limits, tensor);
  }

  Status output(od::value value, size_t index) {
    OutputWish wish;
    std::string where = "outputs[" + std::to_string(index) + "]";
    Status status =
        readMembers(value, where, [&](std::string_view key, od::value member) {
          if (key == "parameters")
            return readParameters(
                member, where, [&](const JsonParameter &parameter) {
                  return outputParameter(parameter, where, wish);
                });
          if (key != "name")
            return skipJson(member, where, limits.jsonDepth);
          std::string_view name;
          if (member.get_string().get(name))
            return invalid(where + ": 'name' must be a string, found " +
                           shown(member));
          wish.name = name;
          return Status();
        });
    if (!status.ok())
      return status;
    if (wish.name.empty())
      return invalid(where + ": has no 'name'");
    for (const OutputWish &other : plan.wishes)
      if (other.name == wish.name)
        return invalid("output " + inQuotes(wish.name) +
                       ": is asked for twice");
    if (!wish.slice.region.empty() && !shared)
      return notOffered("output " + inQuotes(wish.name) +
                        ": shared memory is not enabled on this server");
    if (!wish.slice.region.empty() && wish.classes)
      return invalid("output " + inQuotes(wish.name) +
                     ": classification does not go to shared memory");
    request.outputs.push_back(wish.name);
    plan.wishes.push_back(std::move(wish));
    return {};
  }

  Status outputParameter(const JsonParameter &parameter,
                         const std::string &where, OutputWish &wish) {
    if (parameter.name == "binary_data") {
      bool binary = false;
      Status status = parameter.get(where, binary);
      wish.binary = binary;
      return status;
    }
    if (parameter.name == "classification") {
      uint64_t classes = 0;
      Status status = parameter.get(where, classes);
      wish.classes = uint32_t(std::min<uint64_t>(classes, UINT32_MAX));
      return status;
    }
    bool mine;
    return sliceParameter(parameter, where, wish.slice, mine);
  }

  Status finish() const {
    if (size_t left = body.bytes - body.jsonBytes - blobAt)
      return invalid(
          "request: " + std::to_string(left) +
          " bytes follow the last binary tensor; expected the sum of "
          "binary_data_size and the JSON's length as body");
    return {};
  }

  const InferBody &body;
  const InferLimits &limits;
  const SharedMemory *shared;
  Request &request;
  InferPlan &plan;
  size_t blobAt = 0;
  uint32_t seen = 0;
};

} // namespace

Status parseInfer(const InferBody &body, const InferLimits &limits,
                  const SharedMemory *shared, InferCall &call) {
  if (body.jsonBytes > body.bytes)
    return invalid("request: Inference-Header-Content-Length is " +
                   std::to_string(body.jsonBytes) + ", but the body has " +
                   std::to_string(body.bytes) + " bytes");
  InferReader reader(body, limits, shared, call);
  if (body.jsonBytes > sharedParserBytes) {
    od::parser parser;
    return reader.read(parser);
  }
  thread_local od::parser parser;
  return reader.read(parser);
}

} // namespace sinter::serve
