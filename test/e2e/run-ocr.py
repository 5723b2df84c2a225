# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The OCR program reads the shipped pictures exactly, and reads ten new ones, drawn
# from the seed of the day or from --seed, exactly as ONNX Runtime does.
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.environ["SINTER_ROOT"]
EXAMPLE = os.path.join(ROOT, "examples", "ocr")
sys.path.insert(0, EXAMPLE)

import steps  # noqa: E402


def compare(title, ours, wanted):
    counts = [0, 0]
    for name, text in wanted.items():
        got = ours.get(name, ("nothing",))[0]
        counts[got != text] += 1
        if got != text:
            print(f"{title} {name}: read {got!r}, expected {text!r}")
    return counts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=int(time.time()) // 86400)
    parser.add_argument("--deep", action="store_true")
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="sinter-ocr-")
    try:
        ocr = steps.Ocr(os.environ["SINTER_BUILD"], work)
        error = ocr.compile() or ocr.link()
        if error:
            print(error)
            print("0 passed, 24 failed, 0 skipped")
            return 1
        shipped = os.path.join(EXAMPLE, "pictures")
        passed, failed = compare("shipped", ocr.read(shipped)[0], steps.expected(shipped))
        fresh = os.path.join(work, "new")
        subprocess.run([sys.executable, os.path.join(EXAMPLE, "render.py"), "--seed",
                        str(options.seed), "-o", fresh], check=True)
        theirs = {name: row[0] for name, row in ocr.reference(fresh, 1)[0].items()}
        counts = compare(f"seed {options.seed}", ocr.read(fresh)[0], theirs)
        print(f"{passed + counts[0]} passed, {failed + counts[1]} failed, 0 skipped")
        return 1 if failed + counts[1] else 0
    finally:
        shutil.rmtree(work, ignore_errors=True)


sys.exit(main())
