# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The status page in a headless Chromium, while clients ask: what a person would
# read there is in the document that the script has drawn, it renews itself, and
# the browser's console stays empty.
import html
import json
import os
import re
import subprocess
import sys
import urllib.request

import e2e
import serving

sys.path.insert(0, os.path.join(e2e.ROOT, "test", "serve", "contract"))
import models  # noqa: E402

score = e2e.Score()


def browse(url, *options, seconds=6):
    """The document after so many seconds of the page's own time, and its console."""
    profile = os.path.join(e2e.WORK, "chromium")
    done = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                           "--disable-dev-shm-usage", "--user-data-dir=" + profile, "--window-size=1280,1000",
                           f"--virtual-time-budget={seconds * 1000}", *options, url],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def clients(base, model):
    """Three at once, each with its own number of rows."""
    def asker(rows):
        body = json.dumps({"inputs": [{"name": "X", "shape": [rows, 10], "datatype": "FP32",
                                       "data": [0.5] * 10 * rows}]}).encode()
        return lambda: urllib.request.urlopen(f"{base}/v2/models/{model}/infer", body, timeout=30).read()
    return serving.Clients(*map(asker, (1, 2, 5)))


def make_repository():
    """Two models, one of them with a second version that cannot be served."""
    repository = os.path.join(e2e.WORK, "repository")
    models.write_onnx(repository)
    for name in os.listdir(repository):
        if name not in ("classes", "plane"):
            subprocess.run(["rm", "-r", os.path.join(repository, name)], check=True)
    os.makedirs(os.path.join(repository, "plane", "2"))
    with open(os.path.join(repository, "plane", "2", "model.so"), "w") as file:
        file.write("no model")
    return repository


def card(document, model, version):
    """The section of a version, without its tags, and with them."""
    found = re.search(rf'<section class="model" id="{model}/{version}".*?</section>', document, re.S)
    if not score.check(found, f"the page shows no {model} {version}: {document[-1500:]}"):
        return "", ""
    return html.unescape(re.sub(r"<[^>]*>", " ", found[0])), found[0]


def fact(section, name):
    found = re.search(rf"<dt>{name}</dt><dd>([^<]*)</dd>", section)
    return found[1] if found else ""


def check_page(admin):
    document, console = browse(admin + "/status", "--dump-dom")
    score.check(not console, f"the console says {console}")
    score.check(re.search(r'id="state" class="pill good"[^>]*>ready<', document), "the page does not say ready")
    text, section = card(document, "classes", "1")
    score.check("version 1" in text and "stable" in text and "ready" in text, f"classes: {text}")
    for name in ("median", "99 %", "in the run"):
        score.check(re.fullmatch(r"(< )?[\d.]*[1-9][\d.]* (µs|ms|s)", html.unescape(fact(section, name))), f"{name}: {fact(section, name)}")
    score.check(re.match(r"[1-9]", fact(section, "requests")), f"requests: {fact(section, 'requests')}")
    score.check(float(fact(section, "rows a batch") or 0) >= 1, f"rows a batch: {fact(section, 'rows a batch')}")
    hints = [html.unescape(hint) for hint in re.findall(r"<title>([^<]*)</title>", section)]
    for wanted in (r"up to [\d.]+ (µs|ms|s): [1-9]", r"[1-9]\d* rows?: [1-9]"):
        score.check(any(re.match(wanted, hint) for hint in hints), f"no bar is {wanted!r}: {hints}")
    heights = [float(h) for h in re.findall(r'<rect class="bar[^>]* height="([\d.]+)"', section)]
    score.check(heights and max(heights) > 50, f"the bars are {heights} high")
    # A line through several points: the page asked again by itself.
    paths = re.findall(r'<path class="median" d="([^"]*)"', section)
    score.check(paths and paths[0].count("L") >= 2, f"latency over time: {paths}")
    text, _ = card(document, "plane", "2")
    score.check("unavailable" in text and "SINTER_E_CORRUPT" in text, f"the broken version: {text}")
    loaded = re.findall(r'(?:src|href)="([^"#]*)"', document)
    score.check(set(loaded) <= {"data:,", "status.css", "status.js", "metrics", "status.json", "debug/profile"},
                f"the page refers to {loaded}")


def check_console():
    """The console would be seen: a page that complains."""
    path = os.path.join(e2e.WORK, "complains.html")
    with open(path, "w") as file:
        file.write("<script>nothing()</script>")
    _, console = browse("file://" + path, "--dump-dom", seconds=1)
    score.check(any("nothing is not defined" in line for line in console), f"a complaint is not seen: {console}")


def main():
    repository = make_repository()
    server = serving.Server(e2e.SINTER, "serve", repository, "--grpc-port=off", "--grace=0s", "--versions=all")
    if score.check("admin" in server.addresses, f"the server says {server.log_text()[-1500:]}"):
        http, admin = ("http://" + server.addresses[name] for name in ("http", "admin"))
        code, body = serving.curl("-X", "POST", admin + "/v2/models/classes/labels/stable", "-d", '{"version":"1"}')
        score.check(code == "200", f"a label: {code} {body}")
        with clients(http, "classes"):
            check_page(admin)
            if "--screenshot" in sys.argv:  # to look at: run-status.py --screenshot FILE.png
                browse(admin + "/status", "--screenshot=" + sys.argv[-1], seconds=30)
        code, _ = serving.curl(http + "/status")
        score.check(code == "404", f"/status on the clients' listener answers {code}")
        score.check(server.stop() == 0, "the server does not end well")
    check_console()
    score.exit()


main()
