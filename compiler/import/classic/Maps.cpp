// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ZipMap makes a map from labels to probabilities of each row, for callers in
// Python. An output of Sinter is a tensor: it holds what the maps hold, a row
// for each row and its columns in the order in which a map is walked, that of
// the labels. A note says so.
#include "compiler/import/classic/Classes.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace sinter::importer {
namespace {

/// The places of `labels` in ascending order.
template <typename T>
SmallVector<int64_t> ascending(const std::vector<T> &labels) {
  SmallVector<int64_t> order(labels.size());
  for (auto [i, place] : llvm::enumerate(order))
    place = int64_t(i);
  llvm::stable_sort(order, [&](int64_t a, int64_t b) {
    return labels[size_t(a)] < labels[size_t(b)];
  });
  return order;
}

LogicalResult importZipMap(NodeImport &node) {
  Composer c(node);
  SmallVector<int64_t> numbers = node.integers("classlabels_int64s");
  const onnx::Attribute *given = node.attribute("classlabels_strings");
  std::vector<std::string> texts;
  if (given)
    texts.assign(given->strings.begin(), given->strings.end());
  if (numbers.empty() == texts.empty())
    return c.fault(ErrorCode::I005,
                   numbers.empty() ? "has no labels" : "has labels twice",
                   "'classlabels_int64s' or 'classlabels_strings'");
  SmallVector<int64_t> order =
      texts.empty()
          ? ascending(std::vector<int64_t>(numbers.begin(), numbers.end()))
          : ascending(texts);
  int64_t count = int64_t(order.size());
  Composer::Name x = featureRows(node, c);
  Dims dims = c.dimsOf(x);
  if (dims.empty() ||
      !node.requireEqual(dims.back(), node.model.dim(count),
                         "the columns of the input and the labels"))
    return failure();
  std::string shown;
  for (int64_t place : ArrayRef(order).take_front(8))
    shown += (shown.empty() ? "" : ", ") + (texts.empty()
                                                ? std::to_string(numbers[place])
                                                : "'" + texts[place] + "'");
  node.model.faults.note("output '" + std::string(node.node.outputs.front()) +
                         "' of node '" + node.name() +
                         "' is a tensor in place of a list of maps; its "
                         "columns are the labels " +
                         shown + (count > 8 ? ", ..." : ""));
  if (!llvm::is_sorted(order))
    x = c.op("Gather", {x, c.ints(order)}, With().integer("axis", 1));
  return c.set(0, x);
}

} // namespace

void addMaps(OpTable &table) { table["ai.onnx.ml.ZipMap"] = importZipMap; }

} // namespace sinter::importer
