# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A compile does not hold a model's weights: whatever the form of the output, no
# process of it needs much more for 96 MB of them than for 96 KB. And they arrive: the
# object's answers are those of the same product in NumPy.
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from e2e import SINTER, WORK, Score

LAYERS = 6
# Of the largest weight, one for each of two threads, and of pages that wait to be let go.
ROOM = 60e6


def chain(width):
    """Products of a vector with square matrices, each of deviation 1 / sqrt(width)."""
    dice = np.random.default_rng(width)
    weights = [dice.standard_normal((width, width), np.float32) / np.float32(np.sqrt(width))
               for _ in range(LAYERS)]
    nodes = [helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"]) for i in range(LAYERS)]
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width])
            for name in ("x0", f"x{LAYERS}")]
    graph = helper.make_graph(nodes, "chain", info[:1], info[1:],
                              [numpy_helper.from_array(w, f"w{i}") for i, w in enumerate(weights)])
    path = os.path.join(WORK, f"chain{width}.onnx")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path, weights


def compile_to(path, out, *options):
    """The peak of resident memory of any process of the compile, or None."""
    watched = ("import resource, subprocess, sys\n"
               "status = subprocess.run(sys.argv[1:]).returncode\n"
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)\n"
               "sys.exit(status)")
    done = subprocess.run([sys.executable, "-c", watched, SINTER, "compile", path, "-o",
                           os.path.join(WORK, out), "--jobs", "2", *options],
                          stdout=subprocess.PIPE, text=True)
    return int(done.stdout.split()[-1]) if done.returncode == 0 else None


def main():
    score = Score()
    small, _ = chain(64)
    large, weights = chain(2048)
    x = np.random.default_rng(1).standard_normal((1, 2048), np.float32)
    wanted = x
    for weight in weights:
        wanted = wanted @ weight
    for form, options in (("model.so", ()), ("model", ()), ("model.o", ()), ("model.a", ()),
                          ("apart.so", ("--weights", "file"))):
        few = compile_to(small, "small-" + form, *options)
        many = compile_to(large, form, *options)
        if not score.check(few and many, f"{form}: does not compile"):
            continue
        score.check(many < few + ROOM,
                    f"{form}: {many / 1e6:.0f} MB for 96 MB of weights, {few / 1e6:.0f} MB without")
        path = os.path.join(WORK, form)
        out = os.path.join(WORK, "out.npz")
        given = os.path.join(WORK, "in.npz")
        np.savez(given, x0=x)
        done = subprocess.run([SINTER, "run", path, "--inputs", given, "--outputs", out])
        found = np.load(out)[f"x{LAYERS}"] if done.returncode == 0 else np.zeros(1)
        score.check(done.returncode == 0 and np.allclose(found, wanted, rtol=1e-3, atol=1e-4),
                    f"{form}: other answers than NumPy's")
        os.remove(path)
    score.exit()


main()
