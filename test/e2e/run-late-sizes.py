# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Sizes that come out of data: `check` and `compile` agree on every model, and what
# compiles gives ONNX Runtime's results at every size, 0 included.
import os
import subprocess

import numpy as np
import onnx.parser

from e2e import SINTER, WORK, Score, compile_model, reference, reference_outputs, same_bits, sinter

ZERO = "<float zero = {0}, float one = {1}, float most = {100}>"
# name: the graph, its inputs, the code that refuses it or None.
MODELS = {
    "nonzero": ("g (float[N, 4] x) => (int64[2, C] z) { z = NonZero(x) }", "x", None),
    "compress": ("g (float[N, 4] x, bool[N] c) => (float[M, 4] y) { y = Compress<axis=0>(x, c) }", "xc", None),
    "twice": ("g (float[N, 4] x, bool[N] c, bool[N] d) => (float[M, 4] y) "
              "{ a = Compress<axis=0>(x, c)\n b = Compress<axis=0>(x, d)\n e = Relu(a)\n"
              " y = Concat<axis=0>(e, b) }", "xcd", None),
    "flip": ("g (float[N, 4] x) => (float[M, 4] y) "
             "<int64[1] one = {-1}, int64[1] all = {-9999999}, int64[1] rows = {0}>\n"
             "{ y = Slice(x, one, all, rows, one) }", "x", None),
    "range": ("g (float[N, 4] x) => (float[R] y) " + ZERO +
              "{ s = ReduceSum<keepdims=0>(x)\n a = Abs(s)\n y = Range(zero, a, one) }", "x", None),
    "bounded-range": ("g (float[N, 4] x) => (float[] y) " + ZERO +
                      "{ s = ReduceSum<keepdims=0>(x)\n a = Abs(s)\n b = Min(a, most)\n"
                      " r = Range(zero, b, one)\n q = Add(r, one)\n y = ReduceSum<keepdims=0>(q) }",
                      "x", None),
    "open-range": ("g (float[N, 4] x) => (float[] y) " + ZERO +
                   "{ s = ReduceSum<keepdims=0>(x)\n a = Abs(s)\n"
                   " r = Range(zero, a, one)\n q = Softmax<axis=0>(r)\n y = ReduceSum<keepdims=0>(q) }",
                   "x", "I014"),
}


def agree(path, score, name, code):
    for command in (["check", path], ["compile", path, "-o", os.path.join(WORK, name + ".o")]):
        done = subprocess.run([SINTER, *command], capture_output=True, text=True)
        text = done.stdout + done.stderr
        good = done.returncode == (3 if code else 0) and (not code or f"[SINTER-{code}]" in text)
        score.check(good, f"{name}: {command[0]} exits with {done.returncode}\n{text}")
    if code:
        score.check("node '" in text and "--max-slack" in text, f"{name}: no node or remedy in\n{text}")


def inputs_for(names, rows, dice):
    feeds = {name: dice.integers(0, 2, rows).astype(bool) for name in names[1:]}
    feeds["x"] = (dice.standard_normal((rows, 4)) * dice.integers(0, 2, (rows, 4))).astype(np.float32)
    return feeds


def main():
    score = Score()
    for name, (text, names, code) in MODELS.items():
        path = os.path.join(WORK, name + ".onnx")
        onnx.save(onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]>\n' + text), path)
        agree(path, score, name, code)
        if code:
            continue
        dice = np.random.default_rng(5)
        session = reference(path)
        program = sinter.Model(compile_model(path, name), threads=1)
        for rows in (3, 0, 1, 17, 2000, 5):
            feeds = inputs_for(names, rows, dice)
            wanted = reference_outputs(session, feeds)
            got = program.run(feeds)
            score.check(same_bits(got, wanted), f"{name} with {rows} rows: {got} is not {wanted}")
    # A bound that is allowed to be larger.
    path = os.path.join(WORK, "open-range.onnx")
    done = subprocess.run([SINTER, "check", path, "--max-slack", "1024G"], capture_output=True, text=True)
    score.check(done.returncode == 0, f"--max-slack 1024G: {done.stderr}")
    score.exit()


main()
