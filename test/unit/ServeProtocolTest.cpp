// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Requests and replies of the Open Inference Protocol over HTTP: what is right
// is read to the last field, what is wrong is refused with its place and
// reason.
#include "test/unit/ServeProtocol.h"

#include "runtime/serve/engine/DataType.h"

#include <cmath>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace sinter::serve;
using namespace sinter::serve::test;

TEST(InferRequest, BinaryTensorsBorrowTheBody) {
  InferCall call;
  std::string blobs = bytesOf<float>({1, 2}) + framed({"a", ""});
  Status status = parse(
      R"({"id":"q7","parameters":{"binary_data_output":true,"priority":2,"timeout":1000,"other":"x"},
    "inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}},
              {"name":"s","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":9}}],
    "outputs":[{"name":"y","parameters":{"binary_data":false,"classification":3}},{"name":"z"}],"unknown":[{"a":null}]})",
      call, blobs);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(call.request.id, "q7");
  EXPECT_EQ(call.plan.id, "q7");
  EXPECT_EQ(call.request.priority, 2u);
  EXPECT_EQ(call.request.deadline,
            call.request.received + std::chrono::microseconds(1000));
  ASSERT_EQ(call.request.inputs.size(), 2u);
  EXPECT_EQ(bytesOf(call.request.inputs[0]), blobs.substr(0, 8));
  EXPECT_EQ(bytesOf(call.request.inputs[1]), blobs.substr(8));
  EXPECT_EQ(call.request.inputs[0].owner, call.request.inputs[1].owner);
  EXPECT_EQ(call.request.inputs[0].data + 8, call.request.inputs[1].data);
  EXPECT_EQ(call.request.outputs, (std::vector<std::string>{"y", "z"}));
  EXPECT_TRUE(call.plan.binary);
  EXPECT_EQ(call.plan.wishes[0].binary, std::optional<bool>(false));
  EXPECT_EQ(call.plan.wishes[0].classes, 3u);
  EXPECT_FALSE(call.plan.wishes[1].binary.has_value());
}

TEST(InferRequest, DataMayComeBeforeShapeAndType) {
  InferCall call;
  Status status = parse(
      R"({"inputs":[{"data":[[1.5,2],[3,-0.0]],"datatype":"FP32","name":"x","shape":[2,2]}]})",
      call);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(bytesOf(call.request.inputs[0]),
            bytesOf<float>({1.5, 2, 3, -0.0f}));
}

TEST(InferRequest, EveryPrefixIsRefused) {
  std::string json =
      R"({"id":"a","inputs":[{"name":"x","shape":[2],"datatype":"INT64","data":[1,-2]}],)"
      R"("parameters":{"p":1.5e3},"q":[true,null,{"k":"\u00e9"}]})";
  EXPECT_EQ(faultOf(json), "accepted");
  for (size_t length = 0; length < json.size(); ++length)
    EXPECT_NE(faultOf(json.substr(0, length)), "accepted")
        << json.substr(0, length);
}

// What follows a text that was cut is a tensor, even where it looks like JSON.
TEST(InferRequest, BytesBehindACutTextAreNoTokens) {
  const std::string whole =
      R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","other":"a",)"
      R"("parameters":{"binary_data_size":4}}],"more":{"a":["b",1]}})";
  for (const char *blob : {"\"abc", ",1,2", "]}]}", "{\"a\"", "[[[["})
    for (size_t length = 1; length < whole.size(); ++length)
      EXPECT_NE(faultOf(whole.substr(0, length), blob), "accepted") << length;
  InferCall call;
  EXPECT_TRUE(parse(whole, call, "\"abc").ok());
}

TEST(InferRequest, EveryDamagedByteIsReadOrRefusedInBounds) {
  std::string json =
      R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"BYTES","data":[["a","\ud83d\ude00"]]}]})";
  for (size_t i = 0; i < json.size(); ++i)
    for (char c : std::string("\0\"\\{}[]:,x0-\xff\x1f ", 15)) {
      std::string damaged = json;
      damaged[i] = c;
      faultOf(damaged);
    }
}

