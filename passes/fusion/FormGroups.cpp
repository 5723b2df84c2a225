// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory traffic of an elementwise operation costs as much as a good part of
// the convolution before it; inside the convolution's epilogue it is nearly
// free. Every operation starts as a cluster of its own; elementwise operations
// merge clusters as long as all values involved have the same dims. Merging two
// clusters is legal when no third cluster lies on a path between them. At the
// end clusters are emitted in topological order, each as one graph.group.

#include "dialects/graph/GraphOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "passes/fusion/Passes.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace sinter {
#define GEN_PASS_DEF_FORMGROUPS
#include "passes/fusion/Passes.h.inc"
namespace {

/// What a cluster's kernel can do beside its own work.
enum class Shape : uint8_t {
  Single,   // not a group: movement, gather, control flow, ...
  Epilogue, // a root that takes elementwise work behind it
  Row,      // a root that takes elementwise work on both sides
  Nest,     // elementwise only
};

struct Cluster {
  Shape shape = Shape::Single;
  SmallVector<Operation *> ops; // in block order
  sym::Dims dims;               // of the root's result
  unsigned segment = 0;         // bind_dims before it
};

constexpr unsigned maxOps = 48, maxInputs = 20;

bool isElementwise(Operation *op) {
  if (!isa<graph::MapOp, graph::CastOp>(op))
    return false;
  return llvm::all_of(op->getOperandTypes(),
                      [](Type type) {
                        return cast<RankedTensorType>(type)
                            .getElementType()
                            .isIntOrFloat();
                      }) &&
         cast<RankedTensorType>(op->getResult(0).getType())
             .getElementType()
             .isIntOrFloat();
}

Shape shapeOf(Operation *op) {
  if (isElementwise(op))
    return Shape::Nest;
  if (op->getNumResults() != 1)
    return Shape::Single;
  if (isa<graph::ConvOp, graph::MatMulOp, graph::PoolOp>(op))
    return Shape::Epilogue;
  if (isa<graph::SoftmaxOp, graph::NormalizeOp, graph::ReduceOp>(op))
    return Shape::Row;
  return Shape::Single;
}

sym::Dims dimsOf(Value value) {
  return sym::dimsOf(cast<RankedTensorType>(value.getType()));
}

bool isSplat(Operation *op) {
  auto constant = dyn_cast_or_null<graph::ConstantOp>(op);
  return constant && isa<SplatElementsAttr>(constant.getValue());
}

class GroupFormer {
public:
  explicit GroupFormer(Block &block) : block(block) {}

  /// Returns {groups, elementwise operations in groups with a root}.
  std::pair<unsigned, unsigned> run();

private:
  unsigned clusterOf(Operation *op) const { return owner.lookup(op); }
  bool isInBlock(Operation *op) const { return op && op->getBlock() == &block; }
  void start(Operation *op, unsigned segment);
  void addBehind(Operation *op);
  void addInFront(Operation *root);
  bool canMerge(unsigned a, unsigned b);
  bool hasPathAround(unsigned from, unsigned to);
  void merge(unsigned into, unsigned from);
  SmallVector<unsigned> predecessors(unsigned cluster);
  void emit(unsigned cluster);
  void emitGroup(Cluster &cluster);

  Block &block;
  SmallVector<Cluster> clusters;
  DenseMap<Operation *, unsigned> owner;
  DenseMap<Operation *, unsigned> position;
  SmallVector<bool> isEmitted;
  SmallVector<unsigned> emission;
  unsigned groups = 0, fused = 0;
};

void GroupFormer::start(Operation *op, unsigned segment) {
  Cluster cluster;
  cluster.shape = shapeOf(op);
  cluster.ops = {op};
  cluster.segment = segment;
  if (cluster.shape != Shape::Single)
    cluster.dims = dimsOf(op->getResult(0));
  position[op] = owner.size();
  owner[op] = clusters.size();
  clusters.push_back(std::move(cluster));
}

/// Clusters that `cluster` reads, by operands (of nested regions too).
SmallVector<unsigned> GroupFormer::predecessors(unsigned cluster) {
  llvm::SetVector<unsigned> result;
  for (Operation *op : clusters[cluster].ops)
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        Operation *def = operand.getDefiningOp();
        if (isInBlock(def) && clusterOf(def) != cluster)
          result.insert(clusterOf(def));
      }
    });
  return result.takeVector();
}

