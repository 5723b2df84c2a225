# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Every model of bench/catalogue.py: within 1e-4 of ONNX Runtime; the same bits with
# 1, 2, 3 and 4 threads and from the AVX2 column where the object has two; and the
# comparison would notice a fault: with two output channels of one weight exchanged
# it must fail.
#
#   run-models.py [NAME...]
import os
import sys

import numpy as np
import onnx
from onnx import numpy_helper

from e2e import (WORK, Score, catalogue, compile_model, error, reference, reference_outputs,
                 same_bits, sinter)

LIMIT = 1e-4
PERMUTED = ("squeezenet", "shufflenet", "mobilenetv2", "inception_v2", "densenet121")


def check_bits(score, name, path, feeds, first):
    for threads in (2, 3, 4):
        score.check(same_bits(first, sinter.Model(path, threads=threads).run(feeds)),
                    f"{name}: other bits with {threads} threads")
    if len(sinter_isas(path)) > 1:
        last = 1 << (len(sinter_isas(path)) - 1)
        score.check(same_bits(first, sinter.Model(path, threads=1, isa_mask=last).run(feeds)),
                    f"{name}: other bits from the code for {sinter_isas(path)[-1]}")


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


def permuted(path, name):
    """The model with the first two output channels of its middle convolution exchanged."""
    model = onnx.load(path)
    values = {tensor.name: tensor for tensor in model.graph.initializer}
    convs = [node for node in model.graph.node if node.op_type == "Conv" and node.input[1] in values]
    tensor = values[convs[len(convs) // 2].input[1]]
    value = numpy_helper.to_array(tensor).copy()
    value[[0, 1]] = value[[1, 0]]
    tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    out = os.path.join(WORK, name + "-permuted.onnx")
    onnx.save(model, out)
    return out


def main():
    score = Score()
    names = [a for a in sys.argv[1:] if not a.startswith("-")] or list(catalogue.CASES)
    compiled = {}
    for name in names:
        case = catalogue.case(name)
        if case.model not in compiled:
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
        if name in PERMUTED:
            wrong = compile_model(permuted(case.model, name), name + "-permuted")
            if score.check(wrong, f"{name}: the permuted model does not compile"):
                gap = error(sinter.Model(wrong, threads=1).run(feeds), theirs)
                score.check(gap > LIMIT, f"{name}: exchanged channels go unnoticed ({gap:.1e})")
    score.exit()


main()