struct Refused {
  const char *json, *expected;
};

class Malformed : public testing::TestWithParam<Refused> {};

TEST_P(Malformed, NamesPlaceAndReason) {
  EXPECT_NE(faultOf(GetParam().json, "12345678").find(GetParam().expected),
            std::string::npos)
      << GetParam().json << "\n gave " << faultOf(GetParam().json, "12345678");
}

#define INPUT(REST) R"({"inputs":[{"name":"x",)" REST "}]}"
#define BLOB                                                                   \
  R"("shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8})"
INSTANTIATE_TEST_SUITE_P(
    All, Malformed,
    testing::Values(
        Refused{"", "well-formed"},
        Refused{"[]", "expected an object, found an array"},
        Refused{"3", "request"}, Refused{"{} x", "request"},
        Refused{"{}", "has no 'inputs'"},
        Refused{R"({"inputs":[]})", "has no 'inputs'"},
        Refused{R"({"inputs":{}})",
                "'inputs' must be an array, found an object"},
        Refused{R"({"inputs":[4]})", "inputs[0]: expected an object, found 4"},
        Refused{R"({"id":4,"inputs":[]})", "'id' must be a string, found 4"},
        Refused{R"({"inputs":[{}]})", "inputs[0]: has no 'name'"},
        Refused{INPUT(R"("shape":[1])"), "has no 'datatype'"},
        Refused{INPUT(R"("datatype":"FP32")"), "has no 'shape'"},
        Refused{INPUT(R"("datatype":"FLOAT")"), "unknown datatype 'FLOAT'"},
        Refused{INPUT(R"("shape":[-1])"), "integers from 0"},
        Refused{INPUT(R"("shape":[1.5])"), "integers from 0"},
        Refused{INPUT(R"("shape":[9223372036854775808])"), "integers from 0"},
        Refused{INPUT(R"("shape":[1,1,1,1,1,1,1,1,1])"), "over 8 dimensions"},
        Refused{INPUT(R"("shape":[2],"datatype":"FP32")"),
                "needs exactly one of"},
        Refused{INPUT(BLOB R"(,"data":[1,2])"), "needs exactly one of"},
        Refused{
            INPUT(
                R"("shape":[2],"datatype":"FP32","parameters":{"binary_data_size":-8})"),
            "'binary_data_size' must be"},
        Refused{
            INPUT(
                R"("shape":[2],"datatype":"FP32","parameters":{"binary_data_size":9})"),
            "only 8 bytes left"},
        Refused{
            INPUT(
                R"("shape":[3],"datatype":"FP32","parameters":{"binary_data_size":8})"),
            "has 8 bytes, expected 12"},
        Refused{
            INPUT(
                R"("shape":[1],"datatype":"FP32","parameters":{"binary_data_size":4})"),
            "4 bytes follow the last"},
        Refused{
            INPUT(
                R"("shape":[4294967296,4294967296],"datatype":"FP64","parameters":{"binary_data_size":8})"),
            "far more"},
        Refused{
            INPUT(
                R"("shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":8})"),
            "only 4 are left"},
        Refused{
            INPUT(
                R"("shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":3})"),
            "inside the length"},
        Refused{INPUT(R"("shape":[2],"datatype":"FP32","parameters":[])"),
                "'parameters' must be an object"},
        Refused{
            INPUT(
                R"("shape":[2],"datatype":"FP32","parameters":{"shared_memory_region":"r"})"),
            "not enabled"},
        Refused{
            INPUT(
                R"("shape":[2],"datatype":"FP32","data":[1,2],"shape":[100])"),
            "'shape' is given twice"},
        Refused{
            INPUT(
                R"("shape":[2],"datatype":"FP32","data":[1,2]},{"name":"x","shape":[1],"datatype":"FP32","data":[1])"),
            "given twice"},
        Refused{R"({"outputs":[{}],"inputs":[]})", "outputs[0]: has no 'name'"},
        Refused{R"({"outputs":[{"name":"y"},{"name":"y"}],"inputs":[]})",
                "asked for twice"},
        Refused{
            R"({"outputs":[{"name":"y","parameters":{"binary_data":1}}],"inputs":[]})",
            "must be true or false"},
        Refused{
            R"({"outputs":[{"name":"y","parameters":{"shared_memory_region":"r"}}]})",
            "not enabled"},
        Refused{R"({"parameters":{"priority":"high"},"inputs":[]})",
                "'priority' must be an integer"},
        Refused{R"({"parameters":{"p":[1]},"inputs":[]})",
                "'p' must be true, false, a number or a string"},
        Refused{R"({"id":"a","id":"b"})", "'id' is given twice"},
        Refused{
            R"({"x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]})",
            "nested too deep"}));

