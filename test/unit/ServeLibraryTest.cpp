// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// sinter/server.h as a C program uses it.
#include "ServeModels.h"
#include "sinter/server.h"

#include <atomic>
#include <thread>

namespace sinter::serve {
namespace {

template <int by>
void addKernel(void *const *b, const int64_t *, int64_t begin, int64_t end,
               sinter_worker *) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<float *>(b[1])[i] =
        static_cast<const float *>(b[0])[i] + float(by);
}

struct Library : testing::Test {
  TestModel one, two;
  sinter_server *server = nullptr;
  char text[512] = "";
  std::vector<float> x = ramp(2);
  sinter_named_tensor input = {};
  sinter_server_request request = {};

  void SetUp() override {
    makeRows(one, addKernel<1>);
    makeRows(two, addKernel<2>);
    sinter_server_options options = {};
    options.size = sizeof options;
    options.threads = 2;
    options.no_warm_up = 1;
    ASSERT_EQ(sinter_server_create(&options, &server, text, sizeof text),
              SINTER_SERVER_OK)
        << text;
    ASSERT_EQ(sinter_server_add(server, "m", 1, &one.model, text, sizeof text),
              SINTER_SERVER_OK)
        << text;
    input.name = "x";
    input.tensor.data = x.data();
    input.tensor.bytes = x.size() * sizeof(float);
    input.tensor.rank = 2;
    input.tensor.dtype = SINTER_F32;
    input.tensor.dim[0] = 2;
    input.tensor.dim[1] = 4;
    request.size = sizeof request;
    request.n_inputs = 1;
    request.model = "m";
    request.inputs = &input;
  }
  void TearDown() override { sinter_server_destroy(server); }
  float run(const char *version) {
    std::vector<float> y(8);
    sinter_tensor out = {};
    out.data = y.data();
    out.bytes = y.size() * sizeof(float);
    request.version = version;
    EXPECT_EQ(sinter_server_run(server, &request, &out, 1, text, sizeof text),
              SINTER_SERVER_OK)
        << text;
    EXPECT_EQ(out.dim[0], 2);
    return y[0] - x[0];
  }
};

TEST_F(Library, RunsVersionsAndLabels) {
  EXPECT_EQ(sinter_server_ready(server, nullptr, nullptr), SINTER_SERVER_OK);
  EXPECT_EQ(run(nullptr), 1);
  ASSERT_EQ(sinter_server_add(server, "m", 2, &two.model, text, sizeof text),
            SINTER_SERVER_OK)
      << text;
  EXPECT_EQ(run(nullptr), 2);
  EXPECT_EQ(run("1"), 1);
  ASSERT_EQ(sinter_server_label(server, "m", "stable", "1", text, sizeof text),
            SINTER_SERVER_OK)
      << text;
  EXPECT_EQ(run(nullptr), 1);
  ASSERT_EQ(sinter_server_canary(server, "m", "2", 100, text, sizeof text),
            SINTER_SERVER_OK)
      << text;
  EXPECT_EQ(run(nullptr), 2);
  ASSERT_EQ(sinter_server_rollback(server, "m", text, sizeof text),
            SINTER_SERVER_OK)
      << text;
  EXPECT_EQ(run(nullptr), 1);
}

TEST_F(Library, UnloadsAllVersions) {
  EXPECT_EQ(sinter_server_unload(server, "none", text, sizeof text),
            SINTER_SERVER_NOT_FOUND);
  ASSERT_EQ(sinter_server_unload(server, "m", text, sizeof text),
            SINTER_SERVER_OK)
      << text;
  EXPECT_NE(sinter_server_ready(server, "m", nullptr), SINTER_SERVER_OK);
  sinter_tensor out = {};
  EXPECT_EQ(sinter_server_run(server, &request, &out, 1, text, sizeof text),
            SINTER_SERVER_UNAVAILABLE);
  EXPECT_NE(std::string(text).find("unloaded"), std::string::npos) << text;
}

TEST_F(Library, SaysWhatIsWrong) {
  EXPECT_EQ(sinter_server_load(server, "m", text, sizeof text),
            SINTER_SERVER_UNSUPPORTED);
  EXPECT_NE(std::string(text).find("no repository"), std::string::npos);
  EXPECT_EQ(sinter_server_ready(server, "none", nullptr),
            SINTER_SERVER_NOT_FOUND);
  sinter_tensor out = {};
  EXPECT_EQ(sinter_server_run(server, &request, &out, 1, text, sizeof text),
            SINTER_SERVER_INVALID);
  EXPECT_NE(std::string(text).find("32 bytes"), std::string::npos) << text;
  EXPECT_EQ(sinter_server_run(server, &request, &out, 2, text, 4),
            SINTER_SERVER_INVALID);
  EXPECT_EQ(std::strlen(text), 3u);
  request.deadline_ns = 1;
  EXPECT_EQ(sinter_server_run(server, &request, &out, 1, text, sizeof text),
            SINTER_SERVER_DEADLINE);
  EXPECT_EQ(sinter_server_create(nullptr, nullptr, nullptr, 0),
            SINTER_SERVER_INVALID);
}

TEST_F(Library, AnswersByCallback) {
  struct Seen {
    std::atomic<int> done{0};
    int32_t code = -1;
    uint32_t outputs = 0;
    float first = 0;
    std::string model, version;
  } seen;
  sinter_ticket *ticket = nullptr;
  sinter_server_submit(
      server, &request,
      [](void *self, const sinter_server_answer *answer) {
        auto *s = static_cast<Seen *>(self);
        s->code = answer->code;
        s->outputs = answer->n_outputs;
        s->model = answer->model;
        s->version = answer->version;
        if (answer->n_outputs)
          std::memcpy(&s->first, answer->outputs[0].tensor.data,
                      sizeof s->first);
        s->done = 1;
      },
      &seen, &ticket);
  while (!seen.done)
    std::this_thread::yield();
  sinter_server_cancel(ticket); // too late, and harmless
  sinter_server_forget(ticket);
  EXPECT_EQ(seen.code, SINTER_SERVER_OK);
  EXPECT_EQ(seen.outputs, 1u);
  EXPECT_EQ(seen.first, 1);
  EXPECT_EQ(seen.model, "m");
  EXPECT_EQ(seen.version, "1");
  sinter_server_statistics s = {};
  s.size = sizeof s;
  ASSERT_EQ(sinter_server_statistics_of(server, "m", nullptr, &s),
            SINTER_SERVER_OK);
  EXPECT_EQ(s.answered, 1u);
  EXPECT_EQ(s.rows, 2u);
  sinter_server_drain(server, 1000);
  EXPECT_EQ(sinter_server_ready(server, nullptr, nullptr),
            SINTER_SERVER_UNAVAILABLE);
}

} // namespace
} // namespace sinter::serve
