# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Small models with seeded weights: `small.py NAME FILE.onnx [float16|double]`.
import sys

import numpy
import onnx
from onnx import helper, numpy_helper

dice = numpy.random.default_rng(0)


element = numpy.dtype(sys.argv[3] if len(sys.argv) > 3 else "float32")


def weight(name, *shape):
    scale = 1 / numpy.sqrt(numpy.prod(shape[1:]) if len(shape) > 2 else shape[0])
    return numpy_helper.from_array((dice.standard_normal(shape) * scale).astype(element), name)


def save(path, nodes, weights, inputs, outputs):
    kind = helper.np_dtype_to_tensor_dtype(element)
    value = lambda row: helper.make_tensor_value_info(row[0], kind, row[1])  # noqa: E731
    graph = helper.make_graph(nodes, "small", [value(row) for row in inputs],
                              [value(row) for row in outputs], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


def matmul(path):
    save(path, [helper.make_node("MatMul", ["x", "w"], ["y"], name="mm")], [weight("w", 64, 48)],
         [("x", [8, 64])], [("y", [8, 48])])


def mlp(path):
    save(path, [helper.make_node("MatMul", ["x", "w"], ["a"], name="first"),
                helper.make_node("Add", ["a", "b"], ["c"], name="bias"),
                helper.make_node("Relu", ["c"], ["d"], name="relu"),
                helper.make_node("MatMul", ["d", "v"], ["y"], name="second")],
         [weight("w", 64, 48), weight("b", 48), weight("v", 48, 10)],
         [("x", ["N", 64])], [("y", ["N", 10])])


def conv(path):
    save(path, [helper.make_node("Conv", ["x", "w", "b"], ["a"], name="conv1", kernel_shape=[3, 3],
                                 pads=[1, 1, 1, 1]),
                helper.make_node("Relu", ["a"], ["c"], name="relu1"),
                helper.make_node("Conv", ["c", "v"], ["d"], name="conv2", kernel_shape=[3, 3],
                                 pads=[1, 1, 1, 1], strides=[2, 2]),
                helper.make_node("GlobalAveragePool", ["d"], ["e"], name="pool"),
                helper.make_node("Flatten", ["e"], ["f"], name="flatten"),
                helper.make_node("Gemm", ["f", "u", "t"], ["y"], name="head")],
         [weight("w", 16, 3, 3, 3), weight("b", 16), weight("v", 32, 16, 3, 3),
          weight("u", 32, 10), weight("t", 10)],
         [("x", ["N", 3, "H", "W"])], [("y", ["N", 10])])


def residual(path):
    """Values that a convolution, a sum, a pool and a product read, and rows by the pixel."""
    pads = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    save(path, [helper.make_node("Conv", ["x", "w", "b"], ["a"], name="first", **pads),
                helper.make_node("Relu", ["a"], ["c"], name="relu"),
                helper.make_node("Conv", ["c", "v"], ["d"], name="second", **pads),
                helper.make_node("Add", ["c", "d"], ["e"], name="sum"),
                helper.make_node("MaxPool", ["e"], ["f"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
                helper.make_node("Conv", ["f", "u"], ["g"], name="depthwise", group=16, **pads),
                helper.make_node("Transpose", ["g"], ["i"], name="turn", perm=[0, 2, 3, 1]),
                helper.make_node("MatMul", ["i", "t"], ["j"], name="product"),
                helper.make_node("MatMul", ["j", "i"], ["k"], name="square"),
                helper.make_node("Softmax", ["k"], ["y"], name="softmax", axis=-1)],
         [weight("w", 16, 3, 3, 3), weight("b", 16), weight("v", 16, 16, 3, 3),
          weight("u", 16, 1, 3, 3), weight("t", 16, 8)],
         [("x", ["N", 3, 16, 16])], [("y", ["N", 8, 8, 16])])


def padded(path):
    """Zeros around what is negative: they win at the border."""
    save(path, [helper.make_node("Abs", ["x"], ["a"], name="size"),
                helper.make_node("Neg", ["a"], ["b"], name="below"),
                helper.make_node("Pad", ["b", "p"], ["c"], name="pad"),
                helper.make_node("MaxPool", ["c"], ["y"], name="pool", kernel_shape=[3, 3], strides=[2, 2])],
         [numpy_helper.from_array(numpy.array([0, 0, 1, 1, 0, 0, 1, 1]), "p")],
         [("x", ["N", 3, "H", "W"])], [("y", ["N", 3, "R", "S"])])


def heads(path):
    """Scores whose heads lie side by side, mixed and brought apart: rows of the softmax are strided."""
    save(path, [helper.make_node("Transpose", ["x"], ["a"], name="together", perm=[0, 2, 3, 1]),
                helper.make_node("MatMul", ["a", "w"], ["b"], name="mix"),
                helper.make_node("Transpose", ["b"], ["c"], name="apart", perm=[0, 3, 1, 2]),
                helper.make_node("Softmax", ["c"], ["y"], name="softmax", axis=-1)],
         [weight("w", 4, 4)], [("x", ["N", 4, "S", "T"])], [("y", ["N", 4, "S", "T"])])


def recurrent(path, cell, gates, **attributes):
    """Both directions; the axes of input and states have no names."""
    nodes = [helper.make_node(cell, ["x", "w", "r", "b", "", "h"] + (["c"] if gates == 4 else []),
                              ["a", "yh"] + (["yc"] if gates == 4 else []), name=cell,
                              hidden_size=37, direction="bidirectional", **attributes),
             helper.make_node("Relu", ["a"], ["y"], name="relu")]
    states = [("h", [2, None, 37])] + ([("c", [2, None, 37])] if gates == 4 else [])
    last = [("yh", [2, None, 37])] + ([("yc", [2, None, 37])] if gates == 4 else [])
    save(path, nodes, [weight("w", 2, gates * 37, 20), weight("r", 2, gates * 37, 37),
                       weight("b", 2, 2 * gates * 37)],
         [("x", [None, None, 20])] + states, [("y", [None, 2, None, 37])] + last)


def lstm(path):
    recurrent(path, "LSTM", 4)


def gru(path):
    recurrent(path, "GRU", 3)


def gru_linear(path):
    recurrent(path, "GRU", 3, linear_before_reset=1)


def rnn(path):
    recurrent(path, "RNN", 1)


def doubling(path):
    """A constant that is 2^40 times what stands in the file, by forty sums."""
    steps = [helper.make_node("Add", [f"c{i}", f"c{i}"], [f"c{i + 1}"]) for i in range(40)]
    save(path, [*steps, helper.make_node("Div", ["x", "c40"], ["d"]),
                helper.make_node("MatMul", ["d", "w"], ["y"])],
         [weight("c0", 256), weight("w", 256, 8)], [("x", ["N", 256])], [("y", ["N", 8])])


def rabbits(path):
    """Sizes out of data, each bounded by the sum of the two before it."""
    nodes = [helper.make_node("Compress", ["x", "few"], ["r1"], axis=0)]
    for i in range(1, 40):
        names = [f"r{i - 1}" if i > 1 else "x", f"r{i}"]
        nodes += [helper.make_node("Concat", names, [f"a{i}"], axis=0),
                  helper.make_node("Greater", [f"a{i}", "limit"], [f"g{i}"]),
                  helper.make_node("Compress", [f"a{i}", f"g{i}"], [f"r{i + 1}"], axis=0,
                                   name=f"generation{i}")]
    few = numpy_helper.from_array(numpy.array([True, False, True]), "few")
    save(path, nodes, [few, numpy_helper.from_array(numpy.array(9, element), "limit")],
         [("x", [3])], [("r40", ["n"])])


def unsupported(path):
    save(path, [helper.make_node("NoSuchOperator", ["x"], ["a"], name="odd"),
                helper.make_node("MatMul", ["a", "x"], ["y"], name="mm")], [],
         [("x", [4, 4])], [("y", [4, 4])])


{f.__name__: f for f in (matmul, mlp, conv, residual, heads, lstm, gru, gru_linear, rnn, doubling,
                         rabbits, unsupported, padded)}[sys.argv[1]](sys.argv[2])
