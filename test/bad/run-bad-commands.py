# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Faults behind the importer: missing tools, damaged objects, wrong inputs, a machine
that refuses. Each case is a command line in a folder with a good model and its object;
it must end with the contract's exit code and one error with its code and its cause.

  test/bad/run-bad-commands.py [CASE...]
"""
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading

import numpy
import onnx
from onnx import TensorProto, helper

root = pathlib.Path(__file__).resolve().parents[2]
build = pathlib.Path(os.environ.get("SINTER_BUILD", root / "build"))
sinter = build / "bin" / "sinter"
CASES = {}


def case(code, exit_code, text, *command, before=(), **environment):
    """The decorated function prepares the folder, and may return one that looks at it afterwards and says
    what is wrong. before: what starts the command."""
    def register(prepare):
        name = prepare.__name__.replace("_", "-")
        CASES[name] = (code, exit_code, text, command, before, environment, prepare)
        return prepare
    return register


def script(folder, name, text):
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


@case("U007", 2, "'no-python' cannot be run",
      "verify", "m.onnx", "--against", "onnxruntime", "--python", "no-python")
def no_python(folder):
    pass


@case("R003", 4, "onnxruntime", "verify", "m.onnx", "--against", "onnxruntime", "--python", "./python")
def python_without_the_engine(folder):
    script(folder, "python", "exit 3\n")


@case("R001", 4, "cut off", "run", "torn.so", "--random", "1")
def torn_object(folder):
    data = (folder / "m.so").read_bytes()
    (folder / "torn.so").write_bytes(data[:len(data) // 2])


@case("R001", 4, "dimension is 65, expected 64", "run", "m.so", "--inputs", "wide.npz")
def shape_that_the_model_refuses(folder):
    numpy.savez(folder / "wide.npz", x=numpy.ones((3, 65), numpy.float32))


@case("R002", 4, "--data takes one test_data_set_N", "verify", "m.onnx", "--data", ".")
def folder_above_the_data_sets(folder):
    pass


@case("R002", 4, "no inputs were given", "run", "m.so")
def no_inputs(folder):
    pass


@case("R002", 4, "pickle", "run", "m.so", "--inputs", "objects.npz")
def pickled_inputs(folder):
    numpy.savez(folder / "objects.npz", x=numpy.array([{}], object))


@case("R002", 4, "'x'", "run", "m.so", "--inputs", "other.npz")
def input_of_another_name(folder):
    numpy.savez(folder / "other.npz", z=numpy.ones((3, 64), numpy.float32))


@case("O010", 5, "/dev/full", "run", "m.so", "--random", "1", "--outputs", "/dev/full")
def full_device(folder):
    pass


@case("O001", 5, "no/such/m.o", "compile", "m.onnx", "-o", "no/such/m.o")
def no_folder(folder):
    pass


def limit(name, value):
    return ["bash", "-c", f'ulimit -{name} {value}; exec "$0" "$@"']


@case("O010", 5, "no process could be started", "compile", "m.onnx", "-o", "few.o", "--cache-dir", "none",
      before=limit("n", 6))
def few_descriptors(folder):
    pass


@case("O002", 5, "File too large", "compile", "m.onnx", "-o", "large.so", "--cache-dir", "none", before=limit("f", 8))
def small_files_only(folder):
    pass


@case("O010", 5, "standard output: No space left", "check", "m.onnx",
      before=["bash", "-c", 'exec "$0" "$@" >/dev/full'])
def full_standard_output(folder):
    pass


@case("O010", 5, "/dev/full", "bench", "m.so", "--seconds", "0.1", "--json", "/dev/full")
def figures_to_a_full_device(folder):
    pass


@case("U006", 2, "--isa is of a compile", "run", "m.so", "--random", "1", "--isa", "x86-64-v3")
def option_of_a_compile_for_an_object(folder):
    pass


@case(None, 0, "note: nothing is kept in --cache-dir 'm.so'", "compile", "m.onnx", "-o", "kept.o",
      "--cache-dir", "m.so")
def cache_that_is_a_file(folder):
    pass


# Nothing is written elsewhere than where temporary files belong.
@case("O001", 5, "'/nonexistent/sinter-", "verify", "m.onnx", TMPDIR="/nonexistent")
def no_folder_for_temporary_files(folder):
    pass


# % is a letter in the names of users.
@case(None, 0, "", "compile", "100%/m%20.onnx", "-o", "m%.so", "--report", "100%/m.json", "--cache-dir", "100%/%")
def names_with_percent_signs(folder):
    (folder / "100%").mkdir()
    (folder / "100%" / "m%20.onnx").write_bytes((folder / "m.onnx").read_bytes())
    return lambda folder: ("" if (folder / "100%" / "m.json").exists() and any((folder / "100%" / "%").glob("*/*.o"))
                           else "files are missing")


@case("O001", 5, "ld.lld takes % in the name of a folder for a wildcard", "compile", "m.onnx", "-o", "50%/m.so")
def folder_that_the_linker_cannot_take(folder):
    (folder / "50%").mkdir()


@case("", 5, "'full.json': No space left", "compile", "m.onnx", "-o", "full.o", "--report", "full.json")
def report_to_a_full_device(folder):
    (folder / "full.json").symlink_to("/dev/full")


# What was damaged in the cache is compiled again, not trusted.
@case(None, 0, "", "compile", "m.onnx", "-o", "again.o", "--prefix", "m", "--cache-dir",
      "damaged")
def cache_with_damaged_entries(folder):
    subprocess.run([sinter, "compile", "m.onnx", "-o", "first.o", "--prefix", "m", "--cache-dir", "damaged"], cwd=folder,
                   check=True)
    entries = sorted((folder / "damaged").glob("*/*.o"))
    damage = [lambda data: data[:len(data) // 2], lambda data: b"",
              lambda data: data[:99] + bytes([data[99] ^ 1]) + data[100:],
              lambda data: entries[0].read_bytes()]
    if len(entries) < 4:
        return lambda folder: f"{len(entries)} entries are too few"
    for i, entry in reversed(list(enumerate(entries))):
        entry.write_bytes(damage[i % len(damage)](entry.read_bytes()))
    return lambda folder: ("" if (folder / "again.o").read_bytes() == (folder / "first.o").read_bytes()
                           else "another object than without damage")


@case("R002", 4, "not an .npz file", "run", "m.so", "--inputs", "/dev/zero", before=limit("v", 4000000))
def inputs_without_end(folder):
    pass


@case("U006", 2, "may have no end", "compile", "m.onnx", "-o", "m.o", "--schedules", "/dev/zero",
      before=limit("v", 4000000))
def schedules_without_end(folder):
    pass


@case("C001", 6, "not even plain code", "compile", "m.onnx", "-o", "broken.o", "--cache-dir", "none",
      SINTER_TEST_BREAK_KERNEL="kernel.define", SINTER_TEST_BREAK_PLAIN="1")
def kernel_that_breaks_llvm_twice(folder):
    pass


def answer(folder, reply):
    """Something that is no server of ours, at unix:answer.sock, for one connection."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "answer.sock"))
    listener.listen(1)

    def serve():
        connection = listener.accept()[0]
        connection.recv(65536)
        connection.sendall(reply)
        connection.close()
    threading.Thread(target=serve, daemon=True).start()
    return lambda folder: (folder / "answer.sock").unlink()


