// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise operations, products, windows, reductions and norms.
#include "compiler/evaluate/Convert.h"
#include "compiler/evaluate/RunOperation.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace sinter::graph;

namespace sinter::evaluate {
namespace {

Ints listOf(ArrayRef<int64_t> values) {
  return Ints(values.begin(), values.end());
}

// The core computes with the channels in front.
Value channelsFirst(const Value &value) {
  Ints permutation{0, value.rank() - 1};
  for (int64_t axis = 1; axis < value.rank() - 1; ++axis)
    permutation.push_back(axis);
  return transpose(value, permutation);
}

Value channelsLast(const Value &value) {
  Ints permutation{0};
  for (int64_t axis = 2; axis < value.rank(); ++axis)
    permutation.push_back(axis);
  permutation.push_back(1);
  return transpose(value, permutation);
}

struct Runner {
  Operands in;
  Environment &env;
  Results &out;

  Maybe optional(mlir::Value present, size_t index) const {
    return present ? in[index] : nullptr;
  }
  bool broadcasts(const Shape &a, const Shape &b) {
    for (size_t i = 1; i <= std::min(a.size(), b.size()); ++i) {
      int64_t x = a[a.size() - i], y = b[b.size() - i];
      if (x != y && x != 1 && y != 1) {
        env.fault.set("shapes " + toString(a) + " and " + toString(b) +
                      " do not broadcast");
        return false;
      }
    }
    return true;
  }

