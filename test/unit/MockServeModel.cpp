// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model object that no compiler wrote: y[N, 16] = x + SINTER_MOCK_ADDS, after
// SINTER_MOCK_SLEEP_US microseconds, which the environment may change. For
// tests of loading, swapping and serving real files: it is mapped, carries
// weights and is unmapped like any other.
#include "ImageModel.h"
#include "codegen/image/ImageBuilder.h"

#include <cstdlib>
#include <time.h>
#include <vector>

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

// The note by which sinter_load finds the function.
__asm__(".pushsection .note.sinter,\"a\",@note\n"
        ".balign 4\n"
        ".long 7, 10, 0x53494E54\n"
        ".asciz \"Sinter\"\n"
        ".balign 4\n"
        ".ascii \"mock_model\"\n"
        ".balign 4\n"
        ".popsection\n");

namespace {

// As much as a small model has, so that leaks of mappings show.
constexpr size_t weightsBytes = 1 << 20;
alignas(64) const char weights[weightsBytes] = {1};

int64_t sleepMicroseconds() {
  const char *asked = std::getenv("SINTER_MOCK_SLEEP_US");
  return asked ? std::atoll(asked) : SINTER_MOCK_SLEEP_US;
}

const int64_t pauseUs = sleepMicroseconds();

void kernel(void *const *b, const int64_t *, int64_t begin, int64_t end,
            sinter_worker *) {
  timespec pause = {pauseUs / 1000000, pauseUs % 1000000 * 1000};
  if (pauseUs > 0)
    nanosleep(&pause, nullptr);
  for (int64_t i = begin; i < end; ++i)
    static_cast<float *>(b[1])[i] =
        static_cast<const float *>(b[0])[i] + SINTER_MOCK_ADDS;
}

struct Mock {
  std::vector<uint8_t> image;
  sinter_kernel kernels[1] = {kernel};
  sinter_isa isa = {"any", 0, kernels};
  sinter_model model = {};

  Mock() {
    sinter::ImageBuilder b;
    sinter::Slot n = b.dimSymbol("N", 0, 1 << 20, 1, 0, 0), k = b.constant(16);
    b.input("x", SINTER_F32, {n, k});
    b.output("y", SINTER_F32, {n, k});
    sinter::Slot items = b.mul(n, k), bytes = b.mul(items, b.constant(4));
    uint32_t add = b.kernel("add", 2, 0);
    b.setWeightsBytes(weightsBytes);
    sinter::LaunchWork work = {items};
    work.grain = items; // one thread: it sleeps once
    b.launch(add, {b.in(0, bytes), b.out(0, bytes)}, {}, work,
             b.node("add", "Add"));
    std::string error;
    b.finish(image, error);
    model = sinter::modelOf(image, isa, R"({"batch": {"independent": true}})",
                            weights, weightsBytes);
  }
};

Mock mock;

} // namespace

extern "C" __attribute__((visibility("default"))) const sinter_model *
mock_model() {
  return &mock.model;
}
