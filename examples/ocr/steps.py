# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The steps of the OCR example, for tools/dev/demo and for the tests: compile the
# model, link the program, read pictures with it and with ONNX Runtime.
import glob
import importlib.util
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def model_path():
    """PP-OCRv4's recogniser, out of a PyPI package of which only the files are used."""
    package = importlib.util.find_spec("rapidocr_onnxruntime")
    if package is None:
        raise SystemExit("the Python package rapidocr-onnxruntime is not installed; "
                         "tools/dev/test installs it")
    return os.path.join(package.submodule_search_locations[0], "models",
                        "ch_PP-OCRv4_rec_infer.onnx")


def run(command, **options):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)


def expected(folder):
    """Picture -> text, as rendered."""
    with open(os.path.join(folder, "pictures.txt"), encoding="utf-8") as file:
        return dict(line.rstrip("\n").split("\t") for line in file)


class Ocr:
    def __init__(self, build, work):
        self.build, self.work = build, work
        self.object = os.path.join(work, "ocr.o")
        self.program = os.path.join(work, "ocr")
        os.makedirs(work, exist_ok=True)

    def compile(self):
        """Returns an error text, or None."""
        done = run([os.path.join(self.build, "bin", "sinter"), "compile", model_path(),
                    "-o", self.object])
        return done.stdout if done.returncode != 0 else None

    def link(self):
        done = run(["clang++-22", "-std=c++17", "-O2", "-I" + self.work,
                    "-I" + os.path.join(ROOT, "runtime", "include"),
                    os.path.join(HERE, "main.cpp"), self.object,
                    os.path.join(self.build, "lib", "libsinter.a"),
                    "-lpng", "-pthread", "-ldl", "-o", self.program])
        return done.stdout if done.returncode != 0 else None

    def read(self, folder):
        """Picture -> (text, milliseconds), and the start in ms."""
        pictures = sorted(glob.glob(os.path.join(folder, "*.png")))
        started = str(time.monotonic_ns())
        return parse(run([self.program] + pictures,
                         env=dict(os.environ, OCR_STARTED_AT=started)))

    def reference(self, folder, threads):
        pictures = sorted(glob.glob(os.path.join(folder, "*.png")))
        return parse(run([sys.executable, os.path.join(HERE, "reference.py"), model_path(),
                          "--threads", str(threads)] + pictures))


def parse(done):
    if done.returncode != 0:
        raise SystemExit(done.stdout)
    result, start = {}, None
    for line in done.stdout.splitlines():
        cells = line.split("\t")
        if cells[0] == "start":
            start = float(cells[1])
        elif len(cells) == 3:
            # A space at an end is the margin of the picture, not text.
            result[cells[0]] = (cells[1].strip(), float(cells[2]))
    return result, start