  void run(MapOp op) {
    for (const Value *a : in)
      for (const Value *b : in)
        if (!broadcasts(a->shape, b->shape))
          return;
    Type element = getElementTypeOrSelf(op.getResult());
    out.push_back(map(op.getScalarKind(), {in.begin(), in.end()},
                      *kindOf(element), env.mode, env.fault));
  }
  void run(CastOp op) {
    out.push_back(
        cast(*in[0], *kindOf(getElementTypeOrSelf(op.getResult())), env.mode));
  }
  void run(MatMulOp op) {
    auto extent = [](const Value &value, int64_t fromEnd) {
      return value.shape[value.rank() - fromEnd];
    };
    int64_t left = extent(*in[0], op.getTransposeA() ? 2 : 1);
    int64_t right = extent(*in[1], op.getTransposeB() ? 1 : 2);
    if (left != right)
      return env.fault.set("inner extents " + std::to_string(left) + " and " +
                           std::to_string(right) + " differ");
    Shape a(in[0]->shape.begin(), in[0]->shape.end() - 2);
    Shape b(in[1]->shape.begin(), in[1]->shape.end() - 2);
    if (broadcasts(a, b))
      out.push_back(
          matmul(*in[0], *in[1], op.getTransposeA(), op.getTransposeB()));
  }
  template <typename Op> ConvGeometry geometryOf(Op op) {
    return {listOf(op.getStrides()),
            listOf(op.getPads()),
            listOf(op.getDilations()),
            {},
            static_cast<int64_t>(op.getGroup())};
  }
  void run(ConvOp op) {
    Value input = op.getChannelsLast() ? channelsFirst(*in[0]) : *in[0];
    if (input.shape[1] != in[1]->shape[1] * static_cast<int64_t>(op.getGroup()))
      return env.fault.set("input has " + std::to_string(input.shape[1]) +
                           " channels, the filter takes " +
                           std::to_string(in[1]->shape[1] * op.getGroup()));
    Value y = conv(input, *in[1], optional(op.getBias(), 2), geometryOf(op));
    out.push_back(op.getChannelsLast() ? channelsLast(y) : y);
  }
  void run(ConvTransposeOp op) {
    Value input = op.getChannelsLast() ? channelsFirst(*in[0]) : *in[0];
    if (input.shape[1] != in[1]->shape[0])
      return env.fault.set("input has " + std::to_string(input.shape[1]) +
                           " channels, the filter takes " +
                           std::to_string(in[1]->shape[0]));
    ConvGeometry geometry = geometryOf(op);
    geometry.outputPadding = listOf(op.getOutputPadding());
    Value y = convTranspose(input, *in[1], optional(op.getBias(), 2), geometry);
    out.push_back(op.getChannelsLast() ? channelsLast(y) : y);
  }
  void run(PoolOp op) {
    Pool p{llvm::StringSwitch<PoolKind>(op.getKind())
               .Case("average", PoolKind::Average)
               .Case("lp", PoolKind::Lp)
               .Default(PoolKind::Max),
           listOf(op.getKernel()), listOf(op.getStrides()),
           listOf(op.getPads()), listOf(op.getDilations())};
    p.ceilMode = op.getCeilMode();
    p.countIncludePad = op.getCountIncludePad();
    p.columnMajorIndices = op.getColumnMajorIndices();
    p.p = op.getP();
    bool last = op.getChannelsLast();
    Value indices;
    Value y = pool(last ? channelsFirst(*in[0]) : *in[0], p,
                   op.getWithIndices() ? &indices : nullptr);
    out.push_back(last ? channelsLast(y) : y);
    if (op.getWithIndices())
      out.push_back(last ? channelsLast(indices) : indices);
  }
  void run(ReduceOp op) {
    ReduceKind kind = llvm::StringSwitch<ReduceKind>(op.getKind())
                          .Case("mean", ReduceKind::Mean)
                          .Case("prod", ReduceKind::Prod)
                          .Case("min", ReduceKind::Min)
                          .Case("max", ReduceKind::Max)
                          .Case("l1", ReduceKind::L1)
                          .Case("l2", ReduceKind::L2)
                          .Case("log_sum", ReduceKind::LogSum)
                          .Case("log_sum_exp", ReduceKind::LogSumExp)
                          .Case("sum_square", ReduceKind::SumSquare)
                          .Default(ReduceKind::Sum);
    out.push_back(reduce(*in[0], kind, listOf(op.getAxes()), op.getKeepDims()));
  }
  void run(ArgReduceOp op) {
    if (in[0]->shape[op.getAxis()] == 0)
      return env.fault.set("the axis that is searched has no elements");
    out.push_back(argReduce(*in[0], op.getKind() == "max", op.getAxis(),
                            op.getKeepDims(), op.getSelectLast()));
  }
  void run(SoftmaxOp op) {
    out.push_back(softmax(*in[0], op.getAxis(), op.getLog()));
  }
  void run(CumSumOp op) {
    out.push_back(
        cumsum(*in[0], op.getAxis(), op.getExclusive(), op.getReverse()));
  }
  void run(BatchNormOp op) {
    int64_t axis = op.getChannelsLast() ? in[0]->rank() - 1 : 1;
    out.push_back(batchNorm(*in[0], *in[1], *in[2], *in[3], *in[4],
                            op.getEpsilon().convertToDouble(), axis));
  }
  void run(NormalizeOp op) {
    Maybe scale = optional(op.getScale(), 1);
    Maybe bias = optional(op.getBias(), scale ? 2 : 1);
    Normalized n = normalize(*in[0], scale, bias, op.getAxis(),
                             op.getEpsilon().convertToDouble(), op.getRms());
    out.push_back(std::move(n.result));
    if (!op.getWithStatistics())
      return;
    out.push_back(std::move(n.mean));
    out.push_back(std::move(n.inverseDeviation));
  }
  void run(GroupNormOp op) {
    out.push_back(groupNorm(*in[0], *in[1], *in[2], op.getGroups(),
                            op.getEpsilon().convertToDouble()));
  }
  void run(LrnOp op) {
    out.push_back(lrn(*in[0], op.getSize(), op.getAlpha().convertToDouble(),
                      op.getBeta().convertToDouble(),
                      op.getBias().convertToDouble()));
  }
};

} // namespace

bool runMath(Operation *op, Operands operands, Environment &environment,
             Results &results) {
  Runner runner{operands, environment, results};
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<MapOp, CastOp, MatMulOp, ConvOp, ConvTransposeOp, PoolOp, ReduceOp,
            ArgReduceOp, SoftmaxOp, CumSumOp, BatchNormOp, NormalizeOp,
            GroupNormOp, LrnOp>([&](auto typed) {
        runner.run(typed);
        return true;
      })
      .Default([](Operation *) { return false; });
}

} // namespace sinter::evaluate
