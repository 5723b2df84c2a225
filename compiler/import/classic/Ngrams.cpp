// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TfIdfVectorizer: rows of tokens, numbers or texts, become counts of the
// n-grams of a pool. A token is an i64 either way; each length of n-grams is
// one function over a sorted list, and weights are applied behind their sum.
#include "compiler/import/classic/Ngrams.h"

#include "compiler/import/Compose.h"
#include <algorithm>

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

/// Of the result; a weight of each is kept.
constexpr int64_t mostColumns = int64_t(1) << 24;

/// N-grams of one length, ascending, with the column that counts each.
struct Grams {
  int64_t length = 0;
  std::vector<std::vector<int64_t>> tokens;
  std::vector<int64_t> columns;
};

struct Pool {
  std::vector<Grams> lengths;
  int64_t columns = 0;
  bool read(NodeImport &node, Composer &c);

private:
  bool add(NodeImport &node, ArrayRef<int64_t> tokens, int64_t length,
           ArrayRef<int64_t> columns);
};

bool Pool::add(NodeImport &node, ArrayRef<int64_t> tokens, int64_t length,
               ArrayRef<int64_t> columns) {
  std::vector<std::pair<std::vector<int64_t>, int64_t>> grams;
  for (size_t i = 0; i < columns.size(); ++i) {
    ArrayRef<int64_t> gram = tokens.slice(i * size_t(length), size_t(length));
    grams.push_back({gram.vec(), columns[i]});
  }
  std::sort(grams.begin(), grams.end());
  Grams one;
  one.length = length;
  for (auto &[gram, column] : grams) {
    if (!one.tokens.empty() && one.tokens.back() == gram) {
      (void)node.fault(ErrorCode::I005,
                       "holds an n-gram of length " + Twine(length) + " twice");
      return false;
    }
    one.tokens.push_back(std::move(gram));
    one.columns.push_back(column);
  }
  lengths.push_back(std::move(one));
  return true;
}

bool Pool::read(NodeImport &node, Composer &c) {
  Labels pool = listOf(node, "pool_strings", "pool_int64s");
  SmallVector<int64_t> starts = node.integers("ngram_counts"),
                       all = node.integers("ngram_indexes");
  int64_t least = node.integer("min_gram_length"),
          most = node.integer("max_gram_length");
  bool areTexts = isText(node.type(0).getElementType());
  bool isFine = pool.size() > 0 && pool.areTexts == areTexts && least >= 1 &&
                least <= most && most <= int64_t(starts.size());
  size_t next = 0;
  for (size_t i = 0; isFine && i < starts.size(); ++i) {
    int64_t length = int64_t(i) + 1, from = starts[i];
    int64_t to = i + 1 < starts.size() ? starts[i + 1] : int64_t(pool.size());
    isFine = from >= 0 && from <= to && to <= int64_t(pool.size()) &&
             (to - from) % length == 0 &&
             size_t((to - from) / length) <= all.size() - next;
    if (!isFine)
      break;
    size_t count = size_t((to - from) / length);
    ArrayRef<int64_t> columnsOf = ArrayRef(all).slice(next, count);
    next += count;
    if (count && length >= least && length <= most &&
        !add(node, ArrayRef(pool.values).slice(size_t(from), size_t(to - from)),
             length, columnsOf))
      return false;
  }
  for (int64_t column : all) {
    isFine &= column >= 0 && column < mostColumns;
    columns = std::max(columns, column + 1);
  }
  if (isFine && next == all.size())
    return true;
  (void)c.fault(
      ErrorCode::I005,
      "pool, ngram_counts, ngram_indexes and lengths of n-grams disagree",
      "a pool of the input's type, for each length its first place in it, and "
      "a column below 2^24 for each n-gram");
  return false;
}

Name integersOf(NodeImport &node, Composer &c, ArrayRef<int64_t> shape,
                ArrayRef<int64_t> values) {
  std::vector<char> bytes(8 * values.size());
  if (!bytes.empty())
    memcpy(bytes.data(), values.data(), bytes.size());
  return c.keep(node.model.constantOf(
      RankedTensorType::get(shape, node.model.builder.getI64Type()),
      std::move(bytes), ""));
}

/// Counts [N, columns] of n-grams of one length.
Name countsOf(NodeImport &node, Composer &c, const Name &x, const Grams &grams,
              int64_t columns) {
  SmallVector<int64_t> tokens;
  for (const std::vector<int64_t> &gram : grams.tokens)
    tokens.append(gram.begin(), gram.end());
  int64_t count = int64_t(grams.tokens.size());
  Name list = integersOf(node, c, {count, grams.length}, tokens);
  Name places = integersOf(node, c, {count}, grams.columns);
  Value operands[] = {c.value(x), c.value(list), c.value(places)};
  if (!operands[0])
    return {};
  int64_t skips = node.integer("max_skip_count");
  Type result = sym::tensorOf({c.dimsOf(x)[0], node.model.dim(columns)},
                              node.model.builder.getF32Type());
  Operation *op = externCall(
      node, "ngrams", operands,
      {node.model.dim(grams.length == 1 ? 1 : skips + 1)}, {}, {result});
  return c.bind(op ? op->getResult(0) : Value());
}

LogicalResult importTfIdf(NodeImport &node) {
  Composer c(node);
  Pool pool;
  int64_t rank = node.rank(0), skips = node.integer("max_skip_count");
  if (rank != 1 && rank != 2)
    return c.fault(ErrorCode::S001, "input 'X' has rank " + Twine(rank),
                   "[rows, tokens] or [tokens]");
  if (skips < 0 || skips >= int64_t(1) << 31)
    return c.fault(ErrorCode::I005, "max_skip_count is " + Twine(skips),
                   "0 to 2^31 - 1");
  if (!pool.read(node, c))
    return failure();
  Type f32 = node.model.builder.getF32Type();
  Name x =
      c.cast(handlesOf(node, c, c.input(0)), node.model.builder.getI64Type());
  x = rank == 1 ? c.unsqueeze(x, {0}) : x;
  Name y;
  for (const Grams &grams : pool.lengths) {
    Name counts = countsOf(node, c, x, grams, pool.columns);
    y = y.empty() ? counts : c.add(y, counts);
  }
  if (y.empty())
    return c.fault(ErrorCode::I005, "the pool has no n-gram of the lengths");
  std::string mode = node.text("mode");
  SmallVector<double> weights = node.reals("weights");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return c.fault(ErrorCode::I005, "mode is '" + mode + "'",
                   "TF, IDF or TFIDF");
  if (mode == "IDF")
    y = c.cast(c.op("Greater", {y, c.scalar(0, f32)}), f32);
  SmallVector<int64_t> columns = node.integers("ngram_indexes");
  if (!weights.empty() && weights.size() != columns.size())
    return c.fault(ErrorCode::I005, "has " + Twine(weights.size()) + " weights",
                   Twine(columns.size()) + ", one an n-gram, or none");
  SmallVector<double> factors(size_t(pool.columns), 1);
  for (auto [column, weight] : llvm::zip(columns, weights))
    factors[size_t(column)] = weight;
  if (mode != "TF" && !weights.empty())
    y = c.mul(y, c.reals({pool.columns}, factors, f32));
  return c.set(0, rank == 1 ? c.reshape(y, {node.model.dim(pool.columns)}) : y);
}

} // namespace

void addNgrams(OpTable &table) { table["TfIdfVectorizer"] = importTfIdf; }

} // namespace sinter::importer
