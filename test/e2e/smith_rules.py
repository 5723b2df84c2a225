# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The operators that smith.py draws from. A rule asks the smith for values and returns the
# node it wants, or None. It need not be right: ONNX Runtime has the last word.
import numpy as np
from onnx import helper

from smith import B, F32, F64, FLOATS, I32, I64, I8, INTS, U8, Node, ints, operator

SMOOTH = ("Abs", "Neg", "Relu", "Sigmoid", "Tanh", "Exp", "Sqrt", "Reciprocal", "Log", "Erf",
          "Softplus", "Softsign", "Elu", "Selu", "Celu", "HardSigmoid", "HardSwish", "LeakyRelu",
          "Mish", "ThresholdedRelu", "Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh", "Acosh",
          "Asin", "Acos", "Atanh", "Floor", "Ceil", "Round", "Sign", "Identity")
ALPHA = ("Elu", "Celu", "LeakyRelu", "ThresholdedRelu", "HardSigmoid")
REDUCTIONS = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1",
              "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare")

PLAIN = REDUCTIONS[:5]  # those that change nothing where they reduce nothing


@operator(10)
def smooth(s):
    kind = s.pick(SMOOTH)
    attributes = {"alpha": float(s.pick((0.1, 0.5, 1.3)))} if kind in ALPHA and s.chance(0.5) else {}
    if kind in ("Abs", "Neg", "Sign") and s.chance(0.4):
        return Node(kind, s.find((I64, I32, I8)))
    return Node(kind, s.find(FLOATS), **attributes)


