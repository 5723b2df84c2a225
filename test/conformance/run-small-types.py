# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Numbers of fewer bits than a byte, and floats of eight: every cast against ml_dtypes, which
# ONNX's own cases are made with; weights of them; and what callers cannot hand over.
import sys
import tempfile

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import cases

FLOATS = {"FLOAT8E4M3FN": ml_dtypes.float8_e4m3fn, "FLOAT8E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
          "FLOAT8E5M2": ml_dtypes.float8_e5m2, "FLOAT8E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
          "FLOAT4E2M1": ml_dtypes.float4_e2m1fn}
INTEGERS = {"INT4": ml_dtypes.int4, "UINT4": ml_dtypes.uint4, "INT2": ml_dtypes.int2,
            "UINT2": ml_dtypes.uint2}
DICE = np.random.default_rng(5)


def model(nodes, constants, shape, element=TensorProto.FLOAT):
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("x", element, shape)],
        [onnx.ValueInfoProto(name="y")],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()])
    return helper.make_model(graph, ir_version=13, opset_imports=[helper.make_opsetid("", 25)])


def values():
    wide = DICE.standard_normal(3000) * np.exp2(DICE.integers(-22, 18, 3000))
    edges = [0, -0.0, np.inf, -np.inf, np.nan, 448, 464, 465, 480, 240, 248, 57344, 61440, 61441,
             65504, 1e30, -1e30, 2**-9, 2**-10, 2**-10 * 1.0001, 6, 7, 5, 2.5, 0.25, 0.75]
    return np.concatenate([wide, edges]).astype(np.float32)


def rounded(x, type_, saturates):
    """What the standard's table says of a cast."""
    if not saturates:
        return x.astype(type_).astype(np.float32)
    most = float(ml_dtypes.finfo(type_).max)
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(x), np.nan, np.clip(x, -most, most).astype(type_).astype(np.float32))


def casts():
    for name, type_ in FLOATS.items():
        for saturates in (1, 0):
            extra = {} if saturates else {"saturate": 0}
            nodes = [helper.make_node("Cast", ["x"], ["q"], to=getattr(TensorProto, name), **extra),
                     helper.make_node("Cast", ["q"], ["y"], to=TensorProto.FLOAT)]
            x = values()
            if name == "FLOAT4E2M1":
                x = x[~np.isnan(x)]
            expected = rounded(x, type_, saturates or name == "FLOAT4E2M1")
            yield f"cast {name} {saturates}", model(nodes, {}, x.shape), x, expected
    for name, type_ in INTEGERS.items():
        low, high = int(ml_dtypes.iinfo(type_).min), int(ml_dtypes.iinfo(type_).max)
        x = DICE.integers(low, high + 1, 100).astype(np.int32)
        nodes = [helper.make_node("Cast", ["x"], ["q"], to=getattr(TensorProto, name)),
                 helper.make_node("Reshape", ["q", "shape"], ["r"]),
                 helper.make_node("Cast", ["r"], ["y"], to=TensorProto.INT32)]
        built = model(nodes, {"shape": np.array([10, 10])}, x.shape, TensorProto.INT32)
        yield f"cast {name}", built, x, x.reshape(10, 10)


def weights():
    x = DICE.standard_normal((3, 128)).astype(np.float32)
    scale = np.abs(DICE.standard_normal((4, 96))).astype(np.float32)
    product = [helper.make_node("MatMul", ["x", "d"], ["y"])]
    for name, type_ in INTEGERS.items():
        low, high = int(ml_dtypes.iinfo(type_).min), int(ml_dtypes.iinfo(type_).max)
        w, zero = (DICE.integers(low, high + 1, shape).astype(type_) for shape in ((128, 96), (4, 96)))
        nodes = [helper.make_node("DequantizeLinear", ["w", "s", "z"], ["d"], axis=0, block_size=32)]
        real = (w.astype(np.float32) - np.repeat(zero.astype(np.float32), 32, 0)) * np.repeat(scale, 32, 0)
        yield f"weights of {name}", model(nodes + product, {"w": w, "s": scale, "z": zero}, x.shape), \
            x, x @ real
    for name, type_ in FLOATS.items():
        w = DICE.standard_normal((128, 96)).astype(type_)
        nodes = [helper.make_node("DequantizeLinear", ["w", "s"], ["d"])]
        yield f"weights of {name}", model(nodes + product, {"w": w, "s": np.float32(0.5)}, x.shape), \
            x, x @ (w.astype(np.float32) * np.float32(0.5))
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
             helper.make_node("Transpose", ["q"], ["t"], perm=[1, 0]),
             helper.make_node("DequantizeLinear", ["t", "s", "z"], ["y"])]
    built = model(nodes, {"s": np.float32(0.3), "z": np.array(1, ml_dtypes.int4)}, x.shape)
    q = np.clip(np.rint(x / np.float32(0.3)) + 1, -8, 7)
    yield "quantised to INT4", built, x, ((q - 1) * np.float32(0.3)).T


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        for name, built, x, expected in (*casts(), *weights()):
            status, text, found = cases.run_sinter(built, {"x": x}, work)
            expected = expected.astype(np.float32)
            if status or not np.allclose(found["y"], expected, rtol=1e-5, atol=1e-5, equal_nan=True):
                failed += 1
                print(f"FAIL {name}: {text if status else np.abs(found['y'] - expected).max()}")
            else:
                passed += 1
        nodes = [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT8E5M2)]
        status, text, _ = cases.run_sinter(model(nodes, {}, [3]), {"x": np.zeros(3, np.float32)}, work)
        refused = status == 3 and "output 'y' is a tensor of float8e5m2" in text
        passed, failed = passed + refused, failed + (not refused)
        if not refused:
            print(f"FAIL an output of float8: {status}, {text}")
    return cases.close(passed, failed)


sys.exit(main())
