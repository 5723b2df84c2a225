# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A service whose build compiles its model: find_package(Sinter) and sinter_add_model as
# docs/embed.md shows them, in folders with spaces, against an installation and against
# the build folder. Another model is compiled again, nothing is when nothing changed,
# and what a CMake file says wrongly is an error in words.
import os
import re
import shutil
import subprocess
import sys
import tempfile

import onnx
from onnx import numpy_helper

ROOT = os.environ["SINTER_ROOT"]
BUILD = os.environ["SINTER_BUILD"]
HEAD = "cmake_minimum_required(VERSION 3.16)\nproject(service C)\nfind_package(Sinter 0.1 REQUIRED)\n"

KINDS = HEAD + """
sinter_add_model(loaded MODEL model.onnx LINK SHARED WEIGHTS FILE SHAPES x=2,64 ISA x86-64-v3 x86-64-v2)
sinter_add_model(served MODEL model.onnx LINK SERVER DIMS N=1..4 OPTIONS --batch 1,2)
add_custom_command(OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/made.onnx" DEPENDS model.onnx
  COMMAND "${CMAKE_COMMAND}" -E copy "${CMAKE_CURRENT_SOURCE_DIR}/model.onnx" made.onnx)
sinter_add_model(made MODEL "${CMAKE_CURRENT_BINARY_DIR}/made.onnx")
add_library(part STATIC part.c)
target_link_libraries(part PUBLIC made)
add_executable(service service.c)
target_link_libraries(service PRIVATE part made loaded)
target_compile_definitions(service PRIVATE "LOADED=\\"$<TARGET_PROPERTY:loaded,SINTER_FILE>\\"")
file(GENERATE OUTPUT served.txt CONTENT "$<TARGET_PROPERTY:served,SINTER_FILE>")
"""
PART = '#include "made.h"\nconst sinter_model *part(void) { return made_model(); }\n'
SERVICE = """#include "loaded.h"
#include "made.h"
#include <stdio.h>
const sinter_model *part(void);
int main(void) {
  const sinter_model *model;
  sinter_tensor_info info = {.size = sizeof info};
  if (part() != made_model() || sinter_load(LOADED, NULL, &model, NULL))
    return 1;
  sinter_tensor_info_of(model, LOADED_INPUT_x, &info);
  printf("%d rows\\n", (int)info.dim[0]);
  sinter_unload(model);
  return 0;
}
"""
WRONG = [
    ("sinter_add_model(m MODEL model.onnx VERSIONS 3)", "'VERSIONS;3' is unknown"),
    ("sinter_add_model(m MODEL absent.onnx)", r"MODEL '[^']*absent\.onnx' is no file"),
    ("sinter_add_model(m LINK OBJECT)", "MODEL is missing"),
    ("sinter_add_model(m MODEL model.onnx ISA)", "nothing stands behind ISA"),
    ("sinter_add_model(m MODEL model.onnx LINK STATIC)", "'STATIC', expected OBJECT or SHARED or SERVER"),
    ("sinter_add_model(m MODEL model.onnx LINK SERVER WEIGHTS FILE)", "leave out WEIGHTS FILE"),
    ("sinter_add_model(m MODEL model.onnx DEPENDS m.data)", r"DEPENDS '[^']*m\.data' is no file"),
    ("sinter_add_model(m-1 MODEL model.onnx)", "the name begins those of C functions"),
    ("find_package(Sinter 1 REQUIRED)", 'compatible with requested version "1"'),
]

results = []


def expect(what, holds, output=""):
    results.append(bool(holds))
    if not holds:
        print(f"{what}\n{output[-3000:]}")


def run(command, folder, **variables):
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, CMAKE_GENERATOR="Ninja", **variables))
    return done.returncode, done.stdout


def write(folder, **files):
    os.makedirs(folder, exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(folder, name.replace("_", ".")), "w", encoding="utf-8") as file:
            file.write(text)


def scale_weights(path, factor):
    model = onnx.load(path)
    for weight in model.graph.initializer:
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * factor, weight.name))
    onnx.save(model, path)


