// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bench-kernels: speed of single kernels on one thread, in GMAC/s and as a
// share of the measured peak, for the layers that real models are made of.
//
//   bench-kernels [--isa x86-64-v4] [--only TEXT] [--tile ROWSxCOLUMNS]
//   [--unroll N] [--cold] [--asm]
//
// Without --tile the schedule model chooses. Weights and activations are warm
// in cache: this measures code, `sinter bench` measures models.

#include "bench/kernels/Peak.h"
#include "codegen/cpu/CompileKernel.h"
#include "dialects/exec/ExecDialect.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/TileProblem.h"
#include "passes/schedule/Rules.h"
#include "test/unit/KernelRunner.h"
#include "test/unit/TileCases.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "sinter/image.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

using namespace sinter;
using test::TileCase;

namespace {

constexpr size_t kColdBytes = size_t(96) << 20;

struct Layer {
  std::string name;
  TileCase problem;
};

struct Options {
  std::string isa, only, objects, compile;
  int64_t rows = 0, columns = 0, unroll = 0, prefetch = -1, rowBlock = -1;
  bool assembly = false, cold = false;
};

Layer conv(int64_t channels, int64_t maps, int64_t out, int64_t kernel,
           int64_t stride, int64_t groups = 1) {
  TileCase test;
  test.kind = groups > 1 && groups == channels ? TileCase::Kind::Depthwise
                                               : TileCase::Kind::Conv;
  test.kernel = {kernel, kernel};
  test.strides = {stride, stride};
  test.dilations = {1, 1};
  test.groups = groups;
  int64_t in = (out - 1) * stride + kernel;
  test.a = test::dense({1, in, in, channels});
  test.out = test::dense({1, out, out, maps});
  test.bias = test.relu = true;
  char name[96];
  std::snprintf(name, sizeof name, "%s%lldx%lld/%lld %lld-%lld @%lld",
                groups > 1 ? "dw " : "conv ", (long long)kernel,
                (long long)kernel, (long long)stride, (long long)channels,
                (long long)maps, (long long)out);
  return {name, test};
}

Layer product(int64_t m, int64_t k, int64_t n) {
  TileCase test;
  test.a = test::dense({m, k});
  test.out = test::dense({m, n});
  test.bias = true;
  char name[96];
  std::snprintf(name, sizeof name, "gemm %lldx%lldx%lld", (long long)m,
                (long long)k, (long long)n);
  return {name, test};
}

// The last convolution of a residual block: reads what it is added to.
Layer residual(int64_t channels, int64_t maps, int64_t out) {
  Layer layer = conv(channels, maps, out, 1, 1);
  layer.problem.residual = true;
  layer.name += " + res";
  return layer;
}

// Attention of 12 heads of 64 over `tokens`: scores (b transposed) and values.
Layer attention(int64_t tokens, bool scores) {
  TileCase test;
  test.panels = false;
  std::vector<int64_t> heads{64, 768,
                             1}; // of [head, token, 64] in [token, 768]
  std::vector<int64_t> square{tokens * tokens, tokens,
                              1}; // of [head, token, token]
  test.a = {{12, tokens, scores ? 64 : tokens}, scores ? heads : square};
  test.b = scores ? test::Strided{{12, 64, tokens}, {64, 1, 768}}
                  : test::Strided{{12, tokens, 64}, heads};
  test.out = {{12, tokens, scores ? tokens : 64}, scores ? square : heads};
  return {(scores ? "scores of " : "values of ") + std::to_string(tokens) +
              " tokens",
          test};
}

std::vector<Layer> layers() {
  return {conv(3, 64, 112, 7, 2),        conv(64, 64, 56, 1, 1),
          conv(64, 64, 56, 3, 1),        conv(64, 256, 56, 1, 1),
          conv(256, 64, 56, 1, 1),       conv(128, 128, 28, 3, 1),
          conv(512, 128, 28, 1, 1),      conv(128, 512, 28, 1, 1),
          conv(256, 512, 28, 1, 2),      conv(256, 256, 14, 3, 1),
          conv(1024, 256, 14, 1, 1),     conv(256, 1024, 14, 1, 1),
          conv(512, 512, 7, 3, 1),       conv(2048, 512, 7, 1, 1),
          conv(512, 2048, 7, 1, 1),      product(128, 768, 768),
          product(128, 768, 3072),       product(128, 3072, 768),
          product(128, 384, 1536),       product(1, 768, 3072),
          residual(64, 256, 56),         residual(128, 512, 28),
          attention(128, true),          attention(128, false),
          conv(24, 144, 56, 1, 1),       conv(144, 24, 56, 1, 1),
          conv(96, 576, 14, 1, 1),       conv(80, 80, 40, 3, 1),
          conv(144, 144, 56, 3, 1, 144), conv(576, 576, 14, 3, 1, 576),
          conv(144, 144, 28, 3, 2, 144)};
}

double seconds(const std::function<void()> &run) {
  auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

class Bench {
public:
  explicit Bench(const Options &options)
      : options(options), context(registry()) {
    context.loadAllAvailableDialects();
  }

  void run(const cpu::Target &target) {
    double peak =
        options.objects.empty() ? bench::peakGmacs(target.vec.bits) : 0;
    if (options.objects.empty())
      std::printf("%s, peak %.1f GMAC/s\n", target.isa.str().c_str(), peak);
    for (Layer &layer : all)
      if (layer.name.find(options.only) != std::string::npos)
        measure(layer, target, peak);
  }

  void compile(const cpu::Target &target) {
    auto module =
        mlir::parseSourceFile<mlir::ModuleOp>(options.compile, &context);
    if (!module)
      return;
    module->walk([&](kernel::DefineOp define) {
      if (define.getSymName().find(options.only) == llvm::StringRef::npos)
        return;
      std::string text;
      cpu::CodegenOptions codegen;
      if (options.assembly)
        codegen.asmText = &text;
      size_t bytes = 0;
      double time = seconds([&] {
        auto object = cpu::compileKernel(define, "k", target, codegen);
        bytes = mlir::succeeded(object) ? object->size() : 0;
      });
      std::printf("%s %-24s %8.1f ms %7zu bytes\n%s", target.isa.str().c_str(),
                  define.getSymName().str().c_str(), time * 1e3, bytes,
                  text.c_str());
    });
  }

private:
  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registry.insert<kernel::KernelDialect, exec::ExecDialect>();
    cpu::registerCodegenDialects(registry);
    return registry;
  }

  // What the schedule model says, as numbers of the case.
  void choose(TileCase &test, const cpu::Target &target) {
    auto module =
        mlir::parseSourceString<mlir::ModuleOp>(test.define("none"), &context);
    mlir::Operation *root =
        (*module->getOps<kernel::DefineOp>().begin()).getRoot();
    auto conv = mlir::dyn_cast<kernel::ConvOp>(root);
    kernel::TileProblem problem =
        conv ? kernel::problemOf(conv)
             : kernel::problemOf(mlir::cast<kernel::ContractOp>(root));
    llvm::SmallVector<const cpu::Target *> targets;
    for (const cpu::Target &each : cpu::allTargets())
      targets.push_back(&each);
    bool depthwise = test.kind == TileCase::Kind::Depthwise;
    schedule::Choice choice =
        depthwise ? schedule::scheduleDepthwise(problem, targets)
                  : schedule::scheduleTiles(problem, targets);
    test.rowBlock = choice.blocks[0];
    test.columnBlock = choice.blocks[1];
    for (kernel::ScheduleAttr schedule : choice.schedules)
      if (schedule.getIsa().getValue() == target.isa) {
        test.tileRows = schedule.getTileM();
        test.tileColumns = schedule.getTileN();
        test.unroll = schedule.getUnroll();
        test.prefetch = schedule.getPrefetch();
      }
  }

  void override(TileCase &test) const {
    if (options.rows) {
      test.tileRows = options.rows;
      test.tileColumns = options.columns;
    }
    if (options.unroll)
      test.unroll = options.unroll;
    if (options.prefetch >= 0)
      test.prefetch = options.prefetch;
    if (options.rowBlock >= 0)
      test.rowBlock = options.rowBlock;
  }

  void write(const Layer &layer, const cpu::Target &target,
             const std::string &object) const {
    std::string name = target.isa.str() + "-" + layer.name;
    for (char &c : name)
      if (c == ' ' || c == '/')
        c = '_';
    std::ofstream(options.objects + "/" + name + ".o", std::ios::binary)
        << object;
  }

  void measure(Layer &layer, const cpu::Target &target, double peak) {
    TileCase test = layer.problem;
    choose(test, target);
    override(test);
    auto module = mlir::parseSourceString<mlir::ModuleOp>(
        test.define(target.isa.str()), &context);
    auto define = *module->getOps<kernel::DefineOp>().begin();
    std::string text;
    cpu::CodegenOptions codegen;
    if (options.assembly)
      codegen.asmText = &text;
    auto object = cpu::compileKernel(define, "k", target, codegen);
    if (mlir::failed(object))
      return;
    if (options.assembly)
      std::puts(text.c_str());
    if (!options.objects.empty())
      return write(layer, target, *object);
    test::LoadedKernel kernel(*object, "k");
    bool panels = test.kind != TileCase::Kind::Depthwise;
    size_t weights = size_t(panels ? test.panelElements()
                                   : test.depth() * test.out.dims.back());
    std::vector<float *> buffers;
    auto allocate = [&](size_t count) {
      float *data = static_cast<float *>(
          std::aligned_alloc(64, (count * 4 + 63) / 64 * 64));
      for (size_t i = 0; i < count; ++i)
        data[i] = float(i % 7) * 0.1f;
      buffers.push_back(data);
    };
    allocate(size_t(test.a.elements()));
    allocate(weights);
    if (test.bias)
      allocate(size_t(test.out.dims.back()));
    if (test.residual)
      allocate(size_t(test.out.elements()));
    allocate(size_t(test.out.elements()));
    alignas(64) static char scratch[1 << 20];
    sinter_worker worker = {};
    worker.scratch = scratch;
    int64_t items = test.items();
    // Copies of the weights that together exceed every cache, one a call.
    size_t copies = options.cold
                        ? std::max<size_t>(2, (kColdBytes / 4) /
                                                  std::max<size_t>(weights, 1))
                        : 1;
    std::vector<float *> weightCopies{buffers[1]};
    while (weightCopies.size() < copies) {
      allocate(weights);
      weightCopies.push_back(buffers.back());
      buffers.pop_back();
    }
    size_t turn = 0;
    auto once = [&] {
      buffers[1] = weightCopies[turn++ % weightCopies.size()];
      kernel.call(reinterpret_cast<void *const *>(buffers.data()), nullptr, 0,
                  items, &worker);
    };
    once();
    double single = seconds(once);
    int repeats = std::max(1, int(0.004 / std::max(single, 1e-7)));
    double best = 1e9;
    for (int round = 0; round < 60; ++round)
      best = std::min(best, seconds([&] {
                              for (int i = 0; i < repeats; ++i)
                                once();
                            }) / repeats);
    double rate = double(test.macs()) / best / 1e9;
    std::printf("%-30s %3lldx%-3lld u%lld blocks %5lld,%-5lld items %3lld "
                "%9.3f us %6.1f GMAC/s %5.1f %%\n",
                layer.name.c_str(), (long long)test.tileRows,
                (long long)test.tileColumns, (long long)test.unroll,
                (long long)test.rowBlock, (long long)test.columnBlock,
                (long long)items, best * 1e6, rate, 100 * rate / peak);
    std::fflush(stdout);
    buffers.erase(buffers.begin() + 1);
    buffers.insert(buffers.end(), weightCopies.begin(), weightCopies.end());
    for (float *data : buffers)
      std::free(data);
  }

  Options options;
  mlir::MLIRContext context;
  std::vector<Layer> all = layers();
};

} // namespace

int main(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string flag = argv[i];
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    if (flag == "--asm")
      options.assembly = true;
    else if (flag == "--cold")
      options.cold = true;
    else if (++i, flag == "--isa")
      options.isa = value;
    else if (flag == "--only")
      options.only = value;
    else if (flag == "--compile")
      options.compile = value;
    else if (flag == "--objects")
      options.objects = value;
    else if (flag == "--unroll")
      options.unroll = std::atoll(value);
    else if (flag == "--prefetch")
      options.prefetch = std::atoll(value);
    else if (flag == "--rows")
      options.rowBlock = std::atoll(value);
    else if (flag != "--tile" || std::sscanf(value, "%ldx%ld", &options.rows,
                                             &options.columns) != 2) {
      std::fprintf(stderr,
                   "bench-kernels: '%s' is no option; read the first lines of "
                   "Kernels.cpp\n",
                   flag.c_str());
      return 2;
    }
  }
  Bench bench(options);
  for (const cpu::Target &target : cpu::allTargets())
    if (cpu::hostSupports(target) &&
        (options.isa.empty() ? target.has("fma") : target.isa == options.isa))
      options.compile.empty() ? bench.run(target) : bench.compile(target);
  return 0;
}
