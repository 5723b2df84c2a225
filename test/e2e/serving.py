# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the end-to-end tests of the server share: a running server on ports of its
# own choice, curl, and the Python of the server's clients.
import os
import signal
import subprocess
import tempfile
import threading

import e2e

PYTHON = os.environ.get("SINTER_SERVE_PYTHON",
                        os.path.expanduser("~/.cache/sinter/serve-venv/bin/python"))


class Server:
    """Runs COMMAND until it is ready or ends; `addresses` holds what it printed."""

    def __init__(self, *command):
        self.log = tempfile.NamedTemporaryFile("a+", dir=e2e.WORK, suffix=".log", delete=False)
        self.process = subprocess.Popen([*command, "--http-port=0", "--admin-port=0"],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.addresses = {}
        for line in self.process.stdout:
            name, _, address = line.strip().partition(" ")
            if name == "ready":
                break
            self.addresses[name] = address.replace("0.0.0.0", "127.0.0.1")

    def log_text(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        """The exit status after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


class Clients:
    """Each of the callables in a thread of its own, again and again, until the block ends."""

    def __init__(self, *calls):
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.repeat, args=(call,)) for call in calls]

    def repeat(self, call):
        while not self.ended.is_set():
            call()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def curl(*arguments):
    """The status, as text, and the body."""
    done = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", *arguments], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    body, _, code = done.stdout.rpartition("\n")
    return code, body
