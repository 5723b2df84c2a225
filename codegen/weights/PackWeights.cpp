// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A recipe is one strided copy with zeros behind a limit (exec.pack). The two
// innermost loops are plain counted loops over one element size; everything
// outside them is an odometer.

#include "codegen/weights/PackWeights.h"

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

/// One run along the innermost axis.
template <typename T>
void copyRun(T *out, const T *in, int64_t stride, int64_t count,
             int64_t zeros) {
  if (stride == 1)
    memcpy(out, in, count * sizeof(T));
  else
    for (int64_t i = 0; i < count; ++i)
      out[i] = in[i * stride];
  memset(static_cast<void *>(out + count), 0, zeros * sizeof(T));
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

template <typename T>
bool packElements(ArrayRef<char> source, ArrayRef<int64_t> dims,
                  ArrayRef<int64_t> strides, int64_t offset,
                  ArrayRef<int64_t> limit, MutableArrayRef<char> out) {
  const T *in = reinterpret_cast<const T *>(source.data());
  int64_t available = source.size() / sizeof(T);
  T *to = reinterpret_cast<T *>(out.data());
  SmallVector<int64_t> index(dims.size(), 0);
  int64_t total = 1;
  for (int64_t dim : dims)
    total *= dim;
  if (total * int64_t(sizeof(T)) != int64_t(out.size()))
    return false;
  if (total == 0)
    return true;
  while (true) {
    int64_t at = offset;
    for (size_t i = 0; i + 1 < dims.size(); ++i)
      at += index[i] * strides[i];
    int64_t count = runLength(dims, limit, index),
            end = at + (count - 1) * strides.back();
    if (count > 0 && (std::min(at, end) < 0 || std::max(at, end) >= available))
      return false;
    copyRun(to, in + (count > 0 ? at : 0), strides.back(), count,
            dims.back() - count);
    to += dims.back();
    size_t axis = dims.size() - 1;
    while (axis > 0 && ++index[axis - 1] == dims[axis - 1])
      index[--axis] = 0;
    if (axis == 0)
      return true;
  }
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
               ArrayRef<int64_t> limit, MutableArrayRef<char> out) {
  // A rank of 0 is one element.
  SmallVector<int64_t> shape(dims), steps(strides);
  if (shape.empty()) {
    shape.push_back(1);
    steps.push_back(0);
  }
  switch (width) {
  case 1:
    return packElements<uint8_t>(source, shape, steps, offset, limit, out);
  case 2:
    return packElements<uint16_t>(source, shape, steps, offset, limit, out);
  case 4:
    return packElements<uint32_t>(source, shape, steps, offset, limit, out);
  case 8:
    return packElements<uint64_t>(source, shape, steps, offset, limit, out);
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

bool packWeight(const WeightBlob &blob, MutableArrayRef<char> out,
                std::string &error) {
  unsigned width = (blob.element.getIntOrFloatBitWidth() + 7) / 8;
  ArrayRef<char> source;
  std::vector<char> bools;
  std::string name;
  if (!sourceOf(blob, source, bools, name)) {
    error = name + " is not in the weight store";
    return false;
  }
  if (packBytes(source, width, blob.pack.getDims(), blob.pack.getStrides(),
                blob.pack.getOffset(), blob.pack.getLimit(), out))
    return true;
  error = name + " has " + std::to_string(source.size()) +
          " bytes, fewer than its shape needs";
  return false;
}

std::string weightsDigest(const ImageResult &result) {
  llvm::BLAKE3 hash;
  for (const WeightBlob &blob : result.weights) {
    std::string recipe, name;
    llvm::raw_string_ostream(recipe) << blob.element << blob.pack;
    hash.update(recipe);
    ArrayRef<char> source;
    std::vector<char> bools;
    if (sourceOf(blob, source, bools, name))
      hash.update(StringRef(source.data(), source.size()));
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
