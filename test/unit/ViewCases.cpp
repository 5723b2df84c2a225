// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random views, and from a define's text to loaded kernels.

#include "test/unit/ViewCases.h"
#include "codegen/cpu/CompileKernel.h"
#include "dialects/Support/Check.h"
#include "dialects/kernel/ItemPlan.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <numeric>

using namespace mlir;

namespace sinter::test {

int64_t Random::size() {
  static const int64_t sizes[] = {1, 1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 33};
  if (oneIn(40))
    return 0;
  return sizes[below(std::size(sizes))];
}

Domain::Domain(Shape dims, bool dynamic, Random &random) : dims(dims) {
  for (int64_t dim : dims) {
    if (!dynamic || random.oneIn(2)) {
      text.push_back(std::to_string(dim));
      continue;
    }
    text.push_back("p" + std::to_string(params.size()));
    params.push_back(dim);
  }
}

static std::string joined(const std::vector<std::string> &parts) {
  std::string text = "[";
  for (const std::string &part : parts)
    text += (text.size() > 1 ? ", " : "") + part;
  return text + "]";
}

std::string TestView::type() const {
  return "!kernel.view<" + joined(dimText) + " x " + element + ", " +
         joined(strideText) + ">";
}

int64_t TestView::bytes() const {
  if (element == "i1")
    return 1;
  return std::stoi(element.substr(element.find_first_of("0123456789"))) / 8;
}

int64_t TestView::elements() const {
  int64_t last = 1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0)
      return 0;
    last += (dims[i] - 1) * strides[i];
  }
  return last;
}

void TestView::allocate(Random &random) {
  memory = std::make_shared<Guarded>(elements() * bytes(), random.oneIn(4));
}

int64_t TestView::offset(const Shape &index) const {
  int64_t offset = 0;
  for (size_t i = 0; i < index.size(); ++i)
    offset += index[i] * strides[i];
  return offset;
}

namespace {

template <typename Visit>
auto withType(const std::string &element, Visit visit) {
  if (element == "f32")
    return visit(float());
  if (element == "f64")
    return visit(double());
  if (element == "f16")
    return visit(_Float16());
  if (element == "i64")
    return visit(int64_t());
  if (element == "i32")
    return visit(int32_t());
  if (element == "i16")
    return visit(int16_t());
  if (element == "i8")
    return visit(int8_t());
  SINTER_CHECK(element == "ui8" || element == "i1", "unknown element type");
  return visit(uint8_t());
}

} // namespace

double TestView::get(const Shape &index) const {
  return withType(element, [&](auto zero) {
    return double(memory->as<decltype(zero)>()[offset(index)]);
  });
}

void TestView::set(const Shape &index, double value) const {
  withType(element, [&](auto zero) {
    memory->as<decltype(zero)>()[offset(index)] = decltype(zero)(value);
    return 0;
  });
}

void TestView::fill(Random &random, double low, double high) {
  int64_t n = elements();
  for (int64_t i = 0; i < n; ++i) {
    double value = low + (high - low) * double(random.below(1000)) / 1000;
    if (element[0] != 'f' && element[0] != 'b')
      value = std::trunc(value);
    if (element == "ui8")
      value = std::fabs(value);
    if (element == "i1")
      value = random.below(2);
    withType(element, [&](auto zero) {
      memory->as<decltype(zero)>()[i] = decltype(zero)(value);
      return 0;
    });
  }
}

