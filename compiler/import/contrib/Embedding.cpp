// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where tokens become vectors in models that ONNX Runtime fused: positions that
// rotate, and the sum of three tables with its norm.
#include "compiler/import/Composer.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

LogicalResult importRotary(NodeImport &node) {
  Composer c(node);
  if (node.integer("is_packed_batching", 0) != 0 || node.real("scale", 1) != 1)
    return c.fault(ErrorCode::I004, "packed batches or a scale are asked for",
                   "one row for each sequence, and no scale");
  if ((node.rank(0) != 3 && node.rank(0) != 4) || node.rank(1) > 2 ||
      node.rank(2) != 2 || node.rank(3) != 2)
    return c.fault(ErrorCode::S001,
                   "the input has rank " + Twine(node.rank(0)) +
                       ", its positions " + Twine(node.rank(1)) +
                       ", the caches " + Twine(node.rank(2)),
                   "rank 3 or 4, positions [1] or [batch, sequence], caches "
                   "[length, half]");
  bool isSplit = node.rank(0) == 4;
  DimAttr batch = node.dims(0)[0], sequence = node.dims(0)[isSplit ? 2 : 1];
  Name at = c.input(1);
  if (node.rank(1) == 1) { // the first position
    Name line = c.count(sequence);
    at = c.add(c.unsqueeze(line, {0}), at);
    at = c.op("Expand", {at, c.dims({batch, sequence})});
  }
  With with;
  with.same(node, "interleaved")
      .same(node, "num_heads")
      .same(node, "rotary_embedding_dim");
  if (!isSplit && node.integer("num_heads", 0) == 0) {
    std::optional<int64_t> hidden = sym::asConstant(node.dims(0)[2]),
                           half = sym::asConstant(node.dims(2)[1]);
    if (!hidden || !half || *half < 1)
      return c.fault(ErrorCode::I014, "the size of a head is not known");
    With counted;
    counted.same(node, "interleaved")
        .integer("num_heads", *hidden / (2 * *half));
    with = counted;
  }
  return c.set(0, c.op("RotaryEmbedding",
                       {c.input(0), c.input(2), c.input(3), at}, with));
}

LogicalResult importEmbedNorm(NodeImport &node) {
  Composer c(node);
  if (node.rank(0) != 2)
    return c.fault(ErrorCode::S001, "input_ids has rank " + Twine(node.rank(0)),
                   "[batch, sequence]");
  DimAttr sequence = node.dims(0)[1];
  auto row = [&](size_t table, const Name &ids) {
    return c.op("Gather", {c.input(table), ids}, With().integer("axis", 0));
  };
  Name at = c.input(8);
  if (at.empty())
    at = c.count(sequence);
  Name sum = c.add(row(2, c.input(0)), row(3, at));
  if (node.input(1) && node.input(4))
    sum = c.add(sum, row(4, c.input(1)));
  Name y =
      c.op("LayerNormalization", {sum, c.input(5), c.input(6)},
           With().integer("axis", -1).real("epsilon", node.real("epsilon")));
  if (failed(c.set(2, sum)) || failed(c.set(0, y)))
    return failure();
  if (!node.wants(1))
    return success();
  Name mask = c.input(7);
  if (mask.empty())
    mask = c.op("Sub", {c.input(0), c.input(0)});
  return c.set(
      1, c.op("ReduceSum", {mask, c.ints({1})}, With().integer("keepdims", 0)));
}

} // namespace

void addEmbedding(OpTable &table) {
  addRows(table, "com.microsoft",
          {{"RotaryEmbedding", importRotary},
           {"EmbedLayerNormalization", importEmbedNorm}});
}

} // namespace sinter::importer
