# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Every model of bench/catalogue.py: within 1e-4 of ONNX Runtime; `sinter verify` passes,
# which asks the evaluator too (for all models with --deep: it takes minutes); the same
# bits with 1, 2, 3 and 4 threads, from a caller's own pool, for rows of a batch alone or
# together, from the AVX2 column where the object has two and from emulated AVX-512; and
# the comparison would notice a fault: with the output channels of one weight permuted
# it must fail.
#
#   run-models.py [NAME...]
import concurrent.futures
import ctypes
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import numpy_helper

from e2e import (SINTER, WORK, Score, catalogue, compile_model, error, reference, reference_outputs,
                 same_bits, sinter)

LIMIT = 1e-4
CHANNEL_AXIS = {"Conv": 0, "Gemm": 1, "MatMul": -1, "LSTM": 1}
# Those that the evaluator judges in seconds; --deep asks it about all.
JUDGED = ("squeezenet", "ocr_cls", "ocr_rec", "silero_vad", "silero_vad_sequence",
          "silero_vad_static")


class OwnPool:
    """A caller's own pool: Python threads, two tasks at a time and in no fixed order."""

    PARALLEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p,
                                ctypes.c_void_p)
    TASK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32)

    class Host(ctypes.Structure):
        _fields_ = [("size", ctypes.c_uint32), ("width", ctypes.c_uint32),
                    ("flags", ctypes.c_uint32), ("self", ctypes.c_void_p),
                    ("parallel", ctypes.c_void_p), ("others", ctypes.c_void_p * 8)]

    def __init__(self, width):
        self.threads = concurrent.futures.ThreadPoolExecutor(2)
        self.callback = self.PARALLEL(self.parallel)
        self.jobs = 0
        self.host = self.Host(ctypes.sizeof(self.Host), width, 0, None,
                              ctypes.cast(self.callback, ctypes.c_void_p))

    def parallel(self, _, count, task, argument):
        self.jobs += count > 1
        run = self.TASK(task)
        list(self.threads.map(lambda index: run(argument, index), reversed(range(count))))


def check_bits(score, name, path, feeds, first):
    for threads in (2, 3, 4):
        score.check(same_bits(first, sinter.Model(path, threads=threads).run(feeds)),
                    f"{name}: other bits with {threads} threads")
    if len(sinter_isas(path)) > 1:
        last = 1 << (len(sinter_isas(path)) - 1)
        score.check(same_bits(first, sinter.Model(path, threads=1, isa_mask=last).run(feeds)),
                    f"{name}: other bits from the code for {sinter_isas(path)[-1]}")
    own = OwnPool(3)
    model = sinter.Model(path, threads=3, host=ctypes.addressof(own.host))
    score.check(same_bits(first, model.run(feeds)), f"{name}: other bits from a caller's pool")
    score.check(own.jobs > 0 or not name.startswith("resnet"), f"{name}: the pool was not used")
    model.close()


def check_emulated(score, name, model, feeds, first):
    """AVX-512's tiles, tails and packing in AVX2's instructions: any machine runs them."""
    path = compile_model(model, name + "-emulated", "--isa", "x86-64-v4-emulated")
    if score.check(path, f"{name}: does not compile for emulated AVX-512"):
        score.check(same_bits(first, sinter.Model(path, threads=1).run(feeds)),
                    f"{name}: other bits from emulated AVX-512")
        os.remove(path)


def batch_axes(model):
    """Axis of the batch of each input; of the outputs too. None where there is none."""
    symbol = next((info.dims[0] for info in model.inputs if isinstance(info.dims[:1], list)
                   and info.dims and isinstance(info.dims[0], str)), None)
    axis = lambda info: info.dims.index(symbol) if symbol in info.dims else None
    outputs = {info.name: axis(info) for info in model.outputs}
    if symbol is None or None in outputs.values():
        return None, None
    return {info.name: axis(info) for info in model.inputs}, outputs


def check_batch(score, name, path, feeds):
    """Three rows together, on two threads, and each alone."""
    model = sinter.Model(path, threads=2)
    inputs, outputs = batch_axes(model)
    if name not in BATCHED:
        return
    if not score.check(inputs, f"{name}: no batch was found"):
        return
    dice = np.random.default_rng(3)

    def rows(key, value):
        axis = inputs[key]
        if axis is None:
            return value
        value = np.concatenate([value.take([0], axis)] * 3, axis)
        if value.dtype == np.float32:
            value += np.float32(0.1) * dice.standard_normal(value.shape, np.float32)
        elif key == "input_ids":
            value[1:] = dice.integers(1, 30522, value[1:].shape)
        return value

    together = {key: rows(key, value) for key, value in feeds.items()}
    results = model.run(together)
    for row in range(3):
        alone = model.run({key: value if inputs[key] is None else value.take([row], inputs[key])
                           for key, value in together.items()})
        part = {key: value.take([row], outputs[key]) for key, value in results.items()}
        score.check(same_bits(part, alone), f"{name}: other bits for row {row} alone")


