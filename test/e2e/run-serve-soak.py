# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Three minutes of bench/serve/soak, which an hour by hand runs the same way; an
# hour with --deep. It waits most of the time, so run_tests.py runs it beside the
# other checks.
import os
import subprocess
import sys

import e2e
import serving

done = subprocess.run([serving.PYTHON, os.path.join(e2e.ROOT, "bench", "serve", "soak"), "--build", e2e.BUILD,
                       "--seconds", "3600" if "--deep" in sys.argv else "180"])
sys.exit(done.returncode)
