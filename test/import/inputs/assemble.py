# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Turns a test in ONNX's text syntax into a model: assemble.py TEST OUT.onnx

Lines that begin with // are the test's own. A test that needs weights writes
`// WEIGHT: name splat|ramp dims...`.
"""
import sys

import numpy
import onnx
import onnx.parser

lines = open(sys.argv[1]).read().splitlines()
model = onnx.parser.parse_model("\n".join(l for l in lines if not l.startswith("//")))
for line in lines:
    if line.startswith("// WEIGHT:"):
        name, kind, *dims = line.split()[2:]
        shape = [int(d) for d in dims]
        values = numpy.full(shape, 0.5) if kind == "splat" else numpy.arange(numpy.prod(shape)).reshape(shape)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values.astype(numpy.float32), name))
open(sys.argv[2], "wb").write(model.SerializeToString())
