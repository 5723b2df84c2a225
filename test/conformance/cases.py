# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Where the node cases lie, how a case is compiled and run, and how a list of those that
# must pass is kept.
import argparse
import collections
import hashlib
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("SINTER_BUILD", os.path.join(ROOT, "build"))


def folder():
    """The dumped cases; other scripts or another version of onnx, another folder."""
    script = os.path.join(HERE, "dump_node_cases.py")
    digest = hashlib.sha256(onnx.__version__.encode())
    for source in (script, os.path.join(HERE, "freeze.py")):
        with open(source, "rb") as file:
            digest.update(file.read())
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    path = os.path.join(cache, "sinter", "node-cases-" + digest.hexdigest()[:12])
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        work = tempfile.mkdtemp(dir=os.path.dirname(path))
        subprocess.run([sys.executable, script, work], check=True, stderr=subprocess.DEVNULL)
        try:
            os.rename(work, path)
        except OSError:  # someone else was faster
            subprocess.run(["rm", "-rf", work], check=True)
    return path


def names(path, only=""):
    return sorted(name for name in os.listdir(path)
                  if only in name and os.path.isdir(os.path.join(path, name)))


def about(path, name):
    """(operators, relative tolerance, absolute tolerance)"""
    with open(os.path.join(path, name, "about")) as file:
        operators, relative, absolute = file.read().split()
    return operators.split("+"), float(relative), float(absolute)


def options(*flags):
    """What a script was told: the text that its cases contain, and which flags."""
    parser = argparse.ArgumentParser()
    for flag in flags:
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--only", default="")
    return parser.parse_known_args()[0]


def run_sinter(model, feeds, work, *more):
    """(exit status, what it said, {output: array}) of `sinter run` in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=work) as place:
        path = os.path.join(place, "model.onnx")
        given, got = os.path.join(place, "in.npz"), os.path.join(place, "out.npz")
        onnx.save(model, path)
        np.savez(given, **feeds)
        done = subprocess.run([os.path.join(BUILD, "bin", "sinter"), "run", path, "--inputs", given,
                               "--outputs", got, *more], cwd=place, timeout=300,
                              capture_output=True, text=True, errors="replace")
        if done.returncode:
            return done.returncode, done.stderr, {}
        with np.load(got) as arrays:
            return 0, done.stderr, dict(arrays)


def refusal(status, text):
    """The outcome of a case that did not run."""
    if status < 0:
        return "crash", f"signal {-status}"
    return "refused", f"{status}: " + text.replace("\n", " ")[:300]


def print_counts(path, outcomes):
    """Passed and all cases of each operator that a case tests alone."""
    total, passed = collections.Counter(), collections.Counter()
    for name, (status, _) in outcomes.items():
        operators = about(path, name)[0]
        if len(operators) == 1:
            total[operators[0]] += 1
            passed[operators[0]] += status == "pass"
    columns = [f"{name} {passed[name]}/{total[name]}" for name in sorted(total)]
    for i in range(0, len(columns), 5):
        print("  ".join(f"{column:26}" for column in columns[i:i + 5]).rstrip())
    counts = collections.Counter(status for status, _ in outcomes.values())
    print("all cases:", ", ".join(f"{n} {status}" for status, n in sorted(counts.items())))


def judge(outcomes, list_path, chosen):
    """Compares with the committed list; prints what is wrong, returns how much is."""
    update, only = chosen.update, chosen.only
    for name, (status, reason) in outcomes.items():
        if chosen.reasons and status != "pass":
            print(f"{status} {name}: {reason}")
    passing = {name for name, (status, _) in outcomes.items() if status == "pass"}
    if update and not only:
        with open(list_path, "w") as file:
            file.write("".join(name + "\n" for name in sorted(passing)))
    with open(list_path) as file:
        expected = {name for name in file.read().split() if only in name}
    failed = 0
    for name in sorted(set(outcomes) | expected):
        status, reason = outcomes.get(name, ("missing", ""))
        if name in expected and status != "pass":
            print(f"FAIL {name}: {status}, {reason}")
            failed += 1
        elif status == "crash":
            print(f"FAIL {name}: {reason}")
            failed += 1
    news = sorted(passing - expected)
    if news:
        print(f"{len(news)} cases pass and are not in {os.path.basename(list_path)} "
              f"(--update adds them): {', '.join(news[:20])}")
    return failed


def close(passed, failed):
    """The exit status, after the line that tells how it went."""
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0
