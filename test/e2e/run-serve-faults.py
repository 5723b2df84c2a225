# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# A server that is killed, starved and lied to: SIGKILL during control actions and
# loads, file descriptors that run out, a wall clock that jumps, a disk that is
# full, a repository that is lost, bundles that are damaged, streams and clients
# that hang at SIGTERM. What runs is the real server around an object that adds
# its version to its input.
import concurrent.futures
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import e2e
import serving

SERVER = os.path.join(e2e.BUILD, "bin", "sinter-server")
INPUTS = os.path.join(e2e.ROOT, "test", "e2e", "Inputs")
REQUEST = json.dumps({"inputs": [{"name": "x", "shape": [1, 16], "datatype": "FP32",
                                  "data": [0] * 16}]}).encode()
DAY = 86400


class SharedScore(e2e.Score):
    lock = threading.Lock()

    def check(self, good, text):
        with self.lock:
            return super().check(good, text)


score = SharedScore()


def put(repository, version):
    """A bundle, complete at once, as a deployment tool leaves it."""
    fresh = os.path.join(repository, f".new-{version}")
    os.makedirs(fresh)
    shutil.copy(os.path.join(e2e.BUILD, "bin", "unit", f"libmock-serve-{2 - version % 2}.so"),
                os.path.join(fresh, "model.so"))
    os.makedirs(os.path.join(repository, "m"), exist_ok=True)
    os.rename(fresh, os.path.join(repository, "m", str(version)))


class Place:
    """A repository with versions and a state folder, and servers over them."""

    def __init__(self, name, versions):
        self.root = os.path.join(e2e.WORK, name)
        self.repository, self.state = (os.path.join(self.root, part) for part in ("models", "state"))
        os.makedirs(self.repository)
        os.makedirs(self.state)
        for version in versions:
            put(self.repository, version)

    def serve(self, *options, before=()):
        server = serving.Server(*before, SERVER, self.repository, "--state-dir", self.state,
                                "--grpc-port=0", *options)
        score.check("admin" in server.addresses, f"the server does not start: {server.log_text()}")
        return server


class Connection:
    """HTTP over one socket, and an answer to each request."""

    def __init__(self, address, timeout=20):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout)

    def ask(self, method="GET", path="/v2/health/ready", body=b"", headers=""):
        self.send(method, path, body, headers)
        return self.answer()

    def send(self, method, path, body=b"", headers=""):
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: t\r\n{headers}"
                            f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def answer(self):
        data = b""
        while b"\r\n\r\n" not in data:
            data = self.more(data)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(body) < length:
            body = self.more(body)
        return int(head.split()[1]), body.decode()

    def more(self, data):
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError(f"closed after {data[:80]}")
        return data + part

    def infer(self, headers=""):
        """The version that answered, or what was said instead."""
        status, body = self.ask("POST", "/v2/models/m/infer", REQUEST, headers)
        return int(json.loads(body)["model_version"]) if status == 200 else f"{status} {body}"


def once(address, *request):
    return Connection(address).ask(*request)


def action(server, method, path, body=None):
    return once(server.addresses["admin"], method, path, json.dumps(body).encode() if body else b"")


def label(server, name, version):
    return action(server, "PUT", f"/v2/models/m/labels/{name}", {"version": str(version)})


def labels(server):
    """{label: version} of what is served, and all versions."""
    entries = json.loads(action(server, "POST", "/v2/repository/index")[1])
    held = {}
    for entry in entries:
        for name in entry.get("labels", []):
            held[name] = int(entry["version"])
    return held, sorted(int(e["version"]) for e in entries if e["state"] == "READY")


