# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Open extents that must agree across inputs: where they do, ONNX Runtime's results; where
# they do not, an error with the node, and never memory that is nobody's.
import os

import numpy as np
import onnx.parser

from e2e import WORK, Score, compile_model, error, reference, reference_outputs, sinter

# name: graph, shapes that agree, then one shape each that does not
MODELS = {
    "scatter-nd": ("(float[a,b] x, int64[c,1] i, float[d,e] u) => (float[a,b] y) { y = ScatterND(x, i, u) }",
                   {"x": (6, 5), "i": (3, 1), "u": (3, 5)}, {"u": (3, 9)}, {"x": (6, 4)}, {"u": (4, 5)}),
    "groups": ("(float[n,c,h,w] x, float[d] s, float[e] b) => (float[n,c,h,w] y)\n"
               "{ y = GroupNormalization<num_groups = 2>(x, s, b) }",
               {"x": (3, 4, 2, 2), "s": (4,), "b": (4,)}, {"x": (3, 5, 2, 2)}, {"s": (3,)}, {"b": (5,)}),
    "winner": ("(float[a,b] x) => (int64[a,c] y) { y = ArgMin<axis = 1>(x) }",
               {"x": (3, 4)}, {"x": (3, 0)}),
    "rows": ("(float[a,b,c] x, float[4,6] s) => (float[a,4,6] y) { y = LayerNormalization<axis = 1>(x, s) }",
             {"x": (3, 4, 6), "s": (4, 6)}, {"x": (3, 1, 6)}, {"x": (3, 4, 1)}),
    "gru": ("(float[t,b,k] x, float[1,b2,h] s) => (float[t,1,b,5] y, float[1,b,5] z)\n"
            "<float[1,15,7] w, float[1,15,5] r> { y, z = GRU<hidden_size = 5>(x, w, r, , , s) }",
            {"x": (3, 2, 7), "s": (1, 2, 5)}, {"x": (3, 2, 8)}, {"s": (1, 2, 4)}, {"s": (1, 1, 5)}),
}


def weights(model, dice):
    for info in list(model.graph.value_info):
        shape = [d.dim_value for d in info.type.tensor_type.shape.dim]
        array = dice.standard_normal(shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, info.name))
    return model


def feeds_for(shapes, dice):
    return {name: np.arange(np.prod(shape)).reshape(shape) if name == "i" else
            dice.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def main():
    score, dice = Score(), np.random.default_rng(3)
    for name, (text, shapes, *others) in MODELS.items():
        path = os.path.join(WORK, name + ".onnx")
        model = onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 21]>\ng ' + text)
        onnx.save(weights(model, dice), path)
        compiled = compile_model(path, name)
        if not score.check(compiled, f"{name} does not compile"):
            continue
        program = sinter.Model(compiled, threads=1)
        feeds = feeds_for(shapes, dice)
        far = error(program.run(feeds), reference_outputs(reference(path), feeds))
        score.check(far < 1e-5, f"{name} is off by {far}")
        for other in others:
            try:
                program.run(feeds_for({**shapes, **other}, dice))
                score.check(False, f"{name} takes {other}")
            except sinter.SinterError as problem:
                score.check("SHAPE" in str(problem) or "dimension" in str(problem), f"{name}, {other}: {problem}")
    score.exit()


main()
