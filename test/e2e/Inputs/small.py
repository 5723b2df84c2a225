# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Small models with seeded weights: `small.py NAME FILE.onnx`.
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

dice = numpy.random.default_rng(0)


def weight(name, *shape):
    scale = 1 / numpy.sqrt(numpy.prod(shape[1:]) if len(shape) > 2 else shape[0])
    return numpy_helper.from_array((dice.standard_normal(shape) * scale).astype("f4"), name)


def save(path, nodes, weights, inputs, outputs):
    value = lambda row: helper.make_tensor_value_info(row[0], TensorProto.FLOAT, row[1])  # noqa: E731
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


def unsupported(path):
    save(path, [helper.make_node("NoSuchOperator", ["x"], ["a"], name="odd"),
                helper.make_node("MatMul", ["a", "x"], ["y"], name="mm")], [],
         [("x", [4, 4])], [("y", [4, 4])])


{f.__name__: f for f in (matmul, mlp, conv, lstm, gru, gru_linear, rnn,
                         unsupported)}[sys.argv[1]](sys.argv[2])
