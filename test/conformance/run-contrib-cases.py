# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The cases of contrib_cases.py, contrib_*_cases.py and classic_cases.py compiled by
# `sinter run` against ONNX Runtime, once with the shapes of the inputs and once with
# symbols for batch and sequence (in pictures, batch and height).
#
#   test/conformance/run-contrib-cases.py [--only TEXT]
import concurrent.futures
import os
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

import cases
import classic_cases
import contrib_cases
import contrib_other_cases
import contrib_weight_cases

# ONNX Runtime has one scale for the rows of a step that a thread holds, we have one each.
LOOSE = {"dynamic_quantize_lstm": 1e-2, "nhwc_fused_conv": 2e-3, "matmul_float8": 2e-3,
         "matmul_float8_both": 2e-3, "matmul_float4": 2e-3}


def model_of(op, inputs, attributes, outputs):
    """(model, feeds)"""
    domain, _, kind = op.rpartition(":")
    domain = {"": contrib_cases.MS, "ai.onnx": ""}.get(domain, domain)
    attributes = dict(attributes)
    classic = attributes.pop("ml_opset", 3)
    opset = attributes.pop("opset", 14) if domain == "" else 20
    wanted = outputs if isinstance(outputs, list) else [1] * outputs
    names, constants, infos, feeds = [], [], [], {}
    for i, value in enumerate(inputs):
        if value is None:
            names.append("")
        elif isinstance(value, contrib_cases.Constant):
            names.append(f"c{i}")
            constants.append(onnx.numpy_helper.from_array(value.value, f"c{i}"))
        else:
            names.append(f"x{i}")
            feeds[f"x{i}"] = value
            element = onnx.TensorProto.STRING if value.dtype.kind == "U" \
                else onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
            infos.append(onnx.helper.make_tensor_value_info(f"x{i}", element, value.shape))
    results = [f"y{i}" if on else "" for i, on in enumerate(wanted)]
    node = onnx.helper.make_node(kind, names, results, "node", domain=domain, **attributes)
    out = [onnx.ValueInfoProto(name=name) for name in results if name]  # types are inferred
    graph = onnx.helper.make_graph([node], "case", infos, out, constants)
    model = onnx.helper.make_model(graph, ir_version=9, opset_imports=[
        onnx.helper.make_opsetid("", opset), onnx.helper.make_opsetid(contrib_cases.MS, 1),
        onnx.helper.make_opsetid(classic_cases.ML, classic)])
    return model, feeds


def reference(model, feeds):
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings,
                                           providers=["CPUExecutionProvider"])
    feeds = {name: x.astype(object) if x.dtype.kind == "U" else x for name, x in feeds.items()}
    return {o.name: as_rows(value)
            for o, value in zip(session.get_outputs(), session.run(None, feeds))}


def stated(function, inputs, model):
    """What a case says itself."""
    results = function(*(x.value if isinstance(x, contrib_cases.Constant) else x for x in inputs))
    return {o.name: np.asarray(value) for o, value in zip(model.graph.output, results)}


def as_rows(value):
    """What Sinter gives in place of a list of maps."""
    if isinstance(value, list):
        return np.array([list(row.values()) for row in value], np.float32)
    return value.astype(str) if value.dtype == object else value


def symbolic(model):
    for i, info in enumerate(model.graph.input):
        dims = info.type.tensor_type.shape.dim
        for axis in (0, len(dims) - 2) if len(dims) > 3 else range(len(dims) - 1):
            dims[axis].dim_param = f"d{i}_{axis}"


def differs(name, ours, theirs, tolerance):
    if ours.dtype.kind == theirs.dtype.kind == "U" and ours.shape == theirs.shape:
        return None if (ours == theirs).all() else f"{name}: {ours}, expected {theirs}"
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return f"{name}: {ours.dtype} {ours.shape}, expected {theirs.dtype} {theirs.shape}"
    same = ours == theirs  # infinities too
    gap = np.abs(np.where(same, 0, ours) - np.where(same, 0, theirs).astype(np.float64))
    if not gap.size:
        return None
    theirs = np.where(np.isfinite(theirs), theirs, 0)
    # A quantised value may round the other way; labels and masks are exact.
    limit = tolerance * max(float(np.abs(theirs).max()), 1e-6)
    if ours.dtype.kind in "iub":
        limit = int(ours.dtype.itemsize == 1)
    return None if gap.max() <= limit else f"{name}: largest difference {gap.max():g}"


def run(case, work, is_dynamic):
    name, op, inputs, attributes, outputs, *own = case
    model, feeds = model_of(op, inputs, attributes, outputs)
    try:
        theirs = stated(own[0], inputs, model) if own else reference(model, feeds)
    except Exception as problem:  # of several classes
        return f"ONNX Runtime: {str(problem)[:300]}"
    if is_dynamic:
        symbolic(model)
    status, text, found = cases.run_sinter(model, feeds, work)
    if status:
        return f"exits with {status}: {text[:600]}"
    for key, value in theirs.items():
        if reason := differs(key, found[key], value, LOOSE.get(name, 1e-4)):
            return reason
    return None


def main():
    options = cases.options()
    every = [*contrib_cases.cases(), *contrib_weight_cases.cases(), *contrib_other_cases.cases(),
             *classic_cases.cases()]
    jobs = [(case, is_dynamic) for case in every if options.only in case[0]
            for is_dynamic in (False, True)]
    failed = 0
    with tempfile.TemporaryDirectory() as work, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (case, is_dynamic), reason in zip(jobs, pool.map(lambda j: run(j[0], work, j[1]), jobs)):
            if reason:
                failed += 1
                print(f"FAIL {case[0]}{' with symbols' if is_dynamic else ''}: {reason}")
    return cases.close(len(jobs) - failed, failed)


sys.exit(main())