@case("", 0, "", "ctl", "list", "--admin", "unix:answer.sock")
def reply_without_bottom(folder):
    return answer(folder, b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 2000000)


@case("O010", 5, "what answers is no HTTP server", "ctl", "list", "--admin", "unix:answer.sock")
def reply_of_another_protocol(folder):
    return answer(folder, b"SSH-2.0-OpenSSH_9.2\r\n")


def change_manifest(folder, old, new):
    data = (folder / "m.so").read_bytes()
    assert data.count(old)
    (folder / "changed.so").write_bytes(data.replace(old, new))


# An object whose manifest was changed: what is left of it is shown.
@case(None, 0, "", "inspect", "changed.so")
def manifest_without_shapes(folder):
    change_manifest(folder, b'"shape":', b'"shade":')


@case(None, 0, "", "inspect", "changed.so")
def manifest_without_names(folder):
    change_manifest(folder, b'"name":', b'"mane":')


@case(None, 0, "", "inspect", "changed.so")
def manifest_without_costs(folder):
    change_manifest(folder, b'"us":', b'"as":')


@case("R001", 4, "the object does not say how it was compiled", "repack", "changed.so", "--weights", "m.onnx",
      "-o", "new.so")
def manifest_without_options(folder):
    change_manifest(folder, b'"options":', b'"optiohs":')


