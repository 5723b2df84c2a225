# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# `repack` puts other weights into an object: the result has the bits of a compile of
# the new model; a model that differs in more than its weights is refused, with the node.
import os
import shutil
import subprocess
import sys

import numpy as np
import onnx
from onnx import numpy_helper

from e2e import ROOT, SINTER, WORK, Score, compile_model, same_bits, sinter


def command(*arguments):
    done = subprocess.run([SINTER, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def outputs(path):
    name = os.path.join(WORK, f"load{len(os.listdir(WORK))}.so")  # a path is loaded once
    shutil.copy(path, name)
    feeds = {"x": np.random.default_rng(1).standard_normal((2, 3, 16, 20)).astype(np.float32)}
    return sinter.Model(name, weights_path=os.path.splitext(path)[0] + ".weights"
                        if os.path.exists(os.path.splitext(path)[0] + ".weights") else None).run(feeds)


def changed(path, name, change):
    model = onnx.load(path)
    change(model.graph)
    out = os.path.join(WORK, name + ".onnx")
    onnx.save(model, out)
    return out


def other_weights(graph):
    dice = np.random.default_rng(77)
    for tensor in graph.initializer:
        if len(tensor.dims):
            tensor.CopyFrom(numpy_helper.from_array(
                (dice.standard_normal(list(tensor.dims)) / 4).astype(np.float32), tensor.name))


def with_clip(graph):
    """conv1 is clipped at a bound that is an initializer."""
    graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "most"))
    graph.initializer.append(numpy_helper.from_array(np.float32(-0.5), "least"))
    relu = next(n for n in graph.node if n.name == "relu1")
    relu.op_type = "Clip"
    relu.input.extend(["least", "most"])


def other_bound(graph):
    bound = next(t for t in graph.initializer if t.name == "most")
    bound.CopyFrom(numpy_helper.from_array(np.float32(0.75), "most"))


def wider(graph):
    head = next(t for t in graph.initializer if t.name == "u")
    head.CopyFrom(numpy_helper.from_array(np.ones((32, 11), np.float32), "u"))
    bias = next(t for t in graph.initializer if t.name == "t")
    bias.CopyFrom(numpy_helper.from_array(np.ones(11, np.float32), "t"))
    del graph.output[0].type.tensor_type.shape.dim[:]
    for extent in ("N", 11):
        dim = graph.output[0].type.tensor_type.shape.dim.add()
        setattr(dim, "dim_param" if extent == "N" else "dim_value", extent)


def main():
    score = Score()
    plain = os.path.join(WORK, "plain.onnx")
    subprocess.run([sys.executable, os.path.join(ROOT, "test", "e2e", "Inputs", "small.py"), "conv", plain],
                   check=True)
    base = changed(plain, "base", with_clip)
    fresh = changed(base, "fresh", other_weights)
    for options in ([], ["--weights", "file"], ["--dim", "H=4..64"]):
        old = os.path.join(WORK, "old" + str(len(options)) + ".so")
        code, text = command("compile", base, "-o", old, *options)
        score.check(code == 0, text)
        new = os.path.join(WORK, "new" + str(len(options)) + ".so")
        code, text = command("repack", old, "--weights", fresh, "-o", new)
        if score.check(code == 0, f"{options}: {text}"):
            score.check(same_bits(outputs(new), outputs(compile_model(fresh, "direct"))), f"{options}: other bits")
            score.check(not same_bits(outputs(new), outputs(old)), f"{options}: the old weights")
    before = outputs(old)
    for name, change, wanted in (("bound", other_bound, "node 'conv1'"), ("wider", wider, "node 'head'")):
        code, text = command("repack", old, "--weights", changed(base, name, change))
        score.check(code == 3 and wanted in text, f"{name}: {code} {text}")
        score.check(same_bits(outputs(old), before), f"{name}: the object was touched")
    code, text = command("repack", old, "--weights", fresh)
    score.check(code == 0 and same_bits(outputs(old), outputs(new)), f"in place: {code} {text}")
    for arguments, wanted in (((base, "--weights", fresh), 2), ((old,), 2), ((old, "--weights", "none.onnx"), 2)):
        code, text = command("repack", *arguments)
        score.check(code == wanted, f"{arguments}: {code} {text}")
    score.exit()


main()
