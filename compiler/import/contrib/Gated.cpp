// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gates, norms by branch and rotations of newer language models: state-space
// layers, hyper-connections, and positions of pictures.
#include "compiler/import/Composer.h"
#include "compiler/import/contrib/Contrib.h"

using namespace mlir;

namespace sinter::importer {
namespace {

using Name = Composer::Name;

Type f32Of(NodeImport &node) { return node.model.builder.getF32Type(); }

LogicalResult importGatedAdd(NodeImport &node) {
  Composer c(node);
  return c.set(0, c.add(c.input(0), c.mul(c.input(1), c.input(2))));
}

LogicalResult importScaledSilu(NodeImport &node) {
  Composer c(node);
  Type element = node.type(0).getElementType();
  Name scale = node.input(1) ? c.cast(c.reshape(c.input(1), {}), f32Of(node))
                             : c.scalar(node.real("alpha"), f32Of(node));
  Name z = c.cast(c.mul(c.cast(c.input(0), f32Of(node)), scale), element);
  return c.set(0, c.mul(z, c.op("Sigmoid", {z})));
}

/// The last axis as two.
Name parted(Composer &c, const Name &x, DimAttr count, DimAttr width) {
  Dims d = c.dimsOf(x);
  if (d.empty())
    return {};
  d.back() = count;
  d.push_back(width);
  return c.reshape(x, d);
}

LogicalResult importGatedNorm(NodeImport &node) {
  Composer c(node);
  std::optional<int64_t> size =
      node.rank(1) == 1 ? sym::asConstant(node.dims(1)[0]) : std::nullopt;
  if (!size || *size < 1)
    return c.fault(ErrorCode::I014, "the size of a group is not known",
                   "a scale of known extent");
  std::string kind = node.text("activation");
  if (kind != "silu" && kind != "swish" && kind != "sigmoid")
    return c.fault(ErrorCode::I005, "activation is '" + kind + "'",
                   "silu, swish or sigmoid");
  Type f32 = f32Of(node);
  Name x = c.cast(c.input(0), f32);
  if (node.rank(0) >= 1)
    x = parted(c, x, sym::floorDiv(node.dims(0).back(), *size),
               node.model.dim(*size));
  Name y =
      c.op("RMSNormalization", {x, c.cast(c.input(1), f32)},
           With().integer("axis", -1).real("epsilon", node.real("epsilon")));
  Name gate = c.cast(c.input(2), f32), open = c.op("Sigmoid", {gate});
  if (kind != "sigmoid")
    open = c.mul(gate, open);
  y = c.mul(c.reshape(y, node.dims(0)), open);
  return c.set(0, c.cast(y, node.type(0).getElementType()));
}

//===----------------------------------------------------------------------===//
// Branches: [..., C, H], or [..., C * H] where num_branches is given
//===----------------------------------------------------------------------===//

/// The number of branches of input 0; null after a fault.
DimAttr branchesOf(NodeImport &node) {
  int64_t given = node.integer("num_branches");
  Dims d = node.dims(0);
  if (given >= 1 && !d.empty())
    return node.model.dim(given);
  if (given == 0 && d.size() >= 2)
    return d[d.size() - 2];
  (void)node.fault(ErrorCode::I005,
                   "num_branches is " + Twine(given) +
                       ", and the input has rank " + Twine(d.size()),
                   "1 or more, or an input [..., branches, width]");
  return {};
}

/// In f32, [..., C, H].
Name branches(NodeImport &node, Composer &c, const Name &x, DimAttr count) {
  Name y = c.cast(x, f32Of(node));
  Dims d = c.dimsOf(y);
  if (node.integer("num_branches") == 0 || d.empty())
    return y;
  return parted(c, y, count, sym::floorDiv(d.back(), count));
}

LogicalResult importBranchNorm(NodeImport &node) {
  Composer c(node);
  DimAttr count = branchesOf(node);
  if (!count)
    return failure();
  Type f32 = f32Of(node);
  Name x = branches(node, c, c.input(0), count), scale;
  Dims d = c.dimsOf(x);
  if (d.size() < 2)
    return failure();
  if (!node.input(1)) {
    scale = c.op("Expand", {c.scalar(1, f32), c.dims({d.back()})});
  } else {
    scale = c.cast(c.input(1), f32);
    Dims s = c.dimsOf(scale);
    if (s.size() == 1 && s[0] != d.back())
      scale = c.reshape(scale, {count, d.back()});
  }
  // The scale of a branch is no part of its norm: it is applied behind it.
  Name ones = c.op("Expand", {c.scalar(1, f32), c.dims({d.back()})});
  Name y =
      c.op("RMSNormalization", {x, ones},
           With().integer("axis", -1).real("epsilon", node.real("epsilon")));
  y = c.reshape(c.mul(y, scale), node.dims(0));
  return c.set(0, c.cast(y, node.type(0).getElementType()));
}

/// Gates [..., C], [..., C, 1], [..., C, H] or [..., C * H] beside streams
/// [..., C, H]: in f32, with both last axes.
Name gatesOf(NodeImport &node, Composer &c, size_t i, const Dims &streams,
             DimAttr count) {
  Name gate = c.cast(c.input(i), f32Of(node));
  Dims d = c.dimsOf(gate);
  if (d.empty() || d.size() + 1 != streams.size())
    return gate;
  if (node.integer("num_branches") == 0 || d.back() == count)
    return c.unsqueeze(gate, {-1});
  return parted(c, gate, count, streams.back());
}

LogicalResult importPreMix(NodeImport &node) {
  Composer c(node);
  DimAttr count = branchesOf(node);
  if (!count)
    return failure();
  Name x = branches(node, c, c.input(0), count);
  Name y = c.mul(x, gatesOf(node, c, 1, c.dimsOf(x), count));
  y = c.op("ReduceSum", {y, c.ints({-2})}, With().integer("keepdims", 0));
  if (double scale = node.real("reduction_scale"); scale != 1)
    y = c.mul(y, c.scalar(scale, f32Of(node)));
  return c.set(0, c.cast(y, node.type(0).getElementType()));
}

LogicalResult importPostMix(NodeImport &node) {
  Composer c(node);
  DimAttr count = branchesOf(node);
  if (!count)
    return failure();
  Type f32 = f32Of(node);
  Name x = branches(node, c, c.input(0), count);
  Name added = c.mul(gatesOf(node, c, 2, c.dimsOf(x), count),
                     c.unsqueeze(c.cast(c.input(1), f32), {-2}));
  if (node.input(3)) { // y[k] = sum over c of mix[c, k] * x[c]
    int64_t rank = node.rank(3);
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < rank; ++i)
      order.push_back(i);
    if (rank < 2)
      return c.fault(ErrorCode::S001, "stream_mix has rank " + Twine(rank),
                     "[..., branches, branches]");
    std::swap(order[rank - 1], order[rank - 2]);
    x = c.op("MatMul", {c.transpose(c.cast(c.input(3), f32), order), x});
  }
  Name y = c.reshape(c.add(x, added), node.dims(0));
  return c.set(0, c.cast(y, node.type(0).getElementType()));
}

LogicalResult importEngram(NodeImport &node) {
  Composer c(node);
  Type f32 = f32Of(node), element = node.type(0).getElementType();
  Dims d = node.dims(0);
  std::optional<int64_t> width =
      d.size() == 4 ? sym::asConstant(d[3]) : std::nullopt;
  if (!width || *width < 1)
    return c.fault(ErrorCode::I014, "the width of the keys is not known",
                   "[batch, sequence, branches, width], the last known");
  With with;
  with.integer("axis", -1).real("epsilon", node.real("epsilon"));
  auto normalised = [&](const Name &x, size_t scale) {
    Name ones = c.op("Expand", {c.scalar(1, f32), c.ints({*width})});
    return c.mul(c.op("RMSNormalization", {x, ones}, with),
                 c.cast(c.input(scale), f32));
  };
  Name dot = c.mul(normalised(c.cast(c.input(0), f32), 3),
                   normalised(c.cast(c.input(1), f32), 4));
  dot = c.div(c.op("ReduceSum", {dot, c.ints({-1})}),
              c.scalar(std::sqrt(double(*width)), f32));
  Name root =
      c.op("Sqrt", {c.op("Max", {c.op("Abs", {dot}), c.scalar(1e-6, f32)})});
  Name gate = c.op("Sigmoid", {c.mul(c.op("Sign", {dot}), root)});
  Name y = c.mul(gate, c.unsqueeze(c.cast(c.input(2), f32), {2}));
  if (failed(c.set(0, c.cast(y, element))))
    return failure();
  if (!node.wants(1))
    return success();
  if (!node.input(5))
    return c.fault(ErrorCode::I006, "lacks conv_norm_scale",
                   "it, as its second result is used");
  return c.set(1, c.cast(normalised(y, 5), element));
}

//===----------------------------------------------------------------------===//
// State-space layers and positions
//===----------------------------------------------------------------------===//

LogicalResult importDecayGate(NodeImport &node) {
  Composer c(node);
  Type f32 = f32Of(node), element = node.type(0).getElementType();
  Name a = c.add(c.cast(c.input(0), f32), c.input(1));
  Name decay = c.mul(c.op("Softplus", {a}), c.input(2));
  if (failed(c.set(0, c.cast(decay, element))))
    return failure();
  if (!node.wants(1))
    return success();
  if (!node.input(3))
    return c.fault(ErrorCode::I006, "lacks 'b'",
                   "it, as its second result is used");
  Name beta = c.op("Sigmoid", {c.cast(c.input(3), f32)});
  return c.set(1, c.cast(beta, element));
}

/// Rows of a cache at three positions of a token: [batch, sequence, half], an
/// element from the stream that its place belongs to.
Name threeStreams(NodeImport &node, Composer &c, size_t cache, int64_t half) {
  SmallVector<int64_t> sections = node.integers("mrope_section");
  SmallVector<double> isHeight(half, 0), isWidth(half, 0);
  bool isInterleaved = node.integer("mrope_layout", 0) != 0;
  for (int64_t i = 0; i < half; ++i) {
    if (isInterleaved) {
      isHeight[i] = i % 3 == 1 && i < 3 * sections[1];
      isWidth[i] = i % 3 == 2 && i < 3 * sections[2];
    } else {
      isHeight[i] = i >= sections[0] && i < sections[0] + sections[1];
      isWidth[i] = i >= sections[0] + sections[1];
    }
  }
  auto stream = [&](int64_t i) {
    Name at = c.op("Squeeze", {c.slice(c.input(1), 0, i, i + 1), c.ints({0})});
    return c.op("Gather", {c.input(cache), at}, With().integer("axis", 0));
  };
  auto mask = [&](ArrayRef<double> values) {
    return c.castTo(c.reals({half}, values, f32Of(node)), onnx::DataType::Bool);
  };
  Name rows = c.op("Where", {mask(isHeight), stream(1), stream(0)});
  return c.op("Where", {mask(isWidth), stream(2), rows});
}

LogicalResult importRotaryOfThree(NodeImport &node) {
  Composer c(node);
  SmallVector<int64_t> sections = node.integers("mrope_section");
  std::optional<int64_t> half =
      node.rank(2) == 2 ? sym::asConstant(node.dims(2)[1]) : std::nullopt;
  if (node.rank(1) != 3 || !half || *half < 1 || *half > 1 << 16 ||
      sections.size() != 3 || sections[0] < 0 || sections[1] < 0 ||
      sections[2] < 0 || sections[0] + sections[1] + sections[2] != *half)
    return c.fault(ErrorCode::S001,
                   "positions have rank " + Twine(node.rank(1)) + ", and " +
                       Twine(sections.size()) +
                       " sections do not fill a row "
                       "of the caches",
                   "[3, batch, sequence], and three sections whose sum is the "
                   "known width of the caches");
  if (node.integer("is_packed_batching", 0) != 0 || node.real("scale", 1) != 1)
    return c.fault(ErrorCode::I004, "packed batches or a scale are asked for",
                   "one row for each sequence, and no scale");
  int64_t heads = node.integer("num_heads", 0);
  if (node.rank(0) == 3 && heads == 0)
    if (std::optional<int64_t> hidden = sym::asConstant(node.dims(0)[2]))
      heads = *hidden / (2 * *half);
  With with;
  with.same(node, "interleaved")
      .integer("num_heads", heads)
      .integer("rotary_embedding_dim", 2 * *half);
  Name cosine = threeStreams(node, c, 2, *half),
       sine = threeStreams(node, c, 3, *half);
  return c.set(0, c.op("RotaryEmbedding", {c.input(0), cosine, sine}, with));
}

/// emb are angles; both states are turned by them.
LogicalResult importGemmaRotary(NodeImport &node) {
  Composer c(node);
  Type element = node.type(1).getElementType();
  auto factor = [&](const char *op) {
    return c.unsqueeze(c.cast(c.op(op, {c.input(0)}), element), {1});
  };
  Name sine = factor("Sin"), cosine = factor("Cos");
  for (size_t i : {0, 1})
    if (failed(c.set(i, c.add(c.mul(c.input(2 * i + 1), cosine),
                              c.mul(c.input(2 * i + 2), sine)))))
      return failure();
  return success();
}

} // namespace

void addGated(OpTable &table) {
  addRows(table, "com.microsoft",
          {{"GatedAdd", importGatedAdd},
           {"ScaledSiLU", importScaledSilu},
           {"GatedRMSNorm", importGatedNorm},
           {"BranchwiseRMSNorm", importBranchNorm},
           {"HyperConnectionPreMix", importPreMix},
           {"HyperConnectionPostMix", importPostMix},
           {"EngramGate", importEngram},
           {"LinearAttentionGate", importDecayGate},
           {"MRotaryEmbedding", importRotaryOfThree},
           {"GemmaRotaryEmbedding", importGemmaRotary}});
}

} // namespace sinter::importer
