// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every number of a table is checked here: the function that walks it at run
// time may then be short.
#include "compiler/import/classic/Forest.h"
#include "compiler/import/Compose.h"
#include "compiler/import/Values.h"
#include "llvm/ADT/StringSwitch.h"
#include <map>

using namespace mlir;

namespace sinter::importer {

using Name = Composer::Name;

static bool refuse(NodeImport &node, const Twine &message,
                   const Twine &expected = "") {
  (void)node.fault(ErrorCode::I005, message, expected);
  return false;
}

/// The elements of an attribute that is a tensor; none after a fault.
static SmallVector<double> tensorOf(NodeImport &node, StringRef name) {
  SmallVector<double> values;
  const onnx::Attribute *given = node.attribute(name);
  if (!given)
    return values;
  std::optional<TensorValue> tensor = node.model.constantOf(
      given->tensors.front(), "", node.name(),
      StringRef(node.node.op.data(), node.node.op.size()));
  if (!tensor)
    return values;
  Type element = tensor->type.getElementType();
  size_t size = bitsOf(element) / 8;
  int64_t count = tensor->type.getNumElements();
  // A splat is stored as one element.
  bool isSplat = tensor->bytes.size() < size * size_t(count);
  for (int64_t i = 0; i < count; ++i)
    values.push_back(
        realAt(element, tensor->bytes, isSplat ? 0 : i).value_or(0));
  return values;
}

SmallVector<double> numbersOf(NodeImport &node, const std::string &name) {
  SmallVector<double> values = tensorOf(node, name + "_as_tensor");
  return values.empty() ? node.reals(name) : values;
}

static int32_t comparisonOf(onnx::Text text) {
  return llvm::StringSwitch<int32_t>(StringRef(text.data(), text.size()))
      .Case("BRANCH_LEQ", 0)
      .Case("BRANCH_LT", 1)
      .Case("BRANCH_GTE", 2)
      .Case("BRANCH_GT", 3)
      .Case("BRANCH_EQ", 4)
      .Case("BRANCH_NEQ", 5)
      .Case("LEAF", Forest::kLeaf)
      .Default(-1);
}

//===----------------------------------------------------------------------===//
// Lists
//===----------------------------------------------------------------------===//

namespace {
using Key = std::pair<int64_t, int64_t>; // tree, node
using Places = std::map<Key, int32_t>;

struct Pair {
  int32_t node;
  int64_t target;
  double weight;
};
} // namespace

/// The weights of leaves, by leaf.
static bool readPairs(NodeImport &node, const std::string &stem,
                      const Places &places, std::vector<Pair> &pairs) {
  SmallVector<int64_t> trees = node.integers(stem + "_treeids"),
                       nodes = node.integers(stem + "_nodeids"),
                       ids = node.integers(stem + "_ids");
  SmallVector<double> weights = numbersOf(node, stem + "_weights");
  if (trees.size() != nodes.size() || ids.size() != nodes.size() ||
      weights.size() != nodes.size())
    return refuse(node, "the lists of " + Twine(stem) +
                            " weights have different lengths");
  for (size_t i = 0; i < ids.size(); ++i) {
    auto place = places.find({trees[i], nodes[i]});
    if (place == places.end())
      return refuse(node, "a weight is given to node " + Twine(nodes[i]) +
                              " of tree " + Twine(trees[i]) +
                              ", which is not there");
    pairs.push_back({place->second, ids[i], weights[i]});
  }
  llvm::stable_sort(
      pairs, [](const Pair &a, const Pair &b) { return a.node < b.node; });
  return true;
}

/// The lists of nodes, as the node of the model holds them.
struct Lists {
  SmallVector<int64_t> trees, ids, features, ways[2], tracks;
  SmallVector<double> splits;
  const onnx::Attribute *modes;

  explicit Lists(NodeImport &node)
      : trees(node.integers("nodes_treeids")),
        ids(node.integers("nodes_nodeids")),
        features(node.integers("nodes_featureids")),
        ways{node.integers("nodes_truenodeids"),
             node.integers("nodes_falsenodeids")},
        tracks(node.integers("nodes_missing_value_tracks_true")),
        splits(numbersOf(node, "nodes_values")),
        modes(node.attribute("nodes_modes")) {}

