# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# ONNX's own node cases through the importer and the reference evaluator, and once
# more with the simplifications in between. A case in passing.txt must pass; --update
# adds those that pass beside:
#
#   test/conformance/run-node-cases.py [--update] [--reasons] [--only TEXT]
import os
import subprocess
import sys

import cases

LIST = os.path.join(cases.HERE, "passing.txt")


def run(command, folder, names):
    """Outcomes {name: (status, reason)}; a crash counts for the case that was running."""
    outcomes = {}
    rest = list(names)
    while rest:
        done = subprocess.run(command + [folder] + rest, stdout=subprocess.PIPE, text=True,
                              errors="replace", stderr=subprocess.PIPE)
        running = None
        for line in done.stdout.splitlines():
            status, _, text = line.partition(" ")
            name, _, reason = text.partition(": ")
            if status == "start":
                running = name
            elif status in ("pass", "fail", "refused"):
                outcomes[name] = (status, reason)
                running = None
        if running is None:
            break
        last = done.stderr.strip().splitlines()[-1:]
        outcomes[running] = ("crash", f"exit status {done.returncode} {' '.join(last)}")
        rest = rest[rest.index(running) + 1:]
    return outcomes


def main():
    options = cases.options("--update", "--reasons")
    folder = cases.folder()
    tool = os.path.join(cases.BUILD, "bin", "sinter-node-test")
    outcomes = run([tool], folder, cases.names(folder, options.only))
    cases.print_counts(folder, outcomes)
    failed = cases.judge(outcomes, LIST, options)
    passing = [name for name, (status, _) in outcomes.items() if status == "pass"]
    simplified = run([tool, "--simplify"], folder, passing)
    for name in passing:
        status, reason = simplified.get(name, ("missing", ""))
        if status != "pass":
            print(f"FAIL {name}, simplified: {status}, {reason}")
            failed += 1
    passed = len(passing) + sum(status == "pass" for status, _ in simplified.values())
    return cases.close(passed, failed)


sys.exit(main())
