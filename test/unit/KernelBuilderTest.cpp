// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel, y = a * x + y over items of 100 elements, through every floor of
// code generation, for each target and emulated. The object is loaded and run.

#include "codegen/cpu/KernelBuilder.h"
#include "codegen/cpu/CompileKernel.h"
#include "test/unit/KernelRunner.h"

#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace sinter;
using namespace sinter::cpu;

namespace {

// Buffers: a (one float), x, y; p0 elements in all.
std::string compileAxpy(const Target &target, const CodegenOptions &options) {
  DialectRegistry registry;
  registerCodegenDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  context.loadDialect<sym::SymDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  KernelBuilder kb(*module, module->getLoc(), "axpy", 3, target);
  unsigned lanes = target.lanes();
  Type f32 = kb.b.getF32Type();
  Value total = kb.dim(sym::symbolDim(&context, "p0"));
  Value items = kb.dim(sym::ceilDiv(sym::symbolDim(&context, "p0"), 100));
  kb.items({items}, [&](ArrayRef<Value> at) {
    Value first = kb.mul(at[0], 100);
    Value last = kb.min(kb.add(first, 100), total);
    Value a = kb.loadBroadcast(f32, lanes, kb.buffer(0));
    kb.loop(first, last, lanes, [&](Value i) {
      Value count = kb.sub(last, i);
      Value x = kb.at(kb.buffer(1), kb.mul(i, 4)),
            y = kb.at(kb.buffer(2), kb.mul(i, 4));
      kb.store(kb.fma(a, kb.load(f32, lanes, x, count),
                      kb.load(f32, lanes, y, count)),
               y, count);
    });
  });
  kb.finish();
  FailureOr<std::string> object = compileModule(*module, target, options);
  return succeeded(object) ? *object : "";
}

void check(const Target &target, bool emulate) {
  std::string text;
  CodegenOptions options;
  options.emulatePrims = emulate;
  options.asmText = &text;
  std::string object = compileAxpy(target, options);
  ASSERT_FALSE(object.empty());
  EXPECT_NE(text.find(".hidden\taxpy"), std::string::npos);
  EXPECT_EQ(text.find("%zmm") != std::string::npos,
            target.vec.bits == 512 && !emulate)
      << text;
  EXPECT_EQ(test::undefinedSymbols(object), std::vector<std::string>{});
  EXPECT_NE(object.find(".note.gnu.property"), std::string::npos); // CET
  EXPECT_NE(text.find("endbr64"), std::string::npos);
  if (!emulate && !hostSupports(target))
    GTEST_SKIP() << target.isa.str() << " is not of this machine";
  test::LoadedKernel kernel(object, "axpy");
  for (int64_t n : {0, 1, 7, 100, 101, 333}) {
    test::Guarded a(4), x(4 * n), y(4 * n);
    a.as<float>()[0] = 3;
    for (int64_t i = 0; i < n; ++i) {
      x.as<float>()[i] = float(i);
      y.as<float>()[i] = 1;
    }
    kernel.run({a.data(), x.data(), y.data()}, {n}, (n + 99) / 100);
    for (int64_t i = 0; i < n; ++i)
      ASSERT_EQ(y.as<float>()[i], 3.0f * float(i) + 1)
          << "element " << i << " of " << n;
  }
}

TEST(KernelBuilder, RunsOnEveryTarget) {
  for (const Target &target : allTargets())
    check(target, /*emulate=*/false);
}

TEST(KernelBuilder, EmulatesTheWidestTarget) {
  check(allTargets().back(), /*emulate=*/true);
}

TEST(Target, TablesAreConsistent) {
  for (const Target &target : allTargets()) {
    EXPECT_EQ(findTarget(target.isa), &target);
    EXPECT_EQ(target.vec.bits % 128, 0u);
    EXPECT_EQ(target.has("fma"), target.isa != "x86-64-v2");
    Target plain = plainTarget(target);
    EXPECT_EQ(plain.isa, target.isa);               // the same schedule
    EXPECT_EQ(plain.has("fma"), target.has("fma")); // the same bits
    EXPECT_EQ(plain.vec.bits, 128u);
    EXPECT_FALSE(plain.has("avx512f"));
  }
  EXPECT_EQ(findTarget("z80"), nullptr);
}

} // namespace
