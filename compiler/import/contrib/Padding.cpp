// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Batches without their padding: the tokens that are none lie behind each other
// as [tokens, hidden], and token_offset [batch, sequence] says where each lay,
// those of the padding last. Attention over such rows puts the padding back,
// masks it and takes it off again.
#include "compiler/import/Composer.h"
#include "compiler/import/contrib/Contrib.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// The places of what is not 0 in a flat tensor, as i64 of rank 1.
Name placesOf(Composer &c, const Name &x) {
  Name found = c.op("NonZero", {x});
  Dims d = c.dimsOf(found);
  return d.size() == 2 ? c.reshape(found, {d[1]}) : Name();
}

LogicalResult importRemovePadding(NodeImport &node) {
  Composer c(node);
  Dims d = node.dims(0);
  if (d.size() != 3 || node.rank(1) != 1 ||
      !node.requireEqual(node.dims(1)[0], d[0], "sequences"))
    return c.fault(ErrorCode::S001, "the input has rank " + Twine(d.size()),
                   "[batch, sequence, hidden] and a count for each sequence");
  auto i32 = [&](const Name &x) { return c.castTo(x, onnx::DataType::Int32); };
  Name lengths = c.castTo(c.input(1), onnx::DataType::Int64);
  Name isToken = c.reshape(
      c.op("Less", {c.count(d[1]), c.unsqueeze(lengths, {1})}), {d[0] * d[1]});
  Name tokens = placesOf(c, isToken),
       padding = placesOf(c, c.op("Not", {isToken}));
  Name rows = c.reshape(c.input(0), {d[0] * d[1], d[2]});
  if (failed(c.set(0, c.op("Gather", {rows, tokens}))))
    return failure();
  if (node.wants(1)) {
    Name offsets = c.op("Concat", {tokens, padding}, With().integer("axis", 0));
    if (failed(c.set(1, i32(c.reshape(offsets, {d[0], d[1]})))))
      return failure();
  }
  Name sums =
      c.op("Concat", {c.ints({0}), c.op("CumSum", {lengths, c.integer(0)})},
           With().integer("axis", 0));
  if (failed(c.set(2, i32(sums))))
    return failure();
  return c.set(3, i32(c.op("ReduceMax", {lengths, c.ints({0})})));
}

/// Rows at their places in [batch * sequence, ...], 0 elsewhere.
Name restored(NodeImport &node, Composer &c, const Name &rows,
              const Name &places) {
  Dims d = c.dimsOf(rows), offsets = c.dimsOf(places);
  if (d.size() != 2 || offsets.size() != 1)
    return {};
  Name none = c.op("Expand", {c.scalar(0, c.type(rows).getElementType()),
                              c.dims({offsets[0], d[1]})});
  Name own = c.op("Slice", {places, c.ints({0}), c.dims({d[0]}), c.ints({0})});
  return c.op("ScatterND", {none, c.unsqueeze(own, {1}), rows});
}

/// token_offset as i64 of rank 1; a fault when it cannot name all tokens.
Name offsetsOf(NodeImport &node, Composer &c, size_t i, DimAttr tokens) {
  Dims d = node.dims(i);
  if (d.size() != 2) {
    (void)c.fault(ErrorCode::S001, "token_offset has rank " + Twine(d.size()),
                  "[batch, sequence]");
    return {};
  }
  if (!node.requireAtMost(tokens, d[0] * d[1], "the number of tokens"))
    return {};
  return c.castTo(c.reshape(c.input(i), {d[0] * d[1]}), onnx::DataType::Int64);
}

LogicalResult importRestorePadding(NodeImport &node) {
  Composer c(node);
  if (node.rank(0) != 2)
    return c.fault(ErrorCode::S001, "the input has rank " + Twine(node.rank(0)),
                   "[tokens, hidden]");
  Name places = offsetsOf(node, c, 1, node.dims(0)[0]);
  if (places.empty())
    return failure();
  Dims d = node.dims(1);
  Name y = restored(node, c, c.input(0), places);
  return c.set(0, c.reshape(y, {d[0], d[1], node.dims(0)[1]}));
}