/// Whether `from` reaches `to` through at least one other cluster.
bool GroupFormer::hasPathAround(unsigned from, unsigned to) {
  unsigned first = position.lookup(clusters[from].ops.front());
  SmallVector<unsigned> stack;
  llvm::DenseSet<unsigned> seen;
  for (unsigned pred : predecessors(to))
    if (pred != from)
      stack.push_back(pred);
  while (!stack.empty()) {
    unsigned cluster = stack.pop_back_val();
    if (cluster == from)
      return true;
    // What ends before `from` begins cannot depend on it.
    if (!seen.insert(cluster).second ||
        position.lookup(clusters[cluster].ops.back()) < first)
      continue;
    llvm::append_range(stack, predecessors(cluster));
  }
  return false;
}

bool GroupFormer::canMerge(unsigned a, unsigned b) {
  if (clusters[a].segment != clusters[b].segment ||
      clusters[a].ops.size() + clusters[b].ops.size() > maxOps)
    return false;
  llvm::SetVector<Value> inputs;
  for (unsigned cluster : {a, b})
    for (Operation *op : clusters[cluster].ops)
      for (Value operand : op->getOperands())
        if (!isSplat(operand.getDefiningOp()))
          inputs.insert(operand);
  for (unsigned cluster : {a, b})
    for (Operation *op : clusters[cluster].ops)
      inputs.remove(op->getResult(0));
  return inputs.size() <= maxInputs && !hasPathAround(a, b) &&
         !hasPathAround(b, a);
}

void GroupFormer::merge(unsigned into, unsigned from) {
  for (Operation *op : clusters[from].ops)
    owner[op] = into;
  llvm::append_range(clusters[into].ops, clusters[from].ops);
  llvm::sort(clusters[into].ops, [&](Operation *a, Operation *b) {
    return position.lookup(a) < position.lookup(b);
  });
  clusters[from].ops.clear();
}

/// An elementwise operation joins the clusters of operands of its own extent:
/// at most one with a root, and any number without.
void GroupFormer::addBehind(Operation *op) {
  sym::Dims dims = dimsOf(op->getResult(0));
  SmallVector<Operation *> producers;
  for (Value operand : op->getOperands()) {
    Operation *def = operand.getDefiningOp();
    if (isInBlock(def) && clusters[clusterOf(def)].shape != Shape::Single &&
        clusters[clusterOf(def)].dims == dims && dimsOf(operand) == dims)
      producers.push_back(def);
  }
  auto weight = [&](Operation *def) {
    Shape shape = clusters[clusterOf(def)].shape;
    return std::make_tuple(shape == Shape::Epilogue ? 2
                           : shape == Shape::Row    ? 1
                                                    : 0,
                           position.lookup(def));
  };
  llvm::sort(producers,
             [&](Operation *a, Operation *b) { return weight(a) > weight(b); });
  for (Operation *def : producers) {
    unsigned mine = clusterOf(op), other = clusterOf(def);
    if (mine == other)
      continue;
    bool bothRooted = clusters[mine].shape != Shape::Nest &&
                      clusters[other].shape != Shape::Nest;
    if (bothRooted || !canMerge(other, mine))
      continue;
    if (clusters[mine].shape == Shape::Nest)
      merge(other, mine);
    else
      merge(mine, other);
  }
}

/// A root that reads rows computes them itself when nobody else wants them.
void GroupFormer::addInFront(Operation *root) {
  Value input = root->getOperand(0);
  Operation *def = input.getDefiningOp();
  unsigned mine = clusterOf(root);
  if (!isInBlock(def) || clusterOf(def) == mine)
    return;
  unsigned other = clusterOf(def);
  if (clusters[other].shape != Shape::Nest ||
      clusters[other].dims != dimsOf(input))
    return;
  for (Operation *op : clusters[other].ops)
    for (Operation *user : op->getUsers())
      if (user != root && !llvm::is_contained(clusters[other].ops, user))
        return; // what the block yields is wanted, too
  if (llvm::is_contained(root->getOperands().drop_front(), input) ||
      !canMerge(other, mine))
    return;
  merge(mine, other);
}

