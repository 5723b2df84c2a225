# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sends Sinter what a real Triton was sent and compares the answers.

recorded.jsonl holds Triton's (tools/dev/record-triton). A status must be the same
or a listed difference; a success must carry the same JSON and the same bytes; an
error is always JSON with a text under "error", whatever it says.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import differences  # noqa: E402
import exchange  # noqa: E402
import models  # noqa: E402
import requests  # noqa: E402

BUILD = pathlib.Path(os.environ["SINTER_BUILD"])


def find_rule(name, theirs):
    for number, (names, status, ours, _) in enumerate(differences.RULES):
        if status in (None, theirs) and re.fullmatch(names, name):
            return number, ours
    return None, theirs


def shape_of(value):
    """The keys of JSON, for answers whose values are each server's own."""
    if isinstance(value, dict):
        return {k: shape_of(v) for k, v in value.items()}
    return shape_of(value[0]) if isinstance(value, list) and value else None


def contains(ours, theirs):
    """Every key of theirs is in ours: a client may read any of them."""
    if isinstance(theirs, dict):
        return isinstance(ours, dict) and all(k in ours and contains(ours[k], v) for k, v in theirs.items())
    return True


def reduced(name, answer):
    """What of a successful answer must be the same."""
    body = answer.get("json")
    if re.fullmatch(r"get /v2", name):
        body = sorted(body)
    elif name.startswith("index"):
        body = sorted((m["name"], m.get("version"), m.get("state")) for m in body)
    elif name.endswith("/config"):
        keep = {"name": True, "max_batch_size": True}
        sides = {side: [(t["name"], t["data_type"], [int(d) for d in t["dims"]]) for t in body[side]]
                 for side in ("input", "output")}
        body = {k: body[k] for k in keep} | sides
    elif re.search(r"/stats$|setting$|logging$", name):
        body = None
    elif isinstance(body, dict):
        body = {k: v for k, v in body.items() if k not in ("platform", "parameters")}
    return body, answer.get("binary"), answer["headers"].get("content-encoding")


def fault(name, theirs, ours, expected, is_listed):
    """Why an answer is wrong; nothing when it is right."""
    if ours["status"] != expected:
        return f"status {ours['status']}, expected {expected} (Triton: {theirs['status']}): {ours.get('json')}"
    if expected >= 400:
        error = (ours.get("json") or {}).get("error")
        is_head = name.startswith("head ")
        return None if is_head or (isinstance(error, str) and error) else f"no error in JSON: {ours}"
    if theirs["status"] != 200 or is_listed or "json" not in theirs:
        return None
    if re.search(r"/stats$", name) and not contains(shape_of(ours.get("json")), shape_of(theirs["json"])):
        return f"keys are missing: {ours.get('json')}"
    a, b = reduced(name, ours), reduced(name, theirs)
    return None if a == b else f"found {a}, Triton answered {b}"


def port_of(server, path):
    """The HTTP port of a server that is ready, which it prints; 0 when it ended."""
    for _ in range(1200):
        with open(path) as log:
            text = log.read()
        found = re.search(r"^http \S*:(\d+)$", text, re.M)
        if found and re.search(r"^ready$", text, re.M):
            return int(found.group(1))
        if server.poll() is not None:
            break
        time.sleep(0.1)
    return 0


def main():
    recorded = {}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded.jsonl")) as lines:
        for line in lines:
            entry = json.loads(line)
            recorded[entry["name"]] = entry
    asked = requests.all_requests()
    failures = [f"{name}: not recorded; run tools/dev/record-triton" for name in asked if name not in recorded]
    needed, passed = set(), 0
    with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "log"), "w+") as log:
        repository = os.path.join(folder, "models")
        models.write_onnx(repository)
        server = subprocess.Popen(
            [BUILD / "bin" / "sinter", "serve", repository, "--max-batch", str(models.MAX_BATCH),
             "--http-port=0", "--grpc-port=0", "--admin-port=0"], stdout=log, stderr=log)
        try:
            address = ("127.0.0.1", port_of(server, log.name))
            for name, data in asked.items():
                if name not in recorded:
                    continue
                theirs = recorded[name]
                rule, expected = find_rule(name, theirs["status"])
                try:
                    ours = exchange.send(address, data)
                except OSError as error:
                    ours = {"status": -1, "json": str(error)}
                wrong = fault(name, theirs, ours, expected, rule is not None)
                if wrong:
                    failures.append(f"{name}: {wrong}")
                else:
                    passed += 1
                    if rule is not None:
                        needed.add(rule)
        finally:
            server.terminate()
            server.wait(30)
        if failures:
            log.seek(0)
            print(log.read()[-2000:])
    for number, (names, _, _, _) in enumerate(differences.RULES):
        if number not in needed:
            failures.append(f"differences.py: no answer needs the rule {names!r}")
    for line in failures:
        print(line[:400])
    print(f"{passed} passed, {len(failures)} failed, 0 skipped")
    return 1 if failures else 0


sys.exit(main())
