# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The .proto files say what tritonclient says: names, numbers and types.
import os
import subprocess
import sys
import tempfile

ROOT = os.environ["SINTER_ROOT"]
PYTHON = os.environ.get("SINTER_SERVE_PYTHON",
                        os.path.expanduser("~/.cache/sinter/serve-venv/bin/python"))

with tempfile.TemporaryDirectory(prefix="sinter-grpc-") as work:
    ours = os.path.join(work, "ours.pb")
    subprocess.run(["protoc", "-I", ROOT, "--descriptor_set_out=" + ours, "--include_imports",
                    os.path.join(ROOT, "runtime/serve/grpc/Inference.proto")], check=True)
    script = os.path.join(ROOT, "test", "e2e", "Inputs", "serve_descriptors.py")
    sys.exit(subprocess.run([PYTHON, script, ours]).returncode)