void GroupFormer::emitGroup(Cluster &cluster) {
  llvm::SetVector<Value> inputs;
  SmallVector<Value> outputs;
  llvm::SmallPtrSet<Operation *, 16> inside(cluster.ops.begin(),
                                            cluster.ops.end());
  SmallVector<Location> locations;
  for (Operation *op : cluster.ops) {
    locations.push_back(op->getLoc());
    for (Value operand : op->getOperands()) {
      Operation *def = operand.getDefiningOp();
      if (!inside.contains(def) && !isSplat(def))
        inputs.insert(operand);
    }
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(),
                       [&](Operation *user) { return !inside.contains(user); }))
        outputs.push_back(result);
  }
  OpBuilder builder(block.getParentOp()->getContext());
  builder.setInsertionPoint(&block, std::prev(block.end()));
  Operation *named = cluster.ops.front();
  for (Operation *op : cluster.ops)
    if (shapeOf(op) != Shape::Nest)
      named = op;
  auto group = graph::GroupOp::create(builder, named->getLoc(),
                                      ValueRange(outputs).getTypes(),
                                      inputs.getArrayRef());
  Block *body = builder.createBlock(&group.getBody());
  IRMapping mapping;
  for (Value input : inputs)
    mapping.map(input, body->addArgument(input.getType(), input.getLoc()));
  for (Operation *op : cluster.ops) {
    for (Value operand : op->getOperands())
      if (!mapping.contains(operand))
        mapping.map(operand,
                    builder.clone(*operand.getDefiningOp())->getResult(0));
    builder.clone(*op, mapping);
  }
  SmallVector<Value> yielded;
  for (Value output : outputs)
    yielded.push_back(mapping.lookup(output));
  graph::YieldOp::create(builder, named->getLoc(), yielded);
  for (auto [output, result] : llvm::zip(outputs, group.getResults()))
    output.replaceAllUsesWith(result);
  for (Operation *op : llvm::reverse(cluster.ops))
    op->erase();
  ++groups;
}

/// Emits what a cluster reads, then the cluster. The explicit stack keeps deep
/// models off the machine's.
void GroupFormer::emit(unsigned start) {
  SmallVector<std::pair<unsigned, bool>> stack{{start, false}};
  SmallVector<unsigned> order;
  llvm::DenseSet<unsigned> open;
  while (!stack.empty()) {
    auto [cluster, isReady] = stack.pop_back_val();
    if (isReady) {
      order.push_back(cluster);
      continue;
    }
    if (isEmitted[cluster] || !open.insert(cluster).second)
      continue;
    stack.push_back({cluster, true});
    SmallVector<unsigned> preds = predecessors(cluster);
    for (unsigned pred : llvm::reverse(preds))
      stack.push_back({pred, false});
  }
  for (unsigned cluster : order)
    isEmitted[cluster] = true;
  llvm::append_range(emission, order);
}

std::pair<unsigned, unsigned> GroupFormer::run() {
  unsigned segment = 0;
  SmallVector<Operation *> order;
  for (Operation &op : block.without_terminator()) {
    segment += isa<graph::BindDimOp>(op);
    order.push_back(&op);
    start(&op, segment);
  }
  for (Operation *op : order)
    if (shapeOf(op) == Shape::Row)
      addInFront(op);
    else if (shapeOf(op) == Shape::Nest)
      addBehind(op);
  isEmitted.assign(clusters.size(), false);
  for (Operation *op : order)
    emit(clusterOf(op));
  for (unsigned index : emission) {
    Cluster &cluster = clusters[index];
    if (cluster.shape == Shape::Single) {
      cluster.ops.front()->moveBefore(block.getTerminator());
      continue;
    }
    if (cluster.shape != Shape::Nest)
      fused += cluster.ops.size() - 1;
    emitGroup(cluster);
  }
  return {groups, fused};
}

struct FormGroups : impl::FormGroupsBase<FormGroups> {
  void runOnOperation() override {
    SmallVector<Block *> blocks{&getOperation().getBody().front()};
    getOperation().walk([&](Operation *op) {
      if (isa<graph::IfOp, graph::LoopOp>(op))
        for (Region &region : op->getRegions())
          blocks.push_back(&region.front());
    });
    for (Block *block : blocks) {
      auto [formed, joined] = GroupFormer(*block).run();
      groups += formed;
      fused += joined;
    }
  }
};

} // namespace
} // namespace sinter
