# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What a newcomer types first: every script of tools/dev says what it does at --help,
# and refuses an option that it does not have before it installs, builds or writes.
import os
import subprocess

ROOT = os.environ["SINTER_ROOT"]
# script: what its help must name
SCRIPTS = {"check-house": "rules", "demo": "compiles a real model", "disassembly-gate": "--kernels",
           "docs": "--check", "dump-onnx-schemas": "--contrib", "format": "--fix",
           "fresh": "--keep", "record-triton": "--triton", "test": "--only"}
failed = []


def check(what, holds):
    if not holds:
        failed.append(what)
        print(f"FAIL {what}")


def run(name, option):
    path = os.path.dirname(os.environ["SINTER_PYTHON"]) + os.pathsep + os.environ["PATH"]
    return subprocess.run([os.path.join(ROOT, "tools", "dev", name), option], text=True,
                          timeout=60, capture_output=True, env=dict(os.environ, PATH=path))


scripts = {entry.name for entry in os.scandir(os.path.join(ROOT, "tools", "dev"))
           if entry.is_file() and os.access(entry.path, os.X_OK)}
check(f"the scripts are {sorted(scripts)}", scripts == set(SCRIPTS))
for script, text in SCRIPTS.items():
    done = run(script, "--help")
    check(f"{script} --help exits with {done.returncode}: {done.stderr}", done.returncode == 0)
    check(f"{script} --help does not name {text}: {done.stdout}", text in done.stdout)
    done = run(script, "--nonsense")
    check(f"{script} takes --nonsense", done.returncode in (1, 2))
    check(f"{script} does not say why: {done.stderr}",
          "--nonsense" in done.stderr or "are required" in done.stderr)
    check(f"{script} began: {done.stdout}", not done.stdout)
print(f"{5 * len(SCRIPTS) + 1 - len(failed)} passed, {len(failed)} failed, 0 skipped")