@case("R001", 4, "the object's manifest cannot be read", "repack", "changed.so", "--weights", "m.onnx", "-o", "new.so")
def manifest_that_is_no_json(folder):
    change_manifest(folder, b'"options":', b'"options" ')


# What a user would lose: outputs that have the name of what is read.
def replaces(option, *command):
    @case("U006", 2, f"{option} 'm.onnx' would replace", *command, "m.onnx", option, "m.onnx")
    def kept(folder):
        pass
    CASES[f"{command[0]}-{option.strip('-')}-onto-the-model"] = CASES.pop("kept")


replaces("--outputs", "run", "--random", "1")
replaces("--json", "bench", "--seconds", "0.1")
replaces("-o", "compile", "--emit=graph")
replaces("-o", "bisect")


@case("U006", 2, "-o 'plain' would replace the input 'plain'", "compile", "plain", "-o", "plain")
def model_without_suffix_as_its_object(folder):
    (folder / "plain").write_bytes((folder / "m.onnx").read_bytes())


@case("O001", 5, "'own.weights' exists and holds no weights of an object",
      "compile", "m.onnx", "-o", "own.so", "--weights", "file")
def weights_onto_the_models_own(folder):
    (folder / "own.weights").write_bytes(b"what the model keeps outside")


@case("U006", 2, "standard input is not read", "check", "-")
def model_from_a_stream(folder):
    pass


@case("U006", 2, "-o -: an object is not written", "compile", "m.onnx", "-o", "-")
def object_to_a_stream(folder):
    pass


@case("U006", 2, "is no number from 0 on", "verify", "m.onnx", "--tolerance", "nan")
def tolerance_that_is_no_number(folder):
    pass


@case("U006", 2, "--random: Value -1 not in range", "run", "m.onnx", "--random", "-1")
def seed_below_zero(folder):
    pass


@case("U006", 2, "--random: Value 18446744073709551616 not in range", "diff", "m.onnx",
      "--random", "18446744073709551616")
def seed_of_too_many_bits(folder):
    pass


@case("U002", 2, "gives input 'x' twice", "check", "m.onnx", "--shape", "x=1,64", "--shape", "x=2,64")
def shape_given_twice(folder):
    pass


@case("U003", 2, "gives symbol 'N' twice", "check", "m.onnx", "--dim", "N=1", "--dim", "N=2")
def dim_given_twice(folder):
    pass


@case("I014", 3, "a filter whose size is known at run time only, outputs", "compile", "open.onnx", "-o", "open.o")
def filter_of_open_size(folder):
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 8, 8])
    w = onnx.helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, ["outputs", "inputs", 3, 3])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Conv", ["x", "w"], ["y"])], "open", [x, w],
                                   [onnx.ValueInfoProto(name="y")])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, ir_version=8, opset_imports=opset), folder / "open.onnx")
@case("U006", 2, "is nested too deeply", "compile", "m.onnx", "-o", "m.o", "--schedules", "deep.jsonl")
def schedules_without_bottom(folder):
    (folder / "deep.jsonl").write_text("[" * 1000000)


@case("", 2, "the trace is over 256 MB", "serve", "none", "--simulate", "/dev/zero")
def trace_without_end(folder):
    (folder / "none").mkdir(exist_ok=True)


def write(folder, nodes, inputs, initializers=(), opset=21, output=None):
    outputs = [helper.make_tensor_value_info("y", output, None) if output else onnx.ValueInfoProto(name="y")]
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)]), folder / "made.onnx")


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


@case("I013", 3, "output 'y'", "check", "made.onnx")
def output_of_small_floats(folder):
    write(folder, [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT8E4M3FN)], [value("x", [2])])


@case("I013", 3, "has 9 dimensions", "check", "made.onnx")
def output_of_nine_dimensions(folder):
    write(folder, [helper.make_node("Relu", ["x"], ["y"])], [value("x", [1] * 9)])


@case("R002", 4, "is larger than memory", "run", "made.onnx", "--random", "1")
def random_input_past_memory(folder):
    write(folder, [helper.make_node("Relu", ["x"], ["y"])], [value("x", [1 << 21, 1 << 21])])


# These are right, and looked wrong to a later step: a count that can only be 0, a
# renaming that leaves an extent of -1, a part of a constant whose size is open.
@case(None, 0, "", "check", "made.onnx")
def count_that_can_only_be_0(folder):
    write(folder, [helper.make_node("NonZero", ["x"], ["y"])], [value("x", [1, "M", 0], TensorProto.UINT8)])


