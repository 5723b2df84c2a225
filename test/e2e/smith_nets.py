# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The larger operators for smith.py: products, windows, recurrence, quantisation, branches
# and loops. As in smith_rules.py, what does not fit is drawn again.
import numpy as np
from onnx import TensorProto, helper

from smith import B, F32, FLOATS, I8, U8, Node, ints, operator


def fixed(s, array):
    """A constant, or a further input of just these extents."""
    return array if s.chance(0.75) else s.add_input(array, is_open=False)


@operator(10)
def product(s):
    x = s.find(FLOATS, low=1, high=5)
    shape = s.values[x].shape
    if 0 in shape:
        return None  # ONNX Runtime leaves a sum of nothing as the memory was
    k, n = shape[-1], s.pick((1, 2, 5, 8, 16, 17, 31))
    front = tuple(1 if s.chance(0.3) else d for d in shape[:-2])
    front = front[s.between(0, len(front)):] if s.chance(0.5) else front
    y = s.array(F32, front + (k, n) if s.chance(0.9) else (k,))
    if s.chance(0.15):  # the other way round
        m = s.pick((1, 3, 8))
        return Node("MatMul", fixed(s, s.array(F32, (m, shape[-2] if len(shape) > 1 else k))), x)
    return Node("MatMul", x, fixed(s, y * np.float32(0.3)))


@operator(6)
def gemm(s):
    x = s.find(FLOATS, rank=2)
    m, k = s.values[x].shape
    if k * m == 0:
        return None  # ONNX Runtime forgets beta
    a, b = s.between(0, 1), s.between(0, 1)
    if a:
        m, k = k, m
    n = s.pick((1, 2, 8, 16, 19))
    c = s.pick((None, (), (1,), (n,), (1, n), (m, 1), (m, n)))
    return Node("Gemm", x, fixed(s, s.array(F32, (n, k) if b else (k, n)) * np.float32(0.3)),
                None if c is None else fixed(s, s.array(F32, c)), transA=a, transB=b,
                alpha=float(s.pick((1, 0.5))), beta=float(s.pick((1, 2))))


@operator(3)
def einsum(s):
    x = s.find(FLOATS, low=2, high=4)
    shape = s.values[x].shape
    if 0 in shape or 1 in shape:
        return None  # ONNX Runtime broadcasts extents of 1 here
    letters = "abcd"[:len(shape)]
    drop = s.pick(letters)
    if s.chance(0.3):
        kept = [l for l in letters if l != drop]
        s.rng.shuffle(kept)
        return Node("Einsum", x, equation=f"{letters}->{''.join(kept)}")
    d = shape[letters.index(drop)]
    out = letters.replace(drop, "") + "e"
    return Node("Einsum", x, s.array(F32, (d, 6)) * np.float32(0.3), equation=f"{letters},{drop}e->{out}")


def window(s, sizes, dilate=True):
    """Attributes of a window that fits these sizes."""
    kernel = [s.between(1, min(4, max(1, d))) for d in sizes]
    a = {"kernel_shape": kernel}
    if s.chance(0.6):
        a["strides"] = [s.between(1, 3) for _ in sizes]
    if dilate and s.chance(0.3):
        a["dilations"] = [s.between(1, 2) for _ in sizes]
    if s.chance(0.25):
        a["auto_pad"] = s.pick(("SAME_UPPER", "SAME_LOWER", "VALID"))
    elif s.chance(0.6):
        a["pads"] = [s.between(0, k - 1) for k in kernel] + [s.between(0, k - 1) for k in kernel]
    return a


