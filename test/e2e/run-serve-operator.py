# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What the operator of a server meets beside its load: the exit codes of `sinter ctl`,
# keys, tokens and certificates over HTTP and gRPC, certificates that are renewed and
# half renewed, control that is off, an audit log that has the refused as well, labels
# that are damaged. What runs is the real server around an object that adds its version
# to its input.
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import e2e
import serving

score = e2e.Score()


def put(repository, version, name="m", size=None):
    """A bundle, complete at once; size: cut off there."""
    fresh = os.path.join(repository, ".new")
    os.makedirs(fresh)
    target = os.path.join(fresh, "model.so")
    shutil.copy(os.path.join(e2e.BUILD, "bin", "unit", f"libmock-serve-{2 - version % 2}.so"), target)
    if size is not None:
        os.truncate(target, size)
    os.makedirs(os.path.join(repository, name), exist_ok=True)
    os.rename(fresh, os.path.join(repository, name, str(version)))


def place(name, *versions):
    repository = os.path.join(e2e.WORK, name)
    os.makedirs(repository)
    for version in versions:
        put(repository, version)
    return repository


def serve(repository, *options):
    server = serving.Server(os.path.join(e2e.BUILD, "bin", "sinter-server"), repository, "--grpc-port=0",
                            "--grace=0s", *options)
    score.check("admin" in server.addresses, f"the server does not start: {server.log_text()}")
    return server


def ctl(admin, *words, key=""):
    """The exit code, and all that was said."""
    done = subprocess.run([e2e.SINTER, "ctl", *words, "--admin", admin], text=True, timeout=120,
                          env=dict(os.environ, SINTER_API_KEY=key), capture_output=True)
    return done.returncode, done.stdout + done.stderr


def expect_ctl(admin, wanted, text, *words, key=""):
    code, said = ctl(admin, *words, key=key)
    score.check(code == wanted and text in said, f"ctl {words}: {code} {said}, expected {wanted} {text}")


# ---- sinter ctl

def check_exit_codes():
    repository = place("codes", 1)
    state = os.path.join(e2e.WORK, "codes-state")
    server = serve(repository, "--state-dir", state)
    admin = server.addresses["admin"]
    for wanted, text, *words in [
            (0, "m ", "list"), (4, "R001", "rollback", "m"), (0, "done", "load", "m"), (0, "done", "promote", "m", "1"),
            (2, "U006", "promote", "m"), (2, "U006", "frob"), (2, "found '101' percent", "canary", "m", "1", "101"),
            (2, "found 'half' percent", "shadow", "m", "1", "half"),
            (4, "R001", "promote", "m", "7"), (4, "R001", "promote", "nothing", "1"),
            (4, "R001", "canary", "m", "9", "10"), (4, "R001", "load", "nothing"),
            (4, "R001", "unlabel", "m", "nolabel"), (4, "R001", "unload", "nothing")]:
        expect_ctl(admin, wanted, text, *words)
    put(repository, 2, size=5000)
    expect_ctl(admin, 3, "refused the model", "load", "m")
    shutil.rmtree(os.path.join(repository, "m", "2"))
    expect_ctl(admin, 0, "done", "load", "m")
    shutil.rmtree(state)
    with open(state, "w"):
        pass  # labels cannot be kept there any more
    expect_ctl(admin, 5, "[SINTER-O010]", "label", "m", "new", "1")
    expect_ctl(admin, 0, "done", "unload", "m")
    code, said = ctl(admin, "list")
    score.check(code == 0 and "UNAVAILABLE" in said and "%" not in said, f"an unloaded model is listed as {said}")
    score.check(server.stop() == 0, "the server does not end well")
    expect_ctl(admin, 5, "no server at", "list")
    for bad in ("nowhere", "host:", ":8002", "host:70000", "unix:"):
        expect_ctl(bad, 2, "expected HOST:PORT or unix:PATH", "list")
    expect_ctl("unix:" + state + "/none", 5, "no server at", "list")
    with socket.create_server(("127.0.0.1", 0)) as other:
        def answer():
            connection = other.accept()[0]
            connection.recv(10000)
            connection.sendall(b"220 mail ready\r\n")
            connection.close()
        thread = threading.Thread(target=answer)
        thread.start()
        expect_ctl(f"127.0.0.1:{other.getsockname()[1]}", 5, "is no HTTP server", "list")
        thread.join()
    check_timeouts()


