# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One malformed model for each way an import can fail: code, text and exit status.

Each case builds a model, damages it, and runs the importer's tool in a process of
its own with limited memory: a crash, an assertion or a model taken is a failure,
and so is a fault without code, node or remedy.

  test/bad/run-bad-models.py [CASE...]
"""
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

import bad_learners  # its cases
from bad_model import CASES, case, model, node, relu, vector

root = pathlib.Path(__file__).resolve().parents[2]
build = pathlib.Path(os.environ.get("SINTER_BUILD", root / "build"))
tool = build / "bin" / "sinter-import"


# What every operator's own code relies on ------------------------------------

@case("S001", "input 1 has rank 0")
def scale_that_is_no_vector(folder):
    return model([node("InstanceNormalization", ["x", "s", "s"])], initializers=[vector("s", 1)])


@case("S001", "input_ids has rank 1")
def rank_of_a_contrib_operator(folder):
    ids = helper.make_tensor_value_info("x", TensorProto.INT32, [3])
    made = node("EmbedLayerNormalization", ["x", "", "t", "t", "", "g", "g"], domain="com.microsoft")
    return model([made], inputs=[ids], initializers=[vector("t", [[1, 2]]), vector("g", [1, 2])],
                 domains=[("com.microsoft", 1)])


@case("I006", "has no outputs")
def node_without_outputs(folder):
    return model([node("Relu"), node("Constant", [], [], value_float=1.0)])


@case("S001", "tokens of past_state")
def past_of_another_length(folder):
    w, past = (numpy_helper.from_array(numpy.ones(s, numpy.float32), n)
               for n, s in (("w", (3, 1, 3)), ("past", (2, 3, 5))))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 8])
    made = node("CausalConvWithState", ["x", "w", "", "past"], ["y", "s"], domain="com.microsoft")
    return model([made], [x], ("y", "s"), [w, past], domains=[("com.microsoft", 1)])


# The file ------------------------------------------------------------------

@case("U001", "No such file")
def missing_file(folder):
    return None


@case("I001", "it is empty")
def empty_file(folder):
    return b""


@case("I001", "not an ONNX model")
def text_file(folder):
    return b"<html>404 not found</html>"


@case("I001", "not an ONNX model")
def cut_off(folder):
    return model([node("Relu")], initializers=[vector("w", range(1000))]).SerializeToString()[:-700]


@case("I001", "not an ONNX model")
def random_bytes(folder):
    return numpy.random.default_rng(3).bytes(4096)


@case("I001", "deeper than 64")
def deep_nesting(folder):
    body = b""
    for _ in range(4000):  # graph -> attribute -> node -> graph ...
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            length, size = len(body), b""
            while length >= 0x80:
                size += bytes([length & 0x7f | 0x80])
                length >>= 7
            body = tag + size + bytes([length]) + body
    length, size = len(body), b""
    while length >= 0x80:
        size += bytes([length & 0x7f | 0x80])
        length >>= 7
    return b"\x08\x08" + b"\x3a" + size + bytes([length]) + body


@case("I001", "8 million messages")
def a_flood_of_messages(folder):
    body = b"\x0a\x00" * 9_000_000
    size, length = b"", len(body)
    while length >= 0x80:
        size += bytes([length & 0x7f | 0x80])
        length >>= 7
    return b"\x08\x08\x3a" + size + bytes([length]) + body


# The graph -----------------------------------------------------------------

@case("I002", "opset 999")
def too_new(folder):
    return model([node("Relu")], opset=999)


@case("I002", "opset 5")
def too_old(folder):
    return model([node("Relu")], opset=5)


@case("I002", "imports no opset")
def no_opset(folder):
    m = relu()
    del m.opset_import[:]
    return m


@case("I003", "ONNX has no operator Frobnicate")
def unknown_operator(folder):
    return model([node("Frobnicate")])


@case("I003", "domain 'com.acme'")
def unknown_domain(folder):
    return model([node("Relu", domain="com.acme")])


@case("I003", "opset 20 or newer")
def operator_of_a_later_opset(folder):
    return model([node("Gelu")], opset=17)


@case("I004", "RegexFullMatch is not supported")
def unsupported_operator(folder):
    words = helper.make_tensor_value_info("w", TensorProto.STRING, [6])
    return model([node("RegexFullMatch", ["w"], pattern="a*")], [words], opset=20)


@case("I005", "has no attribute 'axes'")
def unknown_attribute(folder):
    return model([node("Softmax", axes=1)])


@case("I005", "lacks the attribute 'to'")
def required_attribute(folder):
    return model([node("Cast")])


@case("I005", "attribute 'axis' is a string")
def attribute_of_a_wrong_type(folder):
    return model([node("Softmax", axis="last")])


@case("S001", "the sum of the parts and the whole")
def parts_that_are_not_the_whole(folder):
    return model([node("SplitToSequence", ["x", "n"], ["q"]), node("SequenceAt", ["q", "i"])],
                 initializers=[vector("n", [1, 9], numpy.int64), vector("i", 0, numpy.int64)])


@case("S001", "a part has -1")
def part_below_nothing(folder):
    return model([node("SplitToSequence", ["x", "n"], ["q"]), node("SequenceAt", ["q", "i"])],
                 initializers=[vector("n", [3, -1], numpy.int64), vector("i", 0, numpy.int64)])


@case("S001", "depth is -4")
def depth_below_nothing(folder):
    x = helper.make_tensor_value_info("x", TensorProto.INT64, [2])
    return model([node("OneHot", ["x", "d", "v"])], [x],
                 initializers=[vector("d", -4, numpy.int64), vector("v", [0, 1])])


@case("I006", "lacks one of its inputs")
def input_left_out(folder):
    return model([node("Add", ["x"])])


@case("I006", "lacks one of its inputs")
def variadic_input_left_out(folder):
    return model([node("Max", ["", "x"])])


@case("I006", "lacks one of its inputs")
def no_variadic_inputs(folder):
    return model([node("Sum", [])])


@case("I006", "has 3 inputs")
def input_too_many(folder):
    return model([node("Relu", ["x", "x", "x"])])


@case("I007", "expected float")
def wrong_type(folder):
    x = helper.make_tensor_value_info("x", TensorProto.INT32, [2])
    return model([node("Exp")], [x])


@case("I007", "as the inputs before it")
def types_that_differ(folder):
    return model([node("Add", ["x", "w"])], initializers=[vector("w", [1, 2, 3], numpy.int64)])


@case("I008", "reads 'nowhere'")
def undefined_input(folder):
    return model([node("Relu", ["nowhere"])])


@case("I008", "nothing computes the output")
def undefined_output(folder):
    return model([node("Relu")], outputs=("z",))


@case("I009", "defined already")
def result_twice(folder):
    return model([node("Relu"), node("Tanh")])


@case("I009", "defined twice")
def initializer_twice(folder):
    return model([node("Add", ["x", "w"])], initializers=[vector("w", [1]), vector("w", [2])])


@case("I009", "two outputs are named 'y_0'")
def part_named_as_an_output(folder):
    made = model([node("SplitToSequence"), node("Relu", ["x"], ["y_0"])], outputs=["y", "y_0"])
    made.graph.output[0].CopyFrom(
        helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None))
    return made


@case("I010", "needs its own result")
def cycle(folder):
    return model([node("Add", ["x", "b"], ["a"], "one"), node("Relu", ["a"], ["b"], "two"),
                  node("Relu", ["b"], ["y"], "three")])


@case("I010", "node 'a' (Add)")
def cycle_of_one_without_a_name(folder):
    return model([helper.make_node("Add", ["x", "a"], ["a"]), node("Relu", ["a"], ["y"])])


@case("I011", "0 bytes of data")
def constant_without_data(folder):
    damaged = TensorProto(name="v", data_type=TensorProto.FLOAT, dims=[3], raw_data=b"")
    return model([node("Constant", [], ["k"], value=damaged), node("Add", ["x", "k"])])


# Faults within the graphs of a node ------------------------------------------

def branch(nodes, result, inputs=()):
    return helper.make_graph(nodes, "branch", list(inputs), [onnx.ValueInfoProto(name=result)])


@case("I003", "Frobnicate")
def branch_that_reads_what_was_refused(folder):
    chosen = node("If", ["c"], then_branch=branch([node("Relu", ["p"], ["t"])], "t"),
                  else_branch=branch([node("Tanh", ["x"], ["e"])], "e"))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3]),
              helper.make_tensor_value_info("c", TensorProto.BOOL, [])]
    return model([node("Frobnicate", ["x"], ["p"]), chosen], inputs)


def flexible(**graphs):
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 2, 4, 8]) for n in "qkv"]
    made = node("FlexAttention", ["q", "k", "v"], domain="ai.onnx.preview", **graphs)
    return model([made], inputs, opset=24, domains=[("ai.onnx.preview", 1)])


@case("I003", "Frobnicate")
def scores_by_an_unknown_operator(folder):
    scores = helper.make_tensor_value_info("s", TensorProto.FLOAT, [])
    return flexible(score_mod=branch([node("Frobnicate", ["s"], ["r"])], "r", [scores]))


@case("I008", "does not compute its output 'r'")
def probabilities_that_are_not_computed(folder):
    sure = helper.make_tensor_value_info("s", TensorProto.FLOAT, [])
    return flexible(prob_mod=branch([], "r", [sure]))


@case("S001", "numbers of elements differ: 64 and 60")
def heads_that_do_not_divide(folder):
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4, 16]) for n in "qkv"]
    made = node("MultiHeadAttention", ["q", "k", "v"], domain="com.microsoft", num_heads=5)
    return model([made], inputs, domains=[("com.microsoft", 1)])


@case("I015", "no output")
def no_outputs(folder):
    return model([node("Relu")], outputs=())


@case("I015", "holds no graph")
def no_graph(folder):
    m = relu()
    m.ClearField("graph")
    return m


@case("I016", "deeper than 32 levels")
def recursive_function(folder):
    m = model([node("F", domain="mine")])
    m.opset_import.append(helper.make_opsetid("mine", 1))
    m.functions.append(helper.make_function(
        "mine", "F", ["x"], ["y"], [node("F", domain="mine")],
        [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]))
    return m


@case("I016", "more than 1000000 nodes")
def functions_that_double_and_double(folder):
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    m = model([node("F29", domain="mine")], domains=[("mine", 1)])
    for i in range(30):
        inner = [node("Neg", ["x"], ["y"])] if not i else \
            [node(f"F{i - 1}", [x], [y], domain="mine") for x, y in ("xt", "ty")]
        m.functions.append(helper.make_function("mine", f"F{i}", ["x"], ["y"], inner, opsets))
    return m


@case("I016", "more than 1000000 nodes")
def maps_within_maps(folder):
    body = helper.make_graph([node("Neg", ["x"], ["y"])], "b0", [onnx.ValueInfoProto(name="e")],
                             [onnx.ValueInfoProto(name="y")])
    for i in range(4):
        body = helper.make_graph([node("SequenceMap", ["parts"], ["z"], body=body)], f"b{i + 1}",
                                 [onnx.ValueInfoProto(name="e")], [onnx.ValueInfoProto(name="z")])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [64])
    return model([node("SplitToSequence", outputs=["parts"]),
                  node("SequenceMap", ["parts"], body=body)], [x])


@case("I016", "more than 1000000 nodes")
def sequences_of_thousands(folder):
    grown = [node("SequenceInsert", [f"q{i}", "x"], [f"q{i + 1}"]) for i in range(3000)]
    return model([node("SequenceEmpty", [], ["q0"]), *grown,
                  node("ConcatFromSequence", ["q3000"], axis=0)])


# Tensors -------------------------------------------------------------------

def damaged(**fields):
    tensor = vector("w", [1, 2, 3])
    for key, value in fields.items():
        if key == "dims":
            del tensor.dims[:]
            tensor.dims.extend(value)
        else:
            setattr(tensor, key, value)
    return model([node("Add", ["x", "w"])], initializers=[tensor])


@case("I011", "has 12 bytes of data")
def tensor_too_short(folder):
    return damaged(dims=[4])


@case("I011", "dimension of -3")
def negative_dimension(folder):
    return damaged(dims=[-3])


@case("I011", "too many elements")
def huge_tensor(folder):
    return damaged(dims=[1 << 40, 1 << 40])


@case("I011", "type 99")
def unknown_element_type(folder):
    return damaged(data_type=99)


@case("I011", "it has 1 texts")
def too_few_texts(folder):
    tensor = helper.make_tensor("w", TensorProto.STRING, [1], [b"text"])
    tensor.dims[0] = 2
    return model([node("Identity", ["w"])], initializers=[tensor])


@case("I011", "raw bytes")
def raw_texts(folder):
    tensor = helper.make_tensor("w", TensorProto.STRING, [1], [b"text"])
    tensor.raw_data = b"text"
    return model([node("Identity", ["w"])], initializers=[tensor])


@case("S002", "declares no shape")
def sequence_of_unknown_rank(folder):
    return model([node("Identity")], [helper.make_tensor_sequence_value_info(
        "x", TensorProto.FLOAT, None)])


def typed(make):
    value = onnx.ValueInfoProto(name="x")
    make(value.type)
    return model([node("Identity")], [value])


@case("I013", "not a tensor")
def map_input(folder):
    def make(type):
        type.map_type.key_type = TensorProto.INT64
        type.map_type.value_type.tensor_type.elem_type = TensorProto.FLOAT
    return typed(make)


@case("I013", "not a tensor")
def sequence_of_sequences(folder):
    def make(type):
        for _ in range(3):
            type = type.sequence_type.elem_type
        type.tensor_type.elem_type = TensorProto.FLOAT
        type.tensor_type.shape.dim.add().dim_value = 3
    return typed(make)


@case("I014", "a length that depends on data")
def sequence_of_unknown_length(folder):
    words = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [2, 3])
    return model([node("SequenceErase")], [words])


@case("I006", "R, T and 3 inputs for each tensor")
def step_without_a_gradient(folder):
    rate = vector("r", 0.1), numpy_helper.from_array(numpy.array(1), "t")
    step = node("Momentum", ["r", "t", "x", "x"], ["y"], domain="ai.onnx.preview.training",
                alpha=0.9, beta=1.0, mode="standard", norm_coefficient=0.0)
    return model([step], initializers=rate, domains=[("ai.onnx.preview.training", 1)])


@case("S001", "does not keep the type of its input")
def scores_of_another_shape(folder):
    wide = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 3, 4])
    scores = helper.make_tensor_value_info("s", TensorProto.FLOAT, [1, 2, 3, 3])
    body = helper.make_graph([node("Flatten", ["s"], ["f"])], "b", [scores],
                             [helper.make_tensor_value_info("f", TensorProto.FLOAT, None)])
    return model([node("FlexAttention", ["x"] * 3, domain="ai.onnx.preview", score_mod=body)],
                 [wide], domains=[("ai.onnx.preview", 1)])


@case("I005", "layouts of 3 blocks")
def layouts_that_heads_do_not_share(folder):
    return sparse_attention(numpy.zeros((3, 4), numpy.int32), numpy.zeros((3, 5), numpy.int32))


@case("I005", "a column is 9")
def block_outside_of_the_mask(folder):
    return sparse_attention(numpy.array([[0, 1, 2, 3]], numpy.int32),
                            numpy.array([[0, 9, 1]], numpy.int32))


@case("I005", "blocks of 4611686018427387904 for")
def blocks_beyond_any_sequence(folder):
    return sparse_attention(numpy.array([[0, 1, 2, 3]], numpy.int32),
                            numpy.array([[0, 0, 1]], numpy.int32), 2**62)


def sparse_attention(rows, columns, size=16):
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 5, 32]),
              helper.make_tensor_value_info("p", TensorProto.FLOAT, [1, 4, 48, 8])]
    one = node("SparseAttention", ["x", "x", "x", "p", "p", "r", "c", "t", "l"], ["y", "k", "v"],
               domain="com.microsoft", num_heads=4, kv_num_heads=4, sparse_block_size=size)
    return model([one], inputs, domains=[("com.microsoft", 1)], initializers=[
        numpy_helper.from_array(rows, "r"), numpy_helper.from_array(columns, "c"),
        vector("t", [5], numpy.int32), vector("l", [5], numpy.int32)])


def external(**entries):
    tensor = vector("w", [1, 2, 3])
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)
    return model([node("Add", ["x", "w"])], initializers=[tensor])


@case("I012", "is not inside the folder")
def external_above(folder):
    return external(location="../secret.bin")


@case("I012", "is not inside the folder")
def external_absolute(folder):
    return external(location="/etc/passwd")


@case("I012", "leads outside the folder")
def external_link(folder):
    os.symlink("/etc/passwd", folder / "link.bin")
    return external(location="link.bin")


@case("I012", "cannot be read")
def external_missing(folder):
    return external(location="weights.bin")


@case("I012", "too few for offset 8")
def external_short(folder):
    (folder / "weights.bin").write_bytes(bytes(12))
    return external(location="weights.bin", offset=8, length=12)


@case("I012", "not a regular file")
def external_device(folder):
    os.mkfifo(folder / "pipe.bin")
    return external(location="pipe.bin")


# Shapes --------------------------------------------------------------------

@case("S001", "extents differ: 3 and 2")
def shapes_in_conflict(folder):
    return model([node("Add", ["x", "w"])], initializers=[vector("w", [1, 2])])


@case("S001", "is smaller than its window")
def window_too_large(folder):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 2, 2])
    return model([node("MaxPool", kernel_shape=[5, 5])], [x])


@case("I005", "a kernel extent, stride or dilation is 0")
def stride_of_zero(folder):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 8, 8])
    return model([node("MaxPool", kernel_shape=[2, 2], strides=[0, 1])], [x])


@case("S001", "axis 7 is outside")
def axis_outside(folder):
    return model([node("Softmax", axis=7)])


@case("S001", "numbers of elements differ")
def reshape_in_conflict(folder):
    return model([node("Reshape", ["x", "s"])], initializers=[vector("s", [4, 2], numpy.int64)])


@case("S001", "k is 9")
def more_than_there_is(folder):
    return model([node("TopK", ["x", "k"], ["y", "i"])], initializers=[vector("k", [9], numpy.int64)])


@case("S001", "an extent of the indices is 4")
def indices_outside(folder):
    return model([node("GatherElements", ["x", "i"], axis=0)],
                 initializers=[vector("i", [[0] * 4], numpy.int64)])


@case("S001", "the values and their number, off and on, differ: 1 and 2")
def one_hot_without_off_and_on(folder):
    indices = helper.make_tensor_value_info("i", TensorProto.INT64, [3])
    return model([node("OneHot", ["i", "d", "v"])], [indices],
                 initializers=[vector("d", 4, numpy.int64), vector("v", [1])])


@case("S001", "the weights and the classes differ: 2 and 3")
def weights_for_other_classes(folder):
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3]),
              helper.make_tensor_value_info("t", TensorProto.INT64, [2])]
    return model([node("SoftmaxCrossEntropyLoss", ["x", "t", "w"])], inputs, initializers=[vector("w", [1, 2])])


@case("S001", "columns of theta and spatial axes with one more differ: 4 and 3")
def transform_of_another_width(folder):
    theta = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 4])
    return model([node("AffineGrid", ["x", "s"])], [theta], opset=20,
                 initializers=[vector("s", [1, 3, 8, 8], numpy.int64)])


@case("S002", "declares no shape")
def unknown_rank(folder):
    return model([node("Relu")], [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)])


@case("I015", "at most 2^47 elements")
def input_beyond_memory(folder):
    return model([node("Relu")], [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2**62, 2, 2])])


@case("S001", "at most 2^47 elements")
def result_beyond_memory(folder):
    return model([node("ConstantOfShape", ["s"], ["c"]), node("Cast", ["c"], to=1)], [],
                 initializers=[vector("s", [2**62, 3], numpy.int64)])


@case("I014", "give it a limit as input M")
def scan_without_a_limit(folder):
    trip, go, more, row = (helper.make_tensor_value_info(name, kind, []) for name, kind in
                           (("trip", TensorProto.INT64), ("go", TensorProto.BOOL),
                            ("more", TensorProto.BOOL), ("row", TensorProto.INT64)))
    body = helper.make_graph([node("Identity", ["go"], ["more"]), node("Identity", ["trip"], ["row"])],
                             "body", [trip, go], [more, row])
    return model([node("Loop", ["", "x"], body=body)], [helper.make_tensor_value_info("x", TensorProto.BOOL, [])])


@case("I014", "depend on data")
def axes_from_data(folder):
    axes = helper.make_tensor_value_info("a", TensorProto.INT64, [1])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
    return model([node("ReduceSum", ["x", "a"])], [x, axes])


# Options -------------------------------------------------------------------

@case("U008", "--shape names 'image'", "--shape", "image=1,3")
def shape_of_no_input(folder):
    return relu()


@case("U011", "gives input 'x' 3 dimensions", "--shape", "x=1,2,3")
def shape_of_another_rank(folder):
    return relu()


@case("U011", "dimension 0 of input 'x' as 5", "--shape", "x=5,3")
def shape_in_conflict(folder):
    return relu()


@case("U011", "--shape opens dimension 0 of input 'x', but node 'the_Reshape' works for 2 alone", "--shape", "x=N,3")
def opened_but_baked(folder):
    rows = vector("rows", [2, 3, 1], numpy.int64)
    return model([node("Reshape", ["x", "rows"])], initializers=[rows])


@case("U011", "no output of the model has its extent", "--shape", "x=N,3")
def opened_and_lost(folder):
    return model([node("ReduceMax", ["x"], keepdims=0)])


@case("U011", "--dim names 'H'", "--dim", "H=1..4")
def range_of_no_dimension(folder):
    return relu()


def limit():
    if "ASAN_OPTIONS" not in os.environ:  # which maps terabytes of shadow
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))


def check(name):
    code, text, options, make = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        data = make(pathlib.Path(folder))
        if data is not None:
            path.write_bytes(data if isinstance(data, bytes) else data.SerializeToString())
        done = subprocess.run([tool, path, *options], capture_output=True, preexec_fn=limit)
    output = done.stderr.decode(errors="replace")
    problems = []
    if done.returncode != 3:
        problems.append(f"exit status {done.returncode}, expected 3")
    if f"[SINTER-{code}]" not in output:
        problems.append(f"no [SINTER-{code}]")
    if text not in output:
        problems.append(f"no '{text}'")
    if (found := output.count(": error: ")) != 1:
        problems.append(f"{found} errors, expected 1: what follows from a fault is not one")
    if done.stdout:
        problems.append("a model was printed")
    if problems:
        print(f"FAIL {name}: {'; '.join(problems)}\n{output[-800:]}")
    return not problems


def check_all_at_once():
    """One run lists all faults, and what follows from a fault is not one."""
    m = model([node("Frobnicate", ["x"], ["a"]), node("Relu", ["a"], ["b"]),
               node("Softmax", ["x"], ["c"], axis=9), node("Add", ["b", "c"])])
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        path.write_bytes(m.SerializeToString())
        output = subprocess.run([tool, path], capture_output=True, text=True).stderr
    found = output.count("error:")
    if found != 2:
        print(f"FAIL all-at-once: {found} errors, expected 2\n{output}")
    return found == 2


def main():
    names = sys.argv[1:] if sys.argv[1:] and sys.argv[1] in CASES else list(CASES)
    results = [check(name) for name in names] + [check_all_at_once()]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, 0 skipped")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
