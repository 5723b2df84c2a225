# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Another runtime as a process of its own, driven over its standard input and
# output by `sinter bench` and `sinter verify` (tools/sinter/Peer.h has the
# protocol): intra-op threads = N, inter-op = 1, all optimisations, and its own
# defaults otherwise; onnxruntime-as-written without any optimisation.
#
#   python3 engine.py ENGINE MODEL INPUTS.npz OUTPUTS.npz THREADS
import ctypes
import functools
import json
import signal
import sys
import time

import numpy

ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: sinter may be killed while this is stopped

# The clock of start_to_first starts when the parent reads this line: a C++ program
# would not pay for the start of Python and NumPy, only for its runtime's library.
print("ready", flush=True)


def open_onnxruntime(model, threads, level="ORT_ENABLE_ALL"):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    lists = {i.name for i in session.get_inputs() if "seq(" in i.type}

    def run(feed):
        return session.run(None, {k: list(v) if k in lists else v for k, v in feed.items()})

    return names, run


def open_openvino(model, threads):
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32",
                "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(core.read_model(model), "CPU", settings)
    request = compiled.create_infer_request()
    count = len(compiled.outputs)

    def run(feed):
        request.infer(feed, share_inputs=True, share_outputs=True)
        return [request.get_output_tensor(i).data for i in range(count)]

    return None, run


def output_names(model):
    """In the model's order. OpenVINO keeps the order but may lose the names."""
    import onnx

    return [output.name for output in onnx.load(model, load_external_data=False).graph.output]


def array_of(value):
    """A list of maps (ZipMap) as rows, which is what Sinter gives."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = [list(row.values()) for row in value]
    value = numpy.asarray(value)
    return value.astype(str) if value.dtype == object else value


def named(names, results):
    """A sequence as Sinter gives it: its elements, or all of them as one tensor."""
    for name, value in zip(names, results):
        if isinstance(value, list) and not (value and isinstance(value[0], dict)):
            yield from named([f"{name}_{i}" for i in range(len(value))], value)
            if len({x.shape for x in value if not isinstance(x, list)}) != 1:
                continue
        if value is not None:
            yield name, array_of(value)


def fed(value):
    return value.astype(object) if value.dtype.kind == "U" else value


def measured(function):
    begin = time.perf_counter()
    result = function()
    return result, (time.perf_counter() - begin) * 1e3


def main():
    engine, model, inputs, outputs, threads = sys.argv[1:6]
    opener = {"onnxruntime": open_onnxruntime, "openvino": open_openvino,
              "onnxruntime-as-written": functools.partial(open_onnxruntime, level="ORT_DISABLE_ALL")}[engine]
    try:
        with numpy.load(inputs, allow_pickle=False) as archive:
            feed = {name: fed(archive[name]) for name in archive.files}
        (names, run), load_ms = measured(lambda: opener(model, int(threads)))
        results, first_ms = measured(lambda: run(feed))
    except Exception as error:  # whatever the other runtime throws, the parent must hear it
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
        return
    print(json.dumps({"load_ms": load_ms, "first_ms": first_ms}), flush=True)
    names = names or output_names(model)
    numpy.savez(outputs, **dict(named(names, results)))
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == "end":
            break
        until = time.perf_counter() + float(words[1])
        times = []
        while not times or time.perf_counter() < until:
            times.append(measured(lambda: run(feed))[1])
        print(json.dumps({"ms": times}), flush=True)


main()
