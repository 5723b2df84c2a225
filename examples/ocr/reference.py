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

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
from PIL import Image  # noqa: E402

HEIGHT = 48


def axis(size, target):
    """Bilinear weights with half-pixel centres: two neighbours and the share of the second."""
    place = np.clip((np.arange(target) + 0.5) * (size / target) - 0.5, 0, size - 1)
    low = np.floor(place).astype(int)
    return low, np.minimum(low + 1, size - 1), (place - low).astype(np.float32)


def prepare(path):
    pixels = np.asarray(Image.open(path).convert("RGB"), np.float32)[:, :, ::-1]  # BGR
    h, w, _ = pixels.shape
    width = max(1, -(-HEIGHT * w // h))
    low, high, share = axis(h, HEIGHT)
    rows = pixels[low] * (1 - share)[:, None, None] + pixels[high] * share[:, None, None]
    low, high, share = axis(w, width)
    rows = rows[:, low] * (1 - share)[:, None] + rows[:, high] * share[:, None]
    return np.ascontiguousarray((rows / 127.5 - 1).transpose(2, 0, 1)[None], np.float32)


def decode(scores, characters):
    """Greedy CTC: the best class of each column; repeats and blanks vanish."""
    text, last = "", 0
    for best in scores[0].argmax(axis=1):
        if best != 0 and best != last:
            text += characters[best - 1]
        last = best
    return text


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
