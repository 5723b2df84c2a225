// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What tests of compiled kernels start from: a context that reads and lowers
// them, and draws that a seed repeats.

#ifndef SINTER_TEST_UNIT_KERNELFIXTURE_H
#define SINTER_TEST_UNIT_KERNELFIXTURE_H

#include "codegen/cpu/CompileKernel.h"
#include "dialects/kernel/KernelOps.h"

#include "mlir/IR/MLIRContext.h"
#include <gtest/gtest.h>
#include <random>

namespace sinter::test {

class KernelFixture : public ::testing::Test {
protected:
  explicit KernelFixture(unsigned seed)
      : context(registry(), mlir::MLIRContext::Threading::DISABLED),
        random(seed) {
    context.loadAllAvailableDialects();
  }

  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registry.insert<kernel::KernelDialect>();
    cpu::registerCodegenDialects(registry);
    return registry;
  }

  int64_t pick(std::vector<int64_t> values) {
    return values[std::uniform_int_distribution<size_t>(0, values.size() -
                                                               1)(random)];
  }

  mlir::MLIRContext context;
  std::mt19937 random;
};

} // namespace sinter::test

#endif // SINTER_TEST_UNIT_KERNELFIXTURE_H
