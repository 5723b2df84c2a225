# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# 200 random shapes over the dynamic models (1, primes, 0 where the model allows it,
# upper bounds), one object each. Results must be ONNX Runtime's within 1e-4; a shape
# that is refused, with the node or the input, must be one that ONNX Runtime refuses
# too. The arena and the outputs end at a guard page, the inputs as well: one byte too
# far ends this process.
import ctypes
import glob
import mmap
import os
import random
import sys

import numpy as np
from PIL import Image

from e2e import (ROOT, Score, catalogue, compile_model, error, reference, reference_outputs, sinter,
                 verified)

PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
kept = []


def guarded(size, align=64):
    """`size` bytes whose end lies, but for the alignment, at a page that traps."""
    room = -(-max(size, 1) // PAGE) * PAGE
    memory = mmap.mmap(-1, room + 2 * PAGE)
    array = np.frombuffer(memory, np.uint8)
    for start in (0, room + PAGE):
        libc.mprotect(array.ctypes.data + start, PAGE, 0)
    kept.append((memory, array))
    begin = PAGE + room - -(-size // align) * align
    return array[begin:begin + size]


def at_guard(value):
    place = guarded(value.nbytes, 1)
    place[:] = np.frombuffer(value.tobytes(), np.uint8)
    return place.view(value.dtype).reshape(value.shape) if value.nbytes else value


def text_image(choose, batch, height, width):
    """Real input: the pictures of examples/ocr, side by side until the size is full.
    On noise the detector says 1e-7 everywhere, which is ONNX Runtime's rounding."""
    pictures = sorted(glob.glob(os.path.join(ROOT, "examples", "ocr", "pictures", "*.png")))
    canvas = Image.new("RGB", (width, height), (255, 255, 255))
    for _ in range(4):
        canvas.paste(Image.open(choose.choice(pictures)),
                     (choose.randint(-20, max(width - 40, 1)), choose.randint(-8, max(height - 24, 1))))
    pixels = np.asarray(canvas, np.float32)[:, :, ::-1] / 127.5 - 1
    return {"x": np.repeat(pixels.transpose(2, 0, 1)[None], batch, 0).copy()}


def minilm(choose, dice):
    batch = choose.choice([0, 1, 1, 1, 2, 3, 5])
    length = choose.choice([1, 2, 3, 5, 7, 13, 16, 17, 31, 32, 47, 61])
    return {"input_ids": dice.integers(1, 30522, (batch, length)),
            "attention_mask": np.ones((batch, length), np.int64),
            "token_type_ids": np.zeros((batch, length), np.int64)}


def yolo(choose, dice):
    sizes = [32, 64, 96, 160, 224] if choose.random() < 0.9 else [33, 48, 100]
    return {"images": dice.standard_normal((1, 3, choose.choice(sizes), choose.choice(sizes)), np.float32)}


def recogniser(choose, dice):
    return text_image(choose, choose.choice([1, 1, 2, 3]), 48,
                      choose.choice([8, 13, 31, 48, 97, 100, 127, 160, 211, 320]))


def detector(choose, dice):
    sizes = [64, 96, 128, 160, 192] if choose.random() < 0.9 else [50, 100]
    return text_image(choose, 1, choose.choice(sizes), choose.choice(sizes))


def classifier(choose, dice):
    return text_image(choose, choose.choice([1, 2, 5]), 48, choose.choice([16, 37, 64, 101, 192]))


def voice(choose, dice):
    length = choose.choice([1, 2, 3, 7, 13])
    return {"input": dice.standard_normal((length, 576), np.float32) * np.float32(0.1),
            "h": np.zeros((1, 1, 128), np.float32), "c": np.zeros((1, 1, 128), np.float32)}


def texts(*shapes):
    return [{"input_ids": np.arange(b * n).reshape(b, n) % 30000,
             "attention_mask": np.ones((b, n), np.int64),
             "token_type_ids": np.zeros((b, n), np.int64)} for b, n in shapes]


def pictures(name, *shapes):
    choose = random.Random(6)
    return [{name: text_image(choose, *shape)["x"]} for shape in shapes]


# The smallest and the largest, and one beyond.
EDGES = {
    "minilm_1x128": lambda: texts((1, 512), (1, 513), (0, 7)),
    "yolov8n_dynamic": lambda: pictures("images", (1, 1, 1), (1, 31, 32)),
    "ocr_rec": lambda: pictures("x", *[(1, 48, width) for width in (1, 2, 3, 4, 5)], (1, 1, 48),
                                (1, 47, 48), (1, 49, 48)),
    "ocr_det": lambda: pictures("x", (1, 1, 1), (1, 32, 32), (1, 31, 33)),
    "ocr_cls": lambda: pictures("x", *[(1, 48, width) for width in (1, 2, 3, 4, 5)], (1, 1, 1)),
    "silero_vad_sequence": lambda: [],
}
SHAPES = {"minilm_1x128": (minilm, 50), "yolov8n_dynamic": (yolo, 30), "ocr_rec": (recogniser, 40),
          "ocr_det": (detector, 30), "ocr_cls": (classifier, 30), "silero_vad_sequence": (voice, 20)}


def main():
    sinter._aligned = guarded
    score = Score()
    choose, dice = random.Random(5), np.random.default_rng(5)
    for name in [a for a in sys.argv[1:] if not a.startswith("-")] or list(SHAPES):
        make, count = SHAPES[name]
        case = catalogue.case(name)
        path = compile_model(case.model, name)
        if not score.check(path, f"{name}: does not compile"):
            continue
        model, session = sinter.Model(path, threads=1), reference(case.model)
        for feeds in [make(choose, dice) for _ in range(count)] + EDGES[name]():
            text = f"{name} {[list(value.shape) for value in feeds.values()]}"
            try:
                theirs = reference_outputs(session, feeds)
            except Exception as problem:  # of any kind: it refuses
                theirs, why = None, str(problem)
            try:
                ours = model.run({key: at_guard(value) for key, value in feeds.items()})
            except sinter.SinterError as problem:
                names = any(place in str(problem) for place in ("node '", "input '"))
                score.check(theirs is None and problem.code == -2 and names, f"{text}: {problem}")
                continue
            if theirs is None:
                score.check(True, why)  # we take what ONNX Runtime does not
                continue
            gap = error(ours, theirs)
            # Some inputs are hard: plain fp32 is off by more than ONNX Runtime's limit.
            # Then the evaluator judges, by the error that fp32 has there.
            if gap > 1e-4 and (verified(case.model, feeds, "onnxruntime") or
                               gap < 1e-2 and verified(case.model, feeds, "evaluator")):
                gap = 0
            score.check(gap <= 1e-4, f"{text}: error {gap:.2e}")
            del ours
            model._memory.clear()
    score.exit()


main()
