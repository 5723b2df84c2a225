# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Writes ONNX's own node cases (onnx.backend.test) into a folder, one folder a
# case: model.onnx, dynamic.onnx (the same, every extent of every input a symbol),
# set_0.npz .. with in_0.. and out_0.., and `operator`, the one
# operator it tests. Element types that NumPy lacks (bfloat16) become float32, which
# holds them exactly; the reader converts them back. A compiler needs to know axes,
# shapes and the like, so inputs that feed such an operand become constants of the
# model (freeze.py lists the operands). Cases whose tensors are
# strings, sequences, optionals or of types below a byte are left out, and so are
# training cases.
#
#   dump_node_cases.py FOLDER
import os
import sys

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

from freeze import DECIDES, dynamic, freeze


def as_array(value):
    """The value as an array that .npy can hold, or None."""
    array = np.asarray(value) if isinstance(value, (np.ndarray, np.generic)) else None
    if array is None:
        return None
    if array.dtype.name == "bfloat16":
        return np.ascontiguousarray(array.astype(np.float32)).reshape(array.shape)
    return np.ascontiguousarray(array).reshape(array.shape) if array.dtype.kind in "fiub" else None


def main():
    folder = sys.argv[1]
    left_out = 0
    for case in collect_testcases(None):
        sets = []
        for inputs, outputs in case.data_sets:
            if len(case.data_sets) == 1 and len(inputs) == len(case.model.graph.input):
                inputs = freeze(case.model, inputs, DECIDES)
            arrays = {f"in_{i}": as_array(x) for i, x in enumerate(inputs)}
            arrays.update({f"out_{i}": as_array(x) for i, x in enumerate(outputs)})
            sets.append(arrays)
        if any(array is None for arrays in sets for array in arrays.values()):
            left_out += 1
            continue
        for opset in case.model.opset_import:  # Not is of opset 1 and never changed
            if opset.domain == "" and opset.version < 7:
                opset.version = 7
        name = case.name.removeprefix("test_")
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        onnx.save(case.model, os.path.join(folder, name, "model.onnx"))
        onnx.save(dynamic(case.model), os.path.join(folder, name, "dynamic.onnx"))
        for i, arrays in enumerate(sets):
            np.savez(os.path.join(folder, name, f"set_{i}.npz"), **arrays)
        operators = sorted({node.op_type for node in case.model.graph.node})
        with open(os.path.join(folder, name, "about"), "w") as file:
            file.write(f"{'+'.join(operators)} {case.rtol!r} {case.atol!r}\n")
    print(f"{left_out} cases left out")


main()
