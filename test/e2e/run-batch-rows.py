# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the manifest says of the batch: the proof is found where rows are independent,
# and never where they are not; and rows have the same bits alone and together.
import itertools
import json
import os
import subprocess

import numpy as np
import onnx.parser

from e2e import SINTER, WORK, Score, compile_model, sinter

W = "<float[6, 5] w = {" + ", ".join(str((7 * i % 11 - 5) / 8) for i in range(30)) + "}>"
SHAPES = "<int64[2] flat = {0, -1}, int64[3] heads = {-1, 2, 3}, int64[1] zero = {0}, int64[1] one = {1}>"
# name: the graph, whether its rows are independent.
MODELS = {
    "mlp": ("g (float[N, 6] x) => (float[N, 5] y) " + W + "{ a = MatMul(x, w)\n y = Softmax<axis=1>(a) }", True),
    "swapped": ("g (float[6, N] x) => (float[5, N] y) " + W +
                "{ t = Transpose<perm=[1, 0]>(x)\n a = MatMul(t, w)\n y = Transpose<perm=[1, 0]>(a) }", True),
    "heads": ("g (float[N, 6] x) => (float[N, 6] y) " + SHAPES +
              "{ a = Reshape(x, heads)\n b = Softmax<axis=2>(a)\n c = Relu(b)\n y = Reshape(c, flat) }", True),
    "pairs": ("g (float[N, 6] x, float[M, 6] z) => (float[N, 6] y) { y = Add(x, z) }", None),
    "scores": ("g (float[N, 4, 6] x) => (float[N, 4, 6] y) "
               "{ t = Transpose<perm=[0, 2, 1]>(x)\n s = MatMul(x, t)\n p = Softmax<axis=2>(s)\n"
               " y = MatMul(p, x) }", True),
    "lookup": ("g (int64[N, 3] x) => (float[N, 3, 5] y) " + W + "{ y = Gather<axis=0>(w, x) }", True),
    "softmax-over-rows": ("g (float[N, 6] x) => (float[N, 6] y) { y = Softmax<axis=0>(x) }", False),
    "mean-taken-off": ("g (float[N, 6] x) => (float[N, 6] y) "
                       "{ m = ReduceMean<axes=[0], keepdims=1>(x)\n y = Sub(x, m) }", False),
    "reversed": ("g (float[N, 6] x) => (float[N, 6] y) "
                 "<int64[1] s = {-1}, int64[1] e = {-9223372036854775807}, int64[1] axis = {0}, int64[1] step = {-1}> "
                 "{ y = Slice(x, s, e, axis, step) }", False),
    "row-products": ("g (float[N, 6] x) => (float[N, N] y) "
                     "{ t = Transpose<perm=[1, 0]>(x)\n y = MatMul(x, t) }", False),
    "counted": ("g (float[N, 6] x) => (float[N, 6] y) <int64[1] zero = {0}> "
                "{ s = Shape(x)\n n = Gather<axis=0>(s, zero)\n f = Cast<to=1>(n)\n y = Div(x, f) }", False),
    "sum": ("g (float[N, 6] x) => (float[6] y) { y = ReduceSum<keepdims=0>(x, axes) }"
            .replace("{ y", "<int64[1] axes = {0}> { y"), False),
    "mixed-merge": ("g (float[N, 6] x) => (float[N, 6] y) <int64[2] s = {6, -1}> "
                    "{ a = Reshape(x, s)\n b = Softmax<axis=0>(a)\n t = Shape(x)\n y = Reshape(b, t) }", False),
}


number = itertools.count()


def manifest(path, *options):
    out = os.path.join(WORK, f"m{next(number)}.so")  # a path is loaded once
    done = subprocess.run([SINTER, "compile", path, "-o", out, *options], capture_output=True, text=True)
    if done.returncode:
        return done.returncode, done.stderr
    return 0, json.loads(sinter.Model(out).manifest)


def rows_alone(path, name, rows, score):
    program = sinter.Model(compile_model(path, name), threads=2)
    model = onnx.load(path)
    axes = {}
    feeds = {}
    dice = np.random.default_rng(2)
    for value in model.graph.input:
        dims = [d.dim_value or None for d in value.type.tensor_type.shape.dim]
        axes[value.name] = dims.index(None)
        shape = [d or rows for d in dims]
        feeds[value.name] = (dice.standard_normal(shape).astype(np.float32)
                             if value.type.tensor_type.elem_type == 1 else dice.integers(0, 6, shape))
    together = program.run(feeds)
    for i in range(rows):
        alone = program.run({n: np.take(v, [i], axes[n]) for n, v in feeds.items()})
        for key, value in alone.items():
            axis = value.shape.index(1)
            wanted = np.take(together[key], [i], axis)
            score.check(value.tobytes() == wanted.tobytes(), f"{name}: row {i} of {key} differs alone")


def main():
    score = Score()
    for name, (text, wanted) in MODELS.items():
        path = os.path.join(WORK, name + ".onnx")
        onnx.save(onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]>\n' + text), path)
        code, found = manifest(path)
        if not score.check(code == 0, f"{name}: {found}"):
            continue
        batch = found["batch"]
        if wanted is not None:
            score.check(batch["independent"] == wanted, f"{name}: {batch}")
            score.check(wanted or batch["why"], f"{name}: no reason in {batch}")
        if wanted:
            rows_alone(path, name, 7, score)
    path = os.path.join(WORK, "mlp.onnx")
    code, found = manifest(path)
    costs = found["costs"]
    score.check([row["rows"] for row in costs] == [1, 2, 4, 8, 16, 32], f"default rows: {costs}")
    score.check(all(a["us"] < b["us"] and a["arena_bytes"] <= b["arena_bytes"]
                    for a, b in zip(costs, costs[1:])), f"costs do not grow: {costs}")
    for field in ("model_sha256", "metadata_props", "isas", "arena", "weights", "golden", "symbols"):
        score.check(field in found, f"the manifest lacks {field}")
    code, found = manifest(path, "--batch", "3,1")
    score.check([row["rows"] for row in found["costs"]] == [1, 3], f"--batch 3,1: {found['costs']}")
    for options, text in ((["--batch", "0"], "no number of rows"), (["--batch", "2,2"], "twice"),
                          (["--batch", "64", "--dim", "N=1..8"], "outside of 'N'"),
                          (["--batch", "2", "--shape", "x=4,6"], "no input")):
        code, found = manifest(path, *options)
        score.check(code == 2 and text in str(found), f"{options}: {code} {found}")
    code, found = manifest(path, "--shape", "x=4,6")
    score.check(found["batch"] == {"independent": True, "fixed": 4}, f"a fixed batch: {found['batch']}")
    code, found = manifest(os.path.join(WORK, "mean-taken-off.onnx"), "--shape", "x=4,6")
    score.check(not found["batch"]["independent"], f"a fixed, mixed batch: {found['batch']}")
    score.exit()


main()
