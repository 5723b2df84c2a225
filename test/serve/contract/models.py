# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The models that both servers hold while the contract is recorded and replayed.

Small enough that only the protocol is under test: an identity for each element
type, two inputs and two outputs, no batch dimension, and one with classes.
"""
import json
import pathlib

import onnx
from onnx import TensorProto, helper

# The protocol's name, ONNX's type, numpy's name, bytes of an element.
TYPES = {
    "BOOL": (TensorProto.BOOL, "bool", 1),
    "UINT8": (TensorProto.UINT8, "uint8", 1),
    "UINT16": (TensorProto.UINT16, "uint16", 2),
    "UINT32": (TensorProto.UINT32, "uint32", 4),
    "UINT64": (TensorProto.UINT64, "uint64", 8),
    "INT8": (TensorProto.INT8, "int8", 1),
    "INT16": (TensorProto.INT16, "int16", 2),
    "INT32": (TensorProto.INT32, "int32", 4),
    "INT64": (TensorProto.INT64, "int64", 8),
    "FP16": (TensorProto.FLOAT16, "float16", 2),
    "FP32": (TensorProto.FLOAT, "float32", 4),
    "FP64": (TensorProto.DOUBLE, "float64", 8),
}
MAX_BATCH = 8


def tensor(name, kind, dims):
    return helper.make_tensor_value_info(name, TYPES[kind][0], dims)


def model(name, nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(initializers))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    onnx.checker.check_model(made)
    return made


def identity(kind):
    return model(f"identity_{kind.lower()}", [helper.make_node("Identity", ["IN"], ["OUT"])],
                 [tensor("IN", kind, ["N", 4])], [tensor("OUT", kind, ["N", 4])])


def all_models():
    """Name -> (model, largest batch; 0 when dimension 0 is no batch)."""
    found = {f"identity_{kind.lower()}": (identity(kind), MAX_BATCH) for kind in TYPES}
    sides = [["INPUT0", "INPUT1"], ["OUTPUT0", "OUTPUT1"]]
    inputs, outputs = ([tensor(n, "INT32", ["N", 16]) for n in side] for side in sides)
    found["add_sub"] = (model("add_sub", [helper.make_node("Add", sides[0], ["OUTPUT0"]),
                                          helper.make_node("Sub", sides[0], ["OUTPUT1"])],
                              inputs, outputs), MAX_BATCH)
    found["plane"] = (model("plane", [helper.make_node("Neg", ["X"], ["Y"])],
                            [tensor("X", "FP32", ["H", "W"])], [tensor("Y", "FP32", ["H", "W"])]), 0)
    found["classes"] = (model("classes", [helper.make_node("Softmax", ["X"], ["P"], axis=1)],
                              [tensor("X", "FP32", ["N", 10])], [tensor("P", "FP32", ["N", 10])]),
                        MAX_BATCH)
    return found


def write_onnx(folder):
    """FOLDER/MODEL/1/model.onnx for each: what `sinter serve` takes."""
    for name, (made, _) in all_models().items():
        version = pathlib.Path(folder, name, "1")
        version.mkdir(parents=True)
        onnx.save(made, version / "model.onnx")


TRITON_MODEL = """
import os, sys
sys.path[:0] = [p for p in os.environ["SINTER_SITE"].split(":")]
import onnxruntime
import triton_python_backend_utils as utils


class TritonPythonModel:
    def initialize(self, args):
        path = os.path.join(args["model_repository"], args["model_version"], "model.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options)

    def execute(self, requests):
        answers = []
        for request in requests:
            feeds = {t.name(): t.as_numpy() for t in request.inputs()}
            wanted = list(request.requested_output_names())
            values = self.session.run(wanted, feeds)
            answers.append(utils.InferenceResponse(
                [utils.Tensor(n, v) for n, v in zip(wanted, values)]))
        return answers
"""


def write_triton(folder):
    """The same models as a repository of Triton's, run by ONNX Runtime."""
    write_onnx(folder)
    names = {code: kind for kind, (code, _, _) in TYPES.items()}
    for name, (made, batch) in all_models().items():
        config = [f'name: "{name}"', 'backend: "python"', f"max_batch_size: {batch}"]
        for side, tensors in (("input", made.graph.input), ("output", made.graph.output)):
            for info in tensors:
                dims = [d.dim_value or -1 for d in info.type.tensor_type.shape.dim][1 if batch else 0:]
                kind = names[info.type.tensor_type.elem_type].replace("BOOL", "TYPE_BOOL")
                kind = kind if kind.startswith("TYPE_") else "TYPE_" + kind
                config.append(f"{side} [ {{ name: {json.dumps(info.name)} data_type: {kind} dims: {dims} }} ]")
        root = pathlib.Path(folder, name)
        (root / "config.pbtxt").write_text("\n".join(config) + "\n")
        (root / "1" / "model.py").write_text(TRITON_MODEL)
