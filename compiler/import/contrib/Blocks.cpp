// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with weights of few bits, and look-ups in tables of them. A look-up
// takes the bytes of its rows first: only those are ever made floats.
#include "compiler/import/contrib/Blocks.h"
#include "compiler/import/contrib/Contrib.h"

using namespace mlir;

namespace sinter::importer {

using Name = Composer::Name;

Name unpackBits(NodeImport &node, Composer &c, const Name &bytes,
                int64_t bits) {
  Dims dims = c.dimsOf(bytes);
  if (bits == 8 || dims.empty())
    return bytes;
  std::vector<Name> parts;
  Type u8 = node.model.builder.getIntegerType(8, /*isSigned=*/false);
  for (int64_t at = 0; at < 8; at += bits) {
    Name part = bytes;
    if (at > 0)
      part = c.op("BitShift", {part, c.cast(c.integer(at), u8)},
                  With().text("direction", "RIGHT"));
    if (at + bits < 8)
      part = c.op("BitwiseAnd",
                  {part, c.cast(c.integer((int64_t(1) << bits) - 1), u8)});
    parts.push_back(c.unsqueeze(part, {int64_t(dims.size())}));
  }
  Name joined = c.op("Concat", parts, With().integer("axis", -1));
  dims.back() = dims.back() * (8 / bits);
  return c.reshape(joined, dims);
}

/// One value for each of `extent` elements of `axis`, from one for each block.
static Name spread(NodeImport &node, Composer &c, const Name &x, int64_t axis,
                   int64_t block, DimAttr extent) {
  Dims dims = c.dimsOf(x);
  if (int64_t(dims.size()) <= axis || block <= 1)
    return x;
  Dims wide = dims;
  wide.insert(wide.begin() + axis + 1, node.model.dim(block));
  Name y = c.op("Expand", {c.unsqueeze(x, {axis + 1}), c.dims(wide)});
  dims[axis] = dims[axis] * block;
  y = c.reshape(y, dims);
  return dims[axis] == extent ? y
                              : c.op("Slice", {y, c.ints({0}), c.dims({extent}),
                                               c.ints({axis})});
}

Name scaleBlocks(NodeImport &node, Composer &c, const Name &q,
                 const Name &scale, const Name &zero, int64_t axis,
                 int64_t block, Type element) {
  Dims all = c.dimsOf(q), scales = c.dimsOf(scale);
  if (int64_t(all.size()) <= axis || int64_t(scales.size()) <= axis)
    return {};
  // Whole blocks are an axis of their own; else each element has its scale.
  bool isWhole = block > 0 && scales[axis] * block == all[axis];
  Dims split = all;
  if (isWhole) {
    split[axis] = scales[axis];
    split.insert(split.begin() + axis + 1, node.model.dim(block));
  }
  auto fitted = [&](const Name &x) {
    Name y = c.cast(x, element);
    return isWhole ? c.unsqueeze(y, {axis + 1})
                   : spread(node, c, y, axis, block, all[axis]);
  };
  Name w = c.cast(isWhole ? c.reshape(q, split) : q, element);
  if (!zero.empty())
    w = c.sub(w, c.dimsOf(zero).empty() ? c.cast(zero, element) : fitted(zero));
  return c.reshape(c.mul(w, fitted(scale)), all);
}

namespace {

/// Whether an operator has such weights; a fault else.
bool areBlocks(NodeImport &node, int64_t bits, int64_t block) {
  if ((bits == 2 || bits == 4 || bits == 8) && block >= 16 &&
      llvm::isPowerOf2_64(block))
    return true;
  (void)node.fault(ErrorCode::I005,
                   "bits is " + Twine(bits) + ", block_size is " + Twine(block),
                   "2, 4 or 8 bits in blocks of 16, 32, 64, ...");
  return false;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Weights [N, blocks, bytes] in 2, 4 or 8 bits; each block has its scale. With
/// g_idx, element k of a row belongs to block g_idx[k].
LogicalResult importMatMulBits(NodeImport &node) {
  Composer c(node);
  int64_t bits = node.integer("bits"), block = node.integer("block_size");
  int64_t n = node.integer("N"), k = node.integer("K");
  if (!areBlocks(node, bits, block))
    return failure();
  if (n < 1 || k < 1 || node.integer("weight_prepacked") != 0)
    return c.fault(ErrorCode::I004,
                   "N is " + Twine(n) + ", K is " + Twine(k) +
                       ", weight_prepacked is " +
                       Twine(node.integer("weight_prepacked")),
                   "1 or more, and weights as the standard layout of the "
                   "operator packs them");
  Type element = node.type(0).getElementType();
  int64_t blocks = llvm::divideCeil(k, block);
  auto dim = [&](int64_t value) { return node.model.dim(value); };
  Name w = c.reshape(unpackBits(node, c, c.input(1), bits),
                     {dim(n), dim(blocks * block)});
  Name zero = c.scalar(double(int64_t(1) << (bits - 1)), element);
  if (node.input(3) && isa<FloatType>(node.type(3).getElementType())) {
    zero = c.reshape(c.input(3), {dim(n), dim(blocks)});
  } else if (node.input(3)) {
    int64_t bytes = llvm::divideCeil(blocks * bits, 8);
    zero = c.reshape(c.input(3), {dim(n), dim(bytes)});
    zero = c.slice(unpackBits(node, c, zero, bits), 1, 0, blocks);
  }
  Name scales = c.reshape(c.input(2), {dim(n), dim(blocks)});
  if (Name group = c.input(4); !group.empty()) {
    group = c.slice(group, 0, 0, k);
    auto own = [&](const Name &x) {
      return c.op("Gather", {x, group}, With().integer("axis", 1));
    };
    w = c.slice(w, 1, 0, k);
    if (c.dimsOf(zero).size() == 2)
      zero = own(zero);
    w = scaleBlocks(node, c, w, own(scales), zero, 1, 0, element);
  } else {
    w = scaleBlocks(node, c, w, scales, zero, 1, block, element);
    if (blocks * block != k)
      w = c.slice(w, 1, 0, k);
  }
  Name product = c.op("MatMul", {c.input(0), c.transpose(w, {1, 0})});
  if (node.input(5))
    product = c.add(product, c.input(5));
  return c.set(0, product);
}

/// The 16 numbers that four bits stand for: the quantiles of a normal
/// distribution (NF4), or sign, two bits of exponent and one of mantissa over
/// 12 (FP4).
const double normal4[16] = {-1.0,
                            -0.6961928009986877,
                            -0.5250730514526367,
                            -0.39491748809814453,
                            -0.28444138169288635,
                            -0.18477343022823334,
                            -0.09105003625154495,
                            0.0,
                            0.07958029955625534,
                            0.16093020141124725,
                            0.24611230194568634,
                            0.33791524171829224,
                            0.44070982933044434,
                            0.5626170039176941,
                            0.7229568362236023,
                            1.0};
const double float4[8] = {0.0,      0.0625 / 12, 8.0 / 12, 12.0 / 12,
                          4.0 / 12, 6.0 / 12,    2.0 / 12, 3.0 / 12};

/// Weights [N, K] as bitsandbytes packs them: flat, the first of two elements
/// in the higher half of a byte.
LogicalResult importMatMulBnb4(NodeImport &node) {
  Composer c(node);
  int64_t n = node.integer("N"), k = node.integer("K"),
          block = node.integer("block_size"), kind = node.integer("quant_type");
  if (!areBlocks(node, 4, block))
    return failure();
  if (n < 1 || k < 1 || n > INT64_MAX / 2 / k || kind < 0 || kind > 1)
    return c.fault(ErrorCode::I005,
                   "N is " + Twine(n) + ", K is " + Twine(k) +
                       ", quant_type is " + Twine(kind),
                   "1 or more, and 0 (FP4) or 1 (NF4)");
  Type element = node.type(0).getElementType();
  SmallVector<double> values(normal4, normal4 + 16);
  for (int i = 0; kind == 0 && i < 16; ++i)
    values[i] = i < 8 ? float4[i] : -float4[i - 8];
  Name table = c.reals({16}, values, element);
  auto dim = [&](int64_t value) { return node.model.dim(value); };
  int64_t bytes = llvm::divideCeil(n * k, int64_t(2));
  Name codes = unpackBits(node, c, c.reshape(c.input(1), {dim(bytes), dim(1)}),
                          4); // [bytes, 2], the lower half first
  codes = c.op("Gather", {codes, c.ints({1, 0})}, With().integer("axis", 1));
  codes = c.slice(c.reshape(codes, {dim(2 * bytes)}), 0, 0, n * k);
  Name w = c.op("Gather", {table, c.castTo(codes, onnx::DataType::Int32)},
                With().integer("axis", 0));
  Name largest = c.reshape(c.input(2), {dim(llvm::divideCeil(n * k, block))});
  w = scaleBlocks(node, c, w, largest, {}, 0, block, element);
  w = c.reshape(w, {dim(n), dim(k)});
  if (node.integer("transB") != 0)
    w = c.transpose(w, {1, 0});
  return c.set(0, c.op("MatMul", {c.input(0), w}));
}

//===----------------------------------------------------------------------===//
// Products that share what they multiply
//===----------------------------------------------------------------------===//

/// The product with weights, scales and bias in inputs i, i + 1, i + 2.
Name shared(NodeImport &node, Composer &c, const Name &x, size_t i,
            const char *rows) {
  With with;
  for (const char *name : {"K", "bits", "block_size"})
    with.same(node, name);
  with.same(node, rows, "N");
  return c.op("com.microsoft.MatMulNBits",
              {x, c.input(i), c.input(i + 1), "", "", c.input(i + 2)}, with);
}

/// The first operand, its norm where input 2 is there, the sum with input 1
/// before it where that is there; the sum is result `at`.
std::optional<Name> normalisedFirst(NodeImport &node, Composer &c, size_t at) {
  Name x = c.input(0);
  if (node.input(1))
    x = c.add(x, c.input(1));
  if (failed(c.set(at, x)))
    return std::nullopt;
  if (!node.input(2))
    return x;
  return c.op("RMSNormalization", {x, c.input(2)},
              With().integer("axis", -1).real("epsilon", node.real("epsilon")));
}

LogicalResult importBitsQkv(NodeImport &node) {
  Composer c(node);
  std::optional<Name> x = normalisedFirst(node, c, 3);
  if (!x || failed(c.set(0, shared(node, c, *x, 3, "Nq"))) ||
      failed(c.set(1, shared(node, c, *x, 6, "Nkv"))))
    return failure();
  return c.set(2, shared(node, c, *x, 9, "Nkv"));
}

LogicalResult importBitsMlp(NodeImport &node) {
  Composer c(node);
  std::optional<Name> x = normalisedFirst(node, c, 1);
  if (!x)
    return failure();
  Name gate = shared(node, c, *x, 3, "N"), up = shared(node, c, *x, 6, "N");
  std::string kind = node.text("activation");
  if (kind == "silu" || kind == "swish")
    gate = c.mul(gate, c.op("Sigmoid", {gate}));
  else if (kind == "gelu")
    gate = c.op("Gelu", {gate});
  else
    return c.fault(ErrorCode::I005, "activation is '" + kind + "'",
                   "silu, swish or gelu");
  return c.set(0, c.mul(gate, up));
}

//===----------------------------------------------------------------------===//
// Look-ups
//===----------------------------------------------------------------------===//

/// Gather of a quantised table; what an index outside it picks is 0.
class QuantisedGather {
public:
  explicit QuantisedGather(NodeImport &node)
      : c(node), node(node), bits(node.integer("bits")),
        block(node.integer("block_size")),
        stored(node.type(0).getElementType()),
        element(node.type(2).getElementType()) {}
  LogicalResult run();

private:
  bool check();
  void findIndices();
  Name pick(const Name &x, const Name &at) {
    return c.op("Gather", {x, at}, With().integer("axis", gatherAxis));
  }
  /// As a type of whole bytes that holds every value of the stored one.
  Name whole(size_t i) {
    OpBuilder &builder = node.model.builder;
    Type type = isa<FloatType>(stored) ? Type(builder.getF16Type())
                                       : builder.getIntegerType(8);
    if (stored.isUnsignedInteger())
      type = builder.getIntegerType(8, /*isSigned=*/false);
    return c.cast(c.input(i), type);
  }
  /// The rows of scales or zero points that belong to the picked data.
  Name pickBlocks(const Name &x);

  Composer c;
  NodeImport &node;
  int64_t bits, block, gatherAxis = 0, blockAxis = 0;
  Type stored, element;
  bool isPacked = false;
  Name indices, isInside;
};

bool QuantisedGather::check() {
  int64_t rank = node.rank(0);
  std::optional<int64_t> gather = node.axis(node.integer("gather_axis"), rank),
                         quantise =
                             node.axis(node.integer("quantize_axis"), rank);
  if (!gather || !quantise)
    return false;
  gatherAxis = *gather;
  blockAxis = *quantise;
  bool isReal = isa<FloatType>(stored);
  if (!(isReal && block == 0) && !areBlocks(node, isReal ? 8 : bits, block))
    return false;
  isPacked = stored.isUnsignedInteger(8) && bits < 8;
  if (isPacked && (gatherAxis != 0 || blockAxis == 0 || rank < 2)) {
    (void)c.fault(ErrorCode::I005,
                  "packed data is gathered along axis " + Twine(gatherAxis) +
                      " and quantised along " + Twine(blockAxis),
                  "axis 0, and another");
    return false;
  }
  if (node.rank(2) != rank || (node.input(3) && node.rank(3) != rank)) {
    (void)c.fault(ErrorCode::S001,
                  "data has rank " + Twine(rank) + ", its scales " +
                      Twine(node.rank(2)),
                  "one rank");
    return false;
  }
  return true;
}

/// Indices inside the table, and which were so from the start.
void QuantisedGather::findIndices() {
  Type type = node.type(1).getElementType();
  Name extent = c.cast(c.dim(node.dims(0)[gatherAxis]), type),
       zero = c.cast(c.integer(0), type);
  Name given = c.input(1);
  Name positive =
      c.op("Where", {c.op("Less", {given, zero}), c.add(given, extent), given});
  isInside = c.op("And", {c.op("GreaterOrEqual", {positive, zero}),
                          c.op("Less", {positive, extent})});
  indices = c.op("Where", {isInside, positive, zero});
}

Name QuantisedGather::pickBlocks(const Name &x) {
  Dims dims = c.dimsOf(x);
  Type type = node.type(1).getElementType();
  Name at = indices;
  if (int64_t(dims.size()) <= gatherAxis)
    return {};
  if (sym::isConstant(dims[gatherAxis], 1) &&
      dims[gatherAxis] != node.dims(0)[gatherAxis])
    at = c.sub(at, at); // one for all
  else if (gatherAxis == blockAxis && block > 0)
    at = c.div(at, c.cast(c.integer(block), type));
  return pick(x, at);
}

LogicalResult QuantisedGather::run() {
  if (!check())
    return failure();
  findIndices();
  Name data = pick(whole(0), indices), scale = pickBlocks(c.input(2)), zero;
  if (node.input(3))
    zero = pickBlocks(whole(3));
  else if (stored.isUnsignedInteger(8))
    zero = c.scalar(double(int64_t(1) << (bits - 1)), element);
  int64_t more = node.rank(1) - 1, axis = blockAxis;
  if (blockAxis > gatherAxis)
    axis += more;
  if (isPacked) {
    data = unpackBits(node, c, data, bits);
    if (Dims dims = c.dimsOf(scale); node.input(3) && !dims.empty()) {
      int64_t last = int64_t(dims.size()) - 1;
      zero = c.op("Slice", {unpackBits(node, c, zero, bits), c.ints({0}),
                            c.dims({dims.back()}), c.ints({last})});
    }
  }
  bool isOwn = gatherAxis == blockAxis; // then each row came with its scale
  if (isOwn)
    axis = 0;
  Name y =
      scaleBlocks(node, c, data, scale, zero, axis, isOwn ? 0 : block, element);
  SmallVector<int64_t> behind;
  for (int64_t i = gatherAxis + 1; i < node.rank(0); ++i)
    behind.push_back(-1 - int64_t(behind.size()));
  Name known = behind.empty() ? isInside : c.unsqueeze(isInside, behind);
  return c.set(0, c.op("Where", {known, y, c.scalar(0, element)}));
}

LogicalResult importGatherBlocks(NodeImport &node) {
  return QuantisedGather(node).run();
}

} // namespace

void addBlocks(OpTable &table) {
  addRows(table, "com.microsoft",
          {{"MatMulNBits", importMatMulBits},
           {"MatMulBnb4", importMatMulBnb4},
           {"MatMulNBitsQkv", importBitsQkv},
           {"MatMulNBitsMlp", importBitsMlp},
           {"GatherBlockQuantized", importGatherBlocks}});
}

} // namespace sinter::importer
