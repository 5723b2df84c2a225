# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Random graphs for run-graphs.py. A graph grows node by node: an operator of the table
# below looks at the values there are, takes those that fit and says which attributes
# it wants. ONNX Runtime then runs that node alone, on the values themselves; what it
# refuses, or what is too large to compare, is drawn again. So every graph is one that
# ONNX Runtime runs, and a rule here may be careless about what a standard allows.
import numpy as np
import onnxruntime
from onnx import helper, numpy_helper

OPSET = 18
F32, F64, I64, I32, U8, I8, B = (np.dtype(x) for x in (
    "float32", "float64", "int64", "int32", "uint8", "int8", "bool"))
FLOATS, INTS = (F32,), (I64, I32, U8, I8)
SIZES = (1, 1, 2, 2, 3, 3, 4, 5, 7, 8, 9, 16, 17, 24, 33)
LARGEST = 20000
OPERATORS = []  # functions (smith) -> Node or None, each as often as its weight


class Node:
    """What a rule wants: inputs are names, arrays (constants) or None (left out)."""

    def __init__(self, kind, *inputs, outputs=1, **attributes):
        self.kind, self.inputs, self.outputs, self.attributes = kind, inputs, outputs, attributes


def operator(weight=2):
    def register(rule):
        OPERATORS.extend([rule] * weight)
        return rule
    return register


def run_alone(model, feeds):
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings,
                                           providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def info(name, array, dims=None):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype),
                                         array.shape if dims is None else dims)


class Smith:
    def __init__(self, rng):
        self.rng = rng
        self.values, self.nodes, self.constants, self.inputs = {}, [], {}, []
        self.used, self.closed = set(), set()  # closed: inputs that keep their extents

    # Drawing.
    def chance(self, share):
        return self.rng.random() < share

    def pick(self, items):
        items = list(items)
        return items[self.rng.integers(len(items))]

    def between(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def shape(self, rank=None):
        rank = self.pick((0, 1, 2, 2, 3, 3, 4, 4, 5, 6)) if rank is None else rank
        while True:
            shape = tuple(0 if self.chance(0.01) else self.pick(SIZES) for _ in range(rank))
            if np.prod(shape) <= LARGEST:
                return shape

    def array(self, kind, shape):
        if kind.kind == "b":
            return np.asarray(self.rng.random(shape) < 0.5)
        if kind.kind == "f":
            return np.asarray(self.rng.standard_normal(shape) * self.pick((0.5, 1, 3)), kind)
        low, high = (0, 100) if kind.kind == "u" else (-100, 100)
        return np.asarray(self.rng.integers(low, high, shape), kind)

    def name(self):
        return f"v{len(self.values) + len(self.constants)}"

    def add_input(self, array, is_open=True):
        name = self.name()
        if not is_open:
            self.closed.add(name)
        self.values[name] = array
        self.inputs.append(name)
        return name

    def find(self, kinds=FLOATS, rank=None, low=0, high=8, fits=None):
        """A value, one that nobody has used yet first; a new input where none fits."""
        def good(array):
            return (array.dtype in kinds and low <= array.ndim <= high and
                    (rank is None or array.ndim == rank) and (fits is None or fits(array)))
        names = [n for n, a in self.values.items() if good(a)]
        fresh = [n for n in names if n not in self.used]
        if fresh and self.chance(0.7):
            return self.pick(fresh)
        if names and self.chance(0.85):
            return self.pick(names)
        for _ in range(20):
            size = self.between(low, min(high, 5)) if rank is None else rank
            array = self.array(self.pick(kinds), self.shape(size))
            if good(array):
                return self.add_input(array)
        return None

    def partner(self, shape, kind, below=0.3):
        """Something that broadcasts with that shape: a value, a constant or a new input."""
        def fits(array):
            try:
                return array.dtype == kind and np.prod(np.broadcast_shapes(array.shape, shape)) <= LARGEST
            except ValueError:
                return False
        names = [n for n, a in self.values.items() if fits(a)]
        if names and self.chance(0.5):
            return self.pick(names)
        cut = tuple(1 if self.chance(below) else d for d in shape)
        if self.chance(0.3):
            cut = cut[self.between(0, len(cut)):]
        array = self.array(kind, cut)
        return array if self.chance(0.5) else self.add_input(array)

    # Growing.
    def try_node(self, node):
        if node is None or any(isinstance(x, np.ndarray) and x.dtype == object for x in node.inputs):
            return False
        constants, names = {}, []
        for item in node.inputs:
            if isinstance(item, np.ndarray):
                name = f"c{len(self.constants) + len(constants)}"
                constants[name] = item
                item = name
            names.append(item or "")
        while names and not names[-1]:
            names.pop()
        outputs = [f"{self.name()}_{i}" for i in range(node.outputs)]
        proto = helper.make_node(node.kind, names, outputs, **node.attributes)
        captured = getattr(node, "captured", [])
        feeds = {n: self.values[n] for n in names + captured if n in self.values}
        results = self.alone(proto, feeds, constants)
        if results is None or any(not self.is_fit(x) for x in results):
            return False
        self.nodes.append(proto)
        self.constants.update(constants)
        self.used.update(names + captured)
        self.values.update(zip(outputs, results))
        return True

    def alone(self, proto, feeds, constants):
        outputs = [helper.make_empty_tensor_value_info(n) for n in proto.output]
        graph = helper.make_graph([proto], "g", [info(n, a) for n, a in feeds.items()], outputs,
                                  [numpy_helper.from_array(a, n) for n, a in constants.items()])
        try:
            return run_alone(finished(graph), feeds)
        except Exception:  # ONNX Runtime has an exception for each of its codes
            return None

    def is_fit(self, array):
        if not isinstance(array, np.ndarray) or array.size > LARGEST or array.ndim > 8:
            return False
        if array.dtype not in (F32, F64, I64, I32, U8, I8, B):
            return False
        return array.dtype == B or array.size == 0 or bool(
            np.isfinite(array).all() and np.abs(array.astype(np.float64)).max() < 1e6)

    def grow(self, count):
        tries = 0
        while len(self.nodes) < count and tries < 20 * count:
            tries += 1
            kept = len(self.inputs)
            if not self.draw():
                for name in self.inputs[kept:]:
                    del self.values[name]
                del self.inputs[kept:]

    def draw(self):
        try:
            return self.try_node(self.pick(OPERATORS)(self))
        except (IndexError, KeyError, ValueError, TypeError):
            return False  # nothing there to draw from

    def model(self, dims):
        """dims(name, shape): the declared dimensions of an input."""
        made = [n for node in self.nodes for n in node.output]
        wanted = [n for n in made if n not in self.used or self.chance(0.2)]
        inputs = [info(n, a, a.shape if n in self.closed else dims(n, a.shape))
                  for n, a in ((n, self.values[n]) for n in self.inputs)]
        outputs = [helper.make_tensor_value_info(
            n, helper.np_dtype_to_tensor_dtype(self.values[n].dtype), None) for n in wanted]
        constants = [numpy_helper.from_array(a, n) for n, a in self.constants.items()]
        return finished(helper.make_graph(self.nodes, "g", inputs, outputs, constants))


def finished(graph):
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)


def ints(*numbers):
    return np.array(numbers, np.int64)
