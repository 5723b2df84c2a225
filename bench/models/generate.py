# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Writes benchmark models: NAME.onnx and NAME.npz, a sample of its inputs.
#
#   bench/models/generate.py resnet50 bert_base -o DIR      (all: every model)
#
# --check also runs the written file once in ONNX Runtime. The same command gives
# the same weights on every machine; tools/dev/requirements.txt pins the packages.
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402

import bert  # noqa: E402
import densenet  # noqa: E402
import gpt  # noqa: E402
import inception  # noqa: E402
import minilm  # noqa: E402
import mobilenet  # noqa: E402
import resnet  # noqa: E402
import shufflenet  # noqa: E402
import squeezenet  # noqa: E402
import vgg  # noqa: E402
import yolo  # noqa: E402

MODELS = {}
for family in (resnet, vgg, squeezenet, densenet, shufflenet, inception, mobilenet, yolo, bert,
               gpt, minilm):
    MODELS.update(family.MODELS)


def check(path, net):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for name, value in zip([o.name for o in session.get_outputs()],
                           session.run(None, net.samples)):
        wanted = net.values[name]
        error = float(np.max(np.abs(value - wanted)) / max(float(np.max(np.abs(wanted))), 1e-30))
        print(f"  {name} {list(value.shape)}: deviation {value.std():.3f},"
              f" difference to the evaluated layers {error:.1e}")
        if not np.isfinite(value).all() or error > 1e-3:
            raise SystemExit(f"{path}: output {name} is not what its layers gave")


def main():
    parser = argparse.ArgumentParser(description="Writes the benchmark models.")
    parser.add_argument("names", nargs="+", metavar="NAME", help=", ".join(MODELS) + ", all")
    parser.add_argument("-o", "--output", default=".", metavar="DIR")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    names = list(MODELS) if options.names == ["all"] else options.names
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        parser.error(f"no model named {', '.join(unknown)}; there are {', '.join(MODELS)}")
    os.makedirs(options.output, exist_ok=True)
    for name in names:
        start = time.monotonic()
        net = MODELS[name]()
        path = os.path.join(options.output, name + ".onnx")
        onnx.save(net.model(), path + ".part")
        np.savez(os.path.join(options.output, name + ".npz"), **net.samples)
        os.replace(path + ".part", path)
        print(f"{path}: {len(net.nodes)} nodes, {os.path.getsize(path) / 1e6:.1f} MB,"
              f" {time.monotonic() - start:.1f} s", flush=True)
        if options.check:
            check(path, net)


if __name__ == "__main__":
    main()