TEST(InferRequest, LimitsHold) {
  InferLimits limits;
  limits.tensorBytes = 15;
  InferCall call;
  EXPECT_NE(parse(INPUT(R"("shape":[4],"datatype":"FP32","data":[1,2,3,4])"),
                  call, "", nullptr, limits)
                .message.find("over the limit of 15"),
            std::string::npos);
  EXPECT_NE(
      parse(
          INPUT(R"("shape":[2],"datatype":"BYTES","data":["1234567","12345"])"),
          call, "", nullptr, limits)
          .message.find("over 15 bytes"),
      std::string::npos);
  limits.tensors = 1;
  EXPECT_NE(parse(R"({"outputs":[{"name":"a"},{"name":"b"}]})", call, "",
                  nullptr, limits)
                .message.find("over 1 tensors"),
            std::string::npos);
  EXPECT_FALSE(
      parseInfer({nullptr, 3, 4, nullptr}, limits, nullptr, call).ok());
}

TEST(InferRequest, RawBody) {
  ModelDescription model;
  model.name = "m";
  model.batchDim = 0;
  model.inputs = {{"x", SINTER_F32, {-1, -1, 2}}};
  std::shared_ptr<Body> body = Body::copyOf(bytesOf<float>({1, 2, 3, 4}));
  InferCall call;
  ASSERT_TRUE(
      parseRawInfer({body->data(), body->size(), 0, body}, model, call).ok());
  EXPECT_EQ(call.request.inputs[0].dims, (std::vector<int64_t>{1, 2, 2}));
  EXPECT_TRUE(call.plan.binary);
  EXPECT_FALSE(parseRawInfer({body->data(), 12, 0, body}, model, call).ok());
  model.inputs[0].dtype = SINTER_STRING;
  model.inputs[0].dims = {1};
  InferCall text;
  ASSERT_TRUE(parseRawInfer({body->data(), 3, 0, body}, model, text).ok());
  EXPECT_EQ(text.request.inputs[0].bytes, 7u);
  model.inputs.push_back({"y", SINTER_F32, {1}});
  EXPECT_NE(parseRawInfer({body->data(), 4, 0, body}, model, call)
                .message.find("one input"),
            std::string::npos);
}

