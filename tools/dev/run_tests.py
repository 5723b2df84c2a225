# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Runs every check of the built tree and adds their results up. There are three
# kinds of check, and each brings its own counts:
#   - a GoogleTest binary: its JSON report
#   - lit: its JSON report
#   - a script: its last line `N passed, N failed, N skipped`, or, when it prints
#     none, one test that passed if it exited with 0
# Checks that mostly wait (BESIDE) begin first and run beside the others.
#
# A skip is right only where a machine lacks a GPU or an instruction set, and the
# skipped test must say so; any other skip is counted as a failure.
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import time

TOTALS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")
# LLVM's libraries are not instrumented: containers that they fill and arenas that
# they poison would look wrong to our code. They are never torn down either.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_container_overflow=0:allow_user_poisoning=0:detect_odr_violation=0:"
                    "detect_leaks=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}
BESIDE = ("test/e2e/run-serve-soak.py",)
RIGHT_REASON = re.compile(r"no GPU|no CUDA device|lacks the instruction set", re.I)


class Counts:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


class Runner:
    def __init__(self, root, build, deep):
        self.root, self.build, self.deep = root, build, deep
        self.python = os.environ.get("SINTER_PYTHON", sys.executable)
        self.env = dict(os.environ, SINTER_BUILD=build, SINTER_ROOT=root)
        self.env["PATH"] = os.path.join(build, "bin") + os.pathsep + os.environ["PATH"]
        self.work = tempfile.mkdtemp(prefix="sinter-test-")

    def run(self, command):
        done = subprocess.run(
            command, cwd=self.root, env=self.env, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def unit(self, name):
        report = os.path.join(self.work, name + ".json")
        status, output = self.run(
            [os.path.join(self.build, "bin", "unit", name), "--gtest_output=json:" + report])
        counts = Counts()
        try:
            with open(report) as file:
                suites = json.load(file)["testsuites"]
        except (OSError, ValueError):
            return Counts(failed=1), output + f"\nexit status {status} and no report"
        for suite in suites:
            for case in suite["testsuite"]:
                if case.get("result") == "SKIPPED":
                    right = RIGHT_REASON.search(output)
                    counts.add(Counts(skipped=1) if right else Counts(failed=1))
                elif "failures" in case:
                    counts.add(Counts(failed=1))
                else:
                    counts.add(Counts(passed=1))
        if status != 0 and counts.failed == 0:
            counts.failed += 1
        return counts, output

    def lit(self):
        prefix = subprocess.run(["llvm-config-22", "--bindir"], text=True,
                                capture_output=True, check=True).stdout.strip()
        report = os.path.join(self.work, "lit.json")
        _, output = self.run([os.path.join(prefix, "lit"), "-v", "-j2", "-o", report,
                              os.path.join(self.build, "test")])
        counts = Counts()
        try:
            with open(report) as file:
                tests = json.load(file)["tests"]
        except (OSError, ValueError):
            return Counts(failed=1), output
        for test in tests:
            if test["code"] in ("PASS", "XFAIL", "FLAKYPASS"):
                counts.passed += 1
            else:
                counts.failed += 1
        return counts, output

    def script(self, path):
        command = [self.python, path] if path.endswith(".py") else [path]
        status, output = self.run(command + (["--deep"] if self.deep else []))
        lines = output.strip().splitlines()
        match = TOTALS.match(lines[-1]) if lines else None
        if match is None:
            return (Counts(passed=1) if status == 0 else Counts(failed=1)), output
        counts = Counts(*map(int, match.groups()))
        if status != 0 and counts.failed == 0:
            counts.failed = 1
        if counts.skipped and not RIGHT_REASON.search(output):
            counts.failed += counts.skipped
            counts.skipped = 0
        return counts, output

    def checks(self):
        yield "tools/dev/check-house", lambda: self.script("tools/dev/check-house")
        yield "tools/dev/format", lambda: self.script("tools/dev/format")
        with open(os.path.join(self.build, "unit-tests.txt")) as file:
            for name in file.read().split():
                yield "unit/" + name, lambda name=name: self.unit(name)
        yield "lit", self.lit
        scripts = []
        for folder, _, files in os.walk(os.path.join(self.root, "test")):
            scripts += [os.path.relpath(os.path.join(folder, file), self.root)
                        for file in files if re.fullmatch(r"run-.*\.py", file)]
        for path in sorted(scripts):
            yield path, lambda path=path: self.script(path)

    def sanitized_checks(self):
        """What runs the whole compiler: its unit tests, lit, broken and good models."""
        with open(os.path.join(self.build, "unit-tests.txt")) as file:
            for name in file.read().split():
                yield "sanitize/unit/" + name, lambda name=name: self.unit(name)
        yield "sanitize/lit", self.lit
        for path in ("test/bad/run-bad-models.py", "test/bad/run-mutated-models.py",
                     "test/import/run-versions.py", "test/conformance/run-node-cases.py"):
            yield "sanitize/" + path, lambda path=path: self.script(path)


def timed(check):
    start = time.monotonic()
    counts, output = check()
    return counts, output, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("build")
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    runner = Runner(options.root, options.build, options.deep)
    total = Counts()
    checks = list(runner.checks())
    if options.deep:
        sanitized = Runner(options.root, os.path.join(options.root, "build-sanitize"), False)
        sanitized.env.update(SANITIZERS)
        checks += sanitized.sanitized_checks()
    checks = [(name, check) for name, check in checks if options.only in name]
    with concurrent.futures.ThreadPoolExecutor(len(BESIDE)) as pool:
        beside = {name: pool.submit(timed, check) for name, check in checks if name in BESIDE}
        for name, check in sorted(checks, key=lambda item: item[0] in beside):
            counts, output, seconds = beside[name].result() if name in beside else timed(check)
            total.add(counts)
            if counts.failed:
                print("\n".join("    " + line for line in output.splitlines()[-200:]))
            elif counts.skipped:
                print("\n".join("    " + l for l in output.splitlines() if RIGHT_REASON.search(l)))
            print(f"{'FAIL' if counts.failed else 'ok  '} {name}: {counts} ({seconds:.1f} s)", flush=True)
    subprocess.run(["rm", "-rf", runner.work], check=False)
    print(total)
    return 1 if total.failed or total.passed == 0 else 0


sys.exit(main())
