"""The services of the compose file in a network that they have to themselves, with the ports that it names.

In place of the images of others, which no registry gives here, stand this machine's programs, or those of another root
(HALLPULSE_SERVERS, such as a Debian 13 made by debootstrap), in a copy that is written on top of it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from services.local import programs
from tests.image.containers import COMPOSE, ROOT, Container, Ground, Image, started
from tests.servers import scratch

_NEW_NETWORK = 0x40000000
_FOREIGN = {"database": "999:999", "broker": "999:999", "prometheus": "65534:65534", "alertmanager": "65534:65534"}
"""As whom the images of others run."""
NOT_RUN = {"grafana"}
"""Of whom this machine has no program."""
_ENTRYPOINT = """\
set -eu
if [ ! -d "$PGDATA" ]; then
    initdb --auth=scram-sha-256 --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" -D "$PGDATA"
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories="$PGHOST"
"""
"""Does what the official image's entry point does at the first start."""


@contextlib.contextmanager
def own_network() -> Iterator[None]:
    """A network namespace for this thread and all that it starts: a loopback address and nothing else."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "no network namespace")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            libc.setns(before, _NEW_NETWORK)
    finally:
        os.close(before)


@contextlib.contextmanager
def other_programs(root: Path) -> Iterator[Path]:
    """A root of its own with the programs of another: what is written into it is gone afterwards."""
    with scratch("root") as directory:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], check=True)
        try:
            above, work, merged = (directory / name for name in ("above", "work", "merged"))
            for path in (above, work, merged):
                path.mkdir()
            options = f"lowerdir={root},upperdir={above},workdir={work}"
            subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, merged], check=True)
            try:
                _as_images_are(merged)
                yield merged
            finally:
                subprocess.run(["umount", merged], check=True)
        finally:
            subprocess.run(["umount", directory], check=True)


def _as_images_are(root: Path) -> None:
    """Servers' directories are empty, and user 999 has a name: PostgreSQL and RabbitMQ run as that."""
    for inside in ("etc/rabbitmq", "etc/prometheus", "var/lib/rabbitmq", "var/lib/postgresql", "var/log/rabbitmq"):
        shutil.rmtree(root / inside, ignore_errors=True)
        (root / inside).mkdir(parents=True)
        if inside.startswith("var"):
            os.chown(root / inside, 999, 999)
    users = [line for line in (root / "etc/passwd").read_text().splitlines() if ":999:" not in line]
    (root / "etc/passwd").write_text("\n".join([*users, "server:x:999:999::/:/bin/sh", ""]))


@contextlib.contextmanager
def names_answered() -> Iterator[None]:
    """A name server of the network: every name is here. Prometheus asks one for the ingest workers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        threading.Thread(target=_answer, args=(server,), daemon=True).start()
        yield


def _answer(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            question, who = server.recvfrom(512)
            end = question.index(b"\0", 12) + 5
            is_address = question[end - 4 : end - 2] == b"\0\1"
            head = question[:2] + struct.pack(">5H", 0x8580, 1, int(is_address), 0, 0) + question[12:end]
            record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 5, 4) + socket.inet_aton("127.0.0.1")
            server.sendto(head + (record if is_address else b""), who)


@dataclass
class Suite:
    """The running services."""

    ground: Ground
    image: Image
    machine: Path
    others: Path
    running: dict[str, Container] = field(default_factory=dict)

    def image_of(self, name: str) -> Image:
        if "image" in COMPOSE["services"][name] and not COMPOSE["services"][name]["image"].startswith("hallpulse:"):
            root = self.machine if name == "database" else self.others
            return Image(root, _FOREIGN[name], {"PATH": _path(), "LC_ALL": "C.UTF-8", **_SETTINGS.get(name, {})})
        return self.image

    def start(self, name: str) -> Container:
        """Start a service, with the program in place of the entry point of another's image."""
        image, service = self.image_of(name), COMPOSE["services"][name]
        program = {
            "database": ["sh", "-c", _ENTRYPOINT],
            "broker": ["/usr/lib/rabbitmq/bin/rabbitmq-server"],
            "prometheus": ["prometheus", *service.get("command", [])],
            "alertmanager": ["prometheus-alertmanager", *service.get("command", [])],
        }.get(name, [])
        self.running[name] = started(self.ground, name, image, *program)
        return self.running[name]

    def once(self, name: str, *command: str, **environment: str) -> str:
        """Run a service to its end, as `docker compose run --rm` does; return its output, and fail if it fails."""
        container = started(self.ground, name, self.image_of(name), *command, **environment)
        try:
            status = container.process.wait(300)
        finally:
            container.kill()
        said = container.log.read_text()
        assert status == 0, f"{name}: {said[-3000:]}"
        return said

    def end(self) -> None:
        for container in reversed(self.running.values()):
            container.kill()


_SETTINGS = {
    "database": {"PGDATA": "/var/lib/postgresql/18/docker", "PGHOST": "/var/lib/postgresql"},
    "broker": {"HOME": "/var/lib/rabbitmq", "RABBITMQ_LOGS": "-"},
}


def _path() -> str:
    return f"{programs.postgres_programs()}:/usr/lib/rabbitmq/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@contextlib.contextmanager
def suite_of(image: Image) -> Iterator[Suite]:
    """An empty suite: nothing is started yet, the secrets are drawn."""
    others = Path(os.environ.get("HALLPULSE_SERVERS", "/"))
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(scratch("compose"))
        directory.chmod(0o755)
        shutil.copy(ROOT / "deploy" / "secrets.sh", directory)
        subprocess.run(["sh", directory / "secrets.sh"], check=True, capture_output=True)
        hosts, resolver = directory / "hosts", directory / "resolv.conf"
        hosts.write_text(f"127.0.0.1 localhost {' '.join(COMPOSE['services'])}\n")
        resolver.write_text("nameserver 127.0.0.1\n")
        stack.enter_context(own_network())
        stack.enter_context(names_answered())
        machine = stack.enter_context(other_programs(Path("/")))
        theirs = machine if others == Path("/") else stack.enter_context(other_programs(others))
        files = {"/etc/hosts": hosts, "/etc/resolv.conf": resolver}
        suite = Suite(Ground(directory, directory / "secrets", files), image, machine, theirs)
        stack.callback(suite.end)
        yield suite
