// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the program image (runtime/include/sinter/image.h). The compiler
// states what it computes, `b.add(b.mul(h, w), b.constant(3))`, and gets slots;
// equal operations give the same slot, constants fold, and the builder numbers
// slots, lays out tables and places the operations: what depends on symbols
// alone goes into the entry program, what depends on READ slots or variables
// into a SHAPE record before the next record. No LLVM or MLIR here.
//
//   ImageBuilder b;
//   Slot n = b.dimSymbol("N", 1, 4096, 1, /*input=*/0, /*dim=*/0);
//   b.input("x", SINTER_F32, {n, b.constant(8)});
//   b.output("y", SINTER_F32, {n, b.constant(8)});
//   Slot bytes = b.mul(n, b.constant(32));
//   uint32_t relu = b.kernel("relu", 2, 1);
//   b.launch(relu, {b.in(0, bytes), b.out(0, bytes)}, {n}, {n}, b.node("r",
//   "Relu")); b.finish(bytes, error);

#ifndef SINTER_CODEGEN_IMAGE_IMAGEBUILDER_H
#define SINTER_CODEGEN_IMAGE_IMAGEBUILDER_H

#include "sinter/model.h"

#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace sinter {

/// A value of the shape program; only its builder can read it.
struct Slot {
  uint32_t id = SINTER_NONE;
  bool valid() const { return id != SINTER_NONE; }
};

/// A place in a space, for one argument of a kernel.
struct BufferRef {
  sinter_space space;
  uint32_t index; // which input or output
  Slot offset, bytes;
};

/// How a launch is cut: `items`, at least `grain` of them a thread (default 1);
/// macs and bytes are what a profile shows. noWait: see SINTER_RECF_NOWAIT.
struct LaunchWork {
  Slot items;
  Slot grain = {}, macs = {}, bytes = {};
  bool noWait = false;
};

class ImageBuilder {
public:
  // Symbols. Inputs are counted from 0; divisor >= 1; min and max inclusive.
  Slot dimSymbol(const std::string &name, int64_t min, int64_t max,
                 int64_t divisor, uint32_t input, uint32_t dim);
  Slot valueSymbol(const std::string &name, int64_t min, int64_t max,
                   int64_t divisor, uint32_t input, uint32_t element);

  // Values.
  Slot constant(int64_t value);
  Slot add(Slot a, Slot b) { return op(SINTER_OP_ADD, a, b); }
  Slot sub(Slot a, Slot b) { return op(SINTER_OP_SUB, a, b); }
  Slot mul(Slot a, Slot b) { return op(SINTER_OP_MUL, a, b); }
  Slot floorDiv(Slot a, Slot b) { return op(SINTER_OP_FLOORDIV, a, b); }
  Slot ceilDiv(Slot a, Slot b) { return op(SINTER_OP_CEILDIV, a, b); }
  Slot mod(Slot a, Slot b) { return op(SINTER_OP_MOD, a, b); }
  Slot min(Slot a, Slot b) { return op(SINTER_OP_MIN, a, b); }
  Slot max(Slot a, Slot b) { return op(SINTER_OP_MAX, a, b); }
  Slot alignUp(Slot a, Slot b) { return op(SINTER_OP_ALIGN, a, b); }
  Slot equal(Slot a, Slot b) { return op(SINTER_OP_EQ, a, b); }
  Slot less(Slot a, Slot b) { return op(SINTER_OP_LT, a, b); }
  Slot select(Slot condition, Slot yes, Slot no) {
    return op(SINTER_OP_SELECT, condition, yes, no);
  }
  /// A slot that READ and assign() write; it lives from one record to the next.
  Slot variable();
  /// variable = value, when the program comes to this place.
  void assign(Slot variable, Slot value);

  // Checks stop the run with SINTER_E_SHAPE at `node`. Between a branch and its
  // label they hold only when the branch falls through.
  void checkEqual(Slot a, Slot b, uint32_t node,
                  sinter_reason reason = SINTER_WHY_DIM_EQUAL);
  void checkRange(Slot a, Slot low, Slot high, uint32_t node,
                  sinter_reason reason = SINTER_WHY_DIM_RANGE);

