# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small valid models, damaged at random: the importer takes them or refuses them
in words, and never crashes, hangs or prints an internal error.

Half of the damage is to bytes, half to numbers and names inside the messages,
which a byte-wise fuzzer seldom reaches. --deep makes twenty times as many.
"""
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile

import onnx
from onnx.backend.test.case import node as cases

root = pathlib.Path(__file__).resolve().parents[2]
build = pathlib.Path(os.environ.get("SINTER_BUILD", root / "build"))
tool = build / "bin" / "sinter-import"
COUNT = 6000 if "--deep" in sys.argv else 300
NUMBERS = [0, 1, -1, 2, 3, 7, -5, 1 << 31, -(1 << 31), (1 << 63) - 1, -(1 << 63), 1000003]


def bend_attribute(rng, node):
    if not node.attribute:
        return
    attribute = rng.choice(node.attribute)
    if attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(NUMBERS)
        if rng.random() < 0.2:
            attribute.ints.append(rng.choice(NUMBERS))
    elif attribute.type == onnx.AttributeProto.INT:
        attribute.i = rng.choice(NUMBERS)
    elif attribute.type == onnx.AttributeProto.STRING:
        attribute.s = rng.choice([b"", b"SAME_UPPER", b"SAME_LOWER", b"xyz", b"linear"])
    else:
        attribute.f = rng.choice([0.0, -1.0, float("nan"), float("inf"), 1e30])


def bend(rng, model):
    graph = model.graph
    node = rng.choice(graph.node)
    what = rng.randrange(7)
    if what == 0:
        bend_attribute(rng, node)
    elif what == 1 and graph.input:
        shape = rng.choice(graph.input).type.tensor_type.shape
        if shape.dim:
            dim = rng.choice(shape.dim)
            dim.dim_value = rng.choice(NUMBERS)
            if rng.random() < 0.4:
                dim.dim_param = rng.choice(["N", "M", "N"])
    elif what == 2 and graph.input:
        shape = rng.choice(graph.input).type.tensor_type.shape
        if rng.random() < 0.5 and shape.dim:
            del shape.dim[-1]
        else:
            shape.dim.add().dim_value = 2
    elif what == 3 and graph.input:
        rng.choice(graph.input).type.tensor_type.elem_type = rng.randrange(0, 28)
    elif what == 4 and node.input:
        names = [i.name for i in graph.input] + [""] + list(node.output)
        node.input[rng.randrange(len(node.input))] = rng.choice(names)
    elif what == 5:
        node.op_type = rng.choice(["Slice", "Reshape", "Concat", "Conv", "LSTM", "Resize", "Pad",
                                   "Gather", "MatMul", "Einsum", "Split", "Squeeze", "TopK", "If"])
    else:
        model.opset_import[0].version = rng.randrange(6, 30)


def constant_inputs(model, data):
    """Small integer inputs as initializers, so that shapes are followed."""
    for info, array in zip(list(model.graph.input), data):
        if getattr(array, "dtype", None) is not None and array.dtype.kind in "iu" and array.size <= 16:
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, info.name))
            model.graph.input.remove(info)


def limit():
    if "ASAN_OPTIONS" not in os.environ:  # which maps terabytes of shadow
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))


def main():
    rng = random.Random(11)
    seeds = []
    for case in cases.collect_testcases(""):
        if case.model is not None and len(case.model.SerializeToString()) < 20000:
            seeds.append(case)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        for number in range(COUNT):
            case = rng.choice(seeds)
            model = onnx.ModelProto()
            model.CopyFrom(case.model)
            if rng.random() < 0.7 and case.data_sets:
                constant_inputs(model, case.data_sets[0][0])
            if number % 2:
                data = bytearray(model.SerializeToString())
                for _ in range(rng.randrange(1, 6)):
                    data[rng.randrange(len(data))] = rng.randrange(256)
                if rng.random() < 0.2:
                    del data[rng.randrange(len(data)):]
            else:
                for _ in range(rng.randrange(1, 4)):
                    try:
                        bend(rng, model)
                    except (ValueError, IndexError):
                        pass  # a field that cannot hold that value
                data = model.SerializeToString()
            path.write_bytes(data)
            done = subprocess.run([tool, path, "--quiet"], capture_output=True, preexec_fn=limit)
            text = done.stderr.decode(errors="replace")
            if done.returncode in (0, 3) and (done.returncode == 0) != ("[SINTER-" in text):
                passed += 1
                continue
            failed += 1
            kept = build / f"mutated-{number}.onnx"
            kept.write_bytes(data)
            print(f"FAIL {case.name}: exit status {done.returncode}, kept {kept}\n{text[-600:]}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
