# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Small models of what exporters write and our own generators never do: one object each,
# without a kernel of plain code, gives ONNX Runtime's results at every shape.
import os

import numpy as np
import onnx
import onnx.parser

from e2e import WORK, Score, compile_model, error, reference, reference_outputs, sinter


def weight(*shape, kind=np.float32):
    dice = np.random.default_rng(len(shape))
    if kind == np.uint8:
        return dice.integers(0, 255, shape).astype(kind)
    return dice.standard_normal(shape).astype(kind)


SAME = 'auto_pad="SAME_UPPER"'
# name: the graph, its weights, the shapes of x.
MODELS = {
    # A scale for all columns, at a last vector of half the width.
    "integers": ("g (uint8[N, 24] x, float s, float[N, 24] z) => (float[N, 24] y) "
                 "{ a = MatMulInteger(x, w)\n b = Cast<to=1>(a)\n c = Mul(b, s)\n y = Add(z, c) }",
                 {"w": weight(24, 24, kind=np.uint8)}, [(1, 24), (9, 24)]),
    # An open extent that a Squeeze without axes drops, as the declared output says.
    "squeeze": ("g (float[N, 6] x) => (float y) { a = MatMul(x, w)\n b = Squeeze(a)\n y = Relu(b) }",
                {"w": weight(6, 1)}, [(1, 6)]),
    # Pads that depend on the extents.
    "same-conv": ("g (float[1, 3, H, W] x) => (float[1, 8, P, Q] y) "
                  f"{{ y = Conv<{SAME}, strides=[2, 3]>(x, w) }}",
                  {"w": weight(8, 3, 3, 5)}, [(1, 3, 7, 8), (1, 3, 8, 9), (1, 3, 1, 1), (1, 3, 30, 31)]),
    "same-conv-lower": ("g (float[1, 3, H, W] x) => (float[1, 8, P, Q] y) "
                        "{ y = Conv<auto_pad=\"SAME_LOWER\", strides=[2, 4]>(x, w) }",
                        {"w": weight(8, 3, 3, 2)}, [(1, 3, 7, 8), (1, 3, 8, 9), (1, 3, 5, 13)]),
    "same-max": ("g (float[1, 3, H, W] x) => (float[1, 3, P, Q] y) "
                 f"{{ y = MaxPool<{SAME}, kernel_shape=[2, 3], strides=[2, 2]>(x) }}",
                 {}, [(1, 3, 7, 8), (1, 3, 8, 9), (1, 3, 1, 1)]),
    "same-average": ("g (float[1, 3, H, W] x) => (float[1, 3, P, Q] y) "
                     f"{{ y = AveragePool<{SAME}, kernel_shape=[3, 3], strides=[2, 2]>(x) }}",
                     {}, [(1, 3, 7, 8), (1, 3, 8, 9), (1, 3, 1, 1)]),
}


def model(text, weights):
    parsed = onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]>\n' + text)
    for name, value in weights.items():
        parsed.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    return parsed


def feeds_of(session, shape, dice):
    feeds = {}
    for info in session.get_inputs():
        dims = shape if info.shape else ()
        real = dice.standard_normal(dims).astype(np.float32)
        feeds[info.name] = real if info.type == "tensor(float)" else \
            dice.integers(0, 255, dims).astype(np.uint8)
    return feeds


def main():
    score = Score()
    dice = np.random.default_rng(11)
    for name, (text, weights, shapes) in MODELS.items():
        path = os.path.join(WORK, name + ".onnx")
        onnx.save(model(text, weights), path)
        compiled = compile_model(path, name)
        if not score.check(compiled, f"{name}: does not compile"):
            continue
        ours, session = sinter.Model(compiled, threads=1), reference(path)
        for shape in shapes:
            feeds = feeds_of(session, shape, dice)
            gap = error(ours.run(feeds), reference_outputs(session, feeds))
            score.check(gap <= 1e-5, f"{name} {shape}: error {gap:.1e}")
    score.exit()


main()