TEST(InferReply, JsonAndBinaryBesideEachOther) {
  InferPlan plan;
  plan.id = "a\"b";
  plan.wishes.resize(2);
  plan.wishes[0].name = "y";
  plan.wishes[0].binary = true;
  plan.wishes[1].name = "x";
  Response response;
  response.model = "m";
  response.version = "3";
  response.outputs = {
      tensorOf("x", SINTER_I32, {1, 2}, bytesOf<int32_t>({7, -8})),
      tensorOf("y", SINTER_F32, {1}, bytesOf<float>({0.1f}))};
  InferReply reply;
  ASSERT_TRUE(renderInfer(plan, response, true, nullptr, reply).ok());
  EXPECT_EQ(
      reply.json,
      R"({"id":"a\"b","model_name":"m","model_version":"3","outputs":[{"name":"y","datatype":"FP32",)"
      R"("shape":[1],"parameters":{"binary_data_size":4}},{"name":"x","datatype":"INT32",)"
      R"("shape":[1,2],"data":[7,-8]}]})");
  ASSERT_EQ(reply.blobs.size(), 1u);
  EXPECT_EQ(reply.blobs[0].data, response.outputs[1].data);
  EXPECT_TRUE(reply.binary);
}

TEST(InferReply, Classification) {
  InferPlan plan;
  plan.wishes.resize(1);
  plan.wishes[0].name = "y";
  plan.wishes[0].classes = 2;
  Response response;
  response.outputs = {tensorOf("y", SINTER_F32, {2, 3},
                               bytesOf<float>({0.1f, 0.5f, 0.5f, NAN, -1, 4}))};
  InferReply reply;
  ASSERT_TRUE(renderInfer(plan, response, true, nullptr, reply).ok());
  EXPECT_NE(
      reply.json.find(
          R"("datatype":"BYTES","shape":[2,2],"data":["0.500000:1","0.500000:2","4.000000:2","-1.000000:1"])"),
      std::string::npos)
      << reply.json;
  plan.wishes[0].classes = 99;
  ASSERT_TRUE(renderInfer(plan, response, false, nullptr, reply).ok());
  EXPECT_NE(reply.json.find(R"("shape":[6])"), std::string::npos);
  response.outputs[0] = tensorOf("y", SINTER_STRING, {1}, framed({"a"}));
  EXPECT_FALSE(renderInfer(plan, response, true, nullptr, reply).ok());
}

TEST(SharedRegions, ReadWriteAndShrunkenFiles) {
  std::string key = "/sinter-protocol-test-" + std::to_string(getpid());
  int descriptor = shm_open(key.c_str(), O_CREAT | O_RDWR, 0600);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(ftruncate(descriptor, 64), 0);
  SharedMemory shared;
  EXPECT_FALSE(shared.add({"r", key, 32, 33}).ok());
  EXPECT_FALSE(shared.add({"r", "/etc/passwd", 0, 1}).ok());
  EXPECT_FALSE(shared.add({"r", "no-such-key", 0, 1}).ok());
  ASSERT_TRUE(shared.add({"r", key, 16, 32}).ok());
  EXPECT_FALSE(shared.add({"r", key, 16, 32}).ok());
  ASSERT_TRUE(shared
                  .write({"r", 4, 8},
                         tensorOf("y", SINTER_F32, {2}, bytesOf<float>({5, 6})))
                  .ok());
  EXPECT_FALSE(shared
                   .write({"r", 4, 7}, tensorOf("y", SINTER_F32, {2},
                                                bytesOf<float>({5, 6})))
                   .ok());
  InferCall call;
  std::string json =
      R"({"inputs":[{"name":"x","shape":[2],"datatype":"FP32","parameters":)"
      R"({"shared_memory_region":"r","shared_memory_offset":4,"shared_memory_byte_size":8}}]})";
  Status status = parse(json, call, "", &shared);
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(bytesOf(call.request.inputs[0]), bytesOf<float>({5, 6}));
  Tensor tensor;
  EXPECT_FALSE(shared.read({"r", 30, 3}, tensor).ok());
  EXPECT_FALSE(shared.read({"r", UINT64_MAX, 3}, tensor).ok());
  EXPECT_FALSE(shared.read({"none", 0, 1}, tensor).ok());
  ASSERT_EQ(ftruncate(descriptor, 20), 0);
  EXPECT_NE(shared.read({"r", 0, 16}, tensor).message.find("became shorter"),
            std::string::npos);
  std::vector<SharedMemory::Region> regions;
  EXPECT_TRUE(shared.list("r", regions).ok());
  shared.remove("");
  EXPECT_FALSE(shared.list("r", regions).ok());
  close(descriptor);
  shm_unlink(key.c_str());
}

TEST(DataTypes, NamesRoundTrip) {
  for (int dtype = 0; dtype < 256; ++dtype)
    if (std::string_view name = dataTypeName(uint8_t(dtype)); !name.empty())
      EXPECT_EQ(dataTypeOf(name), dtype);
  EXPECT_EQ(dataTypeOf("fp32"), 0);
  EXPECT_EQ(elementCount({0, INT64_MAX, INT64_MAX}), std::nullopt);
  EXPECT_EQ(elementCount({0, 5}), std::optional<uint64_t>(0));
}
