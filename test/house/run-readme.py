# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the README tells a reader to type, works. Lines of its `sh` blocks that start
# with `sinter` are run in an empty folder that holds one small model, model.onnx, in
# the order in which they stand; the `c` block is compiled against what they made.
# Scripts of the repository are only looked up: they are tests themselves.
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.environ["SINTER_ROOT"]
BUILD = os.environ["SINTER_BUILD"]
sys.path.insert(0, os.path.join(ROOT, "bench"))

import catalogue  # noqa: E402

results = []


def check(what, command, folder):
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          env=dict(os.environ, PATH=os.path.join(BUILD, "bin") + os.pathsep + os.environ["PATH"]))
    results.append(done.returncode == 0)
    if done.returncode != 0:
        print(f"{what}\n  exit status {done.returncode}\n{done.stdout[-1500:]}")


def main():
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    work = tempfile.mkdtemp(prefix="sinter-readme-")
    shutil.copy(catalogue.generated("squeezenet"), os.path.join(work, "model.onnx"))
    try:
        for block in re.findall(r"^```sh\n(.*?)^```", readme, re.M | re.S):
            for line in block.splitlines():
                line = line.split("#")[0].strip()
                if line.startswith("sinter "):
                    check(line, line.split(), work)
                elif re.match(r"(tools|bench)/", line):
                    results.append(os.access(os.path.join(ROOT, line.split()[0]), os.X_OK))
                    if not results[-1]:
                        print(f"{line}: no such script")
        for number, block in enumerate(re.findall(r"^```c\n(.*?)^```", readme, re.M | re.S)):
            source = os.path.join(work, f"readme{number}.c")
            with open(source, "w", encoding="utf-8") as file:
                file.write(block)
            check(f"the C of the README ({number + 1})",
                  ["clang-22", "-std=c11", "-Wall", "-Werror", "-I.",
                   "-I" + os.path.join(ROOT, "runtime", "include"), source, "model.o",
                   os.path.join(BUILD, "lib", "libsinter.a"), "-lm", "-pthread", "-ldl", "-o", "readme"], work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{results.count(True)} passed, {results.count(False)} failed, 0 skipped")
    return 0 if results and all(results) else 1


sys.exit(main())
