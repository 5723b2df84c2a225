# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Each operator in each of its versions from opset 7, through importer and evaluator.

ONNX's node cases exist for the newest version only. Here a row makes a small model
for any version; what it computes comes from ONNX Runtime, or from onnx's reference
evaluator where the former is too old.

  test/import/run-versions.py [OPERATOR...]
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import defs, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

root = pathlib.Path(__file__).resolve().parents[2]
build = pathlib.Path(os.environ.get("SINTER_BUILD", root / "build"))
os.environ["ALLOW_RELEASED_ONNX_OPSET_ONLY"] = "0"
onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(5)


def f(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def positive(*shape):
    return (rng.random(shape) + 0.5).astype(np.float32)


class Const:
    def __init__(self, *values, dtype=np.int64, shape=None):
        self.array = np.array(values, dtype).reshape((len(values),) if shape is None else shape)


def moved(since, border, name, values, inputs, scalar=False):
    """An argument that became an input at opset `border`."""
    if since < border:
        return {name: values[0] if scalar else list(values)}, inputs
    return {}, inputs + [Const(*values, shape=() if scalar else None)]


x4, x3, x2 = (lambda: f(1, 3, 6, 7)), (lambda: f(2, 3, 4)), (lambda: f(3, 4))
window = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}


def pad(since):
    if since < 11:
        return {"pads": [0, 1, 2, 0], "value": 1.5}, [x2()]
    return {}, [x2(), Const(0, 1, 2, 0), Const(1.5, dtype=np.float32, shape=())]


def clip(since):
    if since < 11:
        return {"min": -0.5, "max": 0.7}, [x3()]
    return {}, [x3(), Const(-0.5, dtype=np.float32, shape=()), Const(0.7, dtype=np.float32, shape=())]


def cut(since):
    if since < 10:
        return {"starts": [1, -3], "ends": [9, -1], "axes": [1, 2]}, [x3()]
    return {}, [x3(), Const(1, -1), Const(9, -9), Const(1, 2), Const(1, -2)]


def resize(since):
    scales = Const(1, 1, 2, 1.5, dtype=np.float32)
    if since < 11:
        return {"mode": "linear"}, [x4(), scales]
    roi = Const(dtype=np.float32)
    return {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}, [x4(), roi, scales]


def upsample(since):
    if since < 9:
        return {"mode": "nearest", "scales": [1.0, 1.0, 2.0, 3.0]}, [x4()]
    return {"mode": "nearest"}, [x4(), Const(1, 1, 2, 3, dtype=np.float32)]


def top(since):
    return ({"k": 2}, [x3()]) if since < 10 else ({}, [x3(), Const(2)])


def reduce(border):
    def make(since):
        attributes, inputs = moved(since, border, "axes", [1], [x3()])
        return {**attributes, "keepdims": 0}, inputs
    return make


def recurrent(gates, outputs):
    def make(since):
        return {"hidden_size": 5}, [f(4, 2, 3), f(1, gates * 5, 3), f(1, gates * 5, 5),
                                    f(1, gates * 10)], outputs
    return make


def one_hot(since):
    indices = np.array([0, 2, 1], np.int64)
    return {"axis": 0}, [indices, Const(3, shape=()), np.array([2, 5], np.float32)]


def split(since):
    attributes, inputs = moved(since, 13, "split", [1, 3], [x3()])
    return {**attributes, "axis": 2}, inputs, 2


def dropout(since):
    return {}, [x2()]


def norm(since):
    return {}, [x4(), f(3), f(3), f(3), positive(3)]


def group(since):
    n = 2 if since < 21 else 4
    return {"num_groups": 2}, [f(2, 4, 5), f(n), f(n)]