TestView makeView(const Domain &domain, const std::string &element,
                  std::vector<unsigned> order, int64_t gap,
                  std::vector<bool> repeated) {
  size_t rank = domain.dims.size();
  if (order.empty()) {
    order.resize(rank);
    std::iota(order.begin(), order.end(), 0);
  }
  TestView view{element,
                domain.dims,
                Shape(rank),
                domain.text,
                std::vector<std::string>(rank),
                nullptr};
  int64_t stride = 1;
  std::string text = "1";
  for (size_t i = rank; i-- > 0;) {
    unsigned axis = order[i];
    if (!repeated.empty() && repeated[axis]) {
      view.strides[axis] = 0;
      view.strideText[axis] = "0";
      continue;
    }
    view.strides[axis] = stride;
    view.strideText[axis] = text;
    int64_t padding = i + 1 == rank ? gap : 0;
    stride *= domain.dims[axis] + padding;
    text = text + " * (" + domain.text[axis] + " + " + std::to_string(padding) +
           ")";
  }
  return view;
}

TestView randomView(const Domain &domain, const std::string &element,
                    Random &random, bool mayRepeat) {
  size_t rank = domain.dims.size();
  std::vector<unsigned> order(rank);
  std::iota(order.begin(), order.end(), 0);
  if (random.oneIn(2))
    std::shuffle(order.begin(), order.end(), random.engine);
  std::vector<bool> repeated(rank);
  if (mayRepeat && random.oneIn(3))
    for (size_t i = 0; i < rank; ++i)
      repeated[i] = random.oneIn(2);
  return makeView(domain, element, order, random.oneIn(3) ? random.below(5) : 0,
                  repeated);
}

TestView twinOf(const TestView &result, Random &random) {
  TestView twin = result;
  twin.allocate(random);
  twin.fill(random);
  return twin;
}

void forEachIndex(const Shape &dims,
                  const std::function<void(const Shape &)> &visit) {
  for (int64_t dim : dims)
    if (dim == 0)
      return;
  Shape index(dims.size());
  while (true) {
    visit(index);
    size_t axis = dims.size();
    while (axis > 0 && ++index[axis - 1] == dims[axis - 1])
      index[--axis] = 0;
    if (axis == 0)
      return;
  }
}

namespace {
struct Mode {
  const cpu::Target *target;
  bool emulate, plain;
};
} // namespace

/// Every target, emulated where this machine lacks it, and plain code. Every
/// other time the widest is emulated too, so that this is tested on machines
/// that have it.
static std::vector<Mode> modes() {
  static unsigned calls = 0;
  std::vector<Mode> result;
  for (const cpu::Target &target : cpu::allTargets())
    result.push_back({&target, !cpu::hostSupports(target), false});
  const cpu::Target *widest = result.back().target;
  if (!result.back().emulate && calls++ % 2 == 0)
    result.push_back({widest, true, false});
  result.push_back({widest, false, true});
  return result;
}

void forEachTarget(const std::string &text, const std::vector<int64_t> &params,
                   const std::function<void(const Prepared &)> &check) {
  DialectRegistry registry;
  cpu::registerCodegenDialects(registry);
  registry.insert<kernel::KernelDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module) << text;
  kernel::DefineOp define = *module->getOps<kernel::DefineOp>().begin();
  std::optional<kernel::ItemPlan> plan = kernel::itemPlanOf(define);
  ASSERT_TRUE(plan) << text;
  auto items = sym::evaluate(plan->items(&context), [&](StringRef name) {
    return std::optional(params[std::stoi(name.drop_front().str())]);
  });
  ASSERT_TRUE(items) << text;
  for (auto [target, emulate, plain] : modes()) {
    cpu::CodegenOptions options;
    options.emulatePrims = emulate;
    options.plain = plain;
    FailureOr<std::string> object =
        cpu::compileKernel(define, "k", *target, options);
    ASSERT_TRUE(succeeded(object)) << text;
    for (const std::string &name : undefinedSymbols(*object))
      EXPECT_TRUE(name == "memcpy" || name == "memset" || name == "memmove")
          << name << "\n"
          << text;
    LoadedKernel kernel(*object, "k");
    check({&kernel, *items, plan->scratch,
           target->isa.str() + (emulate ? " emulated"
                                : plain ? " plain"
                                        : ""),
           target->has("fma")});
  }
}

} // namespace sinter::test
