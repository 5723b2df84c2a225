# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the end-to-end tests share: compiling a model of bench/catalogue.py once,
# running it from Python, and ONNX Runtime beside it.
import atexit
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

ROOT = os.environ["SINTER_ROOT"]
BUILD = os.environ["SINTER_BUILD"]
SINTER = os.path.join(BUILD, "bin", "sinter")
os.environ.setdefault("SINTER_LIBRARY", os.path.join(BUILD, "lib", "libsinter.so"))
sys.path.insert(0, os.path.join(ROOT, "bench"))
sys.path.insert(0, os.path.join(ROOT, "runtime", "python"))

import catalogue  # noqa: E402
import sinter  # noqa: E402

WORK = tempfile.mkdtemp(prefix="sinter-e2e-")
atexit.register(shutil.rmtree, WORK, True)


class Score:
    """Counts of a script, and its last line."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, good, text):
        self.passed += bool(good)
        self.failed += not good
        if not good:
            print(text, flush=True)
        return good

    def exit(self):
        print(f"{self.passed} passed, {self.failed} failed, 0 skipped")
        sys.exit(1 if self.failed or not self.passed else 0)


def compile_model(path, name, *options):
    """The path of a .so, or None after printing why not."""
    out = os.path.join(WORK, name + ".so")
    done = subprocess.run([SINTER, "compile", path, "-o", out, *options], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        print(f"{name}: compile exits with {done.returncode}\n{done.stdout[-1500:]}", flush=True)
        return None
    if "[SINTER-C003]" in done.stdout:  # no listed model may need plain code
        print(f"{name}: a kernel fell back to plain code\n{done.stdout[-1500:]}", flush=True)
        return None
    return out


def verified(path, feeds, judge):
    """`sinter verify` with these inputs. evaluator: at most 4 times plain fp32's error, both
    against float64. onnxruntime: also where its sigmoid has no digits left."""
    inputs = os.path.join(WORK, "hard.npz")
    np.savez(inputs, **feeds)
    return subprocess.run([SINTER, "verify", path, "--inputs", inputs, "--against", judge,
                           "--python", sys.executable],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def reference(path, threads=1):
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])


def reference_outputs(session, feeds):
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds)))


def error(ours, theirs):
    """The contract's: largest difference over the largest magnitude; worst output."""
    worst = 0.0
    for name, wanted in theirs.items():
        got = ours[name]
        if got.shape != wanted.shape:
            return float("inf")
        if wanted.size == 0:
            continue
        scale = max(float(np.max(np.abs(wanted.astype(np.float64)))), 1e-30)
        gap = np.abs(got.astype(np.float64) - wanted.astype(np.float64))
        worst = max(worst, float(np.max(gap)) / scale if np.isfinite(gap).all() else float("inf"))
    return worst


def same_bits(a, b):
    return a.keys() == b.keys() and all(a[k].shape == b[k].shape and a[k].tobytes() == b[k].tobytes()
                                        for k in a)