  bool check(NodeImport &node) const {
    size_t count = trees.size();
    if (!modes || count == 0 || count > size_t(1) << 30)
      return refuse(node, "has no nodes");
    bool isEven = ids.size() == count && features.size() == count &&
                  ways[0].size() == count && ways[1].size() == count &&
                  modes->strings.size() == count && splits.size() == count &&
                  (tracks.empty() || tracks.size() == count);
    return isEven ||
           refuse(node, "the lists of its nodes have different lengths");
  }
};

/// Node `i` of the lists; marks where it leads to.
static bool readNode(NodeImport &node, const Lists &lists, size_t i,
                     const Places &places, std::vector<bool> &isChild,
                     std::array<int32_t, 4> &row) {
  onnx::Text mode = lists.modes->strings[i];
  int32_t comparison = comparisonOf(mode);
  if (comparison < 0)
    return refuse(node, "the mode of a node is '" + std::string(mode) + "'",
                  "BRANCH_LEQ, LT, GTE, GT, EQ, NEQ or LEAF");
  row = {0, comparison, 0, 0};
  if (comparison == Forest::kLeaf)
    return true;
  row[0] = int32_t(std::clamp<int64_t>(lists.features[i], -1, INT32_MAX));
  if (!lists.tracks.empty() && lists.tracks[i])
    row[1] |= Forest::kTracksNan;
  for (int side = 0; side < 2; ++side) {
    auto place = places.find({lists.trees[i], lists.ways[side][i]});
    if (place == places.end())
      return refuse(node, "node " + Twine(lists.ids[i]) + " of tree " +
                              Twine(lists.trees[i]) +
                              " leads to a node that is not there");
    row[2 + side] = place->second;
    isChild[place->second] = true;
  }
  return true;
}

bool Forest::readLists(NodeImport &node, const std::string &stem) {
  Lists lists(node);
  if (!lists.check(node))
    return false;
  size_t count = lists.trees.size();
  Places places;
  for (size_t i = 0; i < count; ++i)
    if (!places.try_emplace(Key(lists.trees[i], lists.ids[i]), int32_t(i))
             .second)
      return refuse(node, "node " + Twine(lists.ids[i]) + " of tree " +
                              Twine(lists.trees[i]) + " is there twice");
  std::vector<bool> isChild(count);
  nodes.resize(count);
  for (size_t i = 0; i < count; ++i)
    if (!readNode(node, lists, i, places, isChild, nodes[i]))
      return false;
  splits.assign(lists.splits.begin(), lists.splits.end());
  for (size_t i = 0; i < count; ++i)
    if (!isChild[i])
      roots.push_back(int32_t(i));
  std::vector<Pair> pairs;
  if (!readPairs(node, stem, places, pairs))
    return false;
  for (size_t i = 0; i < pairs.size(); ++i) {
    std::array<int32_t, 4> &leaf = nodes[pairs[i].node];
    if (leaf[1] != kLeaf)
      continue; // a weight of an inner node is never read
    leaf[2] = leaf[3] ? leaf[2] : int32_t(i);
    ++leaf[3];
  }
  for (const Pair &pair : pairs) {
    targets.push_back(int32_t(std::clamp<int64_t>(pair.target, -1, INT32_MAX)));
    weights.push_back(pair.weight);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// Comparison of a node with a set: one comparison for each value of the set,
/// which lie in a row of all sets with NaN behind each.
static void expandMembers(Forest &forest, size_t at, ArrayRef<double> members,
                          size_t &next) {
  std::array<int32_t, 4> row = forest.nodes[at];
  row[1] = (row[1] & Forest::kTracksNan) | 4;
  size_t current = at;
  for (bool isFirst = true; next < members.size() && !std::isnan(members[next]);
       ++next) {
    if (!isFirst) { // the one before goes on here
      forest.nodes[current][3] = int32_t(forest.nodes.size());
      current = forest.nodes.size();
      forest.nodes.push_back(row);
      forest.splits.push_back(0);
    }
    forest.nodes[current] = row;
    forest.splits[current] = members[next];
    isFirst = false;
  }
  ++next;
}

bool Forest::readTables(NodeImport &node) {
  SmallVector<int64_t> features = node.integers("nodes_featureids"),
                       ways[2] = {node.integers("nodes_truenodeids"),
                                  node.integers("nodes_falsenodeids")},
                       leafWays[2] = {node.integers("nodes_trueleafs"),
                                      node.integers("nodes_falseleafs")},
                       tracks =
                           node.integers("nodes_missing_value_tracks_true"),
                       leafTargets = node.integers("leaf_targetids");
  SmallVector<double> modes = tensorOf(node, "nodes_modes"),
                      values = tensorOf(node, "nodes_splits"),
                      members = tensorOf(node, "membership_values"),
                      leafWeights = tensorOf(node, "leaf_weights");
  size_t count = features.size(), leaves = leafTargets.size();
  if (ways[0].size() != count || ways[1].size() != count ||
      leafWays[0].size() != count || leafWays[1].size() != count ||
      modes.size() != count || values.size() != count ||
      leafWeights.size() != leaves ||
      (!tracks.empty() && tracks.size() != count))
    return refuse(node, "the lists of its nodes or leaves have different "
                        "lengths");
  if (count > size_t(1) << 30 || leaves > size_t(1) << 30)
    return refuse(node, "has too many nodes");
  std::vector<size_t> sets;
  for (size_t i = 0; i < count; ++i) {
    int32_t comparison = int32_t(modes[i]);
    if (comparison < 0 || comparison > 6)
      return refuse(node, "the mode of a node is " + Twine(comparison),
                    "0 to 6");
    std::array<int32_t, 4> row = {
        int32_t(std::clamp<int64_t>(features[i], -1, INT32_MAX)),
        comparison | (!tracks.empty() && tracks[i] ? kTracksNan : 0), 0, 0};
    for (int side = 0; side < 2; ++side) {
      int64_t to = ways[side][i];
      bool isLeaf = leafWays[side][i];
      if (to < 0 || to >= int64_t(isLeaf ? leaves : count))
        return refuse(node, "node " + Twine(i) +
                                " leads to a node that is not there");
      row[2 + side] = int32_t(isLeaf ? count + to : to);
    }
    if (comparison == 6)
      sets.push_back(i);
    nodes.push_back(row);
  }
  splits.assign(values.begin(), values.end());
  weights.assign(leafWeights.begin(), leafWeights.end());
  for (int64_t target : leafTargets) {
    nodes.push_back({0, kLeaf, int32_t(targets.size()), 1});
    splits.push_back(0);
    targets.push_back(int32_t(std::clamp<int64_t>(target, -1, INT32_MAX)));
  }
  size_t next = 0;
  for (size_t at : sets)
    expandMembers(*this, at, members, next);
  for (int64_t root : node.integers("tree_roots")) {
    if (root < 0 || root >= int64_t(count))
      return refuse(node, "root " + Twine(root) + " is not there");
    roots.push_back(int32_t(root));
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Both
//===----------------------------------------------------------------------===//

bool Forest::check(NodeImport &node, int64_t features,
                   int64_t targetCount) const {
  if (roots.empty())
    return refuse(node, "its trees have no root");
  for (int32_t target : targets)
    if (target < 0 || target >= targetCount)
      return refuse(node, "a weight is of target or class " + Twine(target),
                    "0 to " + Twine(targetCount - 1));
  for (const std::array<int32_t, 4> &row : nodes)
    if (row[1] != kLeaf && (row[0] < 0 || row[0] >= features))
      return refuse(node, "a node reads feature " + Twine(row[0]),
                    "0 to " + Twine(features - 1));
  // 0 not seen, 1 on the way, 2 done
  std::vector<char> state(nodes.size());
  std::vector<int32_t> stack(roots.rbegin(), roots.rend());
  while (!stack.empty()) {
    int32_t at = stack.back();
    if (state[at] || nodes[at][1] == kLeaf) {
      state[at] = 2;
      stack.pop_back();
      continue;
    }
    state[at] = 1;
    for (int side = 2; side < 4; ++side)
      if (int32_t to = nodes[at][side]; state[to] == 1)
        return refuse(node, "a tree has a cycle");
      else if (!state[to])
        stack.push_back(to);
  }
  return true;
}

static Name integers(NodeImport &node, Composer &c, ArrayRef<int64_t> shape,
                     const int32_t *values, size_t count) {
  std::vector<char> bytes(sizeof(int32_t) * count);
  if (count)
    memcpy(bytes.data(), values, bytes.size());
  return c.keep(node.model.constantOf(
      RankedTensorType::get(shape, node.model.builder.getI32Type()),
      std::move(bytes), ""));
}

static Name numbers(NodeImport &node, Composer &c, ArrayRef<double> values,
                    Type element) {
  if (!element.isF64())
    return c.reals({int64_t(values.size())}, values, element);
  std::vector<char> bytes(sizeof(double) * values.size());
  if (!values.empty())
    memcpy(bytes.data(), values.data(), bytes.size());
  return c.keep(node.model.constantOf(
      RankedTensorType::get({int64_t(values.size())}, element),
      std::move(bytes), ""));
}

Name Forest::scores(NodeImport &node, Composer &c, const Name &rows,
                    int64_t targetCount, int64_t kind) const {
  RankedTensorType type = c.type(rows);
  if (!type)
    return {};
  Type element = type.getElementType();
  auto list = [&](const std::vector<int32_t> &values) {
    return integers(node, c, {int64_t(values.size())}, values.data(),
                    values.size());
  };
  Name operands[] = {rows,
                     integers(node, c, {int64_t(nodes.size()), 4},
                              nodes.front().data(), 4 * nodes.size()),
                     numbers(node, c, splits, element),
                     list(targets),
                     numbers(node, c, weights, element),
                     list(roots)};
  SmallVector<Value> values;
  for (const Name &operand : operands)
    values.push_back(c.value(operand));
  Dims dims = {c.dimsOf(rows)[0], node.model.dim(targetCount)};
  Operation *op = externCall(node, "trees", values, {node.model.dim(kind)}, {},
                             {sym::tensorOf(dims, element)});
  return c.bind(op ? op->getResult(0) : Value());
}

} // namespace sinter::importer