@operator(12)
def conv(s):
    x = s.find(FLOATS, low=3, high=5 if s.chance(0.2) else 4)
    shape = s.values[x].shape
    a = window(s, shape[2:])
    channels = shape[1]
    group = s.pick([g for g in (1, 1, 2, 3, channels) if g and channels % g == 0] or [1])
    out = group * s.pick((1, 2, 3, 8))
    w = s.array(F32, (out, channels // group, *a["kernel_shape"])) * np.float32(0.3)
    return Node("Conv", x, fixed(s, w), s.array(F32, (out,)) if s.chance(0.6) else None, group=group, **a)


@operator(4)
def conv_back(s):
    x = s.find(FLOATS, low=3, high=4)
    shape = s.values[x].shape
    a = window(s, shape[2:])
    if "auto_pad" in a:
        del a["auto_pad"]
    channels = shape[1]
    group = s.pick([g for g in (1, 1, 2, channels) if g and channels % g == 0] or [1])
    if s.chance(0.3) and "strides" in a:
        a["output_padding"] = [s.between(0, x - 1) for x in a["strides"]]
    each = s.pick((1, 2, 5))
    w = s.array(F32, (channels, each, *a["kernel_shape"])) * np.float32(0.3)
    return Node("ConvTranspose", x, w, s.array(F32, (each * group,)) if s.chance(0.5) else None, group=group, **a)


@operator(8)
def pool(s):
    x = s.find(FLOATS, low=3, high=5)
    sizes = s.values[x].shape[2:]
    if s.chance(0.2):
        return Node(s.pick(("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")), x)
    kind = s.pick(("MaxPool", "AveragePool", "LpPool"))
    a = window(s, sizes, dilate=kind == "MaxPool")
    if "SAME" in a.get("auto_pad", ""):
        a.pop("dilations", None)  # ONNX Runtime forgets them here
    if s.chance(0.3):
        a["ceil_mode"] = 1
    if kind == "AveragePool":
        a["count_include_pad"] = s.between(0, 1)
    return Node(kind, x, outputs=2 if kind == "MaxPool" and s.chance(0.15) else 1, **a)


@operator(4)
def resize(s):
    x = s.find(FLOATS, low=3, high=4)
    shape = s.values[x].shape
    mode = s.pick(("nearest", "linear", "cubic"))
    how = s.pick(("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"))
    near = s.pick(("floor", "round_prefer_floor", "ceil", "round_prefer_ceil"))
    is_scaled = s.chance(0.5)
    if is_scaled and how == "align_corners":
        how = "half_pixel"  # ONNX Runtime rounds the extents first
    a = dict(mode=mode, coordinate_transformation_mode=how)
    if mode == "nearest":
        a["nearest_mode"] = near
    front = [1, 1] if len(shape) > 2 else []
    if is_scaled:
        scales = np.array(front + [s.pick((0.5, 1, 2, 3)) for _ in shape[2:]], np.float32)
        return Node("Resize", x, None, scales, **a)
    sizes = ints(*shape[:2], *[s.between(1, 2 * d + 1) for d in shape[2:]])
    return Node("Resize", x, None, None, sizes, **a)


@operator(3)
def blocks(s):
    x = s.find(FLOATS, rank=4)
    shape = s.values[x].shape
    if s.chance(0.5):
        fit = [b for b in (1, 2, 3) if shape[2] % b == 0 and shape[3] % b == 0]
        return Node("SpaceToDepth", x, blocksize=s.pick(fit))
    fit = [b for b in (1, 2, 3) if shape[1] % (b * b) == 0]
    return Node("DepthToSpace", x, blocksize=s.pick(fit), mode=s.pick(("DCR", "CRD")))


@operator(4)
def recurrent(s):
    x = s.find(FLOATS, rank=3)
    length, batch, size = s.values[x].shape
    kind, gates = s.pick((("LSTM", 4), ("GRU", 3), ("RNN", 1)))
    hidden = s.pick((1, 3, 8, 16))
    direction = s.pick(("forward", "reverse", "bidirectional"))
    d = 2 if direction == "bidirectional" else 1
    small = np.float32(0.3)
    bias = s.array(F32, (d, 2 * gates * hidden)) if s.chance(0.6) else None
    lengths = np.asarray(s.rng.integers(1, length + 1, batch), np.int32) if s.chance(0.3) and length else None
    extra = {"linear_before_reset": s.between(0, 1)} if kind == "GRU" else {}
    return Node(kind, x, s.array(F32, (d, gates * hidden, size)) * small,
                s.array(F32, (d, gates * hidden, hidden)) * small, bias, lengths,
                outputs=3 if kind == "LSTM" else 2, hidden_size=hidden, direction=direction, **extra)


def scale(s):
    return np.asarray(s.pick((0.01, 0.02, 0.1)), np.float32)


@operator(4)
def quantize(s):
    kind = s.pick((U8, I8))
    zero = np.asarray(s.pick((0, 3, 100)), kind)
    numbers = [n for n, a in s.values.items() if a.dtype in (U8, I8) and a.size]
    if numbers and s.chance(0.5):
        x = s.pick(numbers)
        return Node("DequantizeLinear", x, scale(s), zero.astype(s.values[x].dtype) if s.chance(0.7) else None)
    x = s.find(FLOATS)
    if s.chance(0.2):
        return Node("DynamicQuantizeLinear", x, outputs=3) if s.values[x].size else None
    return Node("QuantizeLinear", x, scale(s), zero)


@operator(4)
def whole(s):
    """Products of integers."""
    x = s.find((U8, I8), low=2, high=4)
    shape, kind = s.values[x].shape, s.values[x].dtype
    if 0 in shape:
        return None
    other = s.pick((U8, I8))
    zeros = [np.asarray(s.pick((0, 5)), k) for k in (kind, other)]
    k, n = shape[-1], s.pick((1, 5, 16, 17))
    y = s.array(other, (k, n))
    if len(shape) == 4 and s.chance(0.5):
        a = window(s, shape[2:])
        w = s.array(other, (s.pick((1, 4, 9)), shape[1], *a["kernel_shape"]))
        if kind == U8 and s.chance(0.5):
            return Node("QLinearConv", x, scale(s), zeros[0], w, scale(s), zeros[1], np.float32(0.5),
                        np.asarray(10, kind), **a)
        return Node("ConvInteger", x, w, zeros[0], zeros[1], **a)
    if s.chance(0.5):
        return Node("MatMulInteger", x, y, zeros[0], zeros[1])
    return Node("QLinearMatMul", x, scale(s), zeros[0], y, scale(s), zeros[1], np.float32(0.5),
                np.asarray(10, kind))


def branch(s, name, x):
    """A graph of one or two nodes over an outer value."""
    out = f"{s.name()}_{name}"
    mid = out + "_m"
    nodes = [helper.make_node(s.pick(("Relu", "Neg", "Abs", "Sigmoid")), [x], [mid]),
             helper.make_node(s.pick(("Add", "Mul", "Max")), [mid, x if s.chance(0.5) else mid], [out])]
    return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(out, TensorProto.FLOAT, None)])


