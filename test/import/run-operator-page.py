# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""docs/operators.md lists what the importer takes."""
import os
import pathlib
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parents[2]
build = pathlib.Path(os.environ.get("SINTER_BUILD", root / "build"))
page = root / "docs/operators.md"
text = subprocess.run([build / "bin" / "sinter-import", "--operators"], capture_output=True,
                      text=True, check=True).stdout
if page.read_text() != text:
    sys.exit(f"{page} is out of date: write it again with sinter-import --operators")
