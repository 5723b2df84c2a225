// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzzes the image verifier and the walker behind it. An input is a list of
// edits of a good image: its first byte chooses the image, then each four bytes
// are an offset and a new 16-bit value. The checksum is made right again, or
// nothing would pass. What verifies must run without leaving its memory.

#include "codegen/image/ImageBuilder.h"
#include "test/unit/ImageModel.h"

#include <cstdlib>
#include <cstring>
#include <time.h>

using namespace sinter;

namespace {

using Bytes = std::vector<uint8_t>;

Bytes finish(ImageBuilder &b) {
  Bytes image;
  std::string error;
  if (!b.finish(image, error))
    std::abort();
  return image;
}

// Symbols, checks, arena, weights, a tap.
Bytes plainImage() {
  ImageBuilder b;
  Slot n = b.dimSymbol("N", 0, 64, 1, 0, 0),
       m = b.dimSymbol("M", 1, 64, 1, 0, 1);
  b.input("x", SINTER_F32, {n, m});
  b.output("y", SINTER_F32, {n, m});
  uint32_t tap = b.tap("t", SINTER_F32, {n, m}), node = b.node("a", "Add");
  Slot items = b.mul(n, m), bytes = b.mul(items, b.constant(4));
  b.checkRange(b.floorDiv(items, m), b.constant(0), b.constant(64), node);
  Slot first = b.alignUp(bytes, b.constant(64));
  b.setArena(b.add(first, bytes));
  b.setScratch(b.constant(128));
  b.setWeightsBytes(64);
  uint32_t k = b.kernel("k", 3, 2);
  b.fill(b.inArena(first, bytes), b.constant(0), node, true);
  b.launch(
      k, {b.in(0, bytes), b.inWeights(0, 64), b.inArena(b.constant(0), bytes)},
      {n, m}, {items}, node);
  b.copy(b.out(0, bytes), b.inArena(b.constant(0), bytes), node);
  b.showTap(tap, b.out(0, bytes), node);
  return finish(b);
}

// Value inputs, reads, late slots, branches and a loop.
Bytes branchingImage() {
  ImageBuilder b;
  b.input("v", SINTER_I64, {b.constant(4)});
  Slot size = b.valueSymbol("s", 0, 100, 2, 0, 1), i = b.variable(),
       extent = b.variable();
  b.output("y", SINTER_U8, {extent}, b.constant(100));
  b.setStateBytes(64);
  uint32_t node = b.node("l", "Loop"), k = b.kernel("k", 1, 1),
           head = b.label(), end = b.label();
  b.read(extent, b.in(0, b.constant(32)), b.constant(2), SINTER_I64, node);
  b.checkRange(extent, b.constant(0), b.constant(100), node,
               SINTER_WHY_VALUE_RANGE);
  b.assign(i, b.constant(0));
  b.bind(head);
  b.branchIfZero(b.less(i, size), end, node);
  b.launch(k, {b.out(0, b.min(extent, size))}, {i}, {extent}, node);
  b.assign(i, b.add(i, b.constant(1)));
  b.jump(head);
  b.bind(end);
  b.copy(b.inState(b.constant(0), b.constant(32)), b.in(0, b.constant(32)),
         node);
  return finish(b);
}

// Touches what it was given: sanitizers see a wrong address.
void touch(void *const *, const int64_t *, int64_t, int64_t,
           sinter_worker *worker) {
  if (worker->scratch_bytes)
    std::memset(worker->scratch, 1, worker->scratch_bytes);
}

struct Fixture {
  std::vector<sinter_kernel> kernels = std::vector<sinter_kernel>(64, touch);
  std::vector<char> weights = std::vector<char>(64),
                    data = std::vector<char>(1 << 16);
  sinter_isa isa = {"fuzz", 0, kernels.data()};
};

uint64_t soon() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return uint64_t(t.tv_sec) * 1000000000u + uint64_t(t.tv_nsec) + 2000000;
}

void bindTensors(const sinter_model &model, sinter_context *context,
                 Fixture &f) {
  auto *image = static_cast<const sinter_image *>(model.image);
  for (uint32_t slot = 0; slot < image->n_inputs + image->n_outputs; ++slot) {
    sinter_tensor_info info = {};
    info.size = sizeof info;
    if (sinter_tensor_info_of(&model, slot, &info))
      continue;
    sinter_tensor t = {};
    t.data = f.data.data();
    t.bytes = f.data.size();
    t.rank = uint8_t(info.rank);
    t.dtype = uint8_t(info.dtype);
    for (uint32_t k = 0; k < info.rank && k < 8; ++k)
      t.dim[k] = info.dim[k] < 0 ? 5 : info.dim[k];
    sinter_set(context, slot, &t);
  }
}

void runModel(const sinter_model &model, Fixture &f) {
  sinter_open_args args = {};
  args.size = sizeof args;
  args.width = 1;
  sinter_program *program = nullptr;
  sinter_context *context = nullptr;
  sinter_error error = {};
  char text[256];
  if (!sinter_program_open(&model, &args, nullptr, 0, &program, &error) &&
      !sinter_context_init(program, 0, nullptr, 0, nullptr, 0, &context,
                           &error)) {
    void *scratch = std::aligned_alloc(64, 1 << 14);
    sinter_set_scratch(context, scratch, 1 << 14);
    int64_t value[] = {1, 6, 4, 0};
    std::memcpy(f.data.data(), value, sizeof value);
    bindTensors(model, context, f);
    sinter_set_deadline(context, soon());
    sinter_run(context, &error);
    sinter_context_close(context);
    std::free(scratch);
  }
  sinter_error_text(&model, &error, text, sizeof text);
  sinter_program_close(program);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const Bytes bases[] = {plainImage(), branchingImage()};
  static Fixture f;
  if (!size)
    return 0;
  Bytes image = bases[data[0] % 2];
  for (size_t i = 1; i + 4 <= size; i += 4) {
    size_t at = (data[i] | data[i + 1] << 8) % (image.size() - 1);
    std::memcpy(&image[at], data + i + 2, 2);
  }
  auto *header = reinterpret_cast<sinter_image *>(image.data());
  if (header->state_bytes > 1 << 16)
    return 0; // only asks the allocator
  size_t hashed = offsetof(sinter_image, hash) + 8;
  header->hash =
      sinter_image_hash(image.data() + hashed, image.size() - hashed);
  if (header->section[SINTER_SEC_KERNELS].count > f.kernels.size())
    return 0;
  sinter_model model =
      modelOf(image, f.isa, "", f.weights.data(), f.weights.size());
  runModel(model, f);
  return 0;
}