@operator(10)
def binary(s):
    x = s.find(FLOATS + (I64, I32), high=6)
    shape, kind = s.values[x].shape, s.values[x].dtype
    name = s.pick(("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "PRelu", "Mod"))
    y = s.partner(shape, kind)
    if name == "Pow":
        y = np.asarray(s.pick((0, 1, 2, 3)), kind)
    if name == "PRelu":
        return Node(name, x, s.array(kind, tuple(1 if s.chance(0.3) else d for d in shape)))
    if name == "Mod":
        return Node(name, x, np.asarray(s.pick((2, 3, 5, -3)), kind), fmod=int(kind.kind == "f" or s.chance(0.3)))
    if name == "Div" and isinstance(y, np.ndarray):
        y = np.where(y == 0, 1, y).astype(kind)
    return Node(name, *((x, y) if s.chance(0.7) else (y, x)))


@operator(3)
def many(s):
    x = s.find(FLOATS)
    shape = s.values[x].shape
    return Node(s.pick(("Sum", "Mean", "Max", "Min")), x,
                *(s.partner(shape, F32) for _ in range(s.between(0, 3))))


@operator(4)
def compare(s):
    x = s.find(FLOATS + (I64, I32))
    name = s.pick(("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"))
    return Node(name, x, s.partner(s.values[x].shape, s.values[x].dtype))


@operator(2)
def logic(s):
    x = s.find((B,))
    if s.chance(0.3):
        return Node("Not", x)
    return Node(s.pick(("And", "Or", "Xor")), x, s.partner(s.values[x].shape, B))


@operator(2)
def bits(s):
    x = s.find((I64, I32, U8, I8))
    shape, kind = s.values[x].shape, s.values[x].dtype
    if kind == U8 and s.chance(0.4):
        return Node("BitShift", x, np.asarray(s.rng.integers(0, 8, shape), kind), direction=s.pick(("LEFT", "RIGHT")))
    if s.chance(0.2):
        return Node("BitwiseNot", x)
    return Node(s.pick(("BitwiseAnd", "BitwiseOr", "BitwiseXor")), x, s.partner(shape, kind))


@operator(3)
def where(s):
    x = s.find(FLOATS + INTS, high=6)
    shape, kind = s.values[x].shape, s.values[x].dtype
    return Node("Where", s.partner(shape, B), x, s.partner(shape, kind))


@operator(2)
def clip(s):
    x = s.find(FLOATS + (I64, I32, U8, I8))
    kind = s.values[x].dtype
    return Node("Clip", x, np.asarray(1, kind) if s.chance(0.7) else None,
                np.asarray(3, kind) if s.chance(0.7) else None)


@operator(5)
def cast(s):
    x = s.find((F32, F64, I64, I32, U8, I8, B))
    to = s.pick((F32, F32, F32, F64, I64, I32, U8, I8, B))
    if s.values[x].dtype.kind == "f" and to in (U8, I8):
        return None  # what is outside is undefined
    return Node("Cast", x, to=helper.np_dtype_to_tensor_dtype(to))


def some_axes(s, rank):
    axes = [i for i in range(rank) if s.chance(0.5)]
    return ints(*[a - rank if s.chance(0.3) else a for a in axes])


@operator(10)
def reduce(s):
    x = s.find(FLOATS + (I64, I32), fits=lambda a: a.size > 0)  # ONNX Runtime errs about axes of 0
    axes = some_axes(s, s.values[x].ndim)
    kind = s.pick(REDUCTIONS if s.values[x].dtype.kind == "f" else REDUCTIONS[:6])  # no roots of integers
    extra = {"keepdims": 0} if s.chance(0.5) else {}
    if len(axes) == 0:
        return Node(kind, x, None, noop_with_empty_axes=int(kind in PLAIN and s.chance(0.5)), **extra)
    return Node(kind, x, axes, **extra)


@operator(2)
def arg(s):
    x = s.find(FLOATS + (I32,), low=1, fits=lambda a: a.size > 0)
    return Node(s.pick(("ArgMax", "ArgMin")), x, axis=an_axis(s, x), keepdims=s.between(0, 1),
                select_last_index=s.between(0, 1))


def an_axis(s, x, extra=0):
    rank = s.values[x].ndim + extra
    return s.between(-rank, rank - 1)


@operator(5)
def softmax(s):
    x = s.find(FLOATS, low=1)
    return Node(s.pick(("Softmax", "Softmax", "LogSoftmax", "Hardmax")), x, axis=an_axis(s, x))


@operator(5)
def normalize(s):
    x = s.find(FLOATS, low=2)
    shape = s.values[x].shape
    which = s.between(0, 4)
    if which == 0:
        axis = an_axis(s, x)
        tail = shape[axis:]
        return Node("LayerNormalization", x, s.array(F32, tail),
                    s.array(F32, tail) if s.chance(0.5) else None, axis=axis)
    vectors = [s.array(F32, (shape[1],)) for _ in range(4)]
    if which == 1:
        vectors[3] = np.abs(vectors[3]) + np.float32(0.1)
        return Node("BatchNormalization", x, *vectors)
    if which == 2:
        return Node("InstanceNormalization", x, *vectors[:2])
    if which == 3:
        return Node("LpNormalization", x, axis=an_axis(s, x), p=s.between(1, 2))
    return Node("LRN", x, size=s.pick((1, 3, 5)))


@operator(3)
def cumulate(s):
    x = s.find(FLOATS + (I64, I32), low=1)
    return Node("CumSum", x, np.asarray(an_axis(s, x), np.int64), exclusive=s.between(0, 1),
                reverse=s.between(0, 1))


@operator(3)
def top(s):
    x = s.find(FLOATS, low=1)
    axis = an_axis(s, x)
    size = s.values[x].shape[axis]
    return Node("TopK", x, ints(s.between(min(1, size), size)), axis=axis, outputs=2, largest=s.between(0, 1))


# Shapes.
def factors(s, count):
    rest, shape = count, []
    for _ in range(s.between(0, 5)):
        fit = [d for d in range(1, rest + 1) if rest % d == 0][:8]
        shape.append(s.pick(fit))
        rest //= shape[-1]
    return shape + [rest] if rest > 1 or s.chance(0.3) or not shape else shape


@operator(9)
def reshape(s):
    x = s.find(FLOATS + (I64, B))
    array = s.values[x]
    if array.size == 0:
        return None
    shape = factors(s, array.size)
    if shape and s.chance(0.5):
        shape[s.between(0, len(shape) - 1)] = -1
    for i in range(min(len(shape), array.ndim)):
        if shape[i] == array.shape[i] and s.chance(0.6):
            shape[i] = 0
    return Node("Reshape", x, ints(*shape))


@operator(8)
def transpose(s):
    x = s.find(FLOATS + INTS + (B,))
    if s.chance(0.2):
        return Node("Transpose", x)
    return Node("Transpose", x, perm=[int(i) for i in s.rng.permutation(s.values[x].ndim)])


@operator(4)
def squeeze(s):
    x = s.find(FLOATS + (I64, B), high=6)
    shape = s.values[x].shape
    which = s.between(0, 3)
    if which == 0:
        return Node("Flatten", x, axis=s.between(-len(shape), len(shape)))
    if which == 1:
        axes = [i for i, d in enumerate(shape) if d == 1]
        return Node("Squeeze", x, ints(*axes) if axes and s.chance(0.7) else None)
    count = s.between(1, 2)
    rank = len(shape) + count
    return Node("Unsqueeze", x, ints(*s.rng.choice(range(-rank, 0), count, False)))


@operator(7)
def concat(s):
    x = s.find(FLOATS + (I64, I32), low=1, fits=lambda a: a.size > 0)  # ONNX Runtime skips empty parts
    array = s.values[x]
    axis = an_axis(s, x)
    parts = [x]
    for _ in range(s.between(0, 3)):
        def fits(a):
            return a.ndim == array.ndim and np.delete(a.shape, axis).tolist() == np.delete(array.shape, axis).tolist()
        names = [n for n, a in s.values.items() if a.dtype == array.dtype and fits(a)]
        if s.chance(0.7):
            parts.append(s.pick(names))
        else:
            shape = list(array.shape)
            shape[axis] = s.between(1, 5)
            parts.append(s.array(array.dtype, shape))
    return Node("Concat", *parts, axis=axis)


@operator(5)
def split(s):
    x = s.find(FLOATS + (I64,), low=1)
    axis = an_axis(s, x)
    size = s.values[x].shape[axis]
    count = s.between(1, min(4, max(size, 1)))
    if s.chance(0.4):
        return Node("Split", x, None, outputs=count, axis=axis, num_outputs=count)
    cuts = np.sort(s.rng.integers(0, size + 1, count - 1))
    sizes = np.diff(np.concatenate([[0], cuts, [size]]))
    return Node("Split", x, ints(*sizes), outputs=count, axis=axis)


@operator(8)
def slice_(s):
    x = s.find(FLOATS + (I64, B), low=1)
    shape = s.values[x].shape
    axes = [i for i in range(len(shape)) if s.chance(0.6)] or [0]
    starts, ends, steps = [], [], []
    for axis in axes:
        size = shape[axis]
        if s.chance(0.3):
            starts.append(s.pick((-1, size, 1 << 40)))
            ends.append(s.pick((-(1 << 40), -size - 1, -(1 << 63))))
            steps.append(-s.between(1, 3))
        else:
            starts.append(s.between(-size, size // 2))
            ends.append(s.pick((size, 1 << 40, (1 << 63) - 1, -1, s.between(0, size))))
            steps.append(s.pick((1, 1, 1, 2, 3)))
    if s.chance(0.3):
        axes = [a - len(shape) for a in axes]
    return Node("Slice", x, ints(*starts), ints(*ends), ints(*axes), ints(*steps))


@operator(5)
def pad(s):
    x = s.find(FLOATS + (I64,), low=1, high=5)
    rank = s.values[x].ndim
    mode = s.pick(("constant", "constant", "reflect", "edge"))
    low = -1 if s.chance(0.2) and mode == "constant" else 0
    sizes = ints(*[s.between(low, 3) if s.chance(0.6) else 0 for _ in range(2 * rank)])
    value = s.array(s.values[x].dtype, ()) if mode == "constant" and s.chance(0.5) else None
    return Node("Pad", x, sizes, value, mode=mode)


@operator(4)
def repeat(s):
    x = s.find(FLOATS + (I64, B), high=5)
    shape = s.values[x].shape
    if s.chance(0.5):
        return Node("Tile", x, ints(*[s.pick((1, 1, 2, 3)) for _ in shape]))
    wanted = [s.pick(((d, 1) if d != 1 else (1, 2, 5))) for d in shape]
    front = [s.pick((1, 2, 3))] if s.chance(0.3) and len(shape) < 6 else []
    return Node("Expand", x, ints(*(front + wanted)))


def indices(s, size, shape):
    return np.asarray(s.rng.integers(-size, size, shape), s.pick((np.int64, np.int32)))


@operator(6)
def gather(s):
    x = s.find(FLOATS + (I64, B), low=1, high=5)
    array = s.values[x]
    axis = an_axis(s, x)
    if array.size == 0:
        return None
    which = s.between(0, 2)
    if which == 0:
        index = indices(s, array.shape[axis], s.shape(s.between(0, 2)))
        return Node("Gather", x, index if s.chance(0.6) else s.add_input(index), axis=axis)
    if which == 1:
        shape = list(array.shape)
        shape[axis] = s.between(1, 5)
        return Node("GatherElements", x, indices(s, array.shape[axis], shape), axis=axis)
    depth = s.between(1, array.ndim)
    columns = [indices(s, d, (3,)).astype(np.int64) for d in array.shape[:depth]]
    return Node("GatherND", x, np.stack(columns, -1))


@operator(4)
def scatter(s):
    x = s.find(FLOATS, low=1, high=4)
    array = s.values[x]
    axis = an_axis(s, x)
    if array.size == 0:
        return None
    reduction = s.pick(("none", "add", "mul", "max", "min"))
    if s.chance(0.5):
        shape = [s.between(1, d) for d in array.shape]
        size = array.shape[axis]
        shape[axis] = s.between(1, size)
        index = np.argsort(s.rng.random(tuple(shape[:axis]) + (size,) + tuple(shape[axis:][1:])), axis)
        index = np.take(index, range(shape[axis]), axis).astype(np.int64)
        return Node("ScatterElements", x, index, s.array(F32, shape), axis=axis, reduction=reduction)
    index = ints(*s.rng.permutation(array.shape[0])[:s.between(1, 3)])[:, None]
    return Node("ScatterND", x, index, s.array(F32, (len(index),) + array.shape[1:]), reduction=reduction)


def fixed_shape(s):
    """A value that can be a shape; its length must not be open, for that would be a rank."""
    names = [n for n, a in s.values.items() if a.dtype == I64 and a.ndim == 1 and 0 < a.size < 6
             and (n not in s.inputs or n in s.closed) and (a >= 0).all() and a.prod() < 5000]
    return s.pick(names) if names else None


@operator(4)
def shapes(s):
    x = s.find(FLOATS + (I64, B))
    which = s.between(0, 3)
    if which == 0:
        return Node("Shape", x, **({"start": s.between(-2, 1)} if s.chance(0.3) else {}))
    if which == 1:
        return Node("Size", x)
    if which == 2:
        y = fixed_shape(s)
        return y and Node("ConstantOfShape", y,
                          value=helper.make_tensor("v", s.pick((1, 7)), [1], [3]))
    return Node("EyeLike", s.find(FLOATS, rank=2), k=s.between(-2, 2), dtype=1)


@operator(3)
def extents(s):
    """What a size of one tensor decides about another."""
    x = s.find(FLOATS, low=1, high=4)
    target = fixed_shape(s)
    if not target:
        return Node("Shape", x)
    if s.chance(0.5):
        return Node("Expand", s.array(F32, ()), target)
    good = [n for n, a in s.values.items() if a.dtype == F32 and a.size == s.values[target].prod()]
    return Node("Reshape", s.pick(good), target) if good else None


@operator(3)
def found(s):
    x = s.find(FLOATS + (B,), low=1, high=4)
    if s.chance(0.4):
        return Node("NonZero", x)
    if s.chance(0.3):
        size = s.values[x].size
        return Node("Compress", x, s.array(B, (min(size, 7),)))
    y = s.find((I64, F32), low=1, high=2)
    return Node("Unique", y, sorted=1, outputs=s.pick((1, 4)), **({"axis": 0} if s.chance(0.3) else {}))


@operator(2)
def one_hot(s):
    x = s.find((I64,), high=3)
    return Node("OneHot", x, np.asarray(s.between(1, 6), np.int64), np.array([0, 1], s.pick((F32, I64))),
                axis=s.between(-1, 0))


@operator(2)
def triangle(s):
    x = s.find(FLOATS, low=2)
    return Node("Trilu", x, np.asarray(s.between(-3, 3), np.int64) if s.chance(0.6) else None,
                upper=s.between(0, 1))
