// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The property of every rewrite: the evaluator sees no difference. Each program
// of test/passes/simplify is run on random inputs before and after the passes,
// with every symbol at 3; where the program itself faults (an index outside its
// axis), it must fault afterwards too.
#include "compiler/evaluate/ConstantFolder.h"
#include "compiler/evaluate/Convert.h"
#include "compiler/evaluate/Evaluate.h"
#include "dialects/graph/GraphDialect.h"
#include "passes/simplify/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace sinter::evaluate;

namespace {

struct Program {
  std::string file, function;
};

std::vector<std::string> programFiles() {
  std::vector<std::string> files;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(SINTER_SIMPLIFY_PROGRAMS, error),
       end;
       it != end && !error; it.increment(error))
    files.push_back(it->path());
  std::sort(files.begin(), files.end());
  return files;
}

Tensor randomTensor(RankedTensorType type, std::mt19937 &random) {
  Shape shape;
  for (sinter::sym::DimAttr dim : sinter::sym::dimsOf(type))
    shape.push_back(*sinter::sym::evaluate(
        dim, [](StringRef) { return std::optional<int64_t>(3); }));
  ElementKind kind = *kindOf(type.getElementType());
  sinter::evaluate::Value value = makeValue(kind, shape, Mode::Declared);
  std::visit(
      [&](auto &data) {
        using T = typename std::decay_t<decltype(data)>::value_type;
        for (T &x : data)
          x = std::is_integral_v<T>
                  ? static_cast<T>(random() % 7) - 3
                  : static_cast<T>(
                        std::normal_distribution<double>(0, 2)(random));
      },
      value.data);
  settle(value, Mode::Declared);
  return toTensor(value);
}

std::vector<double> numbersOf(const Tensor &tensor) {
  auto value =
      fromBytes(tensor.kind, tensor.shape, tensor.bytes.data(), Mode::Double);
  std::vector<double> numbers;
  std::visit(
      [&](const auto &data) { numbers.assign(data.begin(), data.end()); },
      value.data);
  return numbers;
}

void expectSame(const std::vector<Tensor> &before,
                const std::vector<Tensor> &after) {
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].kind, after[i].kind);
    ASSERT_EQ(before[i].shape, after[i].shape);
    std::vector<double> a = numbersOf(before[i]), b = numbersOf(after[i]);
    double largest = 1e-30, worst = 0;
    for (size_t j = 0; j < a.size(); ++j) {
      if (std::isnan(a[j]) && std::isnan(b[j]))
        continue;
      largest = std::max(largest, std::fabs(a[j]));
      worst = std::max(worst, std::fabs(a[j] - b[j]));
    }
    EXPECT_LE(worst, 4e-6 * largest) << "result " << i;
  }
}

class Simplify : public ::testing::TestWithParam<std::string> {};

} // namespace

TEST_P(Simplify, ChangesNoResult) {
  MLIRContext context;
  context.loadDialect<func::FuncDialect, sinter::graph::GraphDialect>();
  OwningOpRef<ModuleOp> before =
      parseSourceFile<ModuleOp>(GetParam(), &context);
  ASSERT_TRUE(before);
  OwningOpRef<ModuleOp> after = before->clone();
  PassManager passes(&context);
  sinter::addSimplifyPasses(passes.nest<func::FuncOp>(),
                            makeConstantEvaluator());
  ASSERT_TRUE(succeeded(passes.run(*after)));

  std::mt19937 random(7);
  for (auto function : before->getOps<func::FuncOp>()) {
    SCOPED_TRACE(function.getName().str());
    auto changed = after->lookupSymbol<func::FuncOp>(function.getName());
    std::vector<Tensor> inputs;
    for (Type type : function.getArgumentTypes())
      inputs.push_back(
          randomTensor(mlir::cast<RankedTensorType>(type), random));
    std::string errorBefore, errorAfter;
    auto old = evaluate(function, inputs, Options(), errorBefore);
    auto now = evaluate(changed, inputs, Options(), errorAfter);
    ASSERT_EQ(failed(old), failed(now)) << errorBefore << errorAfter;
    if (succeeded(old))
      expectSame(*old, *now);
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, Simplify,
                         ::testing::ValuesIn(programFiles()),
                         [](const auto &info) {
                           std::string name =
                               info.param.substr(info.param.rfind('/') + 1);
                           name = name.substr(0, name.find('.'));
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });
