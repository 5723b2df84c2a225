// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The gRPC front end over a Unix socket, around an engine that echoes.
#include "runtime/serve/grpc/GrpcServer.h"
#include "runtime/serve/grpc/Health.grpc.pb.h"
#include "runtime/serve/grpc/Inference.grpc.pb.h"
#include "test/unit/FakeEngine.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

using namespace sinter::serve;
using inference::GRPCInferenceService;
using inference::ModelInferRequest;
using inference::ModelInferResponse;

namespace {

class ServeGrpc : public testing::Test {
protected:
  void SetUp() override { restart({}); }
  void TearDown() override {
    server.reset();
    engine.release();
  }

  void restart(GrpcOptions options) {
    server.reset();
    path = "/tmp/sinter-grpc-" + std::to_string(getpid()) + ".sock";
    options.addresses = {"unix:" + path, "127.0.0.1:0"};
    Status status;
    server = GrpcServer::start(engine, options, status);
    ASSERT_TRUE(server) << status.message;
    auto channel =
        grpc::CreateChannel("unix:" + path, grpc::InsecureChannelCredentials());
    stub = GRPCInferenceService::NewStub(channel);
    health = grpc::health::v1::Health::NewStub(channel);
  }

  // Waits for what another thread will do.
  static bool eventually(const std::function<bool()> &is) {
    for (int i = 0; i < 5000 && !is(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return is();
  }

  static ModelInferRequest::InferInputTensor *
  addInput(ModelInferRequest &request, const char *type,
           std::initializer_list<int64_t> shape) {
    auto *input = request.add_inputs();
    input->set_name("x");
    input->set_datatype(type);
    for (int64_t dim : shape)
      input->add_shape(dim);
    return input;
  }

  static ModelInferRequest rawRequest(const std::string &model,
                                      std::string bytes) {
    ModelInferRequest request;
    request.set_model_name(model);
    request.set_id("42");
    addInput(request, "FP32", {int64_t(bytes.size() / 4)});
    request.add_raw_input_contents(std::move(bytes));
    return request;
  }

  grpc::Status infer(const ModelInferRequest &request,
                     ModelInferResponse &out) {
    grpc::ClientContext context;
    return stub->ModelInfer(&context, request, &out);
  }

  FakeEngine engine;
  std::string path;
  std::unique_ptr<GrpcServer> server;
  std::unique_ptr<GRPCInferenceService::Stub> stub;
  std::unique_ptr<grpc::health::v1::Health::Stub> health;
};

} // namespace

TEST_F(ServeGrpc, RawBytesComeBackRaw) {
  EXPECT_NE(server->addresses()[1], "127.0.0.1:0");
  ModelInferResponse out;
  grpc::Status status = infer(rawRequest("echo", "abcdefgh"), out);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(out.model_version(), "3");
  EXPECT_EQ(out.id(), "42");
  ASSERT_EQ(out.raw_output_contents_size(), 1);
  EXPECT_EQ(out.raw_output_contents(0), "abcdefgh");
  EXPECT_EQ(out.outputs(0).datatype(), "FP32");
  EXPECT_EQ(out.outputs(0).shape(0), 2);
  EXPECT_FALSE(out.outputs(0).has_contents());
}

TEST_F(ServeGrpc, TypedContentsBecomeTheSameBytes) {
  ModelInferRequest request;
  request.set_model_name("echo");
  addInput(request, "FP32", {2})->mutable_contents()->add_fp32_contents(1.5f);
  request.mutable_inputs(0)->mutable_contents()->add_fp32_contents(-0.0f);
  auto *narrow = addInput(request, "INT8", {1, 2})->mutable_contents();
  narrow->add_int_contents(-128);
  narrow->add_int_contents(127);
  auto *texts = addInput(request, "BYTES", {2})->mutable_contents();
  texts->add_bytes_contents("ab");
  texts->add_bytes_contents("");
  ModelInferResponse out;
  grpc::Status status = infer(request, out);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const float floats[] = {1.5f, -0.0f};
  EXPECT_EQ(out.raw_output_contents(0),
            std::string(reinterpret_cast<const char *>(floats), 8));
  EXPECT_EQ(out.raw_output_contents(1), std::string("\x80\x7f"));
  EXPECT_EQ(out.raw_output_contents(2), std::string("\2\0\0\0ab\0\0\0\0", 10));
}

TEST_F(ServeGrpc, EveryCodeHasItsStatus) {
  ModelInferResponse out;
  EXPECT_EQ(infer(rawRequest("nothing", "abcd"), out).error_code(),
            grpc::StatusCode::NOT_FOUND);
  grpc::ClientContext context;
  grpc::Status full =
      stub->ModelInfer(&context, rawRequest("full", "abcd"), &out);
  EXPECT_EQ(full.error_code(), grpc::StatusCode::UNAVAILABLE);
  auto found =
      context.GetServerTrailingMetadata().find("grpc-retry-pushback-ms");
  ASSERT_NE(found, context.GetServerTrailingMetadata().end());
  EXPECT_EQ(found->second, "250");
  grpc::ClientContext second;
  stub->ModelInfer(&second, rawRequest("broken", "abcd"), &out);
  found = second.GetServerTrailingMetadata().find("grpc-retry-pushback-ms");
  ASSERT_NE(found, second.GetServerTrailingMetadata().end());
  EXPECT_EQ(found->second, "-1") << "another try brings nothing";
}

TEST_F(ServeGrpc, WrongTensorsAreRefusedWithTheReason) {
  struct {
    std::function<void(ModelInferRequest &)> spoil;
    const char *expected;
  } cases[] = {
      {[](auto &r) { r.mutable_inputs(0)->set_datatype("FLOAT"); },
       "unknown datatype 'FLOAT'"},
      {[](auto &r) { r.mutable_inputs(0)->set_shape(0, 3); },
       "found 8 bytes, expected 3 elements of 4 bytes for shape [3]"},
      {[](auto &r) { r.mutable_inputs(0)->set_shape(0, -1); }, "is negative"},
      {[](auto &r) {
         r.mutable_inputs(0)->set_shape(0, int64_t(1) << 62);
         r.mutable_inputs(0)->add_shape(8);
       },
       "too large"},
      {[](auto &r) {
         for (int i = 0; i < 8; ++i)
           r.mutable_inputs(0)->add_shape(1);
       },
       "expected at most 8"},
      {[](auto &r) { r.add_raw_input_contents("x"); },
       "found 2 raw_input_contents for 1 inputs"},
      {[](auto &r) {
         r.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
       },
       "found contents beside raw_input_contents"},
      {[](auto &r) {
         r.clear_raw_input_contents();
         r.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
       },
       "found 1 elements in fp32_contents, expected 2"},
      {[](auto &r) {
         r.clear_raw_input_contents();
         r.mutable_inputs(0)->set_datatype("FP16");
       },
       "send it in raw_input_contents"},
      {[](auto &r) {
         r.clear_raw_input_contents();
         r.mutable_inputs(0)->set_datatype("UINT8");
         r.mutable_inputs(0)->mutable_contents()->add_uint_contents(256);
         r.mutable_inputs(0)->mutable_contents()->add_uint_contents(0);
       },
       "256 does not fit UINT8"},
      {[](auto &r) { r.mutable_inputs(0)->set_datatype("BYTES"); },
       "element 0 says it has"},
      {[](auto &r) {
         r.mutable_inputs(0)->set_datatype("BYTES");
         r.set_raw_input_contents(0, std::string("\1\0\0\0a\0", 6));
       },
       "the bytes end inside element 1"},
      {[](auto &r) {
         r.mutable_inputs(0)->set_datatype("BYTES");
         r.set_raw_input_contents(0, std::string(9, '\0'));
       },
       "1 bytes follow the last of 2 elements"},
      {[](auto &r) { (*r.mutable_parameters())["triton_x"].set_bool_param(1); },
       "reserved"},
  };
  for (const auto &c : cases) {
    ModelInferRequest request = rawRequest("echo", "abcdefgh");
    c.spoil(request);
    ModelInferResponse out;
    grpc::Status status = infer(request, out);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << c.expected;
    EXPECT_NE(status.error_message().find(c.expected), std::string::npos)
        << status.error_message() << "\nlacks: " << c.expected;
  }
  ModelInferRequest sequence = rawRequest("echo", "abcd");
  (*sequence.mutable_parameters())["sequence_id"].set_int64_param(1);
  ModelInferResponse out;
  EXPECT_EQ(infer(sequence, out).error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ServeGrpc, DeadlinePriorityAndTraceReachTheEngine) {
  ModelInferRequest request = rawRequest("echo", "abcd");
  (*request.mutable_parameters())["priority"].set_uint64_param(2);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::hours(1));
  context.AddMetadata("traceparent", "00-aa-bb-01");
  ModelInferResponse out;
  ASSERT_TRUE(stub->ModelInfer(&context, request, &out).ok());
  EXPECT_EQ(engine.lastPriority, 2u);
  EXPECT_EQ(engine.lastTrace, "00-aa-bb-01");
  auto left = engine.lastDeadline.load() - Clock::now();
  EXPECT_LE(left, std::chrono::minutes(61)); // the wire rounds up
  EXPECT_GT(left, std::chrono::minutes(50));
  (*request.mutable_parameters())["timeout"].set_int64_param(60000000);
  ASSERT_TRUE(infer(request, out).ok());
  EXPECT_LE(engine.lastDeadline.load() - Clock::now(), std::chrono::minutes(1));
}

TEST_F(ServeGrpc, ACancelledCallLeavesTheEngine) {
  grpc::ClientContext context;
  ModelInferResponse out;
  grpc::Status status;
  std::thread caller([&] {
    status = stub->ModelInfer(&context, rawRequest("hold", "abcd"), &out);
  });
  EXPECT_TRUE(eventually([&] { return engine.heldCount() == 1; }));
  context.TryCancel();
  caller.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(eventually([&] { return engine.cancelled == 1; }));
}

TEST_F(ServeGrpc, AStreamAnswersInOrderWithFaultsInBand) {
  grpc::ClientContext context;
  auto stream = stub->ModelStreamInfer(&context);
  const char *models[] = {"hold", "nothing", "hold"};
  for (int i = 0; i < 3; ++i) {
    ModelInferRequest request = rawRequest(models[i], "abcd");
    request.set_id(std::to_string(i));
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  EXPECT_TRUE(eventually([&] { return engine.heldCount() == 2; }));
  engine.release(); // the last first
  for (int i = 0; i < 3; ++i) {
    inference::ModelStreamInferResponse out;
    ASSERT_TRUE(stream->Read(&out));
    EXPECT_EQ(out.infer_response().id(), std::to_string(i));
    EXPECT_EQ(out.error_message().empty(), i != 1);
    EXPECT_TRUE(out.infer_response()
                    .parameters()
                    .at("triton_final_response")
                    .bool_param());
  }
  inference::ModelStreamInferResponse none;
  EXPECT_FALSE(stream->Read(&none));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServeGrpc, AStreamGivesStatusesWhenAsked) {
  grpc::ClientContext context;
  context.AddMetadata("triton_grpc_error", "true");
  auto stream = stub->ModelStreamInfer(&context);
  ASSERT_TRUE(stream->Write(rawRequest("nothing", "abcd")));
  inference::ModelStreamInferResponse out;
  EXPECT_FALSE(stream->Read(&out));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServeGrpc, AFullStreamIsReadNoFurther) {
  GrpcOptions options;
  options.maxStreamRequests = 2;
  restart(options);
  grpc::ClientContext context;
  auto stream = stub->ModelStreamInfer(&context);
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(stream->Write(rawRequest("hold", "abcd")));
  EXPECT_TRUE(eventually([&] { return engine.heldCount() == 2; }));
  // Two requests may reach the engine in either order, and the answer to the
  // later one waits for the earlier: release while reading.
  std::atomic<bool> isOver = false;
  std::thread engineThread([&] {
    while (!isOver) {
      EXPECT_LE(engine.release(), 2u);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  for (int i = 0; i < 5; ++i) {
    inference::ModelStreamInferResponse out;
    EXPECT_TRUE(stream->Read(&out));
  }
  isOver = true;
  engineThread.join();
  context.TryCancel();
  stream->Finish();
}

TEST_F(ServeGrpc, AnAnswerThatNobodyTakesEndsItsCall) {
  GrpcOptions options;
  options.write = std::chrono::milliseconds(200);
  restart(options);
  grpc::ClientContext context;
  auto stream = stub->ModelStreamInfer(&context);
  // More than the windows of HTTP/2 hold for somebody who does not read.
  std::string bytes(4 << 20, 'x');
  for (int i = 0; i < 4; ++i)
    ASSERT_TRUE(stream->Write(rawRequest("echo", bytes)));
  ASSERT_TRUE(stream->Write(rawRequest("hold", "abcd")));
  EXPECT_TRUE(eventually([&] { return engine.heldCount() == 1; }));
  for (int i = 0; i < 30'000 && !engine.cancelled; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_GE(engine.cancelled, 1) << "the stream is over";
  inference::ModelStreamInferResponse out;
  while (stream->Read(&out)) {
  }
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_F(ServeGrpc, ARequestOverTheLimitIsRefused) {
  GrpcOptions options;
  options.maxMessage = 100'000;
  restart(options);
  ModelInferResponse out;
  EXPECT_EQ(
      infer(rawRequest("echo", std::string(100'000, 'x')), out).error_code(),
      grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(infer(rawRequest("echo", std::string(90'000, 'x')), out).ok());
}

TEST_F(ServeGrpc, ACancelledStreamLeavesTheEngine) {
  grpc::ClientContext context;
  auto stream = stub->ModelStreamInfer(&context);
  ASSERT_TRUE(stream->Write(rawRequest("hold", "abcd")));
  ASSERT_TRUE(stream->Write(rawRequest("hold", "abcd")));
  EXPECT_TRUE(eventually([&] { return engine.heldCount() == 2; }));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(eventually([&] { return engine.cancelled == 2; }));
}

TEST_F(ServeGrpc, MetadataConfigurationAndStatistics) {
  inference::ModelMetadataRequest about;
  about.set_name("echo");
  inference::ModelMetadataResponse metadata;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(stub->ModelMetadata(&context, about, &metadata).ok());
  }
  EXPECT_EQ(metadata.versions_size(), 2);
  EXPECT_EQ(metadata.inputs(0).shape_size(), 2);
  EXPECT_EQ(metadata.outputs(0).datatype(), "BYTES");
  inference::ModelConfigRequest which;
  which.set_name("echo");
  inference::ModelConfigResponse config;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(stub->ModelConfig(&context, which, &config).ok());
  }
  EXPECT_EQ(config.config().max_batch_size(), 8);
  EXPECT_EQ(config.config().input(0).dims_size(), 1);
  EXPECT_EQ(config.config().output(0).data_type(), inference::TYPE_STRING);
  EXPECT_TRUE(config.config().has_dynamic_batching());
  inference::ModelStatisticsResponse statistics;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(stub->ModelStatistics(&context, {}, &statistics).ok());
  }
  EXPECT_EQ(statistics.model_stats(0).inference_stats().success().ns(), 500u);
  EXPECT_EQ(statistics.model_stats(0).batch_stats(0).batch_size(), 2u);
}

TEST_F(ServeGrpc, ControlNeedsPermission) {
  inference::RepositoryModelLoadRequest load;
  load.set_model_name("echo");
  inference::RepositoryModelLoadResponse done;
  {
    grpc::ClientContext context;
    EXPECT_EQ(stub->RepositoryModelLoad(&context, load, &done).error_code(),
              grpc::StatusCode::PERMISSION_DENIED);
  }
  GrpcOptions options;
  options.allowControl = true;
  restart(options);
  {
    grpc::ClientContext context;
    EXPECT_TRUE(stub->RepositoryModelLoad(&context, load, &done).ok());
  }
  inference::RepositoryIndexResponse index;
  inference::RepositoryIndexRequest ready;
  ready.set_ready(true);
  grpc::ClientContext context;
  EXPECT_TRUE(stub->RepositoryIndex(&context, ready, &index).ok());
  ASSERT_EQ(index.models_size(), 1);
  EXPECT_EQ(index.models(0).state(), "READY");
}

TEST_F(ServeGrpc, ClassificationGivesTheBestAsTexts) {
  const float scores[] = {0.5f, 2.0f, -1.0f};
  ModelInferRequest request = rawRequest(
      "echo", std::string(reinterpret_cast<const char *>(scores), 12));
  request.mutable_inputs(0)->set_shape(0, 1);
  request.mutable_inputs(0)->add_shape(3);
  auto *output = request.add_outputs();
  output->set_name("x");
  (*output->mutable_parameters())["classification"].set_int64_param(1);
  ModelInferResponse out;
  grpc::Status status = infer(request, out);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(out.outputs(0).datatype(), "BYTES");
  EXPECT_NE(out.raw_output_contents(0).find(":1"), std::string::npos);
}

TEST_F(ServeGrpc, SharedMemoryIsOfferedWhenItIsOn) {
  ModelInferRequest request = rawRequest("echo", "abcdefgh");
  request.clear_raw_input_contents();
  auto &in = *request.mutable_inputs(0)->mutable_parameters();
  in["shared_memory_region"].set_string_param("r");
  in["shared_memory_byte_size"].set_int64_param(8);
  auto *output = request.add_outputs();
  output->set_name("x");
  auto &to = *output->mutable_parameters();
  to["shared_memory_region"].set_string_param("r");
  to["shared_memory_offset"].set_int64_param(8);
  to["shared_memory_byte_size"].set_int64_param(8);
  ModelInferResponse out;
  EXPECT_EQ(infer(request, out).error_code(), grpc::StatusCode::UNIMPLEMENTED);

  std::string key = "/sinter-grpc-" + std::to_string(getpid());
  int file = shm_open(key.c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(pwrite(file, "12345678........", 16, 0), 16);
  SharedMemory regions;
  GrpcOptions options;
  options.sharedMemory = &regions;
  restart(options);
  inference::SystemSharedMemoryRegisterRequest region;
  inference::SystemSharedMemoryRegisterResponse done;
  region.set_name("r");
  region.set_key(key);
  region.set_byte_size(16);
  {
    grpc::ClientContext context;
    grpc::Status status =
        stub->SystemSharedMemoryRegister(&context, region, &done);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  grpc::Status status = infer(request, out);
  ASSERT_TRUE(status.ok()) << status.error_message();
  char bytes[16];
  ASSERT_EQ(pread(file, bytes, 16, 0), 16);
  EXPECT_EQ(std::string(bytes, 16), "1234567812345678");
  EXPECT_EQ(out.raw_output_contents(0), "");
  close(file);
  shm_unlink(key.c_str());
}

TEST_F(ServeGrpc, LogSettingsAreReadByAllAndSetByControl) {
  LogControl logs([](const LogSettings &) {});
  GrpcOptions options;
  options.logs = &logs;
  restart(options);
  inference::LogSettingsRequest request;
  inference::LogSettingsResponse out;
  auto call = [&] {
    grpc::ClientContext context;
    return stub->LogSettings(&context, request, &out).error_code();
  };
  EXPECT_EQ(call(), grpc::StatusCode::OK);
  EXPECT_TRUE(out.settings().at("log_info").bool_param());
  (*request.mutable_settings())["log_info"].set_bool_param(false);
  EXPECT_EQ(call(), grpc::StatusCode::PERMISSION_DENIED);
  options.allowControl = true;
  restart(options);
  EXPECT_EQ(call(), grpc::StatusCode::OK);
  EXPECT_FALSE(logs.get().info);
  (*request.mutable_settings())["log_colour"].set_bool_param(true);
  EXPECT_EQ(call(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServeGrpc, HealthFollowsTheEngine) {
  using grpc::health::v1::HealthCheckResponse;
  grpc::health::v1::HealthCheckRequest request;
  HealthCheckResponse out;
  auto check = [&](const char *service) {
    request.set_service(service);
    grpc::ClientContext context;
    grpc::Status status = health->Check(&context, request, &out);
    return status.ok() ? int(out.status()) : -int(status.error_code());
  };
  EXPECT_EQ(check(""), HealthCheckResponse::SERVING);
  EXPECT_EQ(check("inference.GRPCInferenceService"),
            HealthCheckResponse::SERVING);
  EXPECT_EQ(check("echo"), HealthCheckResponse::SERVING);
  EXPECT_EQ(check("full"), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(check("nothing"), -int(grpc::StatusCode::NOT_FOUND));
  request.clear_service();
  grpc::ClientContext context;
  auto watch = health->Watch(&context, request);
  ASSERT_TRUE(watch->Read(&out));
  EXPECT_EQ(out.status(), HealthCheckResponse::SERVING);
  engine.isReady = false;
  ASSERT_TRUE(watch->Read(&out));
  EXPECT_EQ(out.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(check(""), HealthCheckResponse::NOT_SERVING);
  context.TryCancel();
  watch->Finish();
}

TEST_F(ServeGrpc, ShutdownWaitsForCalls) {
  grpc::Status status(grpc::StatusCode::UNKNOWN, "");
  ModelInferResponse out;
  std::thread caller([&] { status = infer(rawRequest("hold", "abcd"), out); });
  EXPECT_TRUE(eventually([&] { return engine.heldCount() == 1; }));
  std::thread releaser([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    engine.release();
  });
  server->shutdown(Clock::now() + std::chrono::seconds(60));
  caller.join();
  releaser.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(ServeGrpc, ShutdownAnswersWhatStreamsHaveAskedAndEndsThem) {
  grpc::ClientContext idleContext, busyContext;
  auto idle = stub->ModelStreamInfer(&idleContext);
  auto busy = stub->ModelStreamInfer(&busyContext);
  inference::ModelStreamInferResponse out;
  ASSERT_TRUE(idle->Write(rawRequest("echo", "abcd")));
  ASSERT_TRUE(idle->Read(&out)); // and then its client says nothing more
  ASSERT_TRUE(busy->Write(rawRequest("hold", "abcd")));
  EXPECT_TRUE(eventually([&] { return engine.heldCount() == 1; }));
  std::thread reader([&] {
    inference::ModelStreamInferResponse none;
    EXPECT_FALSE(idle->Read(&none));
    EXPECT_EQ(idle->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
    engine.release(); // the busy one outlives the idle one
    EXPECT_TRUE(busy->Read(&none));
    EXPECT_EQ(none.error_message(), "");
    EXPECT_FALSE(busy->Read(&none));
    EXPECT_EQ(busy->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  });
  // Without an end of its own the idle stream would hold this to the deadline,
  // and be cancelled then.
  server->shutdown(Clock::now() + std::chrono::seconds(60));
  reader.join();
}

// Clients that are answered beside clients that leave, while the answers come
// from threads of the engine.
TEST_F(ServeGrpc, ManyCallsOnTwoLoops) {
  GrpcOptions options;
  options.threads = 2;
  restart(options);
  std::atomic<int> right{0}, left{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 6; ++c)
    clients.emplace_back([&, c] {
      grpc::ChannelArguments own;
      own.SetInt("test.client", c); // no connection is shared
      auto stub = GRPCInferenceService::NewStub(grpc::CreateCustomChannel(
          server->addresses()[1], grpc::InsecureChannelCredentials(), own));
      for (int i = 0; i < 60; ++i) {
        grpc::ClientContext context;
        ModelInferResponse out;
        bool leaves = i % 6 == 5;
        if (leaves)
          context.set_deadline(std::chrono::system_clock::now() +
                               std::chrono::milliseconds(3));
        std::string bytes = std::to_string(100000 + c * 1000 + i) + "ab";
        grpc::Status status = stub->ModelInfer(
            &context, rawRequest(leaves ? "hold" : "echo", bytes), &out);
        if (leaves)
          left += status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
        else
          right += status.ok() && out.raw_output_contents(0) == bytes;
      }
    });
  for (std::thread &client : clients)
    client.join();
  EXPECT_EQ(right, 6 * 50);
  EXPECT_EQ(left, 6 * 10);
  server->shutdown(Clock::now() + std::chrono::seconds(60));
}

TEST_F(ServeGrpc, ATakenPortIsAFault) {
  GrpcOptions options;
  options.addresses = {server->addresses()[1]};
  Status status;
  EXPECT_FALSE(GrpcServer::start(engine, options, status));
  EXPECT_NE(status.message.find(options.addresses[0]), std::string::npos);
}