def check_timeouts():
    """A server that says nothing, one that never ends its answer, one that takes no connection."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        admin = f"127.0.0.1:{silent.getsockname()[1]}"
        for verb in (["list"], ["load", "m"]):
            expect_ctl(admin, 5, "has not answered within 1 s", *verb, "--timeout", "1")
    with socket.create_server(("127.0.0.1", 0)) as endless:
        ended = threading.Event()

        def drip():
            connection = endless.accept()[0]
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[")
                while not ended.wait(0.1):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return
        thread = threading.Thread(target=drip)
        thread.start()
        expect_ctl(f"127.0.0.1:{endless.getsockname()[1]}", 5, "--timeout SECONDS waits longer", "list", "--timeout=1")
        ended.set()
        thread.join()
    full = os.path.join(e2e.WORK, "full.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(full)
        listener.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(full)
            expect_ctl("unix:" + full, 5, "has not answered within 1 s", "list", "--timeout", "1")
    for bad in ("0", "-1", "1.5", "soon", "86401"):
        expect_ctl(admin, 2, "--timeout", "list", "--timeout=" + bad)


# ---- Who may do what

def openssl(*arguments):
    subprocess.run(["openssl", *arguments], cwd=e2e.WORK, check=True, capture_output=True)


def certify(name, days=30, to=None):
    """NAME.pem and NAME.key, of the authority ca.pem; to: the names of the files."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    if not os.path.exists(path("ca.pem")):
        openssl("req", "-x509", *curve, "-days", "30", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem")
        with open(path("names"), "w") as file:
            file.write("subjectAltName=DNS:localhost")
    openssl("req", *curve, "-subj", "/CN=" + name, "-keyout", "fresh.key", "-out", "fresh.csr")
    openssl("x509", "-req", "-in", "fresh.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-extfile", "names", "-days", str(days), "-out", "fresh.pem")
    for suffix in (".key", ".pem"):
        os.rename(path("fresh" + suffix), path((to or name) + suffix))


def path(name):
    return os.path.join(e2e.WORK, name)


def token(**claims):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    text = ".".join(part(json.dumps(each).encode()) for each in ({"alg": "HS256", "typ": "JWT"}, claims))
    with open(path("jwt.key"), "rb") as file:
        return text + "." + part(hmac.new(file.read(), text.encode(), "sha256").digest())


def write_access():
    def digest(key):
        return hashlib.sha256(key.encode()).hexdigest()
    with open(path("jwt.key"), "w") as file:
        file.write("a secret of the issuer, which is long enough")
    with open(path("access.toml"), "w") as file:
        file.write(f'[[key]]\nname = "ops"\nsha256 = "{digest("k-ops")}"\nmay = ["observe", "infer", "control"]\n'
                   f'[[key]]\nname = "team"\nsha256 = "{digest("k-team")}"\nmodels = ["x*"]\n'
                   '[[certificate]]\nname = "gateway"\nsubject = "/CN=gateway"\n'
                   '[token]\nalgorithm = "HS256"\nkey-file = "jwt.key"\nissuer = "me"\naudience = "sinter"\n')


def grpc(server, call, certificate, *headers):
    done = subprocess.run(
        [serving.PYTHON, os.path.join(e2e.ROOT, "test", "e2e", "Inputs", "serve_operator_client.py"),
         "localhost:" + server.addresses["grpc"].rsplit(":", 1)[1], call, "--ca", path("ca.pem"),
         "--certificate", path(certificate + ".pem"), "--key", path(certificate + ".key"),
         *(f"--header={header}" for header in headers)], text=True, capture_output=True, timeout=60)
    return done.stdout.strip() or done.stderr


def http(server, target, certificate, *headers, method="GET"):
    port = server.addresses["http"].rsplit(":", 1)[1]
    return serving.curl(f"https://localhost:{port}{target}", "-X", method, "--cacert", path("ca.pem"), "--cert",
                        path(certificate + ".pem"), "--key", path(certificate + ".key"),
                        *(part for header in headers for part in ("-H", header.replace("=", ": ", 1))))


def check_permissions(server):
    now, common = int(time.time()), {"iss": "me", "aud": "sinter", "sub": "joe", "scope": "observe"}
    tokens = [(True, dict(common, exp=now + 600)),
              (True, dict(common, exp=now + 600, models=["m*"], aud=["a", "sinter"])),
              (True, dict(common, exp=2**63 - 1)), (False, dict(common, exp=now + 600, models=["x"])),
              (False, dict(common, exp=now - 600)), (False, common), (False, dict(common, exp=now + 600, iss="you")),
              (False, dict(common, exp=now + 600, scope="")), (False, dict(common, exp=now + 600, nbf=now + 600))]
    for good, claims in tokens:
        bearer = "authorization=Bearer " + token(**claims)
        code, body = http(server, "/v2/models/m", "other", bearer)
        score.check((code == "200") == good and code in ("200", "401", "403"), f"{claims}: {code} {body}")
    for wanted, certificate, *headers in [
            (True, "gateway"), (False, "other"), (True, "other", "x-api-key=k-ops"),
            (False, "other", "x-api-key=k-team"), (False, "other", "x-api-key=k-none"),
            (True, "other", "authorization=Bearer k-ops"),
            (True, "other", "authorization=Bearer " + token(**common, exp=now + 600))]:
        code, body = http(server, "/v2/models/m", certificate, *headers)
        score.check((code == "200") == wanted, f"HTTP, {certificate} {headers}: {code} {body}")
        said = grpc(server, "metadata", certificate, *headers)
        score.check(said == '"m"' if wanted else "PERMISSION_DENIED" in said or "UNAUTHENTICATED" in said,
                    f"gRPC, {certificate} {headers}: {said}")
    # Lists show what the caller may see; nothing is said to who shows nothing.
    code, body = http(server, "/v2/repository/index", "other", "x-api-key=k-team", method="POST")
    score.check(code == "200" and {e["name"] for e in json.loads(body)} == {"x1"}, f"the index of a team: {body}")
    code, body = http(server, "/v2/models/stats", "other", "x-api-key=k-team")
    score.check(code == "200" and '"m"' not in body and '"x1"' in body, f"the statistics of a team: {code} {body}")
    said = grpc(server, "index", "other", "x-api-key=k-team")
    score.check(said == '["x1"]', f"the index of a team over gRPC: {said}")
    for call in ("index", "ready", "regions", "register", "load"):
        said = grpc(server, call, "other")
        score.check(said in ("StatusCode.UNAUTHENTICATED", "StatusCode.PERMISSION_DENIED"), f"gRPC {call}: {said}")


def check_audit(server, audit):
    admin = server.addresses["admin"]
    for words in (["load", "m"], ["promote", "m", "1"], ["canary", "m", "1", "5"], ["rollback", "m"], ["drain"]):
        expect_ctl(admin, 4, "needs an API key", *words)
        expect_ctl(admin, 4, "'team' may not control", *words, key="k-team")
    expect_ctl(admin, 0, "done", "load", "m", key="k-ops")
    with open(audit) as file:
        entries = [(e["client"], e["action"], e["outcome"]) for e in map(json.loads, file)]
    for action in ("load m", "label m stable 1", "traffic m", "rollback m", "drain"):
        refused = [outcome for client, a, outcome in entries if (client, a) == ("team", action)]
        score.check(len(refused) == 1 and "may not control" in refused[0], f"the audit of '{action}': {refused}")
    score.check(("ops", "load m", "ok") in entries and len(entries) == 11, f"the audit log: {entries}")


def serial(server, name):
    """Of the certificate that is served now."""
    context = ssl.create_default_context(cafile=path("ca.pem"))
    context.load_cert_chain(path("gateway.pem"), path("gateway.key"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", int(server.addresses[name].rsplit(":", 1)[1])), 20) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            return secure.getpeercert()["serialNumber"]


def served(server, wanted=None, text=None):
    """What HTTP and gRPC serve, as soon as it is right, or the log says the text."""
    for _ in range(200):
        found = {serial(server, name) for name in ("http", "grpc")}
        if (wanted is None or not found & wanted) and (text is None or text in server.log_text()):
            break
        time.sleep(0.1)
    return found


def days_left(server):
    """As /metrics has it; -1 without."""
    code, body = serving.curl("http://" + server.addresses["admin"] + "/metrics")
    found = re.search(r"^sinter_certificate_expiry_timestamp_seconds (\d+)$", body, re.M)
    return (int(found[1]) - time.time()) / 86400 if found else -1


def check_renewal(server):
    """Nobody sends a signal."""
    first = served(server)
    certify("server")
    second = served(server, wanted=first)
    score.check(len(second) == 1 and not second & first, f"after a renewal {first} became {second}")
    certify("server", days=-1)
    score.check(served(server, text="it has expired; renew it") == second, "an expired certificate is served")
    certify("another")
    os.replace(path("another.pem"), path("server.pem"))
    score.check(served(server, text="server.key' cannot be used") == second, "half a renewal is served")
    certify("server")
    third = served(server, wanted=second)
    score.check(len(third) == 1 and not third & second, f"after a repair {second} became {third}")
    score.check(29 < days_left(server) < 31, f"a certificate of 30 days has {days_left(server)} left")
    score.check("expires soon" not in server.log_text(), "the log warns of a certificate of 30 days")
    certify("server", days=3)
    served(server, wanted=third, text="the certificate expires soon")
    score.check(server.log_text().count("expires soon") == 1, "the log does not warn once of a certificate of 3 days")
    score.check(2 < days_left(server) < 4, f"a certificate of 3 days has {days_left(server)} left")
    for line in server.log_text().splitlines():
        score.check(line.startswith("{") and json.loads(line), f"the log in JSON has the line {line}")


def check_secured():
    for name in ("server", "gateway", "other"):
        certify(name)
    write_access()
    repository, audit = place("secured", 1), path("secured.jsonl")
    put(repository, 1, "x1")
    server = serve(repository, "--access-file", path("access.toml"), "--audit-log", audit, "--tls-certificate",
                   path("server.pem"), "--tls-key", path("server.key"), "--tls-client-ca", path("ca.pem"),
                   "--shared-memory", "--log-format=json")
    check_permissions(server)
    check_audit(server, audit)
    check_renewal(server)
    score.check(server.stop() == 0, "the server with TLS does not end well")


# ---- Control that is off, what a signal does, damaged labels

def check_control_off():
    server = serve(place("off", 1), "--repository-control=off")
    admin = server.addresses["admin"]
    for words in (["load", "m"], ["unload", "m"], ["label", "m", "a", "1"], ["rollback", "m"],
                  ["canary", "m", "1", "5"], ["drain"]):
        expect_ctl(admin, 4, "repository-control", *words)
    code, body = serving.curl(f"http://{admin}/v2/logging", "-d", '{"log_info": false}')
    score.check(code == "403", f"log settings where control is off: {code} {body}")
    code, _ = serving.curl(f"http://{admin}/metrics")
    score.check(code == "200" and ctl(admin, "list")[0] == 0, "with control off the admin port shows nothing")
    score.check(server.stop() == 0, "the server without control does not end well")


def check_signal():
    """SIGHUP brings no model back that was taken away, and names a model that is not there."""
    repository, config = place("signal", 1), path("signal.toml")
    put(repository, 1, "n")
    with open(config, "w") as file:
        file.write('[models.m]\ndegrade-to = "gone:1"\n[models.mm]\nrate = 5\n')
    server = serve(repository, "--config", config)
    admin = server.addresses["admin"]
    for key in ("models.mm ", "models.m.degrade-to "):
        score.check(f"names a model that is not here key={key}" in server.log_text(), f"no word about {key}")
    expect_ctl(admin, 0, "done", "unload", "m")
    put(repository, 2, "n")
    server.process.send_signal(signal.SIGHUP)
    wanted = [["m", "UNAVAILABLE"], ["n", "2", "READY"]]
    for _ in range(100):
        listed = [line.split()[:3] for line in ctl(admin, "list")[1].splitlines()]
        if listed[-1] == wanted[1]:
            break
        time.sleep(0.1)
    score.check([listed[0][:2], *listed[1:]] == wanted, f"after SIGHUP: {listed}, expected {wanted}")
    expect_ctl(admin, 0, "done", "load", "m")
    score.check("1 READY" in ctl(admin, "list")[1], "a model that was unloaded cannot be loaded")
    score.check(server.stop() == 0, "the server does not end well")


def check_damaged_labels():
    """Labels that cannot be read are not left out."""
    repository, state = place("damaged", 1), path("damaged-state")
    os.makedirs(state)
    for text in ('{"m":', "", "[]", '{"m": 5}', '{"m": {"labels": {"stable": "1"}}}', '{"m": {"labels": []}}',
                 '{"m": {"canary": -1}}', '{"m": {"shadow_percent": 101}}'):
        with open(os.path.join(state, "state.json"), "w") as file:
            file.write(text)
        done = subprocess.run([os.path.join(e2e.BUILD, "bin", "sinter-server"), repository, "--state-dir", state,
                               "--http-port=0", "--grpc-port=0", "--admin-port=0"], text=True, timeout=60,
                              capture_output=True)
        score.check(done.returncode == 5 and "state.json" in done.stderr and "repair it" in done.stderr,
                    f"{text}: {done.returncode} {done.stderr}")
        with open(os.path.join(state, "state.json")) as file:
            score.check(file.read() == text, f"{text} was replaced")


def main():
    check_exit_codes()
    check_secured()
    check_control_off()
    check_signal()
    check_damaged_labels()
    score.exit()


main()
