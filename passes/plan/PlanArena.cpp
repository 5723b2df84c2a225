// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The arena is planned once for all shapes. Lifetimes come from the order of
// records; a branch's records count like any others, so buffers of the two
// branches of an exec.if may share memory and whatever lives across it does
// not. The greedy plan at the reference shape only decides directions: for two
// buffers that live together, which one is lower. Directions follow from
// offsets, hence have no cycle; edges that follow from others are left out.

#include "passes/plan/Passes.h"
#include "passes/plan/ReferenceShape.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace sinter {
#define GEN_PASS_DEF_PLANARENA
#include "passes/plan/Passes.h.inc"
namespace {

constexpr int64_t alignment = 64;

struct Buffer {
  exec::AllocOp op;
  unsigned first = 0, last = 0; // positions of uses, inclusive
  unsigned number = 0;          // in order of the program
  int64_t bytes = 0, offset = 0;
  SmallVector<unsigned> below; // indices into the plan's order

  bool livesWith(const Buffer &other) const {
    return first <= other.last && other.first <= last;
  }
  int64_t end() const { return offset + bytes; }
};

class Planner {
public:
  explicit Planner(exec::ProgramOp program)
      : program(program), reference(program) {}

  /// Returns {bytes at the reference shape, edges}.
  std::pair<int64_t, unsigned> run();

private:
  void collectLifetimes();
  void placeGreedily();
  unsigned orient();
  void rewrite();

  exec::ProgramOp program;
  ReferenceShape reference;
  std::vector<Buffer> buffers;
};

void Planner::collectLifetimes() {
  llvm::DenseMap<Operation *, unsigned> positions;
  program.walk<WalkOrder::PreOrder>(
      [&](Operation *op) { positions[op] = positions.size(); });
  SmallVector<std::pair<unsigned, unsigned>> loops;
  program.walk([&](exec::LoopOp loop) { // inner ones first
    unsigned end = positions.lookup(loop);
    loop.walk(
        [&](Operation *op) { end = std::max(end, positions.lookup(op)); });
    loops.push_back({positions.lookup(loop), end});
  });
  for (auto alloc :
       llvm::make_early_inc_range(program.getOps<exec::AllocOp>())) {
    if (alloc->use_empty()) {
      alloc.erase();
      continue;
    }
    Buffer buffer;
    buffer.op = alloc;
    buffer.first = ~0u;
    for (Operation *user : alloc->getUsers()) {
      buffer.first = std::min(buffer.first, positions.lookup(user));
      buffer.last = std::max(buffer.last, positions.lookup(user));
    }
    // What a loop finds or leaves lives from its first trip to its last.
    for (auto [begin, end] : loops) {
      if (buffer.first < begin && buffer.last > begin)
        buffer.last = std::max(buffer.last, end);
      if (buffer.first > begin && buffer.first <= end && buffer.last > end)
        buffer.first = begin;
    }
    std::optional<int64_t> bytes = reference.evaluate(alloc.getBytes());
    buffer.bytes = (std::max<int64_t>(bytes.value_or(1), 1) + alignment - 1) /
                   alignment * alignment;
    buffers.push_back(buffer);
  }
}

/// Large buffers first, each at the lowest offset where it fits. Afterwards
/// `buffers` is in order of offset.
void Planner::placeGreedily() {
  for (unsigned i = 0; i < buffers.size(); ++i)
    buffers[i].number = i;
  llvm::sort(buffers, [](const Buffer &a, const Buffer &b) {
    return std::make_pair(-a.bytes, a.number) <
           std::make_pair(-b.bytes, b.number);
  });
  std::vector<Buffer> placed; // in order of offset
  for (Buffer &buffer : buffers) {
    int64_t offset = 0;
    for (const Buffer &other : placed) {
      if (!other.livesWith(buffer))
        continue;
      if (offset + buffer.bytes <= other.offset)
        break;
      offset = std::max(offset, other.end());
    }
    buffer.offset = offset;
    auto position = std::upper_bound(
        placed.begin(), placed.end(), buffer,
        [](const Buffer &a, const Buffer &b) { return a.offset < b.offset; });
    placed.insert(position, buffer);
  }
  buffers = std::move(placed);
}

unsigned Planner::orient() {
  unsigned edges = 0;
  for (unsigned i = 0; i < buffers.size(); ++i) {
    llvm::DenseSet<unsigned> implied;
    // From the highest down: what lies below a chosen one is implied.
    for (unsigned j = i; j-- > 0;) {
      if (!buffers[j].livesWith(buffers[i]) || implied.contains(j))
        continue;
      buffers[i].below.push_back(j);
      ++edges;
      SmallVector<unsigned> stack(buffers[j].below);
      while (!stack.empty()) {
        unsigned k = stack.pop_back_val();
        if (implied.insert(k).second)
          llvm::append_range(stack, buffers[k].below);
      }
    }
  }
  return edges;
}

void Planner::rewrite() {
  Operation *anchor = nullptr;
  for (Operation &op : *program.getBody().begin())
    if (!isa<exec::SymbolOp>(op)) {
      anchor = &op;
      break;
    }
  for (Buffer &buffer : buffers) {
    if (anchor && anchor != buffer.op)
      buffer.op->moveBefore(anchor);
    else if (anchor)
      anchor = anchor->getNextNode();
    SmallVector<Value> above;
    for (unsigned j : llvm::reverse(buffer.below))
      above.push_back(buffers[j].op.getResult());
    buffer.op.getAboveMutable().assign(above);
  }
}

std::pair<int64_t, unsigned> Planner::run() {
  collectLifetimes();
  placeGreedily();
  unsigned edges = orient();
  rewrite();
  int64_t bytes = 0;
  for (const Buffer &buffer : buffers)
    bytes = std::max(bytes, buffer.end());
  return {bytes, edges};
}

struct PlanArena : impl::PlanArenaBase<PlanArena> {
  void runOnOperation() override {
    auto [bytes, count] = Planner(getOperation()).run();
    referenceBytes += bytes;
    edges += count;
  }
};

} // namespace
} // namespace sinter
