// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the engine adds to a run, without any network: a request through
// sinter/server.h from one thread against the same context run bare, and the
// CPU an idle engine takes.
//
//   bench-serve-overhead MODEL.so [REQUESTS]
//
// The model has one input and one output; open dimensions are 1.
#include "sinter/server.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double microseconds(Clock::time_point from) {
  return std::chrono::duration<double, std::micro>(Clock::now() - from).count();
}

[[noreturn]] void stop(const std::string &text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  std::exit(5);
}

struct Slot {
  std::string name;
  std::vector<char> memory;
  sinter_tensor tensor = {};
};

Slot slotOf(const sinter_model *model, uint32_t index) {
  sinter_tensor_info info = {};
  info.size = sizeof info;
  if (sinter_tensor_info_of(model, index, &info))
    stop("the model has no input and output");
  Slot slot;
  slot.name = info.name;
  slot.tensor.rank = uint8_t(info.rank);
  slot.tensor.dtype = uint8_t(info.dtype);
  uint64_t count = 1;
  for (uint32_t i = 0; i < info.rank; ++i) {
    slot.tensor.dim[i] = std::max<int64_t>(info.dim[i], 1);
    count *= uint64_t(slot.tensor.dim[i]);
  }
  slot.memory.resize(count * 8);
  slot.tensor.data = slot.memory.data();
  slot.tensor.bytes = slot.memory.size();
  return slot;
}

void print(const char *what, std::vector<double> &us) {
  std::sort(us.begin(), us.end());
  std::printf("%-22s median %8.2f us   p99 %8.2f us\n", what, us[us.size() / 2],
              us[us.size() * 99 / 100]);
}

std::vector<double> runBare(const sinter_model *model, Slot &in, Slot &out,
                            int requests) {
  sinter_open_args args = {};
  args.size = sizeof args;
  args.width = 1;
  sinter_program *program = nullptr;
  sinter_context *context = nullptr;
  sinter_error error = {};
  if (sinter_program_open(model, &args, nullptr, 0, &program, &error) ||
      sinter_context_init(program, 0, nullptr, 0, nullptr, 0, &context, &error))
    stop("the model cannot be opened");
  std::vector<char> scratch;
  std::vector<double> us;
  for (int i = 0; i < requests; ++i) {
    Clock::time_point begin = Clock::now();
    sinter_set(context, 0, &in.tensor);
    sinter_set(context, 1, &out.tensor);
    sinter_status status = sinter_run(context, &error);
    us.push_back(microseconds(begin));
    if (status == SINTER_E_MEMORY && scratch.empty()) {
      scratch.resize(size_t(error.expected) + 64);
      auto at =
          (reinterpret_cast<uintptr_t>(scratch.data()) + 63) & ~uintptr_t(63);
      sinter_set_scratch(context, reinterpret_cast<void *>(at),
                         uint64_t(error.expected));
    } else if (status) {
      stop("the model does not run on zeros");
    }
  }
  sinter_context_close(context);
  sinter_program_close(program);
  return us;
}

std::vector<double> runEngine(sinter_server *server, Slot &in, Slot &out,
                              int requests) {
  sinter_named_tensor input = {in.name.c_str(), in.tensor};
  sinter_server_request request = {};
  request.size = sizeof request;
  request.n_inputs = 1;
  request.model = "m";
  request.inputs = &input;
  std::vector<double> us;
  char text[512];
  for (int i = 0; i < requests; ++i) {
    sinter_tensor result = out.tensor;
    Clock::time_point begin = Clock::now();
    if (sinter_server_run(server, &request, &result, 1, text, sizeof text))
      stop(text);
    us.push_back(microseconds(begin));
  }
  return us;
}

} // namespace

int main(int count, char **arguments) {
  if (count < 2)
    stop("usage: bench-serve-overhead MODEL.so [REQUESTS]");
  int requests = count > 2 ? std::max(std::atoi(arguments[2]), 1) : 100'000;
  const sinter_model *model = nullptr;
  sinter_server *server = nullptr;
  sinter_server_options options = {};
  options.size = sizeof options;
  char text[512];
  if (sinter_load(arguments[1], nullptr, &model, nullptr))
    stop(std::string("cannot load ") + arguments[1]);
  if (sinter_server_create(&options, &server, text, sizeof text) ||
      sinter_server_add(server, "m", 1, model, text, sizeof text))
    stop(text);
  Slot in = slotOf(model, 0), out = slotOf(model, 1);
  std::this_thread::sleep_for(std::chrono::seconds(1)); // it measures batches
  std::vector<double> bare = runBare(model, in, out, requests),
                      engine = runEngine(server, in, out, requests);
  print("bare context", bare);
  print("through the engine", engine);
  std::printf("%-22s median %8.2f us\n", "added",
              engine[engine.size() / 2] - bare[bare.size() / 2]);
  std::clock_t begin = std::clock();
  std::this_thread::sleep_for(std::chrono::seconds(2));
  std::printf("%-22s %.3f %% of a CPU\n", "idle",
              100.0 * double(std::clock() - begin) / CLOCKS_PER_SEC / 2);
  sinter_server_destroy(server);
  sinter_unload(model);
  return 0;
}
