// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scan: a loop over the slices of some inputs. They are turned so that the
// scanned axis lies in front, and what comes out is turned back.
#include "compiler/import/Composer.h"
#include "compiler/import/composed/LoopForm.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// `value` with `axis` in front, backwards when asked.
TensorValue turned(Composer &c, const TensorValue &value, int64_t axis,
                   bool isBackwards) {
  Name name = c.keep(value);
  SmallVector<int64_t> order = {axis};
  for (int64_t i = 0; i < value.type.getRank(); ++i)
    if (i != axis)
      order.push_back(i);
  if (axis != 0)
    name = c.transpose(name, order);
  if (isBackwards)
    name = c.op("Slice", {name, c.ints({-1}), c.ints({INT64_MIN}), c.ints({0}),
                          c.ints({-1})});
  TensorValue *result = c.tensor(name);
  return result ? *result : TensorValue();
}

LogicalResult importScan(NodeImport &node) {
  LoopForm form;
  form.isScan = true;
  form.body = &node.attribute("body")->graphs[0];
  int64_t scanned = node.integer("num_scan_inputs"), count = node.inputCount();
  if (node.since() < 9)
    return node.fault(ErrorCode::I004, "has batches of their own lengths",
                      "opset 9 or newer");
  if (scanned < 1 || scanned > count ||
      int64_t(form.body->inputs.size()) != count ||
      int64_t(form.body->outputs.size()) < count - scanned)
    return node.fault(ErrorCode::I006, "its body does not fit its inputs");
  Composer c(node);
  SmallVector<int64_t> axes = node.integers("scan_input_axes"),
                       directions = node.integers("scan_input_directions");
  for (int64_t i = 0; i < count; ++i) {
    if (i < count - scanned) {
      form.carried.push_back(*node.input(i));
      continue;
    }
    size_t at = i - (count - scanned);
    std::optional<int64_t> axis =
        node.axis(at < axes.size() ? axes[at] : 0, node.rank(i));
    if (!axis)
      return failure();
    DimAttr length = node.dims(i)[*axis];
    if (form.trips &&
        !node.requireEqual(*form.trips, length, "lengths of what is scanned"))
      return failure();
    form.trips = form.trips.value_or(length);
    form.scannedInputs.push_back(
        turned(c, *node.input(i), *axis,
               at < directions.size() && directions[at] != 0));
    if (!form.scannedInputs.back().type)
      return failure();
  }
  if (failed(importForm(node, form)))
    return failure();
  SmallVector<int64_t> to = node.integers("scan_output_axes"),
                       ways = node.integers("scan_output_directions");
  for (size_t i = 0; i < form.scans(); ++i) {
    TensorValue *result = node.result(form.carried.size() + i);
    bool isBackwards = i < ways.size() && ways[i] != 0;
    if (!result || ((i >= to.size() || to[i] == 0) && !isBackwards))
      continue;
    int64_t rank = result->type.getRank();
    std::optional<int64_t> axis = node.axis(i < to.size() ? to[i] : 0, rank);
    if (!axis)
      return failure();
    Name name = c.keep(turned(c, *result, 0, isBackwards));
    SmallVector<int64_t> order;
    for (int64_t a = 1; a < rank; ++a)
      order.push_back(a);
    order.insert(order.begin() + *axis, 0);
    if (failed(c.set(form.carried.size() + i, c.transpose(name, order))))
      return failure();
  }
  return success();
}

} // namespace

void addScan(OpTable &table) { table["Scan"] = importScan; }

} // namespace sinter::importer
