// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small models for runtime tests: images from the builder, kernels in C++, so
// the runtime is tested with no compiler and no object file.

#ifndef SINTER_TEST_UNIT_RUNTIMEMODELS_H
#define SINTER_TEST_UNIT_RUNTIMEMODELS_H

#include "ImageModel.h"
#include "codegen/image/ImageBuilder.h"

#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace sinter {

// A descriptor over an image and kernels that the test owns.
struct TestModel {
  std::vector<uint8_t> image;
  std::vector<sinter_kernel> kernels;
  std::vector<char> weights;
  sinter_isa isa = {"test", 0, nullptr};
  sinter_model model = {};

  void finish(ImageBuilder &b) {
    std::string error;
    ASSERT_TRUE(b.finish(image, error)) << error;
    attach();
  }
  void attach() {
    isa.kernels = kernels.data();
    model = modelOf(image, isa, "{}",
                    weights.empty() ? nullptr : weights.data(), weights.size());
  }
};

// Opens a program and one context with memory for `symbols`.
struct Runner {
  sinter_program *program = nullptr;
  sinter_context *context = nullptr;
  void *scratch = nullptr;
  sinter_error error = {};

  sinter_status open(const TestModel &m, uint32_t width = 1,
                     const sinter_host *host = nullptr) {
    sinter_open_args args = {sizeof args, 0,       width, 0,
                             host,        nullptr, 0,     nullptr};
    if (sinter_status s =
            sinter_program_open(&m.model, &args, nullptr, 0, &program, &error))
      return s;
    return sinter_context_init(program, 0, nullptr, 0, nullptr, 0, &context,
                               &error);
  }
  sinter_status size(std::vector<int64_t> symbols) {
    sinter_need need = {};
    if (sinter_status s =
            sinter_need_of(program, 0, symbols.data(), &need, &error))
      return s;
    return give(need.scratch);
  }
  sinter_status give(uint64_t bytes) {
    std::free(scratch);
    scratch = bytes ? std::aligned_alloc(64, bytes) : nullptr;
    return sinter_set_scratch(context, scratch, bytes);
  }
  template <typename T>
  sinter_status set(uint32_t slot, uint8_t dtype, std::vector<int64_t> dims,
                    std::vector<T> &data) {
    sinter_tensor t = {};
    t.data = data.data();
    t.bytes = data.size() * sizeof(T);
    t.rank = uint8_t(dims.size());
    t.dtype = dtype;
    std::copy(dims.begin(), dims.end(), t.dim);
    return sinter_set(context, slot, &t);
  }
  sinter_status run() { return sinter_run(context, &error); }
  std::string text(const TestModel &m) {
    char buf[512];
    sinter_error_text(&m.model, &error, buf, sizeof buf);
    return buf;
  }
  ~Runner() {
    sinter_context_close(context);
    sinter_program_close(program);
    std::free(scratch);
  }
};

// y[i] = x[i] + 1; n = items.
inline void addOneKernel(void *const *b, const int64_t *, int64_t begin,
                         int64_t end, sinter_worker *) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<float *>(b[1])[i] = static_cast<const float *>(b[0])[i] + 1;
}

// y[i] = x[i] + w[i % params[0]]
inline void biasKernel(void *const *b, const int64_t *p, int64_t begin,
                       int64_t end, sinter_worker *) {
  for (int64_t i = begin; i < end; ++i)
    static_cast<float *>(b[2])[i] = static_cast<const float *>(b[0])[i] +
                                    static_cast<const float *>(b[1])[i % p[0]];
}

// y = x + bias + 1 over [N, 8]: one symbol, weights, an arena buffer.
inline void makeBiasModel(TestModel &m) {
  ImageBuilder b;
  Slot n = b.dimSymbol("N", 0, 1 << 20, 1, 0, 0), eight = b.constant(8);
  b.input("x", SINTER_F32, {n, eight});
  b.output("y", SINTER_F32, {n, eight});
  Slot items = b.mul(n, eight), bytes = b.mul(items, b.constant(4));
  uint32_t bias = b.kernel("bias", 3, 1), one = b.kernel("add_one", 2, 0);
  m.kernels = {biasKernel, addOneKernel};
  m.weights.resize(8 * 4);
  for (int i = 0; i < 8; ++i) {
    float value = float(10 * i);
    std::memcpy(&m.weights[i * 4], &value, 4);
  }
  b.setWeightsBytes(32);
  b.setArena(b.alignUp(bytes, b.constant(64)));
  BufferRef temporary = b.inArena(b.constant(0), bytes);
  b.launch(bias, {b.in(0, bytes), b.inWeights(0, 32), temporary}, {eight},
           {items}, b.node("bias_1", "Add"));
  b.launch(one, {temporary, b.out(0, bytes)}, {}, {items},
           b.node("one_2", "Add"));
  m.finish(b);
}

} // namespace sinter

#endif // SINTER_TEST_UNIT_RUNTIMEMODELS_H
