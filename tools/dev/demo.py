# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What tools/dev/demo shows: PP-OCRv4's recogniser compiled, linked into a small C++
# program and reading the pictures of examples/ocr, beside ONNX Runtime.
import os
import sys

root, build = sys.argv[1:3]
sys.path.insert(0, os.path.join(root, "examples", "ocr"))

import steps  # noqa: E402


def megabytes(path):
    return f"{os.path.getsize(path) / 1e6:.1f} MB"


def wide(text, width):
    """Pads to `width` columns of a terminal; Chinese characters take two."""
    return text + " " * max(0, width - sum(2 if ord(c) > 0x2E80 else 1 for c in text))


def main():
    ocr = steps.Ocr(build, os.path.join(build, "demo"))
    print(f"== sinter compile {os.path.basename(steps.model_path())} -o ocr.o", flush=True)
    error = ocr.compile()
    if error:
        sys.exit(error)
    print("== linking examples/ocr/main.cpp with ocr.o", flush=True)
    error = ocr.link()
    if error:
        sys.exit(error)
    folder = os.path.join(root, "examples", "ocr", "pictures")
    threads = len(os.sched_getaffinity(0))
    wanted = steps.expected(folder)
    ours, our_start = ocr.read(folder)
    theirs, their_start = ocr.reference(folder, threads)
    print(f"\n{'picture':14} {'Sinter reads':46} {'ms':>8} {'ONNX Runtime ms':>16}")
    wrong = 0
    for name in sorted(wanted):
        text, time = ours.get(name, ("", 0.0))
        good = text == wanted[name] == theirs[name][0]
        wrong += not good
        print(f"{name:14} {wide(text, 46)} {time:8.2f} {theirs[name][1]:16.2f}"
              + ("" if good else f"   expected {wanted[name]!r}"))
    total = [sum(row[1] for row in rows.values()) for rows in (ours, theirs)]
    print(f"{'all':14} {'':46} {total[0]:8.2f} {total[1]:16.2f}   ({threads} threads)")
    print(f"\nmodel {megabytes(steps.model_path())}, object {megabytes(ocr.object)}, "
          f"executable {megabytes(ocr.program)}")
    print(f"start of the process to the first result: {our_start:.1f} ms; "
          f"ONNX Runtime, from its import on: {their_start:.1f} ms")
    print(f"{len(wanted) - wrong} of {len(wanted)} pictures read exactly")
    return 1 if wrong else 0


sys.exit(main())
