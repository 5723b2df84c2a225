# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ctrl-C and SIGTERM while a command works in a temporary folder: nothing is left of
it, no process of the command lives on, and there is no output.

  test/bad/run-interrupted.py
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

root = pathlib.Path(__file__).resolve().parents[2]
build = pathlib.Path(os.environ.get("SINTER_BUILD", root / "build"))
sinter = build / "bin" / "sinter"
LIMIT = 60
# What is started, and the file in $TMPDIR whose appearance says how far it is.
COMMANDS = {
    "compile": (["compile", "m.onnx", "-o", "out.serve", "--cache-dir", "none"], "sinter-*"),
    "package": (["package", "m.onnx", "-o", "out", "--cache-dir", "none"], "sinter-*"),
    "bench": (["bench", "m.onnx", "--seconds", "60", "--against", "onnxruntime"], "sinter-*/onnxruntime.npz"),
}


def await_file(folder, pattern, process):
    end = time.monotonic() + LIMIT
    while time.monotonic() < end and process.poll() is None:
        if any(folder.glob(pattern)):
            return True
        time.sleep(0.005)
    return False


def listen_to_signals():
    """A shell that starts a job behind & has it ignore Ctrl-C, and all that it starts."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def interrupt(name, number, whole_group, folder):
    """A problem in words, or nothing."""
    command, pattern = COMMANDS[name]
    temporary = pathlib.Path(tempfile.mkdtemp(dir=folder))
    # The pipe is inherited: it ends when the last process of the command has.
    process = subprocess.Popen([sinter, *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True, preexec_fn=listen_to_signals,
                               env=dict(os.environ, TMPDIR=str(temporary)))
    if not await_file(temporary, pattern, process):
        process.kill()
        return f"'{pattern}' did not appear: {process.communicate()[0].decode(errors='replace')[-300:]}"
    if whole_group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    try:
        process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return "a process lives on"
    if process.returncode != -number:
        return f"exit status {process.returncode}, expected {-number}"
    left = [n for n in os.listdir(temporary) if n.startswith("sinter")] + [n for n in os.listdir(folder) if n.startswith("out")]
    return f"left {left}" if left else ""


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([sys.executable, root / "test" / "e2e" / "Inputs" / "small.py", "conv", folder / "m.onnx"],
                       check=True)
        for name in COMMANDS:
            for number, whole_group in ((signal.SIGINT, True), (signal.SIGTERM, False)):
                problem = interrupt(name, number, whole_group, folder)
                passed, failed = passed + (not problem), failed + bool(problem)
                if problem:
                    print(f"FAIL {name} at {signal.Signals(number).name}: {problem}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