@case(None, 0, "", "check", "made.onnx")
def small_floats_that_are_no_numbers(folder):
    write(folder, [helper.make_node("Cast", ["x"], ["small"], to=TensorProto.FLOAT8E4M3FN),
                   helper.make_node("IsNaN", ["small"], ["y"])], [value("x", [2])])


@case(None, 0, "", "verify", "made.onnx")
def moments_over_no_axis(folder):
    none = onnx.AttributeProto(name="axes", type=onnx.AttributeProto.INTS)
    node = helper.make_node("MeanVarianceNormalization", ["x"], ["y"])
    node.attribute.append(none)
    write(folder, [node], [value("x", [2, 3])])


@case(None, 0, "", "verify", "made.onnx")
def part_of_a_constant(folder):
    weights = numpy.random.default_rng(1).standard_normal((8, 32)).astype(numpy.float32)
    write(folder, [helper.make_node("Shape", ["x"], ["n"], end=1),
                   helper.make_node("Slice", ["w", "zero", "n", "one"], ["part"]),
                   helper.make_node("MatMul", ["x", "part"], ["y"])], [value("x", ["N", 8])],
          [onnx.numpy_helper.from_array(weights, "w"),
           onnx.numpy_helper.from_array(numpy.array([0]), "zero"),
           onnx.numpy_helper.from_array(numpy.array([1]), "one")])


# NaN equals NaN, and an output that is always the same says little.
@case("", 1, "output 'y' is NaN everywhere, and so is its reference", "verify", "made.onnx")
def comparison_of_nothing_but_nan(folder):
    write(folder, [helper.make_node("Sub", ["x", "x"], ["zero"]), helper.make_node("Div", ["zero", "zero"], ["y"])],
          [value("x", [2, 3])])


@case(None, 0, "output 'y' is 0 everywhere in every case", "verify", "made.onnx")
def comparison_of_one_number(folder):
    write(folder, [helper.make_node("Sub", ["x", "x"], ["y"])], [value("x", [2, 3])])


@case(None, 0, "output 'y' is empty in every case", "verify", "made.onnx")
def comparison_of_nothing(folder):
    write(folder, [helper.make_node("Relu", ["x"], ["y"])], [value("x", [0, 3])])


# No room for the stack of a second thread: then there is none.
@case(None, 0, "", "compile", "m.onnx", "-o", "few-threads.o", "--cache-dir", "none", "--jobs", "8",
      before=["bash", "-c", 'ulimit -s 8000000 -v 6000000; exec "$0" "$@"'])
def no_threads(folder):
    pass


# The server's errors have no code.
@case("", 5, "the machine has no thread to give", "serve", "empty", "--http-port", "0", "--grpc-port", "0",
      "--admin-port", "0", before=["bash", "-c", 'ulimit -s 8000000 -v 6000000; exec "$0" "$@"'])
def server_without_threads(folder):
    (folder / "empty").mkdir()


def check(name, folder):
    code, exit_code, text, command, before, environment, prepare = CASES[name]
    look = prepare(folder)
    there = set(os.listdir(folder))
    model = (folder / "m.onnx").read_bytes()
    done = subprocess.run([*before, sinter, *command], cwd=folder, capture_output=True, timeout=120,
                          env=dict(os.environ, **environment))
    output = done.stderr.decode(errors="replace")
    left = [n for n in set(os.listdir(folder)) - there if not n.startswith("sinter-reproducer-")]
    problems = []
    if done.returncode != exit_code:
        problems.append(f"exit status {done.returncode}, expected {exit_code}")
    if code and f"[SINTER-{code}]" not in output:
        problems.append(f"no [SINTER-{code}]")
    if (folder / "m.onnx").read_bytes() != model:
        problems.append("the model was replaced")
    if text not in output:
        problems.append(f"no '{text}'")
    if look and (problem := look(folder)):
        problems.append(problem)
    if left and code:
        problems.append(f"left {left}")
    if problems:
        print(f"FAIL {name}: {'; '.join(problems)}\n{output[-800:]}")
    return not problems


def main():
    names = [name for name in sys.argv[1:] if name in CASES] or list(CASES)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([sys.executable, root / "test" / "e2e" / "Inputs" / "small.py", "mlp",
                        folder / "m.onnx"], check=True)
        subprocess.run([sinter, "compile", "m.onnx", "-o", "m.so"], cwd=folder, check=True)
        results = [check(name, folder) for name in names]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, 0 skipped")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