/// Attention of rows; operands i and i + 1 are token_offset and the sums of the
/// lengths.
LogicalResult attend(NodeImport &node, Composer &c, ArrayRef<Name> rows,
                     const Name &bias, size_t i) {
  DimAttr tokens = c.dimsOf(rows[0]).empty() ? DimAttr() : c.dimsOf(rows[0])[0];
  if (!tokens)
    return failure();
  Name places = offsetsOf(node, c, i, tokens);
  if (places.empty())
    return failure();
  Dims d = node.dims(i);
  Name sums = c.input(i + 1);
  if (!node.requireEqual(node.dims(i + 1)[0], d[0] + 1, "sums of lengths"))
    return failure();
  auto part = [&](int64_t from, DimAttr to) {
    return c.op("Slice", {sums, c.ints({from}), c.dims({to}), c.ints({0})});
  };
  Name lengths = c.sub(part(1, d[0] + 1), part(0, d[0]));
  std::vector<Name> operands;
  for (const Name &x : rows) {
    Name y = restored(node, c, x, places);
    Dims wide = c.dimsOf(y);
    if (wide.size() != 2)
      return failure();
    operands.push_back(c.reshape(y, {d[0], d[1], wide[1]}));
  }
  With with;
  with.same(node, "num_heads")
      .same(node, "scale")
      .same(node, "mask_filter_value");
  Name y = c.op(
      "com.microsoft.MultiHeadAttention",
      {operands[0], operands[1], operands[2], bias, lengths, c.input(i + 2)},
      with);
  Dims out = c.dimsOf(y);
  if (out.size() != 3)
    return failure();
  Name flat = c.reshape(y, {out[0] * out[1], out[2]});
  Name own =
      c.op("Slice", {places, c.ints({0}), c.dims({tokens}), c.ints({0})});
  return c.set(0, c.op("Gather", {flat, own}));
}

LogicalResult importPackedAttention(NodeImport &node) {
  Composer c(node);
  if (node.rank(0) != 2 || node.rank(1) != 2 || node.rank(4) != 1)
    return c.fault(ErrorCode::S001, "the input has rank " + Twine(node.rank(0)),
                   "[tokens, hidden]");
  std::optional<int64_t> width = sym::asConstant(node.dims(1)[1]);
  SmallVector<int64_t> sizes = node.integers("qkv_hidden_sizes");
  if (sizes.empty() && width)
    sizes.assign(3, *width / 3);
  if (!width || sizes.size() != 3 || sizes[0] + sizes[1] + sizes[2] != *width)
    return c.fault(ErrorCode::S001, "the weights do not hold queries, keys and "
                                    "values side by side");
  Name all = c.add(c.op("MatMul", {c.input(0), c.input(1)}), c.input(2));
  std::vector<Name> rows;
  int64_t from = 0;
  for (int64_t size : sizes) {
    rows.push_back(c.slice(all, 1, from, from + size));
    from += size;
  }
  return attend(node, c, rows, "", 3);
}

LogicalResult importPackedMultiHead(NodeImport &node) {
  Composer c(node);
  std::vector<Name> rows;
  if (node.rank(5) != 1)
    return c.fault(ErrorCode::S001, "the sums of lengths have another rank",
                   "[batch + 1]");
  if (node.rank(0) == 4) { // [tokens, heads, 3, size]
    Dims d = node.dims(0);
    for (int64_t i = 0; i < 3; ++i)
      rows.push_back(
          c.reshape(c.slice(c.input(0), 2, i, i + 1), {d[0], d[1] * d[3]}));
  } else if (node.rank(0) == 2 && node.input(1) && node.input(2)) {
    rows = {c.input(0), c.input(1), c.input(2)};
  } else {
    return c.fault(ErrorCode::S001, "the query has rank " + Twine(node.rank(0)),
                   "[tokens, hidden] with key and value, or [tokens, heads, 3, "
                   "size]");
  }
  return attend(node, c, rows, c.input(3), 4);
}

} // namespace

void addPadding(OpTable &table) {
  addRows(table, "com.microsoft",
          {{"RemovePadding", importRemovePadding},
           {"RestorePadding", importRestorePadding},
           {"PackedAttention", importPackedAttention},
           {"PackedMultiHeadAttention", importPackedMultiHead}});
}

} // namespace sinter::importer
