# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The hot loops of every model of bench/catalogue.py as machine code: the object of
# each is handed to tools/dev/disassembly-gate. Its kernels come from the cache that
# the other tests filled. With --deep for every ISA, else for those that this machine
# compiles for.
#
#   run-disassembly.py [NAME...]
import os
import re
import subprocess
import sys

from e2e import ROOT, SINTER, WORK, Score, catalogue

GATE = os.path.join(ROOT, "tools", "dev", "disassembly-gate")


def compiled(model, out, *options):
    done = subprocess.run([SINTER, "compile", model, "-o", out, *options], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        print(f"{model}: compile exits with {done.returncode}\n{done.stdout[-1500:]}", flush=True)
    return done.returncode == 0


def judge(score, name, model, options):
    kernels, built = os.path.join(WORK, name + ".mlir"), os.path.join(WORK, name + ".o")
    good = (compiled(model, kernels, "--emit=kernel", *options)
            and compiled(model, built, "--weights", "file", *options))
    if not score.check(good, f"{name}: does not compile"):
        return
    done = subprocess.run([sys.executable, GATE, "--kernels", kernels, built], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    *lines, last = done.stdout.strip().splitlines() or [""]
    counts = re.fullmatch(r"(\d+) passed, (\d+) failed, 0 skipped", last)
    if score.check(counts, f"{name}: the gate ends with {last}"):
        score.passed += int(counts.group(1)) - 1
        score.failed += int(counts.group(2))
        for line in lines:
            print(line, flush=True)
    for file in os.listdir(WORK):
        if file.startswith(name + "."):
            os.remove(os.path.join(WORK, file))


def main():
    score, seen = Score(), set()
    isas = ["--isa", "x86-64-v4,x86-64-v3"] if "--deep" in sys.argv else []
    for name in [a for a in sys.argv[1:] if not a.startswith("-")] or list(catalogue.CASES):
        model = catalogue.case(name).model
        if model not in seen:
            seen.add(model)
            judge(score, name, model, isas)
    score.exit()


main()