def check_page(work, model):
    """The page's own project, installed, built, built again, and with another model."""
    with open(os.path.join(ROOT, "docs", "embed.md"), encoding="utf-8") as file:
        page = file.read()
    cmake, shell = re.search(r"^## In CMake\n.*?^```cmake\n(.*?)^```.*?^```sh\n(.*?)^```", page, re.M | re.S).groups()
    project = os.path.join(work, "a service")
    write(project, main_cpp=re.search(r"^```cpp\n(.*?)^```", page, re.M | re.S).group(1))
    write(project, **{"CMakeLists_txt": cmake})
    shutil.copy(model, os.path.join(project, "model.onnx"))
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    shell = shell.replace("SINTER/build", f'"{BUILD}"')
    status, output = run(["sh", "-ec", shell], project, HOME=work, XDG_CACHE_HOME=cache)
    expect("the commands of the page fail", status == 0 and "30 values, the first" in output, output)
    prefix = os.path.join(work, "sinter")
    for name in ("bin/sinter-server", "bin/sinter-engine", "include/sinter/sinter.hpp",
                 "lib/cmake/Sinter/SinterConfigVersion.cmake"):
        expect(f"{name} is not installed", os.path.isfile(os.path.join(prefix, name)))
    status, again = run(["cmake", "--build", "out"], project)
    expect("what has not changed is built again", status == 0 and "no work to do" in again, again)
    scale_weights(os.path.join(project, "model.onnx"), 3)
    status, rebuilt = run(["sh", "-ec", "cmake --build out && out/app"], project)
    lines = [text.strip().splitlines()[-1] for text in (output, rebuilt)]
    expect("a changed model is not compiled again",
           status == 0 and "30 values" in lines[1] and lines[0] != lines[1], rebuilt)
    return prefix


def check_kinds(work, model):
    """What is loaded, served, made by a command, linked twice; from the build folder."""
    project = os.path.join(work, "all kinds")
    write(project, CMakeLists_txt=KINDS, part_c=PART, service_c=SERVICE)
    shutil.copy(model, os.path.join(project, "model.onnx"))
    status, output = run(["cmake", "-B", "out", f"-DSinter_DIR={BUILD}"], project)
    expect("the project is not configured", status == 0, output)
    status, output = run(["sh", "-ec", "cmake --build out && out/service"], project)
    expect("the service does not run", status == 0 and output.endswith("2 rows\n"), output)
    try:
        with open(os.path.join(project, "out", "served.txt"), encoding="utf-8") as file:
            served = file.read()
    except OSError as problem:
        served = repr(problem)
    expect(f"there is no server: {served}", os.access(served, os.X_OK))


def check_wrong(work, model, prefix):
    project = os.path.join(work, "wrong")
    for line, words in WRONG:
        shutil.rmtree(project, ignore_errors=True)
        write(project, CMakeLists_txt=HEAD + line + "\n")
        shutil.copy(model, os.path.join(project, "model.onnx"))
        status, output = run(["cmake", "-B", "out", f"-DCMAKE_PREFIX_PATH={prefix}"], project)
        plain = " ".join(output.split())  # CMake breaks lines
        expect(f"{line}: exit status {status}, expected {words}", status != 0 and re.search(words, plain), output)


def main():
    work = os.path.join(tempfile.mkdtemp(prefix="sinter-cmake-"), "with spaces")
    os.makedirs(work)
    try:
        model = os.path.join(work, "mlp.onnx")
        subprocess.run([sys.executable, os.path.join(ROOT, "test", "e2e", "Inputs", "small.py"), "mlp", model],
                       check=True)
        prefix = check_page(work, model)
        check_kinds(work, model)
        check_wrong(work, model, prefix)
    finally:
        shutil.rmtree(os.path.dirname(work), ignore_errors=True)
    print(f"{results.count(True)} passed, {results.count(False)} failed, 0 skipped")
    return 0 if results and all(results) else 1


sys.exit(main())
