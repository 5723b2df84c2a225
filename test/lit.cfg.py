# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

# How lit finds and runs our tests. A test names tools plainly (sinter-opt,
# FileCheck, not): our binaries come first on PATH, then LLVM's.
import os
import shutil
import subprocess

import lit.formats

config.name = "sinter"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["unit", "inputs", "Inputs"]
config.test_source_root = os.path.join(config.sinter_source_dir, "test")
config.test_exec_root = os.path.join(config.sinter_build_dir, "test")

config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.sinter_build_dir, "bin"), config.llvm_bin_dir, os.environ["PATH"]]
)
config.environment["SINTER_LIBRARY"] = os.path.join(config.sinter_build_dir, "lib", "libsinter.so")
for name in ("HOME", "XDG_CACHE_HOME", "TMPDIR", "SINTER_PYTHON"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

config.substitutions.append(("%python", os.environ.get("SINTER_PYTHON", "python3")))
config.substitutions.append(("%root", config.sinter_source_dir))
config.substitutions.append(("%libsinter", os.path.join(config.sinter_build_dir, "lib", "libsinter.a")))

# The models come with a Python package and the speech from a synthesiser: neither is
# part of the build, and lit counts the test as unsupported without them.
_probe = "import importlib.util as u, sys; sys.exit(not u.find_spec('silero_vad'))"
_python = os.environ.get("SINTER_PYTHON", "python3")
if shutil.which("espeak-ng") and subprocess.run([_python, "-c", _probe]).returncode == 0:
    config.available_features.add("silero")
