# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# ONNX's own node cases through the importer and the reference evaluator, and once
# more with the simplifications in between. A case in passing.txt must pass. One that is not in it and passes must be added, so the
# list never falls behind:
#
#   test/conformance/run-node-cases.py [--update] [--reasons] [--only TEXT]
import argparse
import collections
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIST = os.path.join(HERE, "passing.txt")


def cases_folder():
    import onnx
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    folder = os.path.join(cache, "sinter", f"node-cases-{onnx.__version__}")
    if not os.path.exists(os.path.join(folder, "complete")):
        subprocess.run([sys.executable, os.path.join(HERE, "dump_node_cases.py"), folder],
                       check=True, stderr=subprocess.DEVNULL)
        open(os.path.join(folder, "complete"), "w").close()
    return folder


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


def operators_of(folder, name):
    with open(os.path.join(folder, name, "about")) as file:
        return file.read().split()[0].split("+")


def print_counts(folder, outcomes):
    total, passed = collections.Counter(), collections.Counter()
    for name, (status, _) in outcomes.items():
        operators = operators_of(folder, name)
        if len(operators) == 1:  # expanded functions would count for everything
            total[operators[0]] += 1
            passed[operators[0]] += status == "pass"
    columns = [f"{name} {passed[name]}/{total[name]}" for name in sorted(total)]
    for i in range(0, len(columns), 5):
        print("  ".join(f"{column:26}" for column in columns[i:i + 5]).rstrip())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--reasons", action="store_true")
    parser.add_argument("--only", default="")
    options, _ = parser.parse_known_args()
    build = os.environ.get("SINTER_BUILD", os.path.join(ROOT, "build"))
    folder = cases_folder()
    names = sorted(n for n in os.listdir(folder)
                   if options.only in n and os.path.isdir(os.path.join(folder, n)))
    tool = os.path.join(build, "bin", "sinter-node-test")
    outcomes = run([tool], folder, names)
    passing = {name for name, (status, _) in outcomes.items() if status == "pass"}
    if options.update and not options.only:
        with open(LIST, "w") as file:
            file.write("".join(name + "\n" for name in sorted(passing)))
    with open(LIST) as file:
        expected = {name for name in file.read().split() if options.only in name}

    print_counts(folder, outcomes)
    counts = collections.Counter(status for status, _ in outcomes.values())
    print("all cases:", ", ".join(f"{counts[s]} {s}" for s in ("pass", "fail", "refused", "crash")))
    failed = 0
    for name in sorted(set(outcomes) | expected):
        status, reason = outcomes.get(name, ("missing", ""))
        if options.reasons and status != "pass":
            print(f"{status} {name}: {reason}")
        if name in expected and status != "pass":
            print(f"FAIL {name}: {status}, {reason}")
            failed += 1
        elif name not in expected and status in ("pass", "crash"):
            why = "passes: run with --update and commit passing.txt" if status == "pass" else reason
            print(f"FAIL {name}: {why}")
            failed += 1
    simplified = run([tool, "--simplify"], folder, sorted(expected))
    for name, (status, reason) in simplified.items():
        if status != "pass":
            print(f"FAIL {name}, simplified: {status}, {reason}")
            failed += 1
    passed = len(expected & passing) + sum(s == "pass" for s, _ in simplified.values())
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
