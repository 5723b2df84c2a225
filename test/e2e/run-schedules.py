# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Schedules from a file, and reports: a record changes the schedule and no bit of the
# result; one that is stale or that the machine cannot run is skipped with a note; a
# report holds every kernel and is one page without anything outside of it.
import html.parser
import json
import os
import subprocess

import numpy as np

from e2e import ROOT, SINTER, WORK, Score, same_bits, sinter

MODEL = os.path.join(WORK, "conv.onnx")
counter = iter(range(1000))


def compile_with(*options):
    out = os.path.join(WORK, f"s{next(counter)}.so")
    done = subprocess.run([SINTER, "compile", MODEL, "-o", out, "--isa", "x86-64-v3", *options],
                          capture_output=True, text=True)
    return done.returncode, done.stderr, out


def report(*options):
    path = os.path.join(WORK, f"r{next(counter)}.json")
    code, text, out = compile_with("--report", path, *options)
    assert code == 0, text
    with open(path, encoding="utf-8") as file:
        return json.load(file), text, out


def records(*rows):
    path = os.path.join(WORK, f"f{next(counter)}.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        file.write("# measured\n\n" + "\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    return path


def tile(found, key):
    kernel = next(k for k in found["kernels"] if k["key"] == key)
    schedule = kernel["schedules"][0]
    return schedule["tile_m"], schedule["tile_n"], schedule["unroll"], schedule["prefetch"]


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.outside = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.outside += [v for n, v in attributes if n in ("src", "href")]


def check_report(score):
    found, _, _ = report()
    score.check(abs(sum(k["share"] for k in found["kernels"]) - 1) < 1e-6, "shares do not sum to 1")
    nodes = {n for k in found["kernels"] for n in k["nodes"]}
    score.check({"conv1", "conv2", "head"} <= nodes, f"nodes: {nodes}")
    conv = next(k for k in found["kernels"] if "conv2" in k["nodes"])
    pixels = found["reference"]["H"] // 2 * (found["reference"]["W"] // 2)
    score.check(conv["macs"] == pixels * 32 * 16 * 9, f"multiply-adds of conv2: {conv['macs']}")
    score.check(found["arena"] and found["passes"], "no memory plan or passes")
    for a in found["arena"]:
        score.check(not any(a["first"] <= b["last"] and b["first"] <= a["last"] and a is not b and
                            a["offset"] < b["offset"] + b["bytes"] and b["offset"] < a["offset"] + a["bytes"]
                            for b in found["arena"]), f"overlaps another buffer: {a}")
    score.check(any(b["first"] > 0 for b in found["arena"]), "every buffer lives from the start")
    path = os.path.join(WORK, "page.html")
    code, text, _ = compile_with("--report", path)
    score.check(code == 0, text)
    page = Page()
    with open(path, encoding="utf-8") as file:
        page.feed(file.read())
    score.check(page.tags.count("rect") == len(found["arena"]), "a rectangle for each buffer")
    score.check(page.tags.count("tr") >= len(found["kernels"]) + len(found["passes"]), "rows")
    score.check(not page.outside, f"reaches outside: {page.outside}")
    for name, text in (("r.txt", "neither .html nor .json"), ("none/r.json", "SINTER-O001")):
        code, found, _ = compile_with("--report", os.path.join(WORK, name))
        score.check(code == (2 if name == "r.txt" else 5) and text in found, f"{name}: {code} {found}")
    code, found, _ = compile_with("--report", "-x.json", "--emit", "graph")
    score.check(code == 2, f"--report and --emit: {code}")


def main():
    score = Score()
    subprocess.run(["python3" if not os.environ.get("SINTER_PYTHON") else os.environ["SINTER_PYTHON"],
                    os.path.join(ROOT, "test", "e2e", "Inputs", "small.py"), "conv", MODEL], check=True)
    check_report(score)
    plain, _, out = report()
    conv = next(k for k in plain["kernels"] if "conv2" in k["nodes"])
    key = conv["key"]
    record = {"define": key, "isa": "x86-64-v3", "uarch": "znver3", "emitter": 1,
              "tile_m": 5, "tile_n": 16, "unroll": 2, "prefetch": 0, "ns": 1234}
    score.check(tile(plain, key) != (5, 16, 2, 0), "the model chose the test's tile itself")
    tuned, text, tuned_out = report("--schedules", records({**record, "tile_m": 2}, record))
    score.check(tile(tuned, key) == (5, 16, 2, 0), f"the record is not used: {tile(tuned, key)}")
    score.check("skipped" not in text, text)
    feeds = {"x": np.random.default_rng(1).standard_normal((2, 3, 17, 23)).astype(np.float32)}
    score.check(same_bits(sinter.Model(out).run(feeds), sinter.Model(tuned_out).run(feeds)),
                "a schedule changed the result")
    for change, why in (({"tile_m": 12}, "does not fit the registers"), ({"tile_n": 24}, "whole panels"),
                        ({"unroll": 0}, "unroll is 0"), ({"emitter": 99}, "emitter 99")):
        found, text, _ = report("--schedules", records({**record, **change}))
        score.check(tile(found, key) == tile(plain, key), f"{change} was used")
        score.check("note: the schedule of" in text and why in text, f"{change}: {text}")
    for other in ({"define": "00"}, {"isa": "x86-64-v4"}, {"uarch": "znver9"}):
        found, text, _ = report("--schedules", records({**record, **other}))
        score.check(tile(found, key) == tile(plain, key) and "skipped" not in text, f"{other}: {text}")
    for line, why in (("{", ":3: "), ("[]", "expected an object"), ('{"define": "x"}', "lacks the text 'isa'"),
                      (json.dumps({**record, "unroll": "two"}), "lacks the number 'unroll'")):
        code, text, _ = compile_with("--schedules", records(line))
        score.check(code == 2 and why in text, f"{line}: {code} {text}")
    code, text, _ = compile_with("--schedules", os.path.join(WORK, "nowhere.jsonl"))
    score.check(code == 2 and "nowhere.jsonl" in text, f"no file: {code} {text}")
    score.exit()


main()
