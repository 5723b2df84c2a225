# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Runs every check of the built tree and adds their results up. There are three
# kinds of check, and each brings its own counts:
#   - a GoogleTest binary: its JSON report
#   - lit: its JSON report
#   - a script: its last line `N passed, N failed, N skipped`, or, when it prints
#     none, one test that passed if it exited with 0
# A skip is right only where a machine lacks a GPU or an instruction set, and the
# skipped test must say so; any other skip is counted as a failure.
#
# As many checks run at once as there are processors, the longest first, by what they
# took on this machine the last time; those that mostly wait (BESIDE) have lanes of
# their own. --times prints what took longest.
import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

TOTALS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")
# LLVM's libraries are not instrumented: containers that they fill and arenas that
# they poison would look wrong to our code. They are never torn down either.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_container_overflow=0:allow_user_poisoning=0:detect_odr_violation=0:"
                    "detect_leaks=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}
# Scripts of --deep that run the compiler which has the sanitizers. Not those that
# limit its address space, of which ASan takes terabytes, or that measure its memory.
SANITIZED = (
    "test/bad/run-bad-models.py", "test/bad/run-mutated-models.py",
    "test/bad/run-random-nodes.py", "test/conformance/run-border-cases.py",
    "test/conformance/run-compiled-cases.py",
    "test/conformance/run-contrib-cases.py", "test/conformance/run-node-cases.py",
    "test/conformance/run-small-types.py", "test/e2e/run-graphs.py", "test/e2e/run-random.py",
    "test/e2e/run-repack.py", "test/e2e/run-schedules.py", "test/e2e/run-shapes.py",
    "test/e2e/run-texts.py", "test/import/run-versions.py")
TIMES = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")),
                     "sinter", "test-times.json")
# What comes first where nothing was measured yet.
LONGEST = ("test/conformance/run-compiled-cases.py", "test/e2e/run-models.py", "lit",
           "test/fuzz/run-fuzz.py", "test/e2e/run-architectures.py", "unit/ExternTest",
           "test/bad/run-mutated-models.py", "unit/VectorMathTest", "test/house/run-readme.py")
BESIDE = ("test/e2e/run-serve-soak.py", "test/house/run-serving.py")
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

    def run(self, command, **variables):
        done = subprocess.run(
            command, cwd=self.root, env=dict(self.env, **variables), text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def unit(self, name):
        # A folder for each: the same tests, with and without sanitizers, run side by side.
        folder = tempfile.mkdtemp(dir=self.work)
        report = os.path.join(folder, "report.json")
        status, output = self.run(
            [os.path.join(self.build, "bin", "unit", name), "--gtest_output=json:" + report],
            TMPDIR=folder, TEST_TMPDIR=folder)
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
        """What runs the whole compiler: its unit tests, lit, broken and good models. Not
        what measures, and not the server: test/san has its tests."""
        with open(os.path.join(self.build, "unit-tests.txt")) as file:
            for name in file.read().split():
                yield "sanitize/unit/" + name, lambda name=name: self.unit(name)
        yield "sanitize/lit", self.lit
        for path in SANITIZED:
            yield "sanitize/" + path, lambda path=path: self.script(path)


class Lanes:
    """Runs checks side by side and prints each when it has ended."""

    def __init__(self, checks):
        try:
            with open(TIMES) as file:
                self.known = json.load(file)
        except (OSError, ValueError):
            self.known = {}
        self.total, self.times, self.lock = Counts(), {}, threading.Lock()
        ordered = sorted(checks, key=lambda check: -self.expected(check[0]))
        self.busy = collections.deque(c for c in ordered if c[0] not in BESIDE)
        self.waiting = collections.deque(c for c in ordered if c[0] in BESIDE)

    def expected(self, name):
        listed = 1e6 - LONGEST.index(name) if name in LONGEST else 0
        return self.known.get(name, listed)

    def lane(self, queue):
        while True:
            try:
                name, check = queue.popleft()
            except IndexError:
                return
            start = time.monotonic()
            try:
                counts, output = check()
            except Exception as problem:  # a lane that ends in silence would hide the rest
                counts, output = Counts(failed=1), f"the check could not run: {problem!r}"
            self.report(name, counts, output, time.monotonic() - start)

    def report(self, name, counts, output, seconds):
        with self.lock:
            self.total.add(counts)
            self.times[name] = round(seconds, 2)
            if counts.failed:
                print("\n".join("    " + line for line in output.splitlines()[-200:]))
            elif counts.skipped:
                print("\n".join("    " + l for l in output.splitlines() if RIGHT_REASON.search(l)))
            print(f"{'FAIL' if counts.failed else 'ok  '} {name}: {counts} ({seconds:.1f} s)", flush=True)

    def run(self):
        queues = [self.busy] * (os.cpu_count() or 1) + [self.waiting] * len(BESIDE)
        lanes = [threading.Thread(target=self.lane, args=(queue,)) for queue in queues]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        self.remember()

    def remember(self):
        try:
            with open(TIMES + f".{os.getpid()}", "w") as file:
                json.dump(dict(self.known, **self.times), file, indent=0, sort_keys=True)
            os.replace(TIMES + f".{os.getpid()}", TIMES)
        except OSError:
            pass  # only the order of the next run is lost

    def print_times(self):
        print(f"{sum(self.times.values()):7.1f} s in all lanes together; the longest:")
        for name, seconds in sorted(self.times.items(), key=lambda item: -item[1])[:25]:
            print(f"{seconds:7.1f} s {name}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("build")
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--times", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    runner = Runner(options.root, options.build, options.deep)
    checks = list(runner.checks())
    if options.deep:
        sanitized = Runner(options.root, os.path.join(options.root, "build-sanitize"), False)
        sanitized.env.update(SANITIZERS)
        checks += sanitized.sanitized_checks()
    checks = [check for check in checks if options.only in check[0]]
    if not checks:
        print(f"no check has {options.only!r} in its name")
    lanes = Lanes(checks)
    lanes.run()
    subprocess.run(["rm", "-rf", runner.work], check=False)
    if options.times:
        lanes.print_times()
    print(lanes.total)
    return 1 if lanes.total.failed or lanes.total.passed == 0 else 0


sys.exit(main())