def sinter_isas(path):
    model = sinter.Model(path, threads=1)
    names = []
    model._lib.sinter_isa_name.argtypes = [type(model._model), sinter.c.c_uint32]
    model._lib.sinter_isa_name.restype = sinter.c.c_char_p
    while True:
        name = model._lib.sinter_isa_name(model._model, len(names))
        if name is None:
            return names
        names.append(name.decode())


def tensors_of(graph):
    """Weights of a graph by name, those of its Constant nodes too."""
    values = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.HasField("t"):
                values[node.output[0]] = attribute.t
    return values


def rotate_channels(graph, outer=None):
    """Moves each output channel of the weight in the middle of a graph, and of the graphs
    inside it, by one. How many weights were changed."""
    values = dict(outer or {}, **tensors_of(graph))
    users = [node for node in graph.node if node.op_type in CHANNEL_AXIS
             and node.input[1] in values and len(values[node.input[1]].dims) > 1]
    changed = 0
    if users:
        node = users[len(users) // 2]
        tensor = values[node.input[1]]
        transposed = node.op_type == "Gemm" and any(a.name == "transB" and a.i for a in node.attribute)
        axis = 0 if transposed else CHANNEL_AXIS[node.op_type]
        value = np.roll(numpy_helper.to_array(tensor), 1, axis)
        tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
        changed = 1
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                changed += rotate_channels(attribute.g, values)
    return changed


def permuted(path, name):
    model = onnx.load(path)
    assert rotate_channels(model.graph), f"{name} has no weight to permute"
    out = os.path.join(WORK, name + "-permuted.onnx")
    onnx.save(model, out)
    return out


def check_fault(score, name, path, feeds, theirs):
    """A wrong weight must be seen."""
    model = permuted(path, name)
    wrong = compile_model(model, name + "-permuted", "--isa", "native")
    os.remove(model)
    if score.check(wrong, f"{name}: the permuted model does not compile"):
        gap = error(sinter.Model(wrong, threads=1).run(feeds), theirs)
        score.check(gap > LIMIT, f"{name}: permuted channels go unnoticed ({gap:.1e})")
        os.remove(wrong)


def check_verify(score, name, path):
    """What a user asks: both judges of `verify`, three seeds."""
    done = subprocess.run([SINTER, "verify", path, "--against", "onnxruntime,evaluator",
                           "--python", sys.executable],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    compared = done.stdout.count(" onnxruntime ") - done.stdout.count("refused by both")
    score.check(done.returncode == 0 and compared == 3, f"{name}: {done.stdout[-2000:]}")


BATCHED = ("minilm_1x128", "ocr_rec", "ocr_det", "ocr_cls", "silero_vad")
# The largest are emulated with --deep alone.
EMULATED = tuple(name for name in catalogue.CASES if name not in ("vgg19", "bert_base"))


def main():
    score = Score()
    names = [a for a in sys.argv[1:] if not a.startswith("-")] or list(catalogue.CASES)
    compiled = {}
    for name in names:
        case = catalogue.case(name)
        is_new = case.model not in compiled
        if is_new:
            compiled[case.model] = compile_model(case.model, name)
        path = compiled[case.model]
        if not score.check(path, f"{name}: does not compile"):
            continue
        with np.load(case.inputs) as file:
            feeds = dict(file)
        try:
            ours = sinter.Model(path, threads=1).run(feeds)
        except sinter.SinterError as problem:
            score.check(False, f"{name}: {problem}")
            continue
        theirs = reference_outputs(reference(case.model), feeds)
        gap = error(ours, theirs)
        score.check(gap <= LIMIT, f"{name}: error {gap:.2e} against ONNX Runtime, at most {LIMIT}")
        check_bits(score, name, path, feeds, ours)
        check_batch(score, name, path, feeds)
        if name in EMULATED or "--deep" in sys.argv:
            check_emulated(score, name, case.model, feeds, ours)
        if is_new:
            check_fault(score, name, case.model, feeds, theirs)
        if name in JUDGED or "--deep" in sys.argv:
            check_verify(score, name, case.model)
    score.exit()


main()
