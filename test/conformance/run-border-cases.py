# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# ONNX's own node cases whose inputs or outputs are sequences, optionals or texts,
# compiled by `sinter run`: a sequence goes in as one tensor along a first axis, its
# length by --shape, and comes out as one output an element. Those in border.txt must
# pass; --update adds those that pass beside.
#
#   test/conformance/run-border-cases.py [--update] [--reasons] [--only TEXT]
import concurrent.futures
import os
import sys
import tempfile

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

import cases
from freeze import DECIDES, freeze

LIST = os.path.join(cases.HERE, "border.txt")
FROZEN = {**DECIDES, "SplitToSequence": [1], "SequenceInsert": [2], "Loop": [0, 1], "If": [0],
          "SequenceAt": [1], "SequenceErase": [1]}


def is_border(value):
    return not isinstance(value, (np.ndarray, np.generic, onnx.TensorProto)) \
        or isinstance(value, np.ndarray) and value.dtype.kind in "OU"


def collect():
    for case in collect_testcases(None):
        inputs, outputs = case.data_sets[0]
        operators = {node.op_type for node in case.model.graph.node}
        if len(operators) == 1 and any(is_border(x) for x in [*inputs, *outputs]):
            yield case.name.removeprefix("test_"), case


def flat(name, value):
    """(name, array) of an output as Sinter names it; texts as NumPy's."""
    if isinstance(value, list):
        for i, part in enumerate(value):
            yield from flat(f"{name}_{i}", part)
        return
    value = np.asarray(value)
    yield name, value.astype(str) if value.dtype == object else value


def given(model, values):
    """Arrays to feed, and what --shape says of them; None when there is no such array."""
    feeds, shapes = {}, []
    for info, value in zip(model.graph.input, values):
        if value is None:
            return None, None
        if isinstance(value, list):
            if not value or len({np.shape(x) for x in value}) != 1:
                return None, None
            value = np.stack(value)
            shapes += ["--shape", f"{info.name}={','.join(map(str, value.shape))}"]
        feeds[info.name] = dict(flat("x", value))["x"]
    return feeds, shapes


def run(job, work):
    _, case = job
    model = case.model
    inputs, outputs = case.data_sets[0]
    inputs = freeze(model, inputs, FROZEN)
    feeds, shapes = given(model, inputs)
    if feeds is None:
        return "refused", "an input is empty, or its elements differ in shape"
    status, text, found = cases.run_sinter(model, feeds, work, *shapes)
    if status:
        return cases.refusal(status, text)
    wanted = {}
    for info, output in zip(model.graph.output, outputs):
        if info.name in found and isinstance(output, list):  # one tensor of all
            output = np.stack(output)
        wanted.update(flat(info.name, output))
    for key, value in wanted.items():
        if key not in found or found[key].shape != value.shape:
            return "fail", f"no {key} of {value.shape} among {[*found]}"
        same = np.allclose(found[key], value, rtol=1e-4, atol=1e-6) \
            if value.dtype.kind == "f" else (found[key] == value).all()
        if not same:
            return "fail", f"{key} differs"
    if len(found) != len(wanted):
        return "fail", f"outputs {[*found]}, expected {[*wanted]}"
    return "pass", ""


def main():
    options = cases.options("--update", "--reasons")
    jobs = [job for job in collect() if options.only in job[0]]
    with tempfile.TemporaryDirectory() as work, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda job: run(job, work), jobs))
    outcomes = {name: result for (name, _), result in zip(jobs, results)}
    failed = cases.judge(outcomes, LIST, options)
    return cases.close(sum(status == "pass" for status, _ in outcomes.values()), failed)


sys.exit(main())
