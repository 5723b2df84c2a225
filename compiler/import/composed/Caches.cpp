// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What language models keep from step to step: TensorScatter, which puts the
// keys and values of new tokens into their cache, and LinearAttention, whose
// state is a matrix of one size for any number of tokens.
#include "compiler/import/Compose.h"
#include "compiler/import/Composer.h"

using namespace mlir;

namespace sinter::importer {

using Name = Composer::Name;

Name writeRows(NodeImport &node, Composer &c, const Name &cache,
               const Name &fresh, const Name &start, int64_t axis,
               DimAttr extent, bool isCircular) {
  Dims out = c.dimsOf(cache), rows = c.dimsOf(fresh), first = c.dimsOf(start);
  if (out.empty() || rows.size() != out.size() || first.size() != 1 ||
      !node.requireEqual(first[0], out[0], "starts and rows of the batch"))
    return {};
  for (size_t i = 0; i < out.size(); ++i)
    if (int64_t(i) != axis &&
        !node.requireEqual(out[i], rows[i], "extents of cache and new rows"))
      return {};
  bool mayGrow = out[axis] != extent; // then 0 is all behind the new rows
  out[axis] = extent;
  Value old = c.value(cache);
  Operation *op = externCall(
      node, "write_rows", {old, c.value(fresh), c.value(start)},
      {node.model.dim(axis), node.model.dim(isCircular),
       node.model.dim(mayGrow)},
      {},
      {sym::tensorOf(out,
                     cast<RankedTensorType>(old.getType()).getElementType())});
  return op ? c.bind(op->getResult(0)) : Name();
}

namespace {

/// The update's rows from write_indices[batch] on, round the end when circular.
LogicalResult importTensorScatter(NodeImport &node) {
  Composer c(node);
  Dims cache = node.dims(0), update = node.dims(1);
  std::optional<int64_t> axis = node.axis(node.integer("axis"), cache.size());
  if (!axis || *axis == 0 || update.size() != cache.size())
    return c.fault(ErrorCode::S001, "cache and update do not fit",
                   "equal ranks, and an axis behind the batch");
  Name start = node.input(2)
                   ? c.input(2)
                   : c.op("Expand", {c.integer(0), c.dims({cache[0]})});
  return c.set(0, writeRows(node, c, c.input(0), c.input(1), start, *axis,
                            cache[*axis], node.text("mode") == "circular"));
}

/// Whether the operands are there that the rule reads, and no other.
bool hasOperands(NodeImport &node, bool isGated, bool isDelta) {
  if (bool(node.input(4)) == isGated && bool(node.input(5)) == isDelta)
    return true;
  (void)node.fault(ErrorCode::I006,
                   "update_rule '" + node.text("update_rule") +
                       "' with the inputs that it has",
                   "decay for gated rules only, beta for delta rules only");
  return false;
}

/// Batch and tokens of every operand are those of the query.
bool haveOneLength(NodeImport &node) {
  for (size_t i : {0, 1, 2, 4, 5}) {
    if (!node.input(i))
      continue;
    if (node.rank(i) != 3) {
      (void)node.fault(ErrorCode::S001,
                       "an operand has rank " + Twine(node.rank(i)),
                       "[batch, tokens, heads * size]");
      return false;
    }
    for (int axis : {0, 1})
      if (!node.requireEqual(node.dims(0)[axis], node.dims(i)[axis],
                             "batch and tokens"))
        return false;
  }
  return true;
}

/// Sizes of a key and of a value; nothing after a fault.
std::optional<std::pair<DimAttr, DimAttr>>
sizesOf(NodeImport &node, int64_t queryHeads, int64_t heads) {
  if (!haveOneLength(node))
    return std::nullopt;
  DimAttr width = sym::floorDiv(node.dims(0)[2], queryHeads),
          size = sym::floorDiv(node.dims(2)[2], heads);
  std::optional<int64_t> gate =
      node.input(4) ? sym::asConstant(node.dims(4)[2]) : heads;
  std::optional<int64_t> rate =
      node.input(5) ? sym::asConstant(node.dims(5)[2]) : heads;
  std::optional<int64_t> columns = sym::asConstant(width);
  bool fits = columns && gate && rate &&
              (*gate == heads || *gate == heads * *columns) &&
              (*rate == heads || *rate == 1) &&
              node.requireEqual(node.dims(0)[2], width * queryHeads, "heads") &&
              node.requireEqual(node.dims(1)[2], width * heads, "heads") &&
              node.requireEqual(node.dims(2)[2], size * heads, "heads");
  if (!fits) {
    (void)node.fault(ErrorCode::S001, "the widths of its operands do not fit",
                     "multiples of the heads; a decay for each head or each "
                     "element of a key, a beta for each head or one");
    return std::nullopt;
  }
  return std::pair(width, size);
}

LogicalResult importLinearAttention(NodeImport &node) {
  Composer c(node);
  std::string rule = node.text("update_rule");
  bool isGated = StringRef(rule).starts_with("gated"),
       isDelta = StringRef(rule).ends_with("delta");
  int64_t heads = node.integer("kv_num_heads"),
          queryHeads = node.integer("q_num_heads");
  if (!(isGated || isDelta || rule == "linear") || heads < 1 ||
      queryHeads < heads || queryHeads % heads != 0 ||
      node.integer("state_window", 0) != 0)
    return c.fault(ErrorCode::I005,
                   "update_rule is '" + rule + "', with " + Twine(queryHeads) +
                       " query heads of " + Twine(heads),
                   "linear, gated, delta or gated_delta, a multiple of the key "
                   "heads and the whole state");
  if (!hasOperands(node, isGated, isDelta))
    return failure();
  auto sizes = sizesOf(node, queryHeads, heads);
  if (!sizes)
    return failure();
  auto [width, size] = *sizes;
  Type f32 = node.model.builder.getF32Type(),
       element = node.type(0).getElementType(),
       kept = node.input(3) ? node.type(3).getElementType() : element;
  Dims state = {node.dims(0)[0], node.model.dim(heads), width, size};
  for (size_t i = 0; node.input(3) && i < 4; ++i)
    if (node.rank(3) != 4 ||
        !node.requireEqual(node.dims(3)[i], state[i], "the state"))
      return c.fault(ErrorCode::S001, "the state does not fit",
                     "[batch, heads, size of a key, size of a value]");
  Name past = node.input(3) ? c.cast(c.input(3), f32)
                            : c.op("Expand", {c.scalar(0, f32), c.dims(state)});
  Name q = c.cast(c.input(0), f32), k = c.cast(c.input(1), f32),
       v = c.cast(c.input(2), f32);
  Name decay = isGated ? c.op("Exp", {c.cast(c.input(4), f32)}) : q;
  Name beta = isDelta ? c.cast(c.input(5), f32) : q;
  double scale = node.real("scale");
  if (scale == 0)
    scale =
        1 / std::sqrt(double(std::max<int64_t>(*sym::asConstant(width), 1)));
  Dims y = {state[0], node.dims(0)[1], size * queryHeads};
  Operation *op =
      externCall(node, "linear_attention",
                 {c.value(q), c.value(k), c.value(v), c.value(past),
                  c.value(decay), c.value(beta)},
                 {node.model.dim(heads), node.model.dim(queryHeads / heads),
                  node.model.dim(isGated + 2 * isDelta)},
                 {scale}, {sym::tensorOf(y, f32), sym::tensorOf(state, f32)});
  if (!op || failed(c.set(0, c.cast(c.bind(op->getResult(0)), element))))
    return failure();
  return c.set(1, c.cast(c.bind(op->getResult(1)), kept));
}

} // namespace

void addCaches(OpTable &table) {
  table["TensorScatter"] = importTensorScatter;
  table["LinearAttention"] = importLinearAttention;
  table["com.microsoft.LinearAttention"] = importLinearAttention;
}

} // namespace sinter::importer
