# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What is drawn: of the right distribution, other numbers in every node, the same in
# every run and for every number of threads; and not by chance a constant only, for the
# shape depends on the input.
import os

import numpy as np
import onnx
import onnx.parser

from e2e import WORK, Score, compile_model, same_bits, sinter

MODEL = """
<ir_version: 8, opset_import: ["": 17]>
g (float[n, 256] x) => (float[n, 256] even, float[n, 256] other, float[n, 256] normal,
                        float[n, 256] coin, int32[n, 64] classes, float[32, 32] still)
<float half = {0.3}>
{
  even = RandomUniformLike<low = 2.0, high = 4.0>(x)
  other = RandomUniformLike<low = 2.0, high = 4.0>(x)
  normal = RandomNormalLike<mean = 1.0, scale = 3.0, seed = 7.0>(x)
  zero = Sub(x, x)
  p = Add(zero, half)
  coin = Bernoulli(p)
  four = Constant<value_ints = [4]>()
  begin = Constant<value_ints = [0]>()
  one = Constant<value_ints = [1]>()
  weights = Slice(zero, begin, four, one)
  classes = Multinomial<sample_size = 64>(weights)
  still = RandomNormal<shape = [32, 32]>()
}
"""


def main():
    score = Score()
    path = os.path.join(WORK, "random.onnx")
    onnx.save(onnx.parser.parse_model(MODEL), path)
    compiled = compile_model(path, "random")
    if score.check(compiled, "does not compile"):
        feeds = {"x": np.ones((40, 256), np.float32)}
        first = sinter.Model(compiled, threads=1).run(feeds)
        again = sinter.Model(compiled, threads=2).run(feeds)
        score.check(same_bits(first, again), "another run draws other numbers")

        def near(name, found, wanted, apart):
            score.check(abs(found - wanted) < apart, f"{name} is {found:.4f}, expected {wanted}")
        near("mean of even", first["even"].mean(), 3, 0.02)
        near("deviation of even", first["even"].std(), 2 / 12 ** 0.5, 0.02)
        score.check(first["even"].min() >= 2 and first["even"].max() < 4, "even leaves its range")
        near("mean of normal", first["normal"].mean(), 1, 0.1)
        near("deviation of normal", first["normal"].std(), 3, 0.1)
        near("mean of still", first["still"].mean(), 0, 0.1)
        near("share of heads", first["coin"].mean(), 0.3, 0.02)
        score.check(set(np.unique(first["coin"])) == {0, 1}, "a coin is neither 0 nor 1")
        counts = np.bincount(first["classes"].ravel(), minlength=4)
        score.check(len(counts) == 4 and counts.min() > 500, f"classes are drawn {counts}")
        score.check(not np.array_equal(first["even"], first["other"]), "two nodes draw the same")
        rows = np.corrcoef(first["normal"][:8])
        score.check(np.abs(rows - np.eye(8)).max() < 0.3, "rows depend on each other")
    score.exit()


main()
