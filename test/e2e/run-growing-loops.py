# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Loops that join a part to a list in each of an unknown number of trips, as scripts
# do; and pictures scaled by a factor that the model computes from their size, as
# detectors do, for which memory is reserved without an option. Lengths that are
# found again in the last element of a range.
import os

import numpy as np
import onnx.parser

from e2e import WORK, Score, compile_model, reference, reference_outputs, same_bits, sinter

BODY = "body (int64 i, bool go, float[K, C] list) => (bool more, float[L, C] longer) "
# name: what the graph computes of float[N, 4] x and the list float[A, 4] first.
LOOPS = {
    "append": "g (float[N, 4] x, float[A, 4] first) => (float[R, 4] y) <bool yes = {1}> {"
              " s = Shape(x)\n n = Gather<axis=0>(s, scalar)\n y = Loop(n, yes, first)<body = " + BODY +
              "{ more = Identity(go)\n row = Gather<axis=0>(x, i)\n part = Unsqueeze(row, zero)\n"
              " longer = Concat<axis=0>(list, part) }> }",
    "through-casts": "g (float[N, 4] x, float[A, 4] first) => (float[R, 4] y) <bool yes = {1}> {"
                     " s = Shape(x)\n n = Gather<axis=0>(s, scalar)\n y = Loop(n, yes, first)<body = " + BODY +
                     "{ more = Identity(go)\n row = Gather<axis=0>(x, i)\n two = Concat<axis=0>(row, row)\n"
                     " part = Reshape(two, pair)\n same = Cast<to=1>(list)\n joined = Cast<to=1>(part)\n"
                     " longer = Concat<axis=0>(same, joined) }> }",
    "columns": "g (float[N, 4] x, float[A, 4] first) => (float[4, R] y) <bool yes = {1}> {"
               " turned = Transpose<perm=[1, 0]>(first)\n"
               " s = Shape(x)\n n = Gather<axis=0>(s, scalar)\n y = Loop(n, yes, turned)<body = "
               "body (int64 i, bool go, float[C, K] list) => (bool more, float[C, L] longer) "
               "{ more = Identity(go)\n row = Gather<axis=0>(x, i)\n part = Unsqueeze(row, one)\n"
               " longer = Concat<axis=1>(list, part) }> }",
    "ends-early": "g (float[N, 4] x, float[A, 4] first) => (float[R, 4] y, float[4] last) <bool yes = {1}> {"
                  " s = Shape(x)\n n = Gather<axis=0>(s, scalar)\n start = ReduceSum<keepdims=0>(first, zero)\n"
                  " y, last = Loop(n, yes, first, start)<body = "
                  "body (int64 i, bool go, float[K, C] list, float[C] sum) => "
                  "(bool more, float[L, C] longer, float[C] total) "
                  "{ row = Gather<axis=0>(x, i)\n total = Add(sum, row)\n top = ReduceMax<keepdims=0>(total)\n"
                  " more = Less(top, limit)\n part = Unsqueeze(total, zero)\n"
                  " longer = Concat<axis=0>(list, part) }> }",
    "sequence": "g (float[N, 4] x, float[A, 4] first) => (float[R, 4] y, float[4, S] z, float[4] last, int64 n) "
                "<bool yes = {1}, int64 down = {-1}> {"
                " s = Shape(x)\n t = Gather<axis=0>(s, scalar)\n none = SequenceEmpty()\n"
                " all = Loop(t, yes, none)<body = "
                "body (int64 i, bool go, seq(float[4]) list) => (bool more, seq(float[4]) longer) "
                "{ more = Identity(go)\n row = Gather<axis=0>(x, i)\n double = Add(row, row)\n"
                " longer = SequenceInsert(list, double) }>\n"
                " y = ConcatFromSequence<axis=0, new_axis=1>(all)\n z = ConcatFromSequence<axis=1, new_axis=1>(all)\n"
                " last = SequenceAt(all, down)\n n = SequenceLength(all) }",
}
# while (2 < rows) { row; counter += 2 } as TensorFlow writes it, and two limits at once; ONNX Runtime
# is not asked about the number of trips either.
COUNTS = "body (int64 i, bool go, int32 counter, float[C] sum, int32 length) => "\
         "(bool more, int32 next, float[C] total, int32 same, float[C] row) "\
         "{ next = Add(counter, stride)\n same = Identity(length)\n row = Gather<axis=0>(x, counter)\n"\
         " total = Add(sum, row)\n "
