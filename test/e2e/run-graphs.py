# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Random graphs (smith.py) against ONNX Runtime without its optimiser: the same numbers,
# also at other sizes where sizes are open. What ONNX Runtime cannot run at those sizes
# may be refused, in words. Each graph has a seed; one that fails is kept.
#
#   test/e2e/run-graphs.py [--deep] [--first SEED] [--count N] [--jobs N] [--keep FOLDER]
import argparse
import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import tempfile

import numpy as np
import onnx

import smith
import smith_nets  # noqa: F401  (the rules register themselves)
import smith_rules  # noqa: F401
from e2e import SINTER, WORK, Score


def build(seed):
    """(model, feeds, feeds at other sizes or None)"""
    rng = np.random.default_rng(seed)
    s = smith.Smith(rng)
    s.grow(s.between(3, 12))
    mode = s.pick(("fixed", "shared", "shared", "own", "mixed"))
    other = {d: s.pick((1, 2, 3, 5, 6, 11)) if d != 1 else 1 for d in range(0, 200)}

    def dims(name, shape):
        if mode == "fixed":
            return shape
        return [d if d == 1 or mode == "mixed" and s.chance(0.5) else f"d{d}" if mode != "own" else f"{name}_{i}"
                for i, d in enumerate(shape)]
    model = s.model(dims)
    feeds = {n: s.values[n] for n in s.inputs}
    again = None
    if mode != "fixed":
        again = {}
        for value in model.graph.input:
            shape = [other.get(was, was) if dim.dim_param else was for dim, was in
                     zip(value.type.tensor_type.shape.dim, feeds[value.name].shape)]
            array = feeds[value.name]
            again[value.name] = np.resize(array, shape) if array.size else np.zeros(shape, array.dtype)
    return model, feeds, again


def reference(model, feeds):
    names = [x.name for x in model.graph.output]
    return dict(zip(names, smith.run_alone(model, feeds)))


def differs(found, wanted):
    """A reason, or None."""
    for name, right in wanted.items():
        if name not in found:
            return f"{name} is missing"
        ours = found[name]
        if ours.shape != right.shape or ours.dtype != right.dtype:
            return f"{name} is {ours.dtype}{list(ours.shape)}, expected {right.dtype}{list(right.shape)}"
        if right.size == 0:
            continue
        if right.dtype.kind != "f":
            if not np.array_equal(ours, right):
                return f"{name}: {int(np.sum(ours != right))} of {right.size} integers differ"
            continue
        a, b = ours.astype(np.float64), right.astype(np.float64)
        scale = max(np.abs(b[np.isfinite(b)]).max(initial=0), 1e-2)
        with np.errstate(invalid="ignore"):
            good = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= 2e-4 * scale + 1e-3 * np.abs(b))
        if not good.all():
            return f"{name}: {int((~good).sum())} of {good.size} differ, {a[~good][0]:g} for {b[~good][0]:g}"
    return None


def execute(object_, feeds, place, threads):
    given, got = os.path.join(place, "in.npz"), os.path.join(place, "out.npz")
    np.savez(given, **feeds)
    done = subprocess.run([SINTER, "run", object_, "--inputs", given, "--outputs", got, "--threads", threads],
                          capture_output=True, text=True, errors="replace", timeout=60)
    if done.returncode == 0:
        with np.load(got) as data:
            return 0, dict(data)
    return done.returncode, done.stderr[-700:]


def judge(seed, keep=""):
    """None, or what is wrong."""
    signal.alarm(60)  # some windows keep ONNX Runtime busy for ever
    model, feeds, again = build(seed)
    signal.alarm(0)
    if not model.graph.output:
        return None
    try:
        wanted = reference(model, feeds)
    except Exception:
        return None  # each node runs alone, not so the whole
    with tempfile.TemporaryDirectory(dir=WORK) as place:
        path = os.path.join(keep or place, f"graph-{seed}.onnx")
        onnx.save(model, path)
        fault = judge_files(path, model, feeds, again, wanted, place)
    if keep:
        np.savez(os.path.join(keep, f"graph-{seed}.npz"), **feeds)
        if again:
            np.savez(os.path.join(keep, f"graph-{seed}-again.npz"), **again)
    return fault


def judge_files(path, model, feeds, again, wanted, place):
    out = os.path.join(place, "m.so")
    try:
        done = subprocess.run([SINTER, "compile", path, "-o", out, "--isa", "native", "--jobs", "1"],
                              capture_output=True, text=True, errors="replace", timeout=120)
        if done.returncode:
            return f"compile exits with {done.returncode}: {done.stderr[-700:]}"
        threads = "1" if len(model.graph.node) % 2 else "2"
        status, found = execute(out, feeds, place, threads)
        if status:
            return f"run exits with {status}: {found}"
        fault = differs(found, wanted)
        if fault or again is None:
            return fault
        try:
            wanted = reference(model, again)
        except Exception:
            wanted = None
        status, found = execute(out, again, place, threads)
        if status == 0:
            fault = wanted and differs(found, wanted)
            return fault and "at other sizes " + fault
        if status != 4 or wanted is not None:
            return f"run at other sizes exits with {status}: {found}"
        return None
    except subprocess.TimeoutExpired as slow:
        return f"takes too long: {slow}"


def judge_apart(seeds, keep, report):
    """judge() in another process, for ONNX Runtime may end it: it goes on behind that graph."""
    while seeds:
        command = [sys.executable, __file__, "--seeds", ",".join(map(str, seeds)), "--keep", keep]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        done = 0
        for line in child.stdout:
            if line.startswith("{"):
                result = json.loads(line)
                report(result["seed"], result["fault"])
                done += 1
        child.wait()
        for seed in seeds[done:done + 1]:
            report(seed, None)  # ONNX Runtime's own crash or hang: nothing to compare with
        seeds = seeds[done + 1:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seeds", help=argparse.SUPPRESS)
    parser.add_argument("--keep", default="")
    options, _ = parser.parse_known_args()
    count = options.count or (2000 if options.deep else 40)
    if options.seeds:
        for seed in map(int, options.seeds.split(",")):
            fault = judge(seed)
            if fault and options.keep:
                os.makedirs(options.keep, exist_ok=True)
                judge(seed, options.keep)
            print(json.dumps({"seed": seed, "fault": fault}), flush=True)
        return
    score = Score()
    last = options.first + count
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for first in range(options.first, last, 20):
            pool.submit(judge_apart, range(first, min(first + 20, last)), options.keep,
                        lambda seed, fault: score.check(not fault, f"graph {seed}: {fault}"))
    score.exit()


if __name__ == "__main__":
    main()
