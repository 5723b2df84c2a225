// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every extern function against the reference evaluator on random small shapes,
// between guard pages, whole and cut into parts, for both x86 targets.

#include "codegen/cpu/CompileKernel.h"
#include "compiler/evaluate/core/Extern.h"
#include "compiler/evaluate/core/Operations.h"
#include "dialects/kernel/ExternTable.h"
#include "sinter/image.h"
#include "test/unit/KernelFixture.h"
#include "test/unit/KernelRunner.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace sinter;
using namespace sinter::test;
using namespace sinter::evaluate;

namespace {

Value floats(Shape shape, std::mt19937 &random) {
  std::uniform_real_distribution<float> uniform(-2, 2);
  std::vector<float> data(elementCount(shape));
  for (float &x : data)
    x = uniform(random);
  return {ElementKind::F32, shape, data};
}

Value integers(Shape shape, int64_t low, int64_t high, std::mt19937 &random) {
  std::uniform_int_distribution<int64_t> uniform(low, high);
  std::vector<int64_t> data(elementCount(shape));
  for (int64_t &x : data)
    x = uniform(random);
  return {ElementKind::I64, shape, data};
}

std::string viewType(const Value &value) {
  std::string dims, strides;
  int64_t stride = value.count();
  for (size_t axis = 0; axis < value.shape.size(); ++axis) {
    stride = value.shape[axis] ? stride / value.shape[axis] : 0;
    dims += (axis ? ", " : "") + std::to_string(value.shape[axis]);
    strides += (axis ? ", " : "") + std::to_string(stride);
  }
  std::string element = value.kind == ElementKind::F32 ? "f32" : "i64";
  return "!kernel.view<[" + dims + "] x " + element + ", [" + strides + "]>";
}

class Extern : public test::KernelFixture {
protected:
  Extern() : KernelFixture(7) {}

  std::string text(const std::string &callee, const std::vector<Value> &inputs,
                   const std::vector<Value> &outputs, const Ints &ints,
                   const std::vector<double> &reals) {
    std::string in, out, ins, outs, inTypes, outTypes;
    for (size_t i = 0; i < inputs.size(); ++i) {
      std::string name = "%i" + std::to_string(i), comma = i ? ", " : "";
      in += comma + name + ": " + viewType(inputs[i]);
      ins += comma + name, inTypes += comma + viewType(inputs[i]);
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      std::string name = "%o" + std::to_string(i), comma = i ? ", " : "";
      out += comma + name + ": " + viewType(outputs[i]);
      outs += comma + name, outTypes += comma + viewType(outputs[i]);
    }
    std::string integerText, floatText;
    for (int64_t x : ints)
      integerText += (integerText.empty() ? "" : ", ") + std::to_string(x);
    for (double x : reals)
      floatText += (floatText.empty() ? "" : ", ") + std::to_string(x);
    return "kernel.define @k (" + in + ") -> (" + out +
           ") params = 0 { kernel.extern \"" + callee + "\" ins(" + ins +
           " : " + inTypes + ") outs(" + outs + " : " + outTypes +
           ") attributes {integers = #sym.dims<[" + integerText +
           "]>, floats = array<f64" +
           (floatText.empty() ? "" : ": " + floatText) + ">} }";
  }

  void check(const std::string &callee, const std::vector<Value> &inputs,
             const std::vector<Value> &expected, const Ints &ints,
             const std::vector<double> &reals = {}, double tolerance = 0,
             uint32_t fault = 0) {
    std::string source = text(callee, inputs, expected, ints, reals);
    for (const cpu::Target &target : cpu::allTargets()) {
      auto module = mlir::parseSourceString<mlir::ModuleOp>(source, &context);
      ASSERT_TRUE(module) << source;
      auto define = *module->getOps<kernel::DefineOp>().begin();
      auto root = mlir::cast<kernel::ExternOp>(define.getRoot());
      int64_t items = *sym::asConstant(kernel::itemsOf(root));
      cpu::CodegenOptions options;
      options.emulatePrims = !cpu::hostSupports(target);
      mlir::FailureOr<std::string> object =
          cpu::compileKernel(define, "k", target, options);
      ASSERT_TRUE(succeeded(object)) << source;
      for (const std::string &symbol : undefinedSymbols(*object))
        EXPECT_TRUE(symbol == "memcpy" || symbol == "memset" ||
                    symbol == "memmove")
            << symbol;
      LoadedKernel kernel(*object, "k");
      for (int64_t parts : {1, 3})
        compare(kernel, inputs, expected, items, parts, tolerance, fault,
                source);
    }
  }

