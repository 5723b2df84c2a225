# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the malformed models of run-bad-models.py are made of, and the list of them."""
import numpy
from onnx import TensorProto, helper, numpy_helper

CASES = {}


def case(code, text, *options):
    def register(make):
        CASES[make.__name__.replace("_", "-")] = (code, text, options, make)
        return make
    return register


def node(op, inputs=("x",), outputs=("y",), name=None, **attributes):
    return helper.make_node(op, list(inputs), list(outputs), name=name or f"the_{op}", **attributes)


def model(nodes, inputs=None, outputs=("y",), initializers=(), opset=17, domains=(), **more):
    inputs = inputs or [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])]
    results = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs]
    graph = helper.make_graph(list(nodes), "g", inputs, results, list(initializers))
    opsets = [helper.make_opsetid(*one) for one in [("", opset), *domains]]
    return helper.make_model(graph, opset_imports=opsets, **more)


def relu():
    return model([node("Relu")])


def vector(name, values, kind=numpy.float32):
    return numpy_helper.from_array(numpy.asarray(values, kind), name)
