# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Node cases give every operand as an input of the model. Some operands decide
# shapes or the algorithm, or are weights by nature: these become constants. What is
# left may get a symbol for each extent.
import numpy as np
import onnx

# operator: positions of the operands that decide shapes or the algorithm
DECIDES = {
    "AffineGrid": [1], "BlackmanWindow": [0], "CenterCropPad": [1], "Col2Im": [1, 2],
    "CumProd": [1], "CumSum": [1], "DFT": [1, 2], "Dropout": [1, 2], "HammingWindow": [0],
    "HannWindow": [0], "MaxUnpool": [2], "MelWeightMatrix": [0, 1, 2, 3, 4], "STFT": [1, 3], "OneHot": [1], "Pad": [1, 3], "Reshape": [1],
    "Resize": [1, 2, 3], "Slice": [1, 2, 3, 4], "Squeeze": [1], "TopK": [1], "Trilu": [1],
    "Unsqueeze": [1], "Upsample": [1],
    **{f"Reduce{kind}": [1] for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min",
                                         "Prod", "Sum", "SumSquare")},
}

# operator: positions of weights, and of shapes that the evaluator takes as data
COMPILED = {
    "Conv": [1, 2], "ConvTranspose": [1, 2], "LSTM": [1, 2, 3, 7], "GRU": [1, 2, 3],
    "RNN": [1, 2, 3], "Expand": [1], "Tile": [1], "Split": [1], "ConstantOfShape": [0],
    "Range": [0, 1, 2],
}


def freeze(model, values, operands):
    """Makes the inputs that feed `operands` initializers; returns the values left."""
    graph = model.graph
    names = {node.input[i] for node in graph.node for i in operands.get(node.op_type, [])
             if i < len(node.input)}
    left = []
    declared = [info for info in graph.input]
    del graph.input[:]
    for info, value in zip(declared, values):
        if info.name in names and isinstance(value, (np.ndarray, np.generic)):
            array = np.asarray(value)
            graph.initializer.append(onnx.numpy_helper.from_array(array, info.name))
        else:
            graph.input.append(info)
            left.append(value)
    return left


def dynamic(model):
    """The same model with a symbol for each extent of each input."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for i, info in enumerate(copy.graph.input):
        for axis, dim in enumerate(info.type.tensor_type.shape.dim):
            dim.dim_param = f"d{i}_{axis}"
    for info in copy.graph.output:
        info.type.tensor_type.ClearField("shape")
    return copy
