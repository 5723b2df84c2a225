// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A recipe is one strided copy with zeros behind a limit (exec.pack). The two
// innermost loops are plain counted loops over one element size; everything
// outside them is an odometer.

#include "codegen/weights/PackWeights.h"

#include "dialects/Support/Parallel.h"
#include "dialects/graph/GraphDialect.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>

using namespace mlir;

namespace sinter {
namespace {

/// A piece of a run along the innermost axis. Weights lie anywhere in a file,
/// so elements are read as bytes.
template <typename T>
void copyRun(char *out, const char *in, int64_t stride, int64_t count,
             int64_t zeros) {
  if (stride == 1 && count)
    memcpy(out, in, count * sizeof(T));
  else
    for (int64_t i = 0; i < count; ++i)
      memcpy(out + i * sizeof(T), in + i * stride * int64_t(sizeof(T)),
             sizeof(T));
  memset(out + count * sizeof(T), 0, zeros * sizeof(T));
}

/// How many elements of the innermost run lie before the limit.
int64_t runLength(ArrayRef<int64_t> dims, ArrayRef<int64_t> limit,
                  ArrayRef<int64_t> index) {
  int64_t length = dims.back(), last = int64_t(dims.size()) - 1;
  if (limit.empty())
    return length;
  auto [outer, inner, bound] = std::make_tuple(limit[0], limit[1], limit[2]);
  if (inner == last)
    return std::clamp<int64_t>(bound - index[outer] * dims[inner], 0, length);
  if (outer == last) // a run across outer blocks: element i is at i *
                     // dims[inner] + inner
    return std::clamp<int64_t>(
        (bound - index[inner] + dims[inner] - 1) / dims[inner], 0, length);
  return index[outer] * dims[inner] + index[inner] < bound ? length : 0;
}

/// The place of element `at` of the blob.
SmallVector<int64_t> indexOf(int64_t at, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> index(dims.size(), 0);
  for (size_t axis = dims.size(); axis-- > 0; at /= dims[axis])
    index[axis] = at % dims[axis];
  return index;
}

template <typename T>
bool packElements(ArrayRef<char> source, ArrayRef<int64_t> dims,
                  ArrayRef<int64_t> strides, int64_t offset,
                  ArrayRef<int64_t> limit, uint64_t begin,
                  MutableArrayRef<char> out) {
  int64_t total = 1, available = source.size() / sizeof(T),
          left = out.size() / sizeof(T);
  for (int64_t dim : dims)
    total *= dim;
  if (begin % sizeof(T) || out.size() % sizeof(T) ||
      int64_t(begin / sizeof(T)) + left > total)
    return false;
  if (left == 0)
    return true;
  SmallVector<int64_t> index = indexOf(begin / sizeof(T), dims);
  int64_t inRun = std::exchange(index.back(), 0), stride = strides.back();
  for (char *to = out.data(); left > 0; inRun = 0) {
    int64_t at = offset + inRun * stride;
    for (size_t i = 0; i + 1 < dims.size(); ++i)
      at += index[i] * strides[i];
    int64_t run = std::min(left, dims.back() - inRun),
            count = std::clamp<int64_t>(runLength(dims, limit, index) - inRun,
                                        0, run),
            end = at + (count - 1) * stride;
    if (count > 0 && (std::min(at, end) < 0 || std::max(at, end) >= available))
      return false;
    copyRun<T>(to, source.data() + (count > 0 ? at * int64_t(sizeof(T)) : 0),
               stride, count, run - count);
    to += run * sizeof(T);
    left -= run;
    for (size_t axis = dims.size() - 1;
         axis > 0 && ++index[axis - 1] == dims[axis - 1];)
      index[--axis] = 0;
  }
  return true;
}

/// Bools of a dense attribute are bits; weights are bytes.
std::vector<char> boolBytes(DenseElementsAttr dense) {
  std::vector<char> bytes;
  for (bool value : dense.getValues<bool>())
    bytes.push_back(value);
  return bytes;
}

} // namespace

bool packBytes(ArrayRef<char> source, unsigned width, ArrayRef<int64_t> dims,
               ArrayRef<int64_t> strides, int64_t offset,
               ArrayRef<int64_t> limit, uint64_t begin,
               MutableArrayRef<char> out) {
  // A rank of 0 is one element.
  SmallVector<int64_t> shape(dims), steps(strides);
  if (shape.empty()) {
    shape.push_back(1);
    steps.push_back(0);
  }
  switch (width) {
  case 1:
    return packElements<uint8_t>(source, shape, steps, offset, limit, begin,
                                 out);
  case 2:
    return packElements<uint16_t>(source, shape, steps, offset, limit, begin,
                                  out);
  case 4:
    return packElements<uint32_t>(source, shape, steps, offset, limit, begin,
                                  out);
  case 8:
    return packElements<uint64_t>(source, shape, steps, offset, limit, begin,
                                  out);
  default:
    return false;
  }
}

/// The bytes that a recipe reads. False when the store lacks the weight; `name`
/// is for a message, `bools` may own the bytes.
static bool sourceOf(const WeightBlob &blob, ArrayRef<char> &source,
                     std::vector<char> &bools, std::string &name) {
  name = "a constant of the compiler";
  if (auto weight = dyn_cast<graph::WeightAttr>(blob.source)) {
    auto *dialect =
        blob.source.getContext()->getLoadedDialect<graph::GraphDialect>();
    const graph::Weight *found =
        dialect->getWeights().find(weight.getKey().getValue());
    name = "weight '" + weight.getKey().str() + "'";
    if (!found)
      return false;
    source = found->bytes;
  } else {
    auto dense = cast<DenseElementsAttr>(blob.source);
    if (blob.element.isInteger(1)) {
      bools = boolBytes(dense);
      source = bools;
    } else {
      source = dense.getRawData();
    }
  }
  return true;
}

bool packWeight(const WeightBlob &blob, uint64_t begin,
                MutableArrayRef<char> out, std::string &error) {
  unsigned width = (blob.element.getIntOrFloatBitWidth() + 7) / 8;
  ArrayRef<char> source;
  std::vector<char> bools;
  std::string name;
  if (!sourceOf(blob, source, bools, name)) {
    error = name + " is not in the weight store";
    return false;
  }
  if (packBytes(source, width, blob.pack.getDims(), blob.pack.getStrides(),
                blob.pack.getOffset(), blob.pack.getLimit(), begin, out))
    return true;
  error = name + " has " + std::to_string(source.size()) +
          " bytes, fewer than its shape needs";
  return false;
}

static graph::WeightStore &storeOf(Attribute source) {
  return source.getContext()
      ->getLoadedDialect<graph::GraphDialect>()
      ->getWeights();
}

void releaseWeight(const WeightBlob &blob) {
  if (auto weight = dyn_cast<graph::WeightAttr>(blob.source))
    if (auto *found = storeOf(weight).find(weight.getKey().getValue()))
      storeOf(weight).release(found->bytes);
}

// Of every few megabytes a hash, and a hash over these: threads share the work.
std::string weightsDigest(const ImageResult &result, unsigned jobs) {
  constexpr size_t chunk = 4 << 20;
  struct Piece {
    const WeightBlob *blob;
    size_t begin;
    llvm::BLAKE3Result<32> digest;
  };
  std::vector<Piece> pieces;
  for (const WeightBlob &blob : result.weights) {
    ArrayRef<char> source;
    std::vector<char> bools;
    std::string name;
    if (!sourceOf(blob, source, bools, name))
      source = {};
    size_t begin = 0;
    do
      pieces.push_back({&blob, begin, {}});
    while ((begin += chunk) < source.size());
  }
  parallelFor(jobs, pieces.size(), [&](size_t i) {
    ArrayRef<char> source;
    std::vector<char> bools;
    std::string name;
    if (!sourceOf(*pieces[i].blob, source, bools, name))
      return;
    ArrayRef<char> bytes = source.drop_front(pieces[i].begin).take_front(chunk);
    pieces[i].digest = llvm::BLAKE3::hash<32>(
        {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()});
    if (isa<graph::WeightAttr>(pieces[i].blob->source))
      storeOf(pieces[i].blob->source).release(bytes);
  });
  llvm::BLAKE3 hash;
  for (const Piece &piece : pieces) {
    std::string recipe;
    if (piece.begin == 0)
      llvm::raw_string_ostream(recipe)
          << piece.blob->element << piece.blob->pack;
    hash.update(recipe);
    hash.update(piece.digest);
  }
  return llvm::toHex(hash.final<32>(), /*LowerCase=*/true);
}

llvm::json::Array factsOf(const ImageResult &result) {
  llvm::json::Array facts;
  llvm::DenseSet<Attribute> seen;
  for (const WeightBlob &blob : result.weights) {
    auto weight = dyn_cast<graph::WeightAttr>(blob.source);
    if (!weight || !seen.insert(weight).second)
      continue;
    auto *dialect =
        weight.getContext()->getLoadedDialect<graph::GraphDialect>();
    const graph::Weight *found =
        dialect->getWeights().find(weight.getKey().getValue());
    if (found && !found->recipe.empty())
      facts.push_back(llvm::json::Object{{"weight", weight.getKey().getValue()},
                                         {"computed", found->recipe}});
  }
  return facts;
}

} // namespace sinter
