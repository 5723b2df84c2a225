// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Our engine for `sinter bench`: what a user's program would be, the C runtime
// and one object, without the compiler in the same process. tools/sinter/Peer.h
// has the protocol.
//
//   sinter-engine OBJECT.so INPUTS.npz OUTPUTS.npz THREADS
#include "runtime/npz/Npz.h"
#include "sinter/sinter.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <sys/prctl.h>
#include <vector>

static double nowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
}

namespace {
class Engine {
public:
  bool open(const char *object, unsigned threads);
  bool bind(const char *inputs);
  bool run();
  bool write(const char *path);
  std::string problem;

private:
  bool fail(const char *doing);

  const sinter_model *model = nullptr;
  sinter_program *program = nullptr;
  sinter_context *context = nullptr;
  sinter_host pool{};
  sinter_info info{};
  sinter_error error{};
  sinter_npz npz{};
  std::vector<std::vector<char>> outputs;
  void *scratch = nullptr;
};
} // namespace

bool Engine::fail(const char *doing) {
  char text[512];
  sinter_error_text(model, &error, text, sizeof text);
  problem = std::string(doing) + ": " + text;
  return false;
}

bool Engine::open(const char *object, unsigned threads) {
  if (sinter_load(object, nullptr, &model, &error) != SINTER_OK)
    return fail("load");
  info.size = sizeof info;
  sinter_info_of(model, &info);
  sinter_open_args args{};
  args.size = sizeof args;
  args.width = threads;
  if (threads > 1) {
    sinter_pool_create(threads, 0, &pool);
    args.host = &pool;
  }
  if (sinter_program_open(model, &args, nullptr, 0, &program, &error) !=
      SINTER_OK)
    return fail("open");
  if (sinter_context_init(program, 0, nullptr, 0, nullptr, 0, &context,
                          &error) != SINTER_OK)
    return fail("init");
  return true;
}

static void *grow(void *self, uint64_t bytes, uint64_t) {
  auto &into = *static_cast<std::vector<char> *>(self);
  if (into.size() < bytes || into.empty())
    into.resize(bytes + 1);
  return into.data();
}

bool Engine::bind(const char *inputs) {
  char text[256];
  if (sinter_npz_read(inputs, &npz, text, sizeof text) != 0) {
    problem = text;
    return false;
  }
  for (uint32_t slot = 0; slot < info.n_inputs; ++slot) {
    sinter_tensor_info wanted{};
    wanted.size = sizeof wanted;
    sinter_tensor_info_of(model, slot, &wanted);
    for (uint32_t i = 0; i < npz.count; ++i) {
      const sinter_npz_array &array = npz.arrays[i];
      if (strcmp(array.name, wanted.name) != 0)
        continue;
      sinter_tensor tensor{};
      tensor.data = const_cast<void *>(array.data);
      tensor.bytes = array.bytes;
      tensor.rank = array.rank;
      tensor.dtype = array.dtype;
      memcpy(tensor.dim, array.dim, sizeof tensor.dim);
      if (sinter_set(context, slot, &tensor) != SINTER_OK) {
        problem = std::string("input ") + wanted.name + " does not fit";
        return false;
      }
    }
  }
  outputs.resize(info.n_outputs);
  for (uint32_t i = 0; i < info.n_outputs; ++i)
    sinter_set_alloc(context, info.n_inputs + i, grow, &outputs[i]);
  return true;
}

bool Engine::run() {
  sinter_status status = sinter_run(context, &error);
  if (status == SINTER_E_MEMORY &&
      error.expected > 0) { // the first run says how much it needs
    uint64_t bytes = (error.expected + 63) & ~int64_t(63);
    free(scratch);
    scratch = aligned_alloc(64, bytes);
    sinter_set_scratch(context, scratch, bytes);
    status = sinter_run(context, &error);
  }
  return status == SINTER_OK || fail("run");
}

bool Engine::write(const char *path) {
  std::vector<sinter_npz_array> arrays;
  for (uint32_t i = 0; i < info.n_outputs; ++i) {
    sinter_tensor_info about{};
    about.size = sizeof about;
    sinter_tensor_info_of(model, info.n_inputs + i, &about);
    sinter_tensor tensor{};
    sinter_get(context, info.n_inputs + i, &tensor);
    sinter_npz_array array{about.name,  tensor.dtype, tensor.rank, {},
                           tensor.data, tensor.bytes, nullptr};
    memcpy(array.dim, tensor.dim, sizeof array.dim);
    arrays.push_back(array);
  }
  char text[256];
  if (sinter_npz_write(path, arrays.data(), arrays.size(), text, sizeof text) ==
      0)
    return true;
  problem = text;
  return false;
}

static int refuse(const Engine &engine) {
  std::string text;
  for (char c : engine.problem)
    text += c == '"' || c == '\\' || c == '\n' ? ' ' : c;
  printf("{\"error\": \"%s\"}\n", text.c_str());
  return 1;
}

// Runs for at least `seconds` and prints the time of every run.
static bool measure(Engine &engine, double seconds) {
  std::string times;
  double until = nowMs() + seconds * 1e3, begin;
  do {
    begin = nowMs();
    if (!engine.run())
      return false;
    char text[32];
    snprintf(text, sizeof text, "%s%.6f", times.empty() ? "" : ", ",
             nowMs() - begin);
    times += text;
  } while (nowMs() < until);
  printf("{\"ms\": [%s]}\n", times.c_str());
  return true;
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr,
            "usage: sinter-engine OBJECT.so INPUTS.npz OUTPUTS.npz THREADS\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG,
        SIGKILL); // sinter may be killed while this is stopped
  setvbuf(stdout, nullptr, _IOLBF, 0);
  puts("ready");
  Engine engine;
  double begin = nowMs();
  if (!engine.open(argv[1], strtoul(argv[4], nullptr, 10)))
    return refuse(engine);
  double opened = nowMs();
  if (!engine.bind(argv[2]))
    return refuse(engine);
  double bound = nowMs();
  if (!engine.run())
    return refuse(engine);
  printf("{\"load_ms\": %.4f, \"first_ms\": %.4f}\n", opened - begin,
         nowMs() - bound);
  if (!engine.write(argv[3]))
    return refuse(engine);
  char line[64];
  double seconds;
  while (fgets(line, sizeof line, stdin) &&
         sscanf(line, "round %lf", &seconds) == 1)
    if (!measure(engine, seconds))
      return refuse(engine);
  return 0;
}
