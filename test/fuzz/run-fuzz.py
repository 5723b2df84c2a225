# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs every fuzz target in build/bin/fuzz for 20 seconds, from the kept corpus.

With --deep half an hour each. A finding is written to build/fuzz/NAME/ and its
path printed; once fixed it belongs into test/fuzz/corpus/NAME/. Prints totals.
"""
import os
import pathlib
import subprocess
import sys

root = pathlib.Path(os.environ.get("SINTER_ROOT", pathlib.Path(__file__).resolve().parents[2]))
build = pathlib.Path(os.environ.get("SINTER_BUILD", root / "build"))
seconds = 1800 if "--deep" in sys.argv else 20
# These run code that prints what it refuses.
LOUD = ("FuzzArguments", "FuzzForeign")


def start(target):
    work = build / "fuzz" / target.name
    (work / "corpus").mkdir(parents=True, exist_ok=True)
    kept = root / "test" / "fuzz" / "corpus" / target.name
    log = open(work / "log.txt", "w")
    command = [target, f"-max_total_time={seconds}", "-rss_limit_mb=1024", "-timeout=10",
               f"-artifact_prefix={work}/", "-print_final_stats=1", work / "corpus"]
    command += [kept] if kept.is_dir() else []
    command += ["-close_fd_mask=3"] if target.name in LOUD else []
    return work, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT,
                                  env=dict(os.environ, ASAN_OPTIONS="allocator_may_return_null=1"))


def main():
    names = (root / "test" / "fuzz").glob("Fuzz*.cpp")
    targets = sorted(build / "bin" / "fuzz" / name.stem for name in names)
    failed = 0
    for first in range(0, len(targets), 2):
        for work, process in [start(target) for target in targets[first:first + 2]]:
            if process.wait():
                failed += 1
                print(f"{work.name} found a fault; see {work}")
                print("\n".join((work / "log.txt").read_text(errors="replace").splitlines()[-40:]))
    print(f"{len(targets) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
