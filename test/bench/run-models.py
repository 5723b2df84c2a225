# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The generators keep their promises: the model runs in ONNX Runtime and gives what
# its layers gave, the same command gives the same bytes, and no weight is a
# constant fill or a copy of another one (that would hide a wrong packing).
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

ROOT = os.environ["SINTER_ROOT"]
NAMES = ["squeezenet", "shufflenet", "mobilenetv2", "inception_v2", "yolov8n_dynamic"]


def generate(folder, *options):
    done = subprocess.run(
        [sys.executable, os.path.join(ROOT, "bench", "models", "generate.py"), *NAMES,
         "-o", folder, *options], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        print(done.stdout)
    return done.returncode == 0


def weights_are_random(path):
    seen = set()
    for tensor in onnx.load(path).graph.initializer:
        value = numpy_helper.to_array(tensor)
        if value.dtype != np.float32 or value.size < 64:
            continue
        whole = value.ndim == 2 and 1 in value.shape  # strides of anchors
        if not whole and len(np.unique(value)) < 0.98 * value.size:
            print(f"{path}: {tensor.name} repeats values")
            return False
        if value.tobytes() in seen:
            print(f"{path}: {tensor.name} is a copy")
            return False
        seen.add(value.tobytes())
    return len(seen) > 20


def main():
    work = tempfile.mkdtemp(prefix="sinter-models-")
    first, second = os.path.join(work, "1"), os.path.join(work, "2")
    passed = failed = 0
    try:
        results = [generate(first, "--check"), generate(second)]
        if all(results):
            for name in NAMES:
                paths = [os.path.join(folder, name + ".onnx") for folder in (first, second)]
                results.append(filecmp.cmp(*paths, shallow=False))
                results.append(weights_are_random(paths[0]))
        passed, failed = results.count(True), results.count(False)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
