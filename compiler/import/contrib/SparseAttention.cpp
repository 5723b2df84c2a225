// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// SparseAttention: GroupQueryAttention in which a block of queries sees some
// blocks of keys only. Which ones say row and column indices, constants of the
// model, for each of a few layouts that the heads take in turn. Here that is a
// bias on the scores: 0 where a query may look, very little elsewhere.
#include "compiler/import/Composer.h"
#include "compiler/import/contrib/Contrib.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

enum Input { Query, Key, Value_, PastKey, PastValue, Rows, Columns, Total };
enum Later { Lengths = 8, Cosine, Sine };

class SparseAttention {
public:
  explicit SparseAttention(NodeImport &node)
      : c(node), node(node), heads(node.integer("num_heads")),
        size(node.integer("sparse_block_size")),
        element(node.type(Query).getElementType()) {}

  LogicalResult run();

private:
  std::optional<std::vector<int32_t>> constantOf(size_t i);
  bool readLayouts();
  Name bias(DimAttr total);

  Composer c;
  NodeImport &node;
  int64_t heads, size, layouts = 0, blocks = 0;
  Type element;
  std::vector<double> hidden; // [layouts, blocks, blocks]: what is added
};

/// Indices may be many: more than the known contents of a tensor are.
std::optional<std::vector<int32_t>> SparseAttention::constantOf(size_t i) {
  TensorValue *value = node.input(i);
  if (!value->isConstant || !value->type.getElementType().isInteger(32)) {
    (void)c.fault(ErrorCode::I014, "its block indices depend on data",
                  "constants of the model");
    return std::nullopt;
  }
  std::vector<int32_t> values(value->bytes.size() / 4);
  memcpy(values.data(), value->bytes.data(), values.size() * 4);
  return values;
}

bool SparseAttention::readLayouts() {
  auto refuse = [&](const Twine &what) {
    (void)c.fault(ErrorCode::I005, what,
                  "for each layout the first place of each row of blocks, "
                  "ascending, and the columns, inside the block mask");
    return false;
  };
  std::optional<std::vector<int32_t>> rows = constantOf(Rows),
                                      columns = constantOf(Columns);
  if (!rows || !columns)
    return false;
  if (node.rank(Rows) != 2 || node.rank(Columns) != 2)
    return refuse("its block indices are no matrices");
  ArrayRef<int64_t> of = node.type(Rows).getShape();
  int64_t width = node.type(Columns).getShape()[1];
  layouts = of[0], blocks = of[1] - 1;
  if (layouts < 1 || blocks < 1 || blocks > 4096 || size < 1 ||
      size > INT32_MAX || heads % layouts != 0 ||
      layouts * blocks * blocks > int64_t(1) << 26 ||
      node.type(Columns).getShape()[0] != layouts)
    return refuse("has " + Twine(layouts) + " layouts of " + Twine(blocks) +
                  " blocks of " + Twine(size) + " for " + Twine(heads) +
                  " heads");
  double least = element.isF16() ? -65504 : -1e30;
  hidden.assign(size_t(layouts * blocks * blocks), least);
  for (int64_t layout = 0; layout < layouts; ++layout)
    for (int64_t row = 0; row < blocks; ++row) {
      size_t at = size_t(layout * (blocks + 1) + row);
      int64_t from = (*rows)[at], to = (*rows)[at + 1];
      if (from < 0 || from > to || to > width)
        return refuse("row " + Twine(row) + " of layout " + Twine(layout) +
                      " has the columns " + Twine(from) + " to " + Twine(to) +
                      " of " + Twine(width));
      for (int64_t i = from; i < to; ++i) {
        int64_t column = (*columns)[size_t(layout * width + i)];
        if (column < 0 || column >= blocks)
          return refuse("a column is " + Twine(column));
        hidden[size_t((layout * blocks + row) * blocks + column)] = 0;
      }
    }
  return true;
}

/// [batch, heads, sequence, total]
Name SparseAttention::bias(DimAttr total) {
  DimAttr sequence = node.dims(Query)[1], batch = node.dims(Query)[0];
  Name length =
      c.castTo(c.reshape(c.input(Lengths), {batch}), onnx::DataType::Int64);
  Name start = c.op("Max", {c.sub(length, c.dim(sequence)), c.integer(0)});
  Name own =
      c.add(c.unsqueeze(start, {1}), c.unsqueeze(c.count(sequence), {0}));
  Name last = c.integer(blocks - 1);
  Name row = c.op("Min", {c.div(own, c.integer(size)), last});
  Name column = c.op("Min", {c.div(c.count(total), c.integer(size)), last});
  Name table = c.reals({layouts, blocks, blocks}, hidden, element);
  Name wide = c.op("Gather", {table, row}, With().integer("axis", 1));
  wide = c.op("Gather", {wide, column}, With().integer("axis", 3));
  wide = c.transpose(wide, {1, 0, 2, 3});
  return c.op("Tile", {wide, c.ints({1, heads / layouts, 1, 1})});
}

LogicalResult SparseAttention::run() {
  for (size_t i : {PastKey, PastValue})
    if (!node.requireRank(i, 4))
      return failure();
  if (node.rank(Query) != 3 || heads < 1)
    return c.fault(ErrorCode::S001,
                   "the query has rank " + Twine(node.rank(Query)),
                   "[batch, sequence, hidden]");
  if (!readLayouts())
    return failure();
  DimAttr most = node.dims(PastKey)[2];
  std::optional<Dims> found = node.dimsOrBound(Total, "total", 0, most);
  if (!found || found->size() != 1)
    return failure();
  DimAttr total = (*found)[0];
  if (!node.requireAtMost(total, most, "total_sequence_length") ||
      !node.requireAtMost(total, node.model.dim(blocks * size),
                          "total_sequence_length"))
    return failure();
  Name lengths =
      c.castTo(c.sub(c.input(Lengths),
                     c.cast(c.integer(1), node.type(Lengths).getElementType())),
               onnx::DataType::Int32);
  With with;
  with.integer("num_heads", heads)
      .integer("kv_num_heads", node.integer("kv_num_heads"))
      .integer("do_rotary", node.integer("do_rotary"))
      .integer("rotary_interleaved", node.integer("rotary_interleaved"))
      .real("scale", node.real("scale"));
  std::vector<Name> results =
      c.ops("com.microsoft.GroupQueryAttention",
            {c.input(Query), c.input(Key), c.input(Value_), c.input(PastKey),
             c.input(PastValue), lengths,
             c.castTo(c.dim(total), onnx::DataType::Int32), c.input(Cosine),
             c.input(Sine), "", bias(total)},
            3, with);
  for (size_t i = 0; i < 3; ++i)
    if (failed(c.set(i, results[i])))
      return failure();
  return success();
}

LogicalResult importSparseAttention(NodeImport &node) {
  return SparseAttention(node).run();
}

} // namespace

void addSparseAttention(OpTable &table) {
  table["com.microsoft.SparseAttention"] = importSparseAttention;
}

} // namespace sinter::importer
