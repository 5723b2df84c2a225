# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Tensors of texts from end to end: what moves them, compares them and makes them out
# of numbers gives ONNX Runtime's texts exactly; so do the tools, the executable form
# and Python. What would make new texts is refused with a way out, and so are records
# without data.
import ctypes
import os
import subprocess
import sys

import numpy as np
import onnx
from onnx import helper as oh

from e2e import SINTER, WORK, Score, compile_model, reference, sinter
from text_nets import BOOL, INT, REAL, TEXT, classifier, data, node, save, value

WORDS = ["red", "green", "blue", "", "grün", "日本語", "unseen", "unseen 2", "red\0x"]


def constant(name, texts, *dims):
    return oh.make_tensor(name, TEXT, dims or [len(texts)], [t.encode() for t in texts])


def moves():
    """Name, nodes, outputs, constants; inputs a and b are [N, 3], m is bool [N, 3]."""
    ints = onnx.numpy_helper.from_array
    yield "identity", [node("Identity", "a", "y")], 1
    yield "transpose", [node("Transpose", "a", "y", perm=[1, 0])], 1
    yield "reshape", [node("Reshape", "a s", "y")], 1, ints(np.array([-1]), "s")
    yield "concat", [node("Concat", "a c b", "y", axis=0)], 1, constant("c", ["", "blue", "new"], 1, 3)
    yield "slice", [node("Slice", "a f t x", "y")], 1, ints(np.array([2]), "f"), \
        ints(np.array([0]), "t"), ints(np.array([1]), "x")
    yield "gather", [node("Gather", "a i", "y", axis=1)], 1, ints(np.array([2, 2, 0]), "i")
    yield "where", [node("Where", "m a b", "y")], 1
    yield "expand", [node("Unsqueeze", "a x", "u"), node("Expand", "u s", "y")], 1, \
        ints(np.array([0]), "x"), ints(np.array([2, 1, 3]), "s")
    yield "tile", [node("Tile", "a r", "y")], 1, ints(np.array([1, 2]), "r")
    yield "split", [node("Split", "a", "y0 y1 y2", axis=1, num_outputs=3)], 3
    yield "equal", [node("Equal", "a b", "e"), node("Equal", "a c", "f"), node("Or", "e f", "g"),
                    node("Cast", "g", "y", to=INT)], [INT], constant("c", ["red", "unseen", ""])
    then = oh.make_graph([node("Identity", "a", "t")], "then", [], [value("t", TEXT, None, 3)])
    other = oh.make_graph([node("Identity", "b", "e")], "else", [], [value("e", TEXT, None, 3)])
    yield "if", [node("Gather", "m i", "r", axis=0), node("Gather", "r i", "c", axis=0),
                 node("If", "c", "y", then_branch=then, else_branch=other)], 1, ints(np.array(0), "i")
    yield "constant", [node("Constant", "", "y", value_strings=["new", "", "grün"])], 1


def run_moves(score):
    dice = np.random.default_rng(3)
    for name, nodes, outputs, *constants in moves():
        kinds = outputs if isinstance(outputs, list) else [TEXT] * outputs
        names = [n for n in nodes[-1].output]
        path = save("move_" + name, nodes,
                    [value("a", TEXT, "N", 3), value("b", TEXT, "N", 3), value("m", BOOL, "N", 3)],
                    [onnx.ValueInfoProto(name=n) if k == TEXT and len(names) < 2 and name != "constant"
                     else value(n, k, None) if name == "constant" else value(n, k, None, None)
                     for n, k in zip(names, kinds)], constants)
        made = compile_model(path, "move_" + name)
        if not score.check(made, f"{name}: does not compile"):
            continue
        model, session = sinter.Model(made, threads=2), reference(path)
        for rows in (5, 1, 64):
            feeds = {k: np.array(dice.choice(WORDS, (rows, 3)), object) for k in "ab"}
            feeds["m"] = dice.random((rows, 3)) < 0.5
            ours = model.run(feeds)
            used = {i.name for i in session.get_inputs()}
            theirs = dict(zip(names, session.run(names, {k: v for k, v in feeds.items() if k in used})))
            for key in names:
                score.check(ours[key].shape == theirs[key].shape and (ours[key] == theirs[key]).all(),
                            f"{name} {rows}: {ours[key]!r}, expected {theirs[key]!r}")


