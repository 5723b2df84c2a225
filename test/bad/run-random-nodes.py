# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of one node made from the schema tables alone: any rank, any type that the
schema allows, constants and attributes of any value. `sinter check` takes each or
refuses it in words, and never crashes, hangs or ends with an internal error.

Mutated models (run-mutated-models.py) start from good ones, and so seldom leave what
their operators expect; contrib operators have no node cases at all.

  test/bad/run-random-nodes.py [--deep] [--seed N] [--count N] [--run]

--run compiles and runs what is taken, too.
"""
import argparse
import collections
import os
import pathlib
import random
import re
import resource
import subprocess
import sys
import tempfile

import numpy
import onnx
from onnx import TensorProto, helper

root = pathlib.Path(__file__).resolve().parents[2]
build = pathlib.Path(os.environ.get("SINTER_BUILD", root / "build"))
sinter = build / "bin" / "sinter"
Schema = collections.namedtuple("Schema", "domain name since inputs outputs types attributes")
NUMBERS = [0, 1, -1, 2, 3, 4, 7, -2, -5, 1 << 31, -(1 << 31), (1 << 63) - 1, -(1 << 63), 1000003]
WORDS = ["", "xyz", "linear", "cubic", "nearest", "SAME_UPPER", "VALID", "reflect", "edge", "wrap",
         "bidirectional", "reverse", "Relu", "add", "mul", "none", "ij,jk->ik", "ii", "...i", "SOFTMAX",
         "MAX", "align_corners", "asymmetric", "border", "mean", "sum", "NHWC", "AND", "TO_INT64"]
NOT_BUILT = {"If", "Loop", "Scan", "SequenceMap"}  # bodies: run-mutated-models.py has them


def schemas():
    found = []
    for name in ("OnnxSchemas", "ContribSchemas", "MlSchemas"):
        text = (root / "compiler" / "import" / f"{name}.inc").read_text()
        for row in re.findall(r'^SCHEMA\("(.*?)", (\d+), "(.*?)", "(.*?)", "(.*?)", "(.*?)"\)', text, re.M):
            full, since, inputs, outputs, types, attributes = row
            domain, _, op = full.rpartition(".")
            if op not in NOT_BUILT:
                found.append(Schema(domain, op, int(since), inputs.split(",") if inputs else [],
                                    outputs.split(",") if outputs else [],
                                    dict(t.split("=") for t in types.split(";") if t),
                                    attributes.split(";") if attributes else []))
    return found


class Maker:
    def __init__(self, rng, schema):
        self.rng, self.schema = rng, schema
        self.base = [rng.choice([0, 1, 2, 2, 3, 4, 4, 8, "N", "M"]) for _ in range(6)]
        self.rank = rng.randrange(0, 6)
        self.chosen, self.inputs, self.constants = {}, [], []

    def element(self, kind):
        if kind not in self.chosen:
            mask = int(self.schema.types.get(kind, kind), 0)
            bits = [b for b in range(1, 24) if mask >> b & 1] or [1]
            self.chosen[kind] = self.rng.choice([b for b in bits if b in (1, 6, 7)] or bits
                                                if self.rng.random() < 0.7 else bits)
        return self.chosen[kind]

    def shape(self):
        rank = self.rank if self.rng.random() < 0.6 else self.rng.randrange(0, 6)
        dims = self.base[:rank]
        if self.rng.random() < 0.4:
            self.rng.shuffle(dims)
        return [self.rng.choice([0, 1, 2, 5, "K"]) if self.rng.random() < 0.15 else d for d in dims]

    def constant(self, name, element, shape):
        count = int(numpy.prod([d for d in shape]))
        values = [self.rng.choice(NUMBERS[:9] if self.rng.random() < 0.8 else NUMBERS) for _ in range(count)]
        dtype = helper.tensor_dtype_to_np_dtype(element)
        if element == TensorProto.STRING:
            return helper.make_tensor(name, element, shape, [b"a"] * count)
        array = numpy.array(values, dtype=object)
        if dtype.kind in "iu":
            info = numpy.iinfo(dtype)
            array = numpy.array([min(max(int(v), info.min), info.max) for v in values], dtype)
        else:
            with numpy.errstate(over="ignore"):
                array = array.astype(numpy.float64).astype(dtype)
        return onnx.numpy_helper.from_array(array.reshape(shape), name)

    def input(self, formal):
        text, kind = formal.split(":")
        name = f"x{len(self.inputs) + len(self.constants)}"
        element, shape = self.element(kind), self.shape()
        isIndex = element in (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
        if self.rng.random() < (0.6 if isIndex else 0.2):
            shape = [d if isinstance(d, int) else 2 for d in shape]
            if isIndex and self.rng.random() < 0.6:
                shape = self.rng.choice([[], [1], [2], [3], [len(self.base)], [self.rank], [2 * self.rank]])
            try:
                self.constants.append(self.constant(name, element, shape))
                return name
            except (TypeError, ValueError, KeyError):
                pass  # a type that numpy lacks
        self.inputs.append(helper.make_tensor_value_info(name, element, shape))
        return name

    def number(self):
        return self.rng.choice(NUMBERS[:9] if self.rng.random() < 0.8 else NUMBERS)

    def attribute(self, row):
        name, _, kind = row.partition(":")
        rng, letter = self.rng, kind[0]
        many = range(rng.choice([0, 1, 2, 2, 3, 4, self.rank]))
        real = lambda: rng.choice([0.0, 1.0, -1.0, 0.5, 2.0, float("nan"), float("inf"), 1e30])
        initial = kind.partition("=")[2]
        value = {"i": lambda: int(initial) if initial and rng.random() < 0.3 else self.number(), "f": real,
                 "s": lambda: initial if initial and rng.random() < 0.5 else rng.choice(WORDS),
                 "I": lambda: [self.number() for _ in many], "F": lambda: [real() for _ in many],
                 "S": lambda: [rng.choice(WORDS) for _ in many],
                 "t": lambda: self.constant("", rng.choice([1, 1, 7, 11]), rng.choice([[], [1], [2], [2, 2]])),
                 }.get(letter)
        if value is None:
            return None
        types = {"i": 2, "f": 1, "s": 3, "I": 7, "F": 6, "S": 8, "t": 4}
        made = value()
        return helper.make_attribute(name.rstrip("!"), made, attr_type=types[letter])

    def actuals(self, formals, make):
        names = []
        for formal in formals:
            text = formal.split(":")[0]
            if text.endswith("*"):
                names += [make(formal) for _ in range(self.rng.randrange(0, 4))]
            elif text.endswith("?") and self.rng.random() < 0.5:
                names.append("")
            else:
                names.append(make(formal))
        while names and not names[-1]:
            names.pop()
        return names

    def model(self):
        schema, rng = self.schema, self.rng
        outputs = []

        def output(formal):
            outputs.append(helper.make_tensor_value_info(f"y{len(outputs)}", self.element(formal.split(":")[1]), None))
            return outputs[-1].name

        node = onnx.NodeProto(op_type=schema.name, name="n", domain=schema.domain)
        node.input.extend(self.actuals(schema.inputs, self.input))
        node.output.extend(self.actuals(schema.outputs, output))
        for row in schema.attributes:
            if "!" in row or rng.random() < 0.5:
                made = self.attribute(row)
                node.attribute.extend([made] if made is not None else [])
        graph = helper.make_graph([node], "g", self.inputs, outputs, self.constants)
        imports = [helper.make_opsetid("", 24 if schema.domain else schema.since + rng.randrange(0, 2)),
                   helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("ai.onnx.ml", 5)]
        return helper.make_model(graph, opset_imports=imports, ir_version=10)


def limit():
    if "ASAN_OPTIONS" not in os.environ:  # which maps terabytes of shadow
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))


def call(*command):
    done = subprocess.run([sinter, *command], capture_output=True, preexec_fn=limit)
    text = (done.stdout + done.stderr).decode(errors="replace")
    right = done.returncode == 0 or (done.returncode in (2, 3, 4, 5) and "[SINTER-" in text)
    return done.returncode, right, text


def attempt(path, folder, runs):
    code, right, text = call("check", path)
    if code == 0 and right and runs:
        target = folder / "m.so"
        code, right, text = call("compile", path, "-o", target, "--isa", "native", "--jobs", "1")
        right = right and "plain" not in text
        if code == 0 and right:
            code, right, text = call("run", target, "--random", "1", "--threads", "1")
    return code, right, text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--count", type=int)
    parser.add_argument("--op", default="")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    table = [s for s in schemas() if options.op in s.name]
    count = options.count or (len(table) * 30 if options.deep else 300)
    passed = failed = taken = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for number in range(count):
            maker = Maker(random.Random(rng.random()), rng.choice(table))
            try:
                model = maker.model()
            except (TypeError, ValueError, KeyError, OverflowError):
                continue  # what the onnx package cannot write
            path = folder / "model.onnx"
            path.write_bytes(model.SerializeToString())
            code, right, text = attempt(path, folder, options.run)
            passed += right
            taken += code == 0
            if right:
                continue
            failed += 1
            kept = build / f"random-node-{options.seed}-{number}.onnx"
            kept.write_bytes(path.read_bytes())
            print(f"FAIL {maker.schema.name}@{maker.schema.since}: exit status {code}, kept {kept}\n{text[-600:]}",
                  flush=True)
    print(f"{taken} of {passed + failed} were taken")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