ROWS = {
    "Clip": clip, "Pad": pad, "Slice": cut, "Resize": resize, "Upsample": upsample, "TopK": (top, 2),
    "Conv": lambda s: ({"pads": [1, 0, 1, 2], "strides": [2, 1]}, [x4(), f(4, 3, 3, 2), f(4)]),
    "ConvTranspose": lambda s: ({"strides": [2, 1], "pads": [1, 0, 1, 0]}, [x4(), f(3, 4, 3, 2), f(4)]),
    "MaxPool": lambda s: (window, [x4()]), "AveragePool": lambda s: (window, [x4()]),
    "GlobalAveragePool": lambda s: ({}, [x4()]), "GlobalMaxPool": lambda s: ({}, [x4()]),
    "LRN": lambda s: ({"size": 3}, [x4()]), "BatchNormalization": norm,
    "InstanceNormalization": lambda s: ({}, [x4(), f(3), f(3)]), "GroupNormalization": group,
    "LayerNormalization": lambda s: ({"axis": 1}, [x3(), f(3, 4), f(3, 4)]),
    "Gemm": lambda s: ({"transB": 1, "alpha": 0.5, "beta": 2.0}, [x2(), f(5, 4), f(5)]),
    "MatMul": lambda s: ({}, [x3(), f(4, 5)]), "Einsum": lambda s: ({"equation": "bij,bjk->bik"}, [x3(), f(2, 4, 3)]),
    "Softmax": lambda s: ({"axis": 1}, [x3()]), "LogSoftmax": lambda s: ({"axis": 1}, [x3()]),
    "Reshape": lambda s: ({}, [x3(), Const(0, -1)]), "Flatten": lambda s: ({"axis": 2}, [x3()]),
    "Squeeze": lambda s: moved(s, 13, "axes", [1], [f(2, 1, 3)]),
    "Unsqueeze": lambda s: moved(s, 13, "axes", [0, 2], [x2()]),
    "Transpose": lambda s: ({"perm": [2, 0, 1]}, [x3()]), "Concat": lambda s: ({"axis": 1}, [x3(), f(2, 2, 4)]),
    "Split": split, "Expand": lambda s: ({}, [f(3, 1), Const(2, 1, 4)]),
    "Tile": lambda s: ({}, [x2(), Const(2, 3)]), "Gather": lambda s: ({"axis": 1}, [x3(), np.array([[2, 0]], np.int64)]),
    "GatherElements": lambda s: ({"axis": 1}, [x2(), np.array([[0, 3], [1, 1]], np.int64)]),
    "GatherND": lambda s: ({}, [x3(), np.array([[0, 2], [1, 0]], np.int64)]),
    "ScatterND": lambda s: ({}, [x2(), np.array([[2], [0]], np.int64), f(2, 4)]),
    "ScatterElements": lambda s: ({"axis": 1}, [x2(), np.array([[2, 0]], np.int64), f(1, 2)]),
    "Cast": lambda s: ({"to": onnx.TensorProto.INT32}, [x2() * 5]),
    "Where": lambda s: ({}, [x2() > 0, x2(), x2()]), "Shape": lambda s: ({}, [x3()]), "Size": lambda s: ({}, [x3()]),
    "ConstantOfShape": lambda s: ({}, [Const(2, 3)]), "Dropout": dropout, "Identity": lambda s: ({}, [x2()]),
    "Range": lambda s: ({}, [Const(1, shape=()), Const(9, shape=()), Const(3, shape=())]),
    "ArgMax": lambda s: ({"axis": 1}, [x3()]), "ArgMin": lambda s: ({"axis": 2, "keepdims": 0}, [x3()]),
    "CumSum": lambda s: ({}, [x3(), Const(1, shape=())]), "OneHot": one_hot,
    "Trilu": lambda s: ({"upper": 0}, [x2(), Const(1, shape=())]),
    "DepthToSpace": lambda s: ({"blocksize": 2}, [f(1, 8, 2, 3)]), "SpaceToDepth": lambda s: ({"blocksize": 2}, [f(1, 2, 4, 6)]),
    "LSTM": recurrent(4, 3), "GRU": recurrent(3, 2), "RNN": recurrent(1, 2),
    "PRelu": lambda s: ({}, [x3(), f(3, 1)]), "LeakyRelu": lambda s: ({"alpha": 0.2}, [x3()]),
    "Elu": lambda s: ({}, [x3()]), "Selu": lambda s: ({}, [x3()]), "HardSigmoid": lambda s: ({}, [x3()]),
    "HardSwish": lambda s: ({}, [x3() * 4]), "Gelu": lambda s: ({}, [x3()]),
    "Pow": lambda s: ({}, [positive(3, 4), f(4)]), "Mod": lambda s: ({}, [np.array([7, -7], np.int64), np.array([3, 3], np.int64)]),
    "Sum": lambda s: ({}, [x2(), x2(), f(4)]), "Mean": lambda s: ({}, [x2(), x2(), f(4)]),
    "Max": lambda s: ({}, [x2(), f(4)]), "Min": lambda s: ({}, [x2(), f(4)]),
    "Not": lambda s: ({}, [x2() > 0]), "And": lambda s: ({}, [x2() > 0, x2() > 0]), "Or": lambda s: ({}, [x2() > 0, x2() > 0]),
    "NonZero": lambda s: ({}, [x2() > 0]), "Erf": lambda s: ({}, [x2()]),
    "ReduceSum": reduce(13), **{f"Reduce{k}": reduce(18) for k in ("Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp")},
    "Equal": lambda s: ({}, [np.array([1, 2, 3]), np.array([1, 0, 3])]),
    **{op: (lambda s: ({}, [x2(), x2()])) for op in ("Add", "Sub", "Mul", "Div", "Less", "Greater", "LessOrEqual", "GreaterOrEqual")},
    **{op: (lambda s: ({}, [x2()])) for op in ("Relu", "Sigmoid", "Tanh", "Exp", "Neg", "Abs", "Floor", "Ceil", "Round", "Softplus", "Softsign", "Sign", "Sin", "Cos")},
    **{op: (lambda s: ({}, [positive(3, 4)])) for op in ("Sqrt", "Log", "Reciprocal")},
}


