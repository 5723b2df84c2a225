# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What stands before and behind the recogniser, the same way as in main.cpp: a
# picture becomes its input, its output becomes text.
import numpy as np
from PIL import Image

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