for name, more in (("counts", "nextf = Cast<to=1>(next)\n lengthf = Cast<to=1>(length)\n more = Less(nextf, lengthf)"),
                   ("counts-before", "more = Less(counter, before)"),
                   ("two-limits", "a = Less(next, length)\n b = Less(next, seven)\n more = And(a, b)")):
    LOOPS[name] = ("g (float[N, 4] x, float[A, 4] first) => (float[R, 4] y, float[4] last, int32 c) "
                   "<int32 start = {0}, int32 stride = {2}, int32 seven = {7}, int32 two = {2}> {"
                   " s = Shape(x)\n n = Gather<axis=0>(s, scalar)\n length = Cast<to=6>(n)\n"
                   " before = Sub(length, two)\n"
                   " zeros = ReduceSum<keepdims=0>(first, zero)\n begins = Less(start, length)\n"
                   " c, last, l, y = Loop(, begins, start, zeros, length)<body = " + COUNTS + more + " }> }")
# What is compared wraps: 100, -56, 44, ... until the 14th is 120.
LOOPS["wraps"] = ("g (float[N, 4] x, float[A, 4] first) => (float[4] last, int32 c) "
                  "<int32 start = {0}, int32 stride = {100}, int32 bound = {101}, bool yes = {1}> {"
                  " zeros = ReduceSum<keepdims=0>(first, zero)\n c, last = Loop(, yes, start, zeros)<body = "
                  "body (int64 i, bool go, int32 counter, float[C] sum) => (bool more, int32 next, float[C] total) "
                  "{ next = Add(counter, stride)\n small = Cast<to=3>(next)\n top = Cast<to=6>(small)\n"
                  " more = Less(top, bound)\n total = Add(sum, sum) }> }")
# The bags of torch's EmbeddingBag: steps of the counter's type, a sequence, no number of trips.
LOOPS["bags"] = ("g (float[N, 4] x, float[A, 4] first) => (float[R, 4] y) <int64 start = {0}> {"
                 " s = Shape(x)\n n = Gather<axis=0>(s, scalar)\n begins = Less(start, n)\n none = SequenceEmpty()\n"
                 " c, all = Loop(, begins, start, none)<body = "
                 "body (int64 i, bool go, int64 bag, seq(float[1, 4]) list) => "
                 "(bool more, int64 next, seq(float[1, 4]) longer) "
                 "{ from = Reshape(bag, flat)\n step = CastLike(single, bag)\n to = Add(from, step)\n"
                 " rows = Slice(x, from, to, zero)\n sum = ReduceSum(rows, zero)\n"
                 " longer = SequenceInsert(list, sum)\n next = Add(bag, step)\n more = Less(next, n) }>\n"
                 " y = ConcatFromSequence<axis=0>(all) }")
CONSTANTS = {"flat": np.array([-1]), "single": np.array(1.0, np.float32),
             "zero": np.array([0]), "one": np.array([1]), "pair": np.array([2, 4]), "scalar": np.array(0),
             "limit": np.array(2.0, np.float32)}