def model_of(op, since, opset):
    row = ROWS[op]
    made = row[0](since) + (row[1],) if isinstance(row, tuple) else row(since)
    attributes, inputs, *rest = made
    outputs = [f"y{i}" for i in range(rest[0] if rest else 1)]
    infos, initializers, names, values = [], [], [], []
    for i, value in enumerate(inputs):
        name = f"x{i}"
        names.append(name)
        if isinstance(value, Const):
            initializers.append(numpy_helper.from_array(value.array, name))
            continue
        infos.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape))
        values.append(value)
    node = helper.make_node(op, names, outputs, **attributes)
    results = [helper.make_empty_tensor_value_info(o) for o in outputs]
    graph = helper.make_graph([node], "g", infos, results, initializers)
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return onnx.shape_inference.infer_shapes(m, data_prop=True), values


def expected(m, values):
    names = [i.name for i in m.graph.input]
    try:
        session = onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, dict(zip(names, values)))
    except Exception:  # too new, or the type has no kernel there
        return ReferenceEvaluator(m).run(None, dict(zip(names, values)))


def main():
    wanted = [a for a in sys.argv[1:] if a in ROWS] or sorted(ROWS)
    with tempfile.TemporaryDirectory() as folder:
        cases = []
        for op in wanted:
            versions = sorted({max(s.since_version, 7) for s in defs.get_all_schemas_with_history()
                               if s.domain == "" and s.name == op and not s.deprecated})
            for since in versions:
                name = f"{op}-{since}"
                m, values = model_of(op, since, since)
                place = pathlib.Path(folder) / name
                place.mkdir()
                arrays = {f"in_{i}": v for i, v in enumerate(values)}
                arrays.update({f"out_{i}": np.asarray(v) for i, v in enumerate(expected(m, values))})
                (place / "model.onnx").write_bytes(m.SerializeToString())
                np.savez(place / "set_0.npz", **arrays)
                (place / "about").write_text(f"{op} 0.0001 1e-05\n")
                cases.append(name)
        done = subprocess.run([build / "bin" / "sinter-node-test", folder] + cases, stdout=subprocess.PIPE, text=True)
    outcomes = dict(line.split(" ", 1)[::-1] for line in done.stdout.splitlines() if line.startswith("pass "))
    for line in done.stdout.splitlines():
        if line.startswith(("fail", "refused")):
            print(f"FAIL {line}")
    failed = len(cases) - len(outcomes)
    if done.returncode < 0:
        print(f"FAIL: sinter-node-test died with signal {-done.returncode}")
    print(f"{len(outcomes)} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
