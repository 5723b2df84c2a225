# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Whole models with every kernel as plain code, as if LLVM had died on each: the compile
# names them all, and the results are the same bits. And whole models for x86-64-v2,
# which has no fused multiply-add and so bits of its own: within 1e-4 of ONNX Runtime.
#
#   run-plain.py [NAME...]
import json
import os
import subprocess
import sys

import numpy as np

from e2e import (SINTER, WORK, Score, catalogue, compile_model, error, reference,
                 reference_outputs, same_bits, sinter)

MODELS = ("squeezenet", "shufflenet", "silero_vad_sequence")


def compile_plain(model, name):
    """The path of a .so, its kernels, and the warnings."""
    out = os.path.join(WORK, name + "-plain.so")
    done = subprocess.run(
        [SINTER, "compile", model, "-o", out, "--isa", "x86-64-v3", "--cache-dir", "none"],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=WORK,
        env=dict(os.environ, SINTER_TEST_BREAK_KERNEL="kernel.define"))
    if done.returncode:
        print(done.stdout[-1500:])
        return None, [], 0
    shown = subprocess.run([SINTER, "inspect", out, "--json"], text=True, capture_output=True,
                           check=True)
    return out, json.loads(shown.stdout), done.stdout.count("[SINTER-C003]")


def main():
    score = Score()
    for name in [a for a in sys.argv[1:] if not a.startswith("-")] or MODELS:
        case = catalogue.case(name)
        with np.load(case.inputs) as file:
            feeds = dict(file)
        right = compile_model(case.model, name, "--isa", "x86-64-v3")
        plain, shown, warnings = compile_plain(case.model, name)
        old = compile_model(case.model, name + "-v2", "--isa", "x86-64-v2")
        if not score.check(right and plain and old, f"{name}: does not compile"):
            continue
        rows = shown["fallbacks"]
        score.check(len(rows) == len(shown["kernels"]) == warnings,
                    f"{name}: {len(rows)} rows and {warnings} warnings "
                    f"for {len(shown['kernels'])} plain kernels")
        score.check(any(row["nodes"] for row in rows), f"{name}: no fallback names its node")
        expected = sinter.Model(right, threads=1).run(feeds)
        score.check(same_bits(expected, sinter.Model(plain, threads=2).run(feeds)),
                    f"{name}: plain code gives other bits")
        theirs = reference_outputs(reference(case.model), feeds)
        gap = error(sinter.Model(old, threads=1).run(feeds), theirs)
        score.check(gap <= 1e-4, f"{name}: error {gap:.2e} on x86-64-v2, at most 1e-4")
    score.exit()


main()
