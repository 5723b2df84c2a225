// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The property behind the arena: whatever the shape at run time, two buffers
// that live at the same time never share a byte.

#include "passes/plan/Passes.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"
#include <random>
#include <string>

namespace sinter {
namespace {

/// A chain of launches over random buffers, sizes in N and M.
std::string randomProgram(std::mt19937 &random, int buffers, int launches) {
  std::string text = R"(
kernel.define @k (%x: !kernel.view<[1] x f32, [1]>) -> (%y: !kernel.view<[1] x f32, [1]>) {
  kernel.nest ins(%x : !kernel.view<[1] x f32, [1]>) outs(%y : !kernel.view<[1] x f32, [1]>)
      attributes {combine = ["none"], axes = 0 : i64} {}, {}
}
exec.program @main inputs ["x", "z"] [tensor<?xf32, #sym.dims<[N]>>, tensor<?xf32, #sym.dims<[M]>>]
                   outputs ["y"] [tensor<1xf32>] {
^bb0(%x: !exec.buffer, %z: !exec.buffer, %y: !exec.buffer):
  exec.symbol "N" {min = 0, max = 100000, likely = array<i64: 64>, input = 0 : i64, axis = 0 : i64}
  exec.symbol "M" {min = 0, max = 100000, likely = array<i64: 7>, input = 1 : i64, axis = 0 : i64}
)";
  auto pick = [&](int count) {
    return std::uniform_int_distribution<int>(0, count - 1)(random);
  };
  const char *forms[] = {"N * 4", "M * 100",
                         "N * M", "(N + 3) floordiv 2 * 8",
                         "4096",  "max(N, M) * 16"};
  for (int i = 0; i < buffers; ++i)
    text +=
        "  %b" + std::to_string(i) + " = exec.alloc <" + forms[pick(6)] + ">\n";
  for (int i = 0; i < launches; ++i) {
    // Buffers are used in a window that moves on: lifetimes of every length.
    int low = i * buffers / launches,
        from = std::min(buffers - 1, low + pick(8));
    int to = std::min(buffers - 1, low + pick(3));
    text += "  exec.launch @k(%b" + std::to_string(from) + ", %b" +
            std::to_string(to) + ") offsets <[0, 0]> params <[]>\n";
  }
  return text + "}\n";
}

struct Interval {
  unsigned first = ~0u, last = 0;
};

class PlanArena : public testing::Test {
protected:
  PlanArena() {
    mlir::DialectRegistry registry;
    registry.insert<exec::ExecDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  static int64_t valueOf(sym::DimAttr dim, int64_t n, int64_t m) {
    return *sym::evaluate(dim, [&](llvm::StringRef name) {
      return std::optional<int64_t>(name == "N" ? n : m);
    });
  }

  mlir::MLIRContext context;
};

TEST_F(PlanArena, LiveBuffersNeverOverlapAtAnyShape) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(
        randomProgram(random, 30, 60), &context);
    ASSERT_TRUE(module);
    mlir::PassManager passes(&context);
    passes.addNestedPass<exec::ProgramOp>(createPlanArena());
    ASSERT_TRUE(mlir::succeeded(passes.run(*module)));
    exec::ProgramOp program = *module->getOps<exec::ProgramOp>().begin();

    llvm::DenseMap<mlir::Operation *, unsigned> positions;
    for (mlir::Operation &op : program.getBody().front())
      positions[&op] = positions.size();
    std::vector<exec::AllocOp> allocs;
    for (auto alloc : program.getOps<exec::AllocOp>())
      allocs.push_back(alloc);
    std::vector<Interval> lives(allocs.size());
    for (size_t i = 0; i < allocs.size(); ++i)
      for (mlir::Operation *user : allocs[i]->getUsers())
        if (mlir::isa<exec::LaunchOp>(user)) {
          lives[i].first = std::min(lives[i].first, positions[user]);
          lives[i].last = std::max(lives[i].last, positions[user]);
        }

    for (int shape = 0; shape < 30; ++shape) {
      std::uniform_int_distribution<int64_t> extent(0,
                                                    shape % 3 == 0 ? 3 : 5000);
      int64_t n = extent(random), m = extent(random);
      std::vector<int64_t> begins(allocs.size(), 0), ends(allocs.size(), 0);
      llvm::DenseMap<mlir::Value, int64_t> endOf;
      for (size_t i = 0; i < allocs.size(); ++i) {
        for (mlir::Value below : allocs[i].getAbove()) {
          ASSERT_TRUE(endOf.count(below)) << "a buffer lies above a later one";
          begins[i] = std::max(begins[i], endOf[below]);
        }
        ends[i] = begins[i] + valueOf(allocs[i].getBytes(), n, m);
        endOf[allocs[i].getResult()] = (ends[i] + 63) / 64 * 64;
      }
      for (size_t i = 0; i < allocs.size(); ++i)
        for (size_t j = 0; j < i; ++j) {
          bool areLive = lives[i].first <= lives[j].last &&
                         lives[j].first <= lives[i].last;
          bool share = begins[i] < ends[j] && begins[j] < ends[i];
          ASSERT_FALSE(areLive && share)
              << "buffers " << i << " and " << j << " at N = " << n
              << ", M = " << m << " in round " << round;
        }
    }
  }
}

} // namespace
} // namespace sinter
