"""Another user of the machine on which a suite runs: what its processes, files and ports give it.

The program below is run as that user, by the machine's own Python, and prints what it got as JSON. It knows no secret;
it finds the ports and the processes as any user does, in /proc.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYTHON = "/usr/bin/python3"
PROGRAM = r"""
import base64, json, os, sys, urllib.error, urllib.request
from concurrent.futures import ThreadPoolExecutor

asked = json.load(sys.stdin)
LOGINS = [None, "hallpulse:hallpulse", "hallpulse:", "admin:admin", "guest:guest", "operator:operator", "metrics:"]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

def ask(method, port, path, body=None, kind="application/json", login=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, method=method)
    if body is not None:
        request.add_header("Content-Type", kind)
    if login is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    try:
        with opener.open(request, timeout=3) as answer:
            return answer.status, len(answer.read(1 << 20))
    except urllib.error.HTTPError as error:
        return error.code, 0
    except Exception as error:
        return type(error).__name__, 0

def readable(path):
    try:
        if os.path.isdir(path):
            return bool(os.listdir(path))
        with open(path, "rb") as file:
            return bool(file.read(64))
    except OSError:
        return False

def writable(path):
    try:
        if os.path.isdir(path):
            probe = os.path.join(path, "by-another")
            with open(probe, "wb"):
                os.unlink(probe)
        else:
            with open(path, "r+b"):
                pass
    except OSError:
        return False
    return True

found = {"got": [], "read": [], "written": [], "signalled": [], "environment": [], "arguments": {}}
def speaks_http(port):
    return isinstance(ask("GET", port, "/")[0], int)

def tried(attempt):
    method, port, path, body, kind, login = attempt
    status, size = ask(method, port, path, body, kind, login)
    return [method, port, path, size] if isinstance(status, int) and status < 400 else None

with ThreadPoolExecutor(16) as pool:
    speaking = [port for port, speaks in zip(asked["ports"], pool.map(speaks_http, asked["ports"])) if speaks]
    gets = [("GET", path, None, "") for path in asked["paths"]]
    posts = [("POST", path, body.encode(), kind) for path, kind, body in asked["posts"]]
    attempts = [
        (method, port, path, body, kind, login)
        for port in speaking for method, path, body, kind in gets + posts for login in LOGINS
    ]
    found["got"] = [got for got in pool.map(tried, attempts) if got]
    found["asked"] = len(attempts)
for path in asked["files"]:
    if readable(path):
        found["read"].append(path)
    if writable(path):
        found["written"].append(path)
for pid in asked["pids"]:
    for name in ("environ", "cwd", "root", "fd", "mem", "maps"):
        path = f"/proc/{pid}/{name}"
        if readable(path + "/" if name in ("cwd", "root") else path):
            found["environment"].append(path)
    try:
        os.kill(pid, 0)
        found["signalled"].append(pid)
    except OSError:
        pass
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        found["arguments"][str(pid)] = file.read().replace(b"\0", b" ").decode(errors="replace")
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Found:
    """What another user got. asked: how many requests were made; got: method, port, path and bytes of those answered.

    read, written: files; environment: what /proc tells of processes; signalled: those it may send signals to.
    """

    asked: int

    got: Sequence[tuple[str, int, str, int]]
    read: Sequence[str]
    written: Sequence[str]
    environment: Sequence[str]
    signalled: Sequence[int]
    arguments: Mapping[str, str]


def as_another_user(uid: int, asked: Mapping[str, Any]) -> Found:
    """Run the program as a user with this number, who is in no group of ours and holds no right of root."""
    done = subprocess.run(
        [PYTHON, "-I", "-c", PROGRAM],
        input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=300,
        user=uid, group=uid, extra_groups=[], cwd="/", env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return Found(**{**found, "got": [tuple(one) for one in found["got"]]})


def files_of(directory: Path) -> list[str]:
    """Every file and directory of a suite, as root sees them."""
    return [str(directory), *(str(path) for path in directory.rglob("*") if not path.is_symlink())]