  void compare(const LoadedKernel &kernel, const std::vector<Value> &inputs,
               const std::vector<Value> &expected, int64_t items, int64_t parts,
               double tolerance, uint32_t fault, const std::string &source) {
    std::vector<std::unique_ptr<Guarded>> memory;
    std::vector<void *> buffers;
    for (const Value &input : inputs) {
      Tensor tensor = toTensor(input);
      memory.push_back(std::make_unique<Guarded>(tensor.bytes.size()));
      std::copy(tensor.bytes.begin(), tensor.bytes.end(),
                static_cast<char *>(memory.back()->data()));
      buffers.push_back(memory.back()->data());
    }
    for (const Value &output : expected) {
      memory.push_back(
          std::make_unique<Guarded>(toTensor(output).bytes.size()));
      buffers.push_back(memory.back()->data());
    }
    EXPECT_EQ(kernel.run(buffers, {}, items, 0, parts), fault) << source;
    for (size_t i = 0; i < expected.size(); ++i) {
      const Guarded &actual = *memory[inputs.size() + i];
      for (int64_t j = 0; j < expected[i].count(); ++j) {
        if (expected[i].kind == ElementKind::F32)
          ASSERT_NEAR(actual.as<float>()[j], expected[i].as<float>()[j],
                      tolerance)
              << source << " output " << i << " element " << j;
        else
          ASSERT_EQ(actual.as<int64_t>()[j], expected[i].as<int64_t>()[j])
              << source << " output " << i << " element " << j;
      }
    }
  }
  Fault fault;
};

TEST_F(Extern, Gather) {
  Value data = floats({3, 4, 5}, random);
  for (int64_t axis : {0, 1, 2})
    for (const Shape &shape : {Shape{}, Shape{2}, Shape{2, 3}, Shape{0}}) {
      Value indices = integers(shape, -3, 2, random);
      check("gather", {data, indices}, {gather(data, indices, axis, fault)},
            {axis});
    }
}

TEST_F(Extern, BadIndexIsAFaultAndReadsNothingOutside) {
  Value data = floats({3, 5}, random), indices = integers({2}, 3, 9, random);
  Value last = integers({2}, 2, 2, random);
  check("gather", {data, indices}, {gather(data, last, 0, fault)}, {0}, {}, 0,
        SINTER_FAULT_INDEX);
}

TEST_F(Extern, GatherElementsAndTuples) {
  Value data = floats({3, 4, 5}, random);
  Value bad = integers({2, 3, 4}, 5, 9, random);
  std::vector<int64_t> zeros(bad.count());
  Value first{ElementKind::I64, bad.shape, zeros};
  for (int64_t axis : {1, 2})
    check("gather_elements", {data, bad},
          {gatherElements(data, first, axis, fault)}, {axis}, {}, 0,
          SINTER_FAULT_INDEX);
  for (int64_t axis : {0, 1, 2}) {
    Value indices = integers({2, 3, 4}, -2, 2, random);
    check("gather_elements", {data, indices},
          {gatherElements(data, indices, axis, fault)}, {axis});
  }
  for (int64_t axis : {0, 2}) { // none counts from the end
    Value plain = integers({2, 3, 5}, 0, 2, random);
    check("gather_elements", {data, plain},
          {gatherElements(data, plain, axis, fault)}, {axis});
  }
  for (int64_t depth : {1, 2, 3}) {
    Value indices = integers({2, 2, depth}, -3, 2, random);
    check("gather_nd", {data, indices}, {gatherND(data, indices, 0, fault)},
          {0});
  }
  Value indices = integers({3, 2, 1}, -3, 2, random);
  check("gather_nd", {data, indices}, {gatherND(data, indices, 1, fault)}, {1});
}

TEST_F(Extern, Scatter) {
  Value data = floats({4, 5}, random), updates = floats({3, 2}, random);
  Value indices = integers({3, 2}, -4, 3, random);
  for (int64_t combine = 0; combine < 5; ++combine)
    for (int64_t axis : {0, 1})
      check("scatter_elements", {data, indices, updates},
            {scatterElements(data, indices, updates, axis, Combine(combine),
                             fault)},
            {axis, combine});
  Value rows = floats({3, 5}, random), tuples = integers({3, 1}, -4, 3, random);
  for (int64_t combine = 0; combine < 5; ++combine)
    check("scatter_nd", {data, tuples, rows},
          {scatterND(data, tuples, rows, Combine(combine), fault)}, {combine});
  Value plain = integers({3, 2}, 0, 3, random), one = floats({3}, random);
  for (int64_t axis : {0, 1})
    check("scatter_elements", {data, plain, updates},
          {scatterElements(data, plain, updates, axis, Combine::None, fault)},
          {axis, 0});
  check("scatter_nd", {data, plain, one},
        {scatterND(data, plain, one, Combine::None, fault)}, {0});
}

TEST_F(Extern, OneHot) {
  Value indices = integers({2, 3}, -4, 4, random), values = floats({2}, random);
  for (int64_t axis : {0, 1, 2})
    check("one_hot", {indices, values}, {oneHot(indices, values, axis, 4)},
          {axis});
}

TEST_F(Extern, Pad) {
  Value data = floats({3, 4, 5}, random), value = floats({}, random);
  for (int64_t mode : {0, 1, 2, 3})
    check("pad", {data},
          {pad(data, nullptr, PadMode(mode), {1, 0, 2}, {0, 2, 1}, fault)},
          {mode, 1, 0, 2});
  check("pad", {data, value},
        {pad(data, &value, PadMode::Constant, {-1, 1, 0}, {0, -2, 3}, fault)},
        {0, -1, 1, 0});
}

TEST_F(Extern, Resize) {
  const char *modes[] = {"nearest", "linear", "cubic"};
  const char *coordinates[] = {"half_pixel",           "asymmetric",
                               "align_corners",        "pytorch_half_pixel",
                               "half_pixel_symmetric", "tf_crop_and_resize"};
  const char *rounding[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                            "ceil"};
  for (int64_t mode = 0; mode < 3; ++mode)
    for (int64_t coordinate = 0; coordinate < 6; ++coordinate)
      for (int64_t nearest = 0; nearest < (mode ? 1 : 4); ++nearest)
        for (const Shape &shape :
             {coordinate % 2 ? Shape{1, 7, 9, 3} : Shape{2, 3, 4, 6}}) {
          Value data = floats({shape[0], 4, 5, 3}, random);
          evaluate::Resize resize{modes[mode],
                                  coordinates[coordinate],
                                  rounding[nearest],
                                  {1, 0, 0, 0},
                                  {0, 0.1, 0.2, 0, 1, 0.9, 1.1, 1}};
          check("resize", {data}, {evaluate::resize(data, shape, resize)},
                {mode, coordinate, nearest, 0, 0},
                {-0.75, 0, 1, 0, 0, 0, 0, 0.1, 0.2, 0, 1, 0.9, 1.1, 1}, 2e-5);
        }
}

TEST_F(Extern, OrdersAlongAnAxis) {
  Value data = floats({4, 5, 3}, random),
        ties = integers({4, 5, 3}, 0, 2, random), wide = ties;
  for (int64_t &value : wide.as<int64_t>())
    value = (value - 1) * (int64_t(3) << 31) + value; // no i32 holds them
  TopK widest = topK(wide, 3, 1, true);
  check("topk", {wide}, {widest.values, widest.indices}, {1, 1, 1});
  for (int64_t axis : {0, 1, 2})
    for (bool flag : {false, true}) {
      check("arg_reduce", {ties}, {argReduce(ties, flag, axis, true, !flag)},
            {axis, flag, !flag});
      check("cumsum", {data}, {cumsum(data, axis, flag, !flag)},
            {axis, flag, !flag}, {}, 1e-6);
      for (int64_t k : {0, 1, 3}) {
        TopK best = topK(data, k, axis, flag), tied = topK(ties, k, axis, flag);
        check("topk", {data}, {best.values, best.indices}, {axis, flag, 1});
        check("topk", {ties}, {tied.values, tied.indices}, {axis, flag, 1});
      }
    }
}

/// Long enough for vectors, for neighbouring lines and for blocks of a row.
TEST_F(Extern, LongLines) {
  std::vector<float> few(3 * 37 * 70);
  for (float &x : few)
    x = float(random() % 9);
  Value ties{ElementKind::F32, {3, 37, 70}, few},
      data = floats({3, 37, 70}, random),
      counts = integers({3, 37, 70}, -50, 50, random);
  for (int64_t axis : {1, 2})
    for (bool flag : {false, true}) {
      for (bool last : {false, true})
        check("arg_reduce", {ties}, {argReduce(ties, flag, axis, true, last)},
              {axis, flag, last});
      check("cumsum", {data}, {cumsum(data, axis, flag, !flag)},
            {axis, flag, !flag}, {}, 1e-5);
      for (const Value &x : {data, ties, counts}) {
        TopK best = topK(x, 30, axis, flag);
        check("topk", {x}, {best.values, best.indices}, {axis, flag, 1});
      }
      check("cumsum", {counts}, {cumsum(counts, axis, flag, !flag)},
            {axis, flag, !flag});
      check("arg_reduce", {counts}, {argReduce(counts, flag, axis, true, flag)},
            {axis, flag, flag});
    }
}

/// Lines of more than a block, of fewer elements than a vector has lanes, and
/// rows.
TEST_F(Extern, LongResizes) {
  const char *modes[] = {"nearest", "linear", "cubic"};
  auto resized = [&](int64_t mode, const Value &x, const Shape &shape) {
    evaluate::Resize resize{modes[mode],
                            "half_pixel",
                            "round_prefer_floor",
                            {0, 0, 0},
                            {0, 0, 0, 1, 1, 1}};
    check("resize", {x}, {evaluate::resize(x, shape, resize)},
          {mode, 0, 0, 0, 0}, {-0.75, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1}, 2e-5);
  };
  Value wide = floats({2, 3, 700}, random), tall = floats({2, 9, 33}, random),
        thin = floats({2, 3, 5}, random), rows = floats({7, 5, 19}, random),
        counts = integers({2, 3, 40}, -50, 50, random);
  for (int64_t mode : {0, 1, 2}) {
    resized(mode, wide, {2, 4, 90});
    resized(mode, wide, {2, 3, 1111});
    resized(mode, thin, {2, 7, 61});
    resized(mode, rows, {16, 300, 19});
  }
  resized(1, tall, {2, 4, 150});
  resized(0, counts, {2, 7, 93});
}

TEST_F(Extern, NonZeroAndNorms) {
  Value data = integers({3, 4}, 0, 1, random), found = nonZero(data);
  Value count{ElementKind::I64, {}, std::vector<int64_t>{found.shape[1]}};
  check("nonzero", {data}, {found, count}, {});
  Value image = floats({2, 6, 3, 3}, random), scale = floats({6}, random),
        bias = floats({6}, random);
  check("lrn", {image}, {lrn(image, 5, 0.2, 0.75, 1)}, {1, 5}, {0.2, 0.75, 1},
        1e-6);
  check("group_norm", {image, scale, bias},
        {groupNorm(image, scale, bias, 3, 1e-5)}, {3}, {1e-5}, 2e-6);
}

TEST_F(Extern, Windows) {
  Value image = floats({2, 3, 6, 7}, random), indices;
  for (bool columnMajor : {false, true}) {
    Pool pool{PoolKind::Max, {3, 2}, {2, 1}, {1, 0, 1, 1},
              {1, 2},        false,  false,  columnMajor};
    Value values = evaluate::pool(image, pool, &indices);
    check("max_pool_indices", {image}, {values, indices},
          {columnMajor, 3, 2, 2, 1, 1, 0, 1, 2});
  }
  Value filter = floats({4, 3, 3, 2}, random), bias = floats({6}, random),
        input = floats({2, 4, 3, 5}, random);
  Value result = convTranspose(input, filter, &bias,
                               {{2, 1}, {1, 0, 0, 1}, {1, 2}, {1, 0}, 2});
  check("conv_transpose", {transpose(input, {0, 2, 3, 1}), filter, bias},
        {transpose(result, {0, 2, 3, 1})}, {2, 3, 2, 2, 1, 1, 0, 1, 2}, {},
        1e-5);
}

/// What the plain function of that name gives.
std::vector<Value> plainly(const std::string &callee,
                           std::vector<const Value *> inputs, Ints ints,
                           std::vector<double> reals,
                           const std::vector<Shape> &shapes) {
  ExternCall call{
      callee, std::move(inputs), std::move(ints), std::move(reals), {}};
  for (const Shape &shape : shapes)
    call.results.push_back(makeValue(ElementKind::F32, shape, Mode::Declared));
  Fault fault;
  EXPECT_TRUE(runExtern(call, fault));
  EXPECT_FALSE(fault) << fault.message;
  return call.results;
}

TEST_F(Extern, Caches) {
  Value past = floats({2, 3, 4, 5}, random),
        fresh = floats({2, 3, 2, 5}, random);
  auto starting = [](int64_t first, int64_t second) {
    return Value{ElementKind::I64, {2}, std::vector<int64_t>{first, second}};
  };
  for (int64_t extent : {4, 7}) {
    Value starts = starting(extent - 3, 2);
    check("write_rows", {past, fresh, starts},
          plainly("write_rows", {&past, &fresh, &starts}, {2, 0, extent == 7},
                  {}, {{2, 3, extent, 5}}),
          {2, 0, extent == 7});
  }
  Value round = starting(3, -1), last = floats({2, 3, 4, 2}, random);
  check("write_rows", {past, fresh, round},
        plainly("write_rows", {&past, &fresh, &round}, {2, 1, 0}, {},
                {{2, 3, 4, 5}}),
        {2, 1, 0});
  check("write_rows", {past, last, round},
        plainly("write_rows", {&past, &last, &round}, {3, 1, 0}, {},
                {{2, 3, 4, 5}}),
        {3, 1, 0});
  // Rows that would go behind the end go to its beginning, and are reported.
  Value outside = starting(1, 3), inside = starting(1, 0);
  check("write_rows", {past, fresh, outside},
        plainly("write_rows", {&past, &fresh, &inside}, {2, 0, 0}, {},
                {{2, 3, 4, 5}}),
        {2, 0, 0}, {}, 0, SINTER_FAULT_INDEX);
}

TEST_F(Extern, LinearAttention) {
  // Two heads of state for four of queries, keys of 3, values of 70.
  Value q = floats({2, 3, 12}, random), k = floats({2, 3, 6}, random),
        v = floats({2, 3, 140}, random), past = floats({2, 2, 3, 70}, random),
        beta = floats({2, 3, 1}, random);
  for (int64_t rule : {1, 2, 3}) {
    Value decay = floats({2, 3, rule == 1 ? 2 : 6}, random);
    check("linear_attention", {q, k, v, past, decay, beta},
          plainly("linear_attention", {&q, &k, &v, &past, &decay, &beta},
                  {2, 2, rule}, {0.5}, {{2, 3, 280}, {2, 2, 3, 70}}),
          {2, 2, rule}, {0.5}, 2e-3);
  }
}

TEST_F(Extern, Ngrams) {
  // Rows of 11 tokens below 3; pairs with up to two tokens between.
  Value x = integers({4, 11}, 0, 2, random),
        ones{ElementKind::I64, {2, 1}, std::vector<int64_t>{0, 2}},
        pairs{ElementKind::I64, {3, 2}, std::vector<int64_t>{0, 1, 1, 0, 2, 2}},
        columns{ElementKind::I64, {3}, std::vector<int64_t>{3, 0, 3}},
        two{ElementKind::I64, {2}, std::vector<int64_t>{1, 2}};
  check("ngrams", {x, ones, two},
        plainly("ngrams", {&x, &ones, &two}, {1}, {}, {{4, 4}}), {1}, {});
  for (int64_t steps : {1, 3, 100})
    check("ngrams", {x, pairs, columns},
          plainly("ngrams", {&x, &pairs, &columns}, {steps}, {}, {{4, 4}}),
          {steps}, {});
}

TEST(ExternTable, EveryFunctionIsKnownByName) {
  EXPECT_NE(kernel::findExtern("gather"), nullptr);
  EXPECT_EQ(kernel::findExtern("no_such_function"), nullptr);
}

} // namespace