  // Tables. `node` and `kernel` return their index. `bytes` of a tensor is
  // computed from dims and dtype when it is left out; an output whose dims
  // depend on data needs it: its bound, or a variable assigned before the first
  // use.
  uint32_t node(const std::string &name, const std::string &op);
  uint32_t kernel(const std::string &name, uint32_t nBuffers, uint32_t nParams);
  uint32_t input(const std::string &name, uint16_t dtype,
                 const std::vector<Slot> &dims);
  uint32_t output(const std::string &name, uint16_t dtype,
                  const std::vector<Slot> &dims, Slot bytes = {},
                  uint32_t alias = SINTER_NONE);
  uint32_t state(const std::string &name, uint16_t dtype,
                 const std::vector<Slot> &dims, Slot offset);
  uint32_t tap(const std::string &name, uint16_t dtype,
               const std::vector<Slot> &dims);
  /// The known texts, ascending by their bytes, without a copy.
  void setTexts(std::vector<std::string> sorted) { texts = std::move(sorted); }
  void setArena(Slot bytes) { arena = bytes; }
  void setScratch(Slot bytesPerWorker) { scratch = bytesPerWorker; }
  void setWeightsBytes(uint64_t bytes) { weightsBytes = bytes; }
  void setStateBytes(uint64_t bytes) { stateBytes = bytes; }

  // Buffers.
  BufferRef inArena(Slot offset, Slot bytes) {
    return {SINTER_SPACE_ARENA, 0, offset, bytes};
  }
  BufferRef inWeights(uint64_t offset, uint64_t bytes);
  BufferRef in(uint32_t index, Slot bytes);
  BufferRef out(uint32_t index, Slot bytes, Slot offset = {});
  BufferRef inState(Slot offset, Slot bytes) {
    return {SINTER_SPACE_STATE, 0, offset, bytes};
  }

  // Records, in the order of execution. END is added by finish().
  void launch(uint32_t kernel, const std::vector<BufferRef> &buffers,
              const std::vector<Slot> &params, const LaunchWork &work,
              uint32_t node);
  void read(Slot variable, const BufferRef &from, Slot element, uint16_t dtype,
            uint32_t node);
  void copy(const BufferRef &to, const BufferRef &from, uint32_t node,
            bool noWait = false);
  void fill(const BufferRef &to, Slot byte, uint32_t node, bool noWait = false);
  void showTap(uint32_t tap, const BufferRef &from, uint32_t node);
  uint32_t label();
  void bind(uint32_t label);
  void branchIfZero(Slot condition, uint32_t label, uint32_t node);
  void jump(uint32_t label);

  /// The image, which passes sinter_image_verify; false with a sentence when it
  /// is over the limits of the format (4 GB, 2^32 slots).
  bool finish(std::vector<uint8_t> &image, std::string &error);

private:
  struct Tensor {
    std::string name;
    uint16_t dtype;
    std::vector<Slot> dims;
    Slot bytes, offset;
    uint32_t alias;
  };
  struct Op {
    uint16_t code, reason;
    Slot dst, a, b, c;
    uint32_t node;
  };
  enum class Kind : uint8_t { Symbol, Const, Entry, Late };
  struct Value {
    Kind kind;
    int64_t constant;
  };
  friend class ImageLayout;

  Slot newValue(Kind kind, int64_t constant = 0);
  Slot op(uint16_t code, Slot a, Slot b, Slot c = {});
  void addCheck(const Op &check);
  bool insideBranch() const;
  bool isLate(Slot slot) const {
    return slot.valid() && values[slot.id].kind == Kind::Late;
  }
  uint32_t addBuffer(const BufferRef &buffer);
  void addRecord(uint16_t kind, uint32_t node, std::vector<uint32_t> fields,
                 bool noWait = false);
  void flushLateOps();
  uint32_t addTensor(std::vector<Tensor> &list, Tensor tensor);
  Slot byteSize(uint16_t dtype, const std::vector<Slot> &dims);

  std::vector<Value> values;
  std::map<int64_t, Slot> constants;
  std::map<std::tuple<uint16_t, uint32_t, uint32_t, uint32_t>, Slot> known,
      knownLate;
  std::vector<Op> entryOps, lateOps;
  size_t flushedOps = 0;
  std::vector<std::pair<std::string, std::string>> nodes;
  std::vector<std::pair<std::string, sinter_image_symbol>> symbols;
  std::vector<std::pair<std::string, sinter_image_kernel>> kernels;
  std::vector<Tensor> inputs, outputs, states, taps;
  std::vector<BufferRef> buffers;
  std::vector<Slot> params;
  std::vector<sinter_image_record> records; // slot fields hold ids of Slots
  struct Label {
    uint32_t record = SINTER_NONE;
    bool used = false;
  };
  std::vector<Label> labels;
  std::vector<std::string> texts;
  Slot arena, scratch;
  uint64_t weightsBytes = 0, stateBytes = 0;
};

} // namespace sinter

#endif // SINTER_CODEGEN_IMAGE_IMAGEBUILDER_H
