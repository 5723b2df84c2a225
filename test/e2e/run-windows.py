# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Pools of inputs that are about as long as their window, one object each: the number
# of windows and their values must be ONNX Runtime's. It divides towards zero, so that
# an input too short by less than a stride has one window, of what there is. Where a
# window finds no place at all, the run says which node wants a longer input, also
# when its result is no output of the model.
import os

import numpy as np
import onnx
import onnx.parser
from onnx import helper

from e2e import WORK, Score, compile_model, error, reference, reference_outputs, sinter

# Kind, kernel, stride, pads, other attributes.
POOLS = [
    ("AveragePool", 2, 2, (0, 0), {}),
    ("AveragePool", 3, 2, (0, 1), {}),
    ("AveragePool", 5, 3, (1, 1), {}),
    ("AveragePool", 3, 2, (0, 0), {"ceil_mode": 1}),
    ("AveragePool", 4, 1, (1, 0), {}),
    ("MaxPool", 2, 2, (0, 0), {}),
    ("MaxPool", 4, 3, (0, 0), {}),
    ("MaxPool", 3, 2, (1, 1), {"ceil_mode": 1}),
    ("MaxPool", 2, 2, (0, 0), {"dilations": [1, 3]}),
]


def model(kind, kernel, stride, pads, attributes):
    node = helper.make_node(kind, ["x"], ["y"], kernel_shape=[1, kernel], strides=[1, stride],
                            pads=[0, pads[0], 0, pads[1]], **attributes)
    graph = helper.make_graph(
        [node], "pool", [helper.make_tensor_value_info("x", 1, [1, 20, 2, "width"])],
        [helper.make_tensor_value_info("y", 1, [1, 20, 2, "windows"])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=8)


INNER = {
    "Conv": "Conv(a, w)",
    "MaxPool": "MaxPool<kernel_shape = [3]>(a)",
}


def check_inner(score, kind):
    """Inputs of 0 to 3 elements for a window of 3."""
    path = os.path.join(WORK, f"inner-{kind}.onnx")
    onnx.save(onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 17]> g (float[B, 4, T] x, float[4, 4, 3] w) => (float[B, 4, S] y)'
        "{ a = Add(x, x)\n b = " + INNER[kind] + "\n c = Softmax(b)\n d = ReduceSum(w)\n y = Add(c, d) }"), path)
    ours = sinter.Model(compile_model(path, f"inner-{kind}", "--isa", "native"), threads=1)
    dice = np.random.default_rng(2)
    for length in range(4):
        feeds = {"x": dice.standard_normal((1, 4, length), np.float32),
                 "w": dice.standard_normal((4, 4, 3), np.float32)}
        if length >= 2:  # 2 leaves an empty result
            gap = error(ours.run(feeds), reference_outputs(reference(path), feeds)) if length == 3 else 0
            score.check(ours.run(feeds)["y"].shape[2] == length - 2 and gap <= 1e-5, f"{kind} of {length}: {gap}")
            continue
        try:
            score.check(False, f"{kind} of {length}: {ours.run(feeds)}")
        except sinter.SinterError as problem:
            score.check(problem.code == -2 and "'b'" in str(problem), f"{kind} of {length}: {problem}")


def main():
    score = Score()
    for kind in INNER:
        check_inner(score, kind)
    dice = np.random.default_rng(1)
    for index, pool in enumerate(POOLS):
        path = os.path.join(WORK, f"pool{index}.onnx")
        onnx.save(model(*pool), path)
        compiled = compile_model(path, f"pool{index}", "--isa", "native")
        if not score.check(compiled, f"{pool}: does not compile"):
            continue
        ours, session = sinter.Model(compiled, threads=1), reference(path)
        for width in range(1, 10):
            feeds = {"x": dice.standard_normal((1, 20, 2, width), np.float32)}
            try:
                theirs = reference_outputs(session, feeds)
            except Exception:  # of any kind: it refuses
                theirs = None
            try:
                gap = error(ours.run(feeds), theirs) if theirs else 0
            except sinter.SinterError as problem:
                score.check(theirs is None and problem.code == -2, f"{pool} of {width}: {problem}")
                continue
            score.check(gap <= 1e-6, f"{pool} of {width}: error {gap:.1e}")
    score.exit()


main()