def run_tools(score):
    path = classifier()
    given, wanted = data(path)
    feeds, wanted, got = np.load(given), np.load(wanted)["label"], os.path.join(WORK, "out.npz")
    program = os.path.join(WORK, "classifier")
    subprocess.run([SINTER, "compile", path, "-o", program], check=True, stderr=subprocess.DEVNULL)
    for what, command in (("run", [SINTER, "run", path, "--inputs", given, "--outputs", got]),
                          ("executable", [program, given, got])):
        done = subprocess.run(command, capture_output=True, text=True)
        if score.check(done.returncode == 0, f"{what}: {done.stderr}"):
            with np.load(got) as found:
                score.check(found["label"].dtype.kind == "U" and (found["label"] == wanted).all(),
                            f"{what}: {found['label']}, expected {wanted}")
    done = subprocess.run([SINTER, "verify", path, "--inputs", given, "--python", sys.executable,
                           "--against", "onnxruntime,evaluator"], capture_output=True, text=True)
    score.check(done.returncode == 0, done.stdout + done.stderr)
    done = subprocess.run([SINTER, "verify", path, "--against", "evaluator"], capture_output=True,
                          text=True)
    score.check(done.returncode == 0, "random texts: " + done.stdout + done.stderr)
    given = os.path.join(WORK, "other.npz")
    np.savez(given, colour=feeds["colour"].astype("S"), x=feeds["x"])
    done = subprocess.run([SINTER, "run", path, "--inputs", given], capture_output=True, text=True)
    score.check(done.returncode == 0 and f"'{wanted[0]}'" in done.stdout, done.stdout + done.stderr)
    np.savez(given, colour=np.zeros((57, 1), np.int64), x=feeds["x"])
    done = subprocess.run([SINTER, "run", path, "--inputs", given], capture_output=True, text=True)
    score.check(done.returncode == 4 and "takes string" in done.stderr, done.stderr)


def run_records(score):
    """The C API: a record without data, and one that is longer than a text may be."""
    model = sinter.Model(compile_model(classifier(), "records"))
    x = np.zeros((2, 2), np.float32)
    good = model.run({"colour": np.array([["red"], [b"blue"]], object), "x": x})
    score.check(set(good["label"]) <= {"setosa", "virginica", "Zürich"}, f"{good}")
    info = model.inputs[0]
    for data, length, reason in ((0, 5, "no data"), (1, 1 << 31, "the limit is")):
        text = ctypes.create_string_buffer(b"red")
        records = np.zeros((2, 1), sinter._TEXT)
        records["data"], records["bytes"] = ctypes.addressof(text) * data, length
        t = sinter._Tensor(records.ctypes.data, records.nbytes, rank=2, dtype=info.onnx_dtype)
        t.dim[:2] = records.shape
        model._lib.sinter_set(model._context, 0, ctypes.byref(t))
        try:
            model.rerun()
            score.check(False, f"a record with {reason} runs")
        except sinter.SinterError as error:
            score.check(reason in str(error) and "colour" in str(error), f"{error}")
    try:
        model.run({"colour": np.array([[1], [2]], object), "x": x})
        score.check(False, "numbers pass as texts")
    except sinter.SinterError as error:
        score.check("expected str" in str(error), f"{error}")


def run_refusals(score):
    for op, inputs, kinds, attributes in (
            ("StringConcat", "a a", (TEXT, TEXT), {}), ("RegexFullMatch", "a", (TEXT, BOOL), {"pattern": "x"}),
            ("Cast", "a", (TEXT, REAL), {"to": REAL}), ("Cast", "a", (REAL, TEXT), {"to": TEXT})):
        path = save("refused", [node(op, inputs, "y", **attributes)], [value("a", kinds[0], 3)],
                    [value("y", kinds[1], 3)])
        done = subprocess.run([SINTER, "check", path], capture_output=True, text=True)
        score.check(done.returncode == 3 and "texts" in done.stdout + done.stderr
                    and "model" in done.stdout + done.stderr, f"{op}: {done.stdout}{done.stderr}")


def main():
    score = Score()
    run_moves(score)
    run_tools(score)
    run_records(score)
    run_refusals(score)
    score.exit()


main()
