// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walk over a function: symbols, checks, branches, groups, faults. What the
// operations compute is the matter of the ONNX node cases.
#include "compiler/evaluate/Evaluate.h"
#include "dialects/graph/GraphDialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include <cstring>
#include <gtest/gtest.h>

using namespace mlir;
using namespace sinter::evaluate;

namespace {

template <typename T>
Tensor tensor(ElementKind kind, Shape shape, std::vector<T> data) {
  Tensor t{kind, std::move(shape), std::vector<char>(data.size() * sizeof(T))};
  if (!data.empty())
    std::memcpy(t.bytes.data(), data.data(), t.bytes.size());
  return t;
}

Tensor floats(Shape shape, std::vector<float> data) {
  return tensor(ElementKind::F32, std::move(shape), std::move(data));
}

template <typename T> std::vector<T> elements(const Tensor &t) {
  std::vector<T> data(t.bytes.size() / sizeof(T));
  if (!data.empty())
    std::memcpy(data.data(), t.bytes.data(), t.bytes.size());
  return data;
}

class Evaluate : public ::testing::Test {
protected:
  Evaluate() {
    context.loadDialect<func::FuncDialect, sinter::graph::GraphDialect>();
  }
  FailureOr<std::vector<Tensor>> run(StringRef body,
                                     std::vector<Tensor> inputs) {
    module = parseSourceString<ModuleOp>(body, &context);
    EXPECT_TRUE(module);
    if (!module)
      return failure();
    return evaluate(*module->getOps<func::FuncOp>().begin(), inputs, options,
                    error);
  }
  void expectError(StringRef part) {
    EXPECT_NE(error.find(part.str()), std::string::npos) << error;
  }
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  Options options;
  std::string error;
};

} // namespace

static const char *const dynamicAdd = R"(
  func.func @f(%x: tensor<?x2xf32, #sym.dims<[N, 2]>>,
               %y: tensor<?x2xf32, #sym.dims<[M, 2]>>)
      -> tensor<?x2xf32, #sym.dims<[N, 2]>> {
    graph.symbol "N" {min = 0 : i64, max = 3 : i64}
    graph.check #sym.dim<N> equals #sym.dim<M> loc("add_3")
    %r = graph.reshape %y : tensor<?x2xf32, #sym.dims<[M, 2]>>
        to tensor<?x2xf32, #sym.dims<[N, 2]>>
    %0 = graph.map "add"(%x, %r)
        : (tensor<?x2xf32, #sym.dims<[N, 2]>>,
           tensor<?x2xf32, #sym.dims<[N, 2]>>)
        -> tensor<?x2xf32, #sym.dims<[N, 2]>>
    return %0 : tensor<?x2xf32, #sym.dims<[N, 2]>>
  })";

TEST_F(Evaluate, BindsSymbolsFromInputs) {
  auto results = run(dynamicAdd, {floats({2, 2}, {1, 2, 3, 4}),
                                  floats({2, 2}, {10, 20, 30, 40})});
  ASSERT_TRUE(succeeded(results)) << error;
  EXPECT_EQ((*results)[0].shape, (Shape{2, 2}));
  EXPECT_EQ(elements<float>((*results)[0]),
            (std::vector<float>{11, 22, 33, 44}));
}

TEST_F(Evaluate, TakesATensorWithoutElements) {
  auto results = run(dynamicAdd, {floats({0, 2}, {}), floats({0, 2}, {})});
  ASSERT_TRUE(succeeded(results)) << error;
  EXPECT_EQ((*results)[0].shape, (Shape{0, 2}));
}

TEST_F(Evaluate, NamesTheNodeOfAFailedCheck) {
  EXPECT_TRUE(failed(
      run(dynamicAdd, {floats({1, 2}, {1, 2}), floats({2, 2}, {1, 2, 3, 4})})));
  expectError("node 'add_3'");
  expectError("N is 1, M is 2");
}

