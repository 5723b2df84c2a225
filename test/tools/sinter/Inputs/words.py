# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A model whose names are words of C++, of the generated class, or alike but for a
# letter that no identifier has: `words.py FILE.onnx`.
import sys

import onnx
from onnx import TensorProto, helper

inputs = ["for", "context", "std", "sinter", "unix", "a b", "a_b", "data", "1st", "*/", "int", "size"]
symbols = ["for", "context", "operator", "data", "a b", "a_b", "x/2", "std", "unix", "not", "int", "size"]
nodes = [helper.make_node("Relu", [name], [name + "." if i else "class"]) for i, name in enumerate(inputs)]
graph = helper.make_graph(
    nodes, "words",
    [helper.make_tensor_value_info(name, TensorProto.FLOAT, [symbol, 4]) for name, symbol in zip(inputs, symbols)],
    [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, [symbol, 4])
     for node, symbol in zip(nodes, symbols)])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), sys.argv[1])