class GrpcClient:
    def __init__(self, server):
        self.process = subprocess.Popen(
            [serving.PYTHON, os.path.join(INPUTS, "serve_faults_client.py"), server.addresses["grpc"]],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        score.check(self.process.stdout.readline() == "open\n", "the gRPC client does not start")

    def tell(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()

    def say(self, what):
        self.tell(what)
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


# ---- SIGKILL

def check_killed_labels(rounds=12):
    """Killed while labels and splits move: one of the two states, whole."""
    place, dice = Place("killed", [1, 2]), random.Random(1)
    held = None
    for turn in range(rounds):
        server = place.serve("--versions=all")
        now = labels(server)[0]
        if held is not None:
            score.check(now in held, f"round {turn}: labels are {now}, expected one of {held}")
        score.check(Connection(server.addresses["http"]).infer() == now.get("stable", 2),
                    f"round {turn}: another version than {now} answers")
        killer = threading.Timer(dice.uniform(0, 0.02), server.process.kill)
        killer.start()
        held, version = [now], 1
        try:
            while True:
                version = 3 - version
                held.append(dict(held[-1], stable=version))
                if label(server, "stable", version)[0] != 200:
                    break
                held = [held[-1]]
                held.append(dict(held[-1], backup=3 - version))
                if label(server, "backup", 3 - version)[0] != 200:
                    break
                held = [held[-1]]
        except (OSError, ValueError, IndexError):
            pass  # it was killed
        killer.join()
        server.process.wait()
        left = [name for name in os.listdir(place.state) if name not in ("state.json", "state.json.new")]
        score.check(not left, f"round {turn}: the state folder holds {left}")


def check_killed_load(rounds=6):
    """Killed under load while versions come: all that were put there are served."""
    place, dice = Place("loading", [1]), random.Random(2)
    for turn in range(rounds):
        server = place.serve("--versions=all")
        _, versions = labels(server)
        score.check(versions == list(range(1, turn + 2)), f"round {turn}: {versions} are served")
        killer = threading.Timer(dice.uniform(0, 0.02), server.process.kill)
        put(place.repository, turn + 2)
        killer.start()
        try:
            client = Connection(server.addresses["http"])
            threading.Thread(target=lambda: quiet(action, server, "POST", "/v2/repository/models/m/load")).start()
            while True:
                got = client.infer()
                score.check(got in range(1, turn + 3), f"round {turn}: {got}")
        except (OSError, IndexError):
            pass
        killer.join()
        server.process.wait()


def quiet(function, *arguments):
    try:
        return function(*arguments)
    except (OSError, IndexError):
        return None


def check_killed_package():
    """`sinter package` killed at any moment leaves no bundle, or a whole one."""
    place, dice = Place("package", [1]), random.Random(3)
    model = os.path.join(e2e.WORK, "small.onnx")
    subprocess.run([sys.executable, os.path.join(INPUTS, "small.py"), "conv", model], check=True)
    target = os.path.join(place.repository, "m", "2")
    for wait in (dice.uniform(0.05, 0.5), dice.uniform(0.3, 1.0)):
        process = subprocess.Popen([e2e.SINTER, "package", model, "-o", target],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(wait)
        process.kill()
        process.wait()
        if os.path.exists(target):
            score.check({"model.so", "manifest.json", "golden.npz"} <= set(os.listdir(target)),
                        f"half a bundle: {os.listdir(target)}")
            shutil.rmtree(target)
    server = place.serve("--versions=all")
    score.check(labels(server)[1] == [1], f"after killed packages {labels(server)[1]} are served")
    score.check(server.stop() == 0, "the server does not end well")


# ---- File descriptors

def processor_seconds(process):
    with open(f"/proc/{process.pid}/stat") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check_descriptors():
    """Clients take all descriptors: who is connected is served, and control goes on."""
    place = Place("descriptors", [1, 2])
    server = place.serve("--versions=all", before=["prlimit", "--nofile=64:64"])
    kept, admin = Connection(server.addresses["http"]), Connection(server.addresses["admin"])
    calls = GrpcClient(server)
    score.check(calls.say("infer") == "ok" and calls.say("stream") == "ok", "the gRPC client is not served")
    for name, before, version in (("http", 2, 1), ("grpc", 1, 2)):
        host, port = server.addresses[name].rsplit(":", 1)
        many = [socket.create_connection((host, int(port)), 20) for _ in range(150)]
        score.check(kept.infer() == before, f"{name}: who was connected is not served")
        score.check(calls.say("infer") == "ok" and calls.say("stream") == "ok",
                    f"{name}: the gRPC client that was connected is not served")
        status, body = admin.ask("PUT", "/v2/models/m/labels/stable", json.dumps({"version": str(version)}).encode())
        score.check(status == 200 and kept.infer() == version,
                    f"{name}: a label cannot be moved without connections to spare: {status} {body}")
        idle = processor_seconds(server.process)
        time.sleep(1)
        used = processor_seconds(server.process) - idle
        score.check(used < 0.5, f"{name}: {used} s of processor time in a second without a request")
        for one in many:
            one.close()
        # The server learns of each end by itself; until then it may turn us away.
        for wait in range(100):
            got = quiet(lambda: Connection(server.addresses["http"]).infer())
            if got == version:
                break
            time.sleep(0.1)
        score.check(got == version, f"{name}: not served when the others have left: {got}")
        fresh = GrpcClient(server)
        score.check(fresh.say("infer") == "ok", f"{name}: gRPC is not served when the others have left")
        fresh.close()
    calls.close()
    score.check("the file descriptors are used up" in server.log_text(), "the log does not say what was short")
    score.check(server.stop() == 0, "the server does not end well")


# ---- The wall clock and the disk

class Faults:
    """What faults_shim.c does to a server, changed while it runs."""

    def __init__(self, name):
        self.library, self.file = (os.path.join(e2e.WORK, name + suffix) for suffix in (".so", ".faults"))
        subprocess.run(["clang-22", "-O1", "-shared", "-fPIC", "-o", self.library,
                        os.path.join(INPUTS, "faults_shim.c")], check=True)
        self.set()

    def set(self, clock=0, full=False):
        with open(self.file, "r+b" if os.path.exists(self.file) else "wb") as file:
            file.write(struct.pack("qq", clock, full))

    def prefix(self, **more):
        more = [f"{key}={value}" for key, value in more.items()]
        return ["env", f"LD_PRELOAD={self.library}", f"SINTER_FAULTS={self.file}", *more]


def check_clock():
    """The wall clock jumps a day on and back: nothing ends early, late or never."""
    place, faults = Place("clock", [1]), Faults("clock")
    server = place.serve(before=faults.prefix(SINTER_MOCK_SLEEP_US=400000))
    address = server.addresses["http"]
    calls = GrpcClient(server)
    for jump in (DAY, -DAY, 0):
        idle, half, busy = Connection(address), Connection(address), Connection(address)
        idle.ask()
        half.socket.sendall(f"POST /v2/models/m/infer HTTP/1.1\r\nHost: t\r\nContent-Length: {len(REQUEST)}\r\n\r\n"
                            .encode() + REQUEST[:20])
        busy.send("POST", "/v2/models/m/infer", REQUEST, "X-Request-Timeout: 20000\r\n")
        calls.tell("infer")
        time.sleep(0.15)  # all of them are under way
        faults.set(clock=jump)
        score.check(busy.answer()[0] == 200, f"{jump} s: a request under way is not answered")
        score.check(calls.process.stdout.readline() == "ok\n", f"{jump} s: a call under way is not answered")
        score.check(calls.say("infer") == "ok", f"{jump} s: a call with a deadline is not answered")
        score.check(calls.say("stream") == "ok", f"{jump} s: the stream is not answered")
        time.sleep(0.5)  # time for whatever looks at deadlines
        half.socket.sendall(REQUEST[20:])
        score.check(half.answer()[0] == 200, f"{jump} s: a request that was half sent is not answered")
        score.check(idle.infer() == 1, f"{jump} s: an idle connection is not served")
    # And a deadline still is one.
    hasty = Connection(address)
    body = json.dumps(dict(json.loads(REQUEST), parameters={"timeout": 100000})).encode()
    status, text = hasty.ask("POST", "/v2/models/m/infer", body)
    score.check(status in (503, 504), f"a run of 0.4 s answers {status} {text} to a deadline of 0.1 s")
    faults.set(clock=-DAY)
    calls.close()
    score.check(server.stop() == 0, "with the clock a day back the server does not end well")


def check_full_disk():
    """No room for the audit log or the labels: said, and nothing else changes."""
    place, faults = Place("full", [1, 2]), Faults("full")
    audit = os.path.join(place.root, "audit.log")
    server = place.serve("--versions=all", "--audit-log", audit, before=faults.prefix())
    score.check(label(server, "stable", 1)[0] == 200, "a label cannot be moved")
    faults.set(full=True)
    for attempt in range(2):  # half a line, then nothing
        status, text = label(server, "stable", 2)
        score.check(status == 503 and "nothing was changed" in text and "No space left" in text,
                    f"on a full disk a label answers {status} {text}")
        status, text = action(server, "POST", "/v2/repository/models/m/load")
        score.check(status == 200, f"on a full disk load answers {status} {text}")
    score.check(labels(server) == ({"stable": 1}, [1, 2]), f"after a full disk {labels(server)}")
    score.check(Connection(server.addresses["http"]).infer() == 1, "on a full disk another version answers")
    faults.set()
    score.check(label(server, "stable", 2)[0] == 200, "with room again a label cannot be moved")
    log = server.log_text()
    score.check("the audit log cannot be written" in log and "No space left" in log, f"the log: {log}")
    score.check(server.stop() == 0, "the server does not end well")
    with open(audit) as file:
        entries = [json.loads(line) for line in file]
    score.check([e["number"] for e in entries] == list(range(1, len(entries) + 1)) and len(entries) == 2,
                f"the audit log holds {entries}")
    server = place.serve("--versions=all", "--audit-log", audit)  # which checks the chain
    score.check(labels(server)[0] == {"stable": 2}, f"after a restart {labels(server)}")
    score.check(server.stop() == 0, "the server does not end well")


# ---- The repository

def check_lost_repository():
    place = Place("lost", [1])
    server = place.serve("--versions=all")
    load = ("POST", "/v2/repository/models/m/load")
    gone = place.repository + "-gone"
    os.rename(place.repository, gone)
    status, text = action(server, *load)
    score.check(status != 200 and place.repository in text, f"a lost repository: load answers {status} {text}")
    server.process.send_signal(signal.SIGHUP)
    for wait in range(100):
        if "the repository cannot be read" in server.log_text():
            break
        time.sleep(0.1)
    score.check("the repository cannot be read; what is loaded stays" in server.log_text(),
                f"the log says nothing of a lost repository: {server.log_text()}")
    score.check(Connection(server.addresses["http"]).infer() == 1, "without its repository nothing is served")
    os.rename(gone, place.repository)
    put(place.repository, 2)
    status, text = action(server, *load)
    score.check(status == 200 and Connection(server.addresses["http"]).infer() == 2,
                f"the repository is back: load answers {status} {text}")
    check_damaged(place, server, load)
    score.check(server.stop() == 0, "the server does not end well")


def check_damaged(place, server, load):
    """Bundles with bytes missing, other bytes, or none at all."""
    with open(os.path.join(place.repository, "m", "1", "model.so"), "rb") as file:
        whole = file.read()
    damages = [whole[:len(whole) // 2], whole[:100], b"", b"#!/bin/sh\n" * 1000,
               whole[:5000] + bytes(3000) + whole[8000:]]
    for number, data in enumerate(damages, start=3):
        folder = os.path.join(place.repository, "m", str(number))
        os.makedirs(folder)
        with open(os.path.join(folder, "model.so"), "wb") as file:
            file.write(data)
        status, text = action(server, *load)
        reasons = json.loads(action(server, "POST", "/v2/repository/index")[1])
        said = [e for e in reasons if e["version"] == str(number) and e["state"] == "UNAVAILABLE" and e["reason"]]
        score.check(status != 200 and said, f"damage {number}: load answers {status} {text}, the index {reasons}")
        score.check(Connection(server.addresses["http"]).infer() == 2, f"damage {number}: another version answers")
        shutil.rmtree(folder)


# ---- The end

def check_end():
    """SIGTERM with a stream that says nothing, a stream that waits for its answer, and a client that hangs."""
    place = Place("end", [1])
    server = place.serve("--grace=300ms", "--drain-timeout=60s",
                         before=["env", "SINTER_MOCK_SLEEP_US=1000000"])
    idle, busy = GrpcClient(server), GrpcClient(server)
    host, port = server.addresses["grpc"].rsplit(":", 1)
    hanging = socket.create_connection((host, int(port)), 20)
    hanging.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
    score.check(idle.say("stream") == "ok", "the stream is not answered")
    busy.tell("stream")
    waiting = Connection(server.addresses["http"])
    waiting.send("POST", "/v2/models/m/infer", REQUEST)
    time.sleep(0.1)
    begin = time.monotonic()
    status = server.stop()
    score.check(status == 0, f"exit status {status}")
    # A bound between a second of work and the minute of --drain-timeout.
    score.check(time.monotonic() - begin < 15, "streams and connections hold the shutdown")
    score.check(waiting.answer()[0] == 200, "a request under way was lost")
    score.check(busy.process.stdout.readline() == "ok\n", "a request of a stream was lost")
    said = idle.say("wait")
    score.check("shutting down" in said, f"the idle stream ends with: {said}")
    for client in (idle, busy):
        client.close()


def main():
    checks = [check_clock, check_descriptors, check_killed_labels, check_end, check_full_disk,
              check_killed_package, check_lost_repository, check_killed_load]
    # They mostly wait, and share nothing.
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(check) for check in checks]:
            done.result()
    score.exit()


main()
