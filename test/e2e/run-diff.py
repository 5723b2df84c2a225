# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Inner tensors: `run --tap` writes the ones that ONNX Runtime computes too, `diff`
# compares all of them in the order of the program and says which deviate first.
import json
import os
import subprocess
import sys

import numpy as np
import onnx

from e2e import ROOT, SINTER, WORK, Score, error, reference


def sinter(*arguments):
    done = subprocess.run([SINTER, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def tap(score, path):
    feeds = {"x": np.random.default_rng(4).standard_normal((2, 3, 18, 22)).astype(np.float32)}
    inputs, outputs = os.path.join(WORK, "in.npz"), os.path.join(WORK, "out.npz")
    np.savez(inputs, **feeds)
    code, text = sinter("run", path, "--inputs", inputs, "--outputs", outputs,
                        "--tap", "relu1", "--tap", "conv2")
    score.check(code == 0, text)
    model = onnx.load(path)
    for name in ("c", "d"):
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, 1, [None] * 4))
    onnx.save(model, os.path.join(WORK, "tapped.onnx"))
    wanted = reference(os.path.join(WORK, "tapped.onnx")).run(["y", "c", "d"], feeds)
    got = dict(np.load(outputs))
    score.check(set(got) == {"y", "relu1", "conv2"}, f"arrays: {set(got)}")
    worst = error(got, dict(zip(("y", "relu1", "conv2"), wanted)))
    score.check(worst < 1e-4, f"taps are off by {worst}")
    code, text = sinter("run", path, "--inputs", inputs, "--tap", "nobody")
    score.check(code == 2 and "'nobody'" in text, f"unknown node: {code} {text}")
    out = os.path.join(WORK, "conv.so")
    sinter("compile", path, "-o", out)
    code, text = sinter("run", out, "--inputs", inputs, "--tap", "relu1")
    score.check(code == 2 and "needs the model" in text, f"an object: {code} {text}")
    code, text = sinter("diff", out)
    score.check(code == 2, f"diff of an object: {code} {text}")


def bisect(score, path):
    out = os.path.join(WORK, "part.onnx")
    code, text = sinter("bisect", path, "-o", out)
    score.check(code == 0 and "no tensor deviates" in text and not os.path.exists(out), f"{code} {text}")
    code, text = sinter("bisect", path, "-o", out, "--tolerance", "1e-12")
    if not score.check(code == 1 and "relu1" in text and os.path.exists(out), f"{code} {text}"):
        return
    part = onnx.load(out)
    onnx.checker.check_model(part)
    names = [node.name for node in part.graph.node]
    score.check(0 < len(names) < len(onnx.load(path).graph.node) and names[-1] == "relu1", f"part: {names}")
    inputs = os.path.join(WORK, "part.npz")
    score.check(set(np.load(inputs)) == {value.name for value in part.graph.input}, "inputs of the part")
    code, text = sinter("diff", out, "--inputs", inputs, "--tolerance", "1e-12")
    score.check(code == 1, f"the part deviates no more: {code} {text}")
    code, text = sinter("bisect", os.path.join(WORK, "none.onnx"))
    score.check(code == 2, f"no file: {code} {text}")


def main():
    score = Score()
    for name in ("conv", "mlp", "lstm", "gru"):
        path = os.path.join(WORK, name + ".onnx")
        subprocess.run([sys.executable, os.path.join(ROOT, "test", "e2e", "Inputs", "small.py"), name, path],
                       check=True)
        code, text = sinter("diff", path)
        score.check(code == 0 and " 0 of " in text, f"{name}: {code} {text}")
    path = os.path.join(WORK, "conv.onnx")
    tap(score, path)
    code, text = sinter("diff", path, "--tolerance", "1e-12", "--json")
    score.check(code == 1, f"no rounding is seen: {code}")
    found = json.loads(text)
    tensors = [row["tensor"] for row in found["deviating"]]
    score.check(found["tensors"] >= 4 and tensors[0] == "relu1" and tensors[-1] == "y", f"order: {tensors}")
    code, text = sinter("diff", path, "--tolerance", "1e-12")
    score.check("relu1: element" in text and "expected" in text, text)
    bisect(score, path)
    score.exit()


main()
