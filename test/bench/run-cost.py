# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# bench/cost on two small models: every figure is there, and memory, which does not
# depend on how busy the machine is, keeps its limits: that of a compile, and weights
# + arena + 8 MB of a run.
import json
import os
import subprocess
import sys
import tempfile

ROOT, BUILD = os.environ["SINTER_ROOT"], os.environ["SINTER_BUILD"]
NAMES = ["silero_vad", "squeezenet"]
MEMORY = {"peak PSS", "resident"}


def main():
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "cost.json")
        done = subprocess.run([os.path.join(ROOT, "bench", "cost"), *NAMES, "--build", BUILD,
                               "--json", path], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=dict(os.environ, SINTER_PYTHON=sys.executable))
        if not os.path.exists(path):
            print(done.stdout)
            return 1
        with open(path) as file:
            rows = json.load(file)
    results = [[row["name"] for row in rows] == NAMES]
    for row in rows:
        figures = {key: value for key, value in row.items() if key not in ("name", "over")}
        results += [min(figures.values()) > 0, not MEMORY & set(row["over"]),
                    row["resident_mb"] > row["weights_mb"] / 2]
        if not all(results[-3:]):
            print(json.dumps(row))
    print(f"{results.count(True)} passed, {results.count(False)} failed, 0 skipped")
    return 0 if all(results) else 1


sys.exit(main())
