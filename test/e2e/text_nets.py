# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the tests of texts share: small models with texts, and data for them.
import os

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as oh

from e2e import WORK, reference

TEXT, INT, REAL, BOOL = T.STRING, T.INT64, T.FLOAT, T.BOOL


def value(name, kind, *dims):
    return oh.make_tensor_value_info(name, kind, dims)


def node(op, inputs, outputs, **attributes):
    domain = attributes.pop("domain", "")
    return oh.make_node(op, inputs.split(), outputs.split(), domain=domain, **attributes)


def save(name, nodes, inputs, outputs, constants=()):
    graph = oh.make_graph(nodes, name, inputs, outputs, list(constants))
    model = oh.make_model(graph, ir_version=9, opset_imports=[
        oh.make_opsetid("", 20), oh.make_opsetid("ai.onnx.ml", 3)])
    path = os.path.join(WORK, name + ".onnx")
    onnx.save(model, path)
    return path


def classifier(tagged=False):
    """Colours and numbers in, a text and scores out: what scikit-learn exports. tagged:
    a text of each row comes out as it went in."""
    tags = [node("Identity", "tag", "again")] if tagged else []
    return save("texts", [
        node("OneHotEncoder", "colour", "hot", domain="ai.onnx.ml", zeros=1,
             cats_strings=["red", "green", "blue"]),
        node("Reshape", "hot s", "flat"), node("Concat", "flat x", "all", axis=1),
        node("LinearClassifier", "all", "label scores", domain="ai.onnx.ml",
             coefficients=np.random.default_rng(5).standard_normal(15).tolist(),
             intercepts=[0.1, 0.2, -0.3], classlabels_strings=["setosa", "virginica", "Zürich"],
             post_transform="SOFTMAX"), *tags],
        [value("colour", TEXT, "N", 1), value("x", REAL, "N", 2)]
        + [value("tag", TEXT, "N", 1)] * tagged,
        [value("label", TEXT, "N"), value("scores", REAL, "N", 3)]
        + [value("again", TEXT, "N", 1)] * tagged,
        [onnx.numpy_helper.from_array(np.array([-1, 3]), "s")])


def data(path, rows=57):
    """Files of inputs, and of what ONNX Runtime makes of them."""
    dice = np.random.default_rng(9)
    feeds = {"colour": dice.choice(["red", "blue", "green", "pink"], (rows, 1)),
             "x": dice.standard_normal((rows, 2)).astype(np.float32)}
    session = reference(path)
    if len(session.get_inputs()) == 3:
        feeds["tag"] = dice.choice(["a", "b"], (rows, 1))
    given, wanted = os.path.join(WORK, "in.npz"), os.path.join(WORK, "wanted.npz")
    np.savez(given, **feeds)
    label, scores = session.run(["label", "scores"], {
        k: v.astype(object) if v.dtype.kind == "U" else v for k, v in feeds.items()})
    np.savez(wanted, label=label.astype(str), scores=scores)
    return given, wanted