TEST_F(Evaluate, RefusesInputsThatDoNotFit) {
  EXPECT_TRUE(failed(run(dynamicAdd, {floats({4, 2}, std::vector<float>(8)),
                                      floats({4, 2}, std::vector<float>(8))})));
  expectError("dimension N is 4, expected 0 to 3");
  EXPECT_TRUE(failed(
      run(dynamicAdd, {floats({1, 3}, {1, 2, 3}), floats({1, 2}, {1, 2})})));
  expectError("input 0 has shape 1x3, expected 1x2");
  EXPECT_TRUE(
      failed(run(dynamicAdd, {tensor<int32_t>(ElementKind::I32, {1, 2}, {1, 2}),
                              floats({1, 2}, {1, 2})})));
  expectError("input 0 has elements of i32, expected f32");
  EXPECT_TRUE(failed(run(dynamicAdd, {floats({1, 2}, {1, 2})})));
  expectError("expected 2 inputs, found 1");
}

TEST_F(Evaluate, DoubleModeReturnsDoubles) {
  options.mode = Mode::Double;
  auto results =
      run(dynamicAdd, {floats({1, 2}, {1, 1}), floats({1, 2}, {1e-9f, 0})});
  ASSERT_TRUE(succeeded(results)) << error;
  EXPECT_EQ((*results)[0].kind, ElementKind::F64);
  EXPECT_EQ(elements<double>((*results)[0])[0], 1 + double(1e-9f));
}

TEST_F(Evaluate, RunsOnlyTheBranchThatIsTaken) {
  const char *text = R"(
    func.func @f(%c: tensor<i1>, %i: tensor<1xi64>, %x: tensor<3xf32>)
        -> tensor<1xf32> {
      %0 = graph.if %c : (tensor<i1>) -> tensor<1xf32> then {
        %1 = graph.gather %x, %i {axis = 0 : i64}
            : (tensor<3xf32>, tensor<1xi64>) -> tensor<1xf32>
        graph.yield %1 : tensor<1xf32>
      } else {
        %2 = graph.constant(dense<7.0> : tensor<1xf32>) : tensor<1xf32>
        graph.yield %2 : tensor<1xf32>
      }
      return %0 : tensor<1xf32>
    })";
  auto call = [&](char condition, int64_t index) {
    return run(text, {tensor<char>(ElementKind::Bool, {}, {condition}),
                      tensor<int64_t>(ElementKind::I64, {1}, {index}),
                      floats({3}, {1, 2, 3})});
  };
  EXPECT_EQ(elements<float>((*call(1, 2))[0])[0], 3);
  EXPECT_EQ(elements<float>((*call(0, 9))[0])[0], 7);
  EXPECT_TRUE(failed(call(1, 9)));
  expectError("index 9 is outside an axis of 3");
}

TEST_F(Evaluate, BindsADimensionThatDataDecides) {
  auto results = run(R"(
    func.func @f(%x: tensor<4xf32>) -> tensor<?xf32, #sym.dims<[K]>> {
      %where, %count = graph.nonzero %x : (tensor<4xf32>)
          -> (tensor<1x?xi64, #sym.dims<[1, K]>>, tensor<i64>)
      graph.bind_dim %count[0] to "K" : tensor<i64>
      %flat = graph.reshape %where : tensor<1x?xi64, #sym.dims<[1, K]>>
          to tensor<?xi64, #sym.dims<[K]>>
      %0 = graph.gather %x, %flat {axis = 0 : i64}
          : (tensor<4xf32>, tensor<?xi64, #sym.dims<[K]>>)
          -> tensor<?xf32, #sym.dims<[K]>>
      return %0 : tensor<?xf32, #sym.dims<[K]>>
    })",
                     {floats({4}, {0, 5, 0, 6})});
  ASSERT_TRUE(succeeded(results)) << error;
  EXPECT_EQ(elements<float>((*results)[0]), (std::vector<float>{5, 6}));
}

TEST_F(Evaluate, ObservesEveryComputedValue) {
  int seen = 0;
  options.observer = [&](mlir::Value, const sinter::evaluate::Value &value) {
    ++seen;
    EXPECT_EQ(value.shape, (Shape{1, 2}));
  };
  ASSERT_TRUE(succeeded(
      run(dynamicAdd, {floats({1, 2}, {1, 2}), floats({1, 2}, {1, 2})})));
  EXPECT_EQ(seen, 2);
}
