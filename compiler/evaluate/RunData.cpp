// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Movement, indexing, resize and recurrent layers.
#include "compiler/evaluate/Convert.h"
#include "compiler/evaluate/RunOperation.h"
#include "compiler/evaluate/core/Extern.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace sinter::graph;

namespace sinter::evaluate {
namespace {

Ints listOf(ArrayRef<int64_t> values) {
  return Ints(values.begin(), values.end());
}

std::vector<double> listOf(ArrayRef<double> values) {
  return {values.begin(), values.end()};
}

Combine combineOf(StringRef reduction) {
  return llvm::StringSwitch<Combine>(reduction)
      .Case("add", Combine::Add)
      .Case("mul", Combine::Mul)
      .Case("min", Combine::Min)
      .Case("max", Combine::Max)
      .Default(Combine::None);
}

// ONNX's defaults for the activations of a recurrent layer.
double defaultAlpha(scalar::Kind kind) {
  return kind == scalar::Kind::k_hard_sigmoid ? 0.2
         : kind == scalar::Kind::k_leaky_relu ? 0.01
                                              : 1.0;
}

struct Runner {
  Operands in;
  Environment &env;
  Results &out;

  void run(FromDimsOp op) {
    auto type = mlir::cast<RankedTensorType>(op.getResult().getType());
    Ints values = env.valuesOf(op.getDims().getDims());
    if (env.fault)
      return;
    Value value = makeValue(
        *kindOf(type.getElementType()),
        Shape(type.getShape().begin(), type.getShape().end()), env.mode);
    value.data = values;
    out.push_back(std::move(value));
  }
  void run(TransposeOp op) {
    out.push_back(transpose(*in[0], listOf(op.getPermutation())));
  }
  void run(ReshapeOp op) {
    Shape shape = env.shapeOf(op.getResult());
    if (env.fault)
      return;
    if (elementCount(shape) != in[0]->count())
      return env.fault.set("cannot reshape " + toString(in[0]->shape) + " to " +
                           toString(shape));
    out.push_back(reshape(*in[0], shape));
  }
  void run(BroadcastOp op) {
    Shape shape = env.shapeOf(op.getResult());
    if (env.fault)
      return;
    const Shape &from = in[0]->shape;
    for (size_t i = 1; i <= from.size(); ++i)
      if (from[from.size() - i] != 1 &&
          from[from.size() - i] != shape[shape.size() - i])
        return env.fault.set("cannot broadcast " + toString(from) + " to " +
                             toString(shape));
    out.push_back(broadcast(*in[0], shape));
  }
  void run(ConcatOp op) {
    for (const Value *part : in)
      for (int64_t axis = 0; axis < part->rank(); ++axis)
        if (axis != static_cast<int64_t>(op.getAxis()) &&
            part->shape[axis] != in[0]->shape[axis])
          return env.fault.set("cannot join " + toString(in[0]->shape) +
                               " and " + toString(part->shape));
    out.push_back(concat({in.begin(), in.end()}, op.getAxis()));
  }
  void run(SliceOp op) {
    Ints starts = env.valuesOf(op.getStarts().getDims());
    Ints sizes = env.valuesOf(op.getSizes().getDims());
    if (env.fault)
      return;
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      int64_t last = starts[axis] + (sizes[axis] - 1) * op.getSteps()[axis];
      int64_t extent = in[0]->shape[axis];
      if (sizes[axis] < 0 ||
          (sizes[axis] > 0 && (starts[axis] < 0 || starts[axis] >= extent ||
                               last < 0 || last >= extent)))
        return env.fault.set("slice from " + std::to_string(starts[axis]) +
                             " of " + std::to_string(sizes[axis]) +
                             " elements leaves an axis of " +
                             std::to_string(extent));
    }
    if (elementCount(sizes) == 0)
      starts.assign(starts.size(), 0);
    out.push_back(slice(*in[0], starts, sizes, listOf(op.getSteps())));
  }
  void run(PadOp op) {
    PadMode mode = llvm::StringSwitch<PadMode>(op.getMode())
                       .Case("edge", PadMode::Edge)
                       .Case("reflect", PadMode::Reflect)
                       .Case("wrap", PadMode::Wrap)
                       .Default(PadMode::Constant);
    Ints low = env.valuesOf(op.getLow().getDims()),
         high = env.valuesOf(op.getHigh().getDims());
    if (!env.fault)
      out.push_back(pad(*in[0], in.size() > 1 ? in[1] : nullptr, mode, low,
                        high, env.fault));
  }
  void run(TriluOp op) {
    Ints k = env.valuesOf(op.getK());
    if (!env.fault)
      out.push_back(trilu(*in[0], k[0], op.getUpper()));
  }
  void run(GatherOp op) {
    out.push_back(gather(*in[0], *in[1], op.getAxis(), env.fault));
  }
  void run(GatherElementsOp op) {
    out.push_back(gatherElements(*in[0], *in[1], op.getAxis(), env.fault));
  }
  void run(GatherNDOp op) {
    out.push_back(gatherND(*in[0], *in[1], op.getBatchDims(), env.fault));
  }
  void run(ScatterElementsOp op) {
    out.push_back(scatterElements(*in[0], *in[1], *in[2], op.getAxis(),
                                  combineOf(op.getReduction()), env.fault));
  }
  void run(ScatterNDOp op) {
    out.push_back(scatterND(*in[0], *in[1], *in[2],
                            combineOf(op.getReduction()), env.fault));
  }
  void run(RangeOp op) {
    Shape shape = env.shapeOf(op.getResult());
    if (!env.fault)
      out.push_back(range(*in[0], *in[1], shape[0]));
  }
  void run(OneHotOp op) {
    Shape shape = env.shapeOf(op.getResult());
    if (!env.fault)
      out.push_back(oneHot(*in[0], *in[1], op.getAxis(), shape[op.getAxis()]));
  }
  void run(TopKOp op) {
    Ints k = env.valuesOf(op.getK());
    if (env.fault)
      return;
    int64_t extent = in[0]->shape[op.getAxis()];
    if (k[0] < 0 || k[0] > extent)
      return env.fault.set("k is " + std::to_string(k[0]) + ", the axis has " +
                           std::to_string(extent) + " elements");
    TopK top = topK(*in[0], k[0], op.getAxis(), op.getLargest());
    out.push_back(std::move(top.values));
    out.push_back(std::move(top.indices));
  }
  void run(NonZeroOp op) {
    Value found = nonZero(*in[0]);
    Value count = makeValue(ElementKind::I64, {}, env.mode);
    count.as<int64_t>()[0] = found.shape[1];
    out.push_back(std::move(found));
    out.push_back(std::move(count));
  }
  void run(ExternOp op) {
    ExternCall call;
    call.callee = op.getCallee().str();
    call.inputs.assign(in.begin(), in.end());
    call.integers = env.valuesOf(op.getIntegers().getDims());
    call.floats = listOf(op.getFloats());
    for (mlir::Value result : op.getResults()) {
      auto type = mlir::cast<RankedTensorType>(result.getType());
      Shape shape = env.shapeOf(result);
      if (env.fault)
        return;
      call.results.push_back(
          makeValue(*kindOf(type.getElementType()), shape, env.mode));
    }
    if (!runExtern(call, env.fault))
      env.fault.set("no function is named '" + call.callee + "'");
    else
      out = std::move(call.results);
  }
  void run(ResizeOp op) {
    Shape shape = env.shapeOf(op.getResult());
    if (env.fault)
      return;
    Resize r{op.getMode().str(), op.getCoordinateMode().str(),
             op.getNearestMode().str(), listOf(op.getScales()),
             listOf(op.getRoi())};
    r.cubicCoeffA = op.getCubicCoeffA().convertToDouble();
    r.extrapolationValue = op.getExtrapolationValue().convertToDouble();
    r.excludeOutside = op.getExcludeOutside();
    r.antialias = op.getAntialias();
    out.push_back(resize(*in[0], shape, r));
  }
  void run(RecurrentOp op) {
    size_t next = 3;
    auto take = [&](mlir::Value present) -> Maybe {
      return present ? in[next++] : nullptr;
    };
    RecurrentOperands o{in[0],
                        in[1],
                        in[2],
                        take(op.getBias()),
                        take(op.getLengths()),
                        take(op.getInitialH()),
                        take(op.getInitialC()),
                        take(op.getPeephole())};
    Recurrent r;
    r.cell = llvm::StringSwitch<Cell>(op.getCell())
                 .Case("lstm", Cell::Lstm)
                 .Case("gru", Cell::Gru)
                 .Default(Cell::Rnn);
    r.direction = llvm::StringSwitch<Direction>(op.getDirection())
                      .Case("reverse", Direction::Reverse)
                      .Case("bidirectional", Direction::Both)
                      .Default(Direction::Forward);
    ArrayRef<double> alphas = op.getAlphas(), betas = op.getBetas();
    for (auto [i, name] :
         llvm::enumerate(op.getActivations().getAsValueRange<StringAttr>())) {
      scalar::Kind kind = *scalar::kindOf(name);
      r.activations.push_back(kind);
      r.alphas.push_back(i < alphas.size() ? alphas[i] : defaultAlpha(kind));
      r.betas.push_back(i < betas.size() ? betas[i] : 0.5);
    }
    if (op.getClip())
      r.clip = op.getClip()->convertToDouble();
    r.linearBeforeReset = op.getLinearBeforeReset();
    r.inputForget = op.getInputForget();
    r.quantisedState = op.getQuantisedState();
    RecurrentResults results = recurrent(o, r);
    out.push_back(std::move(results.y));
    out.push_back(std::move(results.yH));
    if (r.cell == Cell::Lstm)
      out.push_back(std::move(results.yC));
  }
};

} // namespace

bool runData(Operation *op, Operands operands, Environment &environment,
             Results &results) {
  Runner runner{operands, environment, results};
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<FromDimsOp, TransposeOp, ReshapeOp, BroadcastOp, ConcatOp, SliceOp,
            PadOp, TriluOp, GatherOp, GatherElementsOp, GatherNDOp,
            ScatterElementsOp, ScatterNDOp, RangeOp, OneHotOp, TopKOp,
            NonZeroOp, ExternOp, ResizeOp, RecurrentOp>([&](auto typed) {
        runner.run(typed);
        return true;
      })
      .Default([](Operation *) { return false; });
}

} // namespace sinter::evaluate
