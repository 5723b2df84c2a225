# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# ONNX's own node cases compiled: `sinter run` of the model, its outputs against
# those of the case. A case in compiled.txt must pass; --update adds those that pass
# beside. Cases of several operators (expanded functions) run only with --deep.
#
#   test/conformance/run-compiled-cases.py [--update] [--reasons] [--only TEXT]
import concurrent.futures
import os
import sys
import tempfile

import numpy as np
import onnx

import cases
import freeze

LIST = os.path.join(cases.HERE, "compiled.txt")
BFLOAT16 = onnx.TensorProto.BFLOAT16


def differs(found, expected, relative, absolute):
    """A reason, or None."""
    if found.shape != expected.shape:
        return f"shape {found.shape}, expected {expected.shape}"
    if expected.dtype.kind != "f":
        return None if np.array_equal(found, expected) else "integers differ"
    relative = max(relative, 1 / 512 if expected.dtype == np.float16 else 0)
    a, b = found.astype(np.float64), expected.astype(np.float64)
    if np.allclose(a, b, rtol=relative, atol=max(absolute, 1e-6), equal_nan=True):
        return None
    return f"largest difference {np.nanmax(np.abs(a - b)):g}"


def run(folder, name, work, is_dynamic=False):
    model = onnx.load(os.path.join(folder, name, "model.onnx"))
    graph = model.graph
    if any(x.type.tensor_type.elem_type == BFLOAT16 for x in graph.input):
        return "refused", "NumPy has no bfloat16"
    _, relative, absolute = cases.about(folder, name)
    data = np.load(os.path.join(folder, name, "set_0.npz"))
    constants = {x.name for x in graph.initializer}
    names = [x.name for x in graph.input if x.name not in constants]
    values = [data[f"in_{i}"] for i in range(len(names))]
    if not constants:  # else the frozen ones among the inputs would not line up
        values = freeze.freeze(model, values, freeze.COMPILED)
        names = [x.name for x in graph.input]
    if is_dynamic:
        model = freeze.dynamic(model)
        graph = model.graph
    status, text, found = cases.run_sinter(model, dict(zip(names, values)), work)
    if status:
        return cases.refusal(status, text)
    for i, output in enumerate(graph.output):
        if output.name not in found:
            return "fail", f"no output {output.name}"
        reason = differs(found[output.name], data[f"out_{i}"], relative, absolute)
        if reason:
            return "fail", f"{output.name}: {reason}"
    return "pass", ""


def main():
    options = cases.options("--update", "--reasons", "--deep")
    folder = cases.folder()
    with open(os.path.join(cases.HERE, "passing.txt")) as file:
        names = [name for name in file.read().split()
                 if options.only in name and
                 (options.deep or len(cases.about(folder, name)[0]) == 1)]
    with tempfile.TemporaryDirectory() as work, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda name: run(folder, name, work), names))
    outcomes = dict(zip(names, results))
    cases.print_counts(folder, outcomes)
    failed = cases.judge(outcomes, LIST, options)
    return cases.close(sum(status == "pass" for status, _ in outcomes.values()), failed)


sys.exit(main())