@operator(3)
def branches(s):
    x = s.find(FLOATS)
    test = s.array(B, ()) if s.chance(0.3) else s.add_input(s.array(B, s.pick(((), (1,)))))
    return Branching("If", x, test, then_branch=branch(s, "then", x), else_branch=branch(s, "else", x))


class Branching(Node):
    """Its input x is captured, not passed."""

    def __init__(self, kind, x, test, **graphs):
        super().__init__(kind, test, **graphs)
        self.captured = [x]


@operator(3)
def loops(s):
    x = s.find(FLOATS, high=4)
    base = s.name()
    names = [f"{base}_{part}" for part in ("i", "c", "x", "again", "next", "scan")]
    i, c, a, again, following, scan = names
    nodes = [helper.make_node("Identity", [c], [again]),
             helper.make_node(s.pick(("Tanh", "Sigmoid", "Softsign")), [a], [following]),
             helper.make_node(s.pick(("Neg", "Abs", "Relu")), [following], [scan])]
    shape = s.values[x].shape
    body = helper.make_graph(nodes, "body", [
        helper.make_tensor_value_info(i, TensorProto.INT64, []),
        helper.make_tensor_value_info(c, TensorProto.BOOL, []),
        helper.make_tensor_value_info(a, TensorProto.FLOAT, None)], [
        helper.make_tensor_value_info(again, TensorProto.BOOL, []),
        helper.make_tensor_value_info(following, TensorProto.FLOAT, None),
        helper.make_tensor_value_info(scan, TensorProto.FLOAT, None)])
    trips = np.asarray(s.between(1, 4), np.int64)
    if np.prod(shape) > 4000:
        return None
    return Node("Loop", trips if s.chance(0.5) else s.add_input(trips), np.asarray(True), x, outputs=2, body=body)
