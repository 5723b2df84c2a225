# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Reads pictures with ONNX Runtime, the same way as main.cpp: the reference for
# what it reads and how fast. Prints `NAME.png<TAB>text<TAB>milliseconds` for each
# picture, and as a last line `start<TAB>ms`, from the import to the first result.
#
#   reference.py MODEL.onnx --threads N PICTURE.png...
import time

BEGIN = time.monotonic()

import argparse  # noqa: E402
import os  # noqa: E402

import onnxruntime  # noqa: E402

from picture import decode, prepare  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=10)
    options = parser.parse_args()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(options.model, settings,
                                           providers=["CPUExecutionProvider"])
    characters = session.get_modelmeta().custom_metadata_map["character"].split("\n") + [" "]
    name = session.get_inputs()[0].name
    first = None
    for path in options.pictures:
        data = prepare(path)
        best = float("inf")
        for _ in range(options.repeat):
            begin = time.monotonic()
            scores = session.run(None, {name: data})[0]
            best = min(best, time.monotonic() - begin)
            first = first or (time.monotonic() - BEGIN)
        print(f"{os.path.basename(path)}\t{decode(scores, characters)}\t{best * 1e3:.3f}")
    print(f"start\t{first * 1e3:.1f}")


main()