# The shorter side becomes 24 unless the longer one would be more than 40.
SCALED = """g (float[3, H, W] x) => (float[1, 3, R, S] y) <float short = {24}, float long = {40}> {
  s = Shape(x)
  hw = Slice(s, one, three)
  a = ReduceMin<keepdims=0>(hw)
  b = ReduceMax<keepdims=0>(hw)
  af = Cast<to=1>(a)
  bf = Cast<to=1>(b)
  ai = Reciprocal(af)
  fa = Mul(ai, short)
  fb = Div(long, bf)
  f = Min(fa, fb)
  hwf = Cast<to=1>(hw)
  big = Mul(hwf, f)
  whole = Floor(big)
  to = Cast<to=7>(whole)
  sizes = Concat<axis=0>(front, to)
  batch = Unsqueeze(x, zero)
  z = Resize<mode="linear", coordinate_transformation_mode="half_pixel">(batch, , , sizes)
  y = Relu(z)
}"""


def save(name, text, constants):
    model = onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]>\n' + text)
    for key, value in constants.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(value, key))
    path = os.path.join(WORK, name + ".onnx")
    onnx.save(model, path)
    return path


def loops(score, dice):
    for name, text in LOOPS.items():
        path = save(name, text, CONSTANTS)
        session = reference(path)
        program = sinter.Model(compile_model(path, name), threads=1)
        for rows, before in ((3, 2), (1, 0), (40, 1), (7, 5)):
            feeds = {"x": dice.standard_normal((rows, 4)).astype(np.float32),
                     "first": dice.standard_normal((before, 4)).astype(np.float32)}
            wanted = reference_outputs(session, feeds)
            got = program.run(feeds)
            score.check(same_bits(got, wanted), f"{name}, {rows} trips behind {before}: {got} is not {wanted}")


def pictures(score, dice):
    path = save("scaled", SCALED, {**CONSTANTS, "three": np.array([3]), "front": np.array([1, 3])})
    session = reference(path)
    program = sinter.Model(compile_model(path, "scaled"), threads=1)
    for height, width in ((24, 24), (7, 11), (300, 20), (19, 640), (333, 222), (1, 1)):
        feeds = {"x": dice.standard_normal((3, height, width)).astype(np.float32)}
        wanted = reference_outputs(session, feeds)
        got = program.run(feeds)
        near = all(got[key].shape == wanted[key].shape and np.abs(got[key] - wanted[key]).max(initial=0) < 2e-4
                   for key in wanted)
        score.check(near, f"a picture of {height} x {width}: {got['y'].shape}, {wanted['y'].shape}")


# 5, 4, ..., -(N - 1), by the last element of 0 ... N - 1.
LENGTH = """g (float[N, 4] x) => (float[R] y) <int64 first = {0}, int64 five = {5}, int64 down = {-1}> {
  s = Shape(x)
  n = Gather<axis=0>(s, scalar)
  r = Range(first, n, step)
  f = Cast<to=1>(r)
  tail = Slice(f, one, three)
  list = Concat<axis=0>(more, tail, f)
  last = Gather<axis=0>(list, down)
  neg = Sub(nothing, last)
  until = Cast<to=7>(neg)
  q = Range(five, until, down)
  qf = Cast<to=1>(q)
  y = Softmax<axis=0>(qf)
}"""


def lengths(score, dice):
    path = save("length", LENGTH, {**CONSTANTS, "three": np.array([3]), "step": np.array(1),
                                   "more": np.array([0.5, 7.0], np.float32),
                                   "nothing": np.array(0.0, np.float32)})
    session = reference(path)
    program = sinter.Model(compile_model(path, "length"), threads=1)
    for rows in (1, 4, 100):
        feeds = {"x": dice.standard_normal((rows, 4)).astype(np.float32)}
        wanted, got = reference_outputs(session, feeds)["y"], program.run(feeds)["y"]
        near = got.shape == wanted.shape and np.abs(got - wanted).max() < 1e-6
        score.check(near, f"the length of {rows} rows: {got.shape}, {wanted.shape}")


def main():
    score, dice = Score(), np.random.default_rng(11)
    loops(score, dice)
    pictures(score, dice)
    lengths(score, dice)
    score.exit()


main()
