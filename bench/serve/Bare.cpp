// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bench-bare: how many rows a second an object computes with no server around
// it. The same rows a batch, the same threads; inputs are random and written
// once, answers are dropped.
//
//   bench-bare MODEL.so --rows 8 --threads 1 --contexts 2 --seconds 5
#include "sinter/sinter.hpp"

#include "CLI/CLI.hpp"
#include <atomic>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string object;
  int64_t rows = 1;
  std::vector<int64_t> dims;
  unsigned threads = 1, contexts = 1;
  double seconds = 5;
};

/// A context with random inputs: unknown dimensions are rows first, then
/// --other.
class Runner {
public:
  Runner(sinter::Context context, const sinter_model *model,
         const Options &options)
      : context(std::move(context)) {
    sinter_info info = {};
    info.size = sizeof info;
    sinter_info_of(model, &info);
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (uint32_t slot = 0; slot < info.n_inputs; ++slot) {
      sinter_tensor_info described = {};
      described.size = sizeof described;
      sinter_tensor_info_of(model, slot, &described);
      sinter_tensor tensor = {};
      tensor.rank = uint8_t(described.rank);
      tensor.dtype = uint8_t(described.dtype);
      uint64_t count = 1;
      for (uint32_t i = 0; i < described.rank; ++i) {
        tensor.dim[i] = described.dim[i] >= 0     ? described.dim[i]
                        : i == 0                  ? options.rows
                        : i < options.dims.size() ? options.dims[i]
                                                  : 1;
        count *= uint64_t(tensor.dim[i]);
      }
      inputs.emplace_back(count * 8);
      tensor.data = inputs.back().data();
      tensor.bytes = count * 8;
      for (uint64_t i = 0; tensor.dtype == SINTER_F32 && i < count; ++i)
        reinterpret_cast<float *>(tensor.data)[i] = normal(random);
      this->context.set(slot, tensor);
    }
  }
  sinter::Error run() { return context.run(); }

private:
  sinter::Context context;
  std::vector<std::vector<char>> inputs;
};

int run(const Options &options) {
  auto model = sinter::Model::load(options.object);
  if (!model)
    return std::fprintf(stderr, "bench-bare: %s\n",
                        model.error().text().c_str()),
           3;
  auto program = sinter::Program::open(*model, options.threads);
  if (!program)
    return std::fprintf(stderr, "bench-bare: %s\n",
                        program.error().text().c_str()),
           5;
  std::vector<std::unique_ptr<Runner>> runners;
  for (unsigned i = 0; i < options.contexts; ++i) {
    auto context = sinter::Context::make(*program);
    if (!context)
      return std::fprintf(stderr, "bench-bare: %s\n",
                          context.error().text().c_str()),
             5;
    runners.push_back(
        std::make_unique<Runner>(std::move(*context), *model, options));
    if (sinter::Error error = runners.back()->run())
      return std::fprintf(stderr, "bench-bare: %s\n", error.text().c_str()), 4;
  }
  std::atomic<uint64_t> runs{0};
  std::vector<double> least(options.contexts, 1e30);
  auto start = Clock::now(),
       end = start + std::chrono::nanoseconds(int64_t(options.seconds * 1e9));
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.contexts; ++i)
    threads.emplace_back([&, i] {
      for (auto now = Clock::now(); now < end;) {
        runners[i]->run();
        auto after = Clock::now();
        least[i] = std::min(
            least[i],
            std::chrono::duration<double, std::micro>(after - now).count());
        now = after;
        ++runs;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  nlohmann::json out = {
      {"rows_per_second", double(runs) * double(options.rows) / seconds},
      {"runs", runs.load()},
      {"min_us", *std::min_element(least.begin(), least.end())}};
  std::puts(out.dump().c_str());
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Runs an object again and again and prints rows a second.");
  Options options;
  app.add_option("OBJECT", options.object, "a .so of sinter compile")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--rows", options.rows, "dimension 0 of every input")
      ->capture_default_str();
  app.add_option(
         "--dims", options.dims,
         "all dimensions of the input, where the model leaves them open")
      ->delimiter(',');
  app.add_option("--threads", options.threads, "threads of a run")
      ->capture_default_str();
  app.add_option("--contexts", options.contexts, "runs at the same time")
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "length of the measurement")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return run(options);
}
