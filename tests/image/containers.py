"""Containers by runc, with what the compose file says of a service: no daemon is needed, and no registry."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
_DOCKERS = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETPCAP", "SETUID"]
"""Of the capabilities that docker leaves to a container, those that a server may need."""
_DEVICES = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
]


@dataclass(frozen=True)
class Image:
    """A root filesystem, and how its containers start. user: UID:GID."""

    root: Path
    user: str
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"


@contextlib.contextmanager
def from_buildah(name: str) -> Iterator[Image]:
    """An image of buildah's storage, mounted."""
    container = _said("buildah", "from", "--pull-never", name)
    try:
        config = json.loads(_said("buildah", "inspect", container))["OCIv1"]["config"]
        environment = dict(variable.split("=", 1) for variable in config["Env"])
        root = Path(_said("buildah", "mount", container))
        yield Image(root, config["User"], environment, config["Labels"], config["WorkingDir"])
    finally:
        subprocess.run(["buildah", "rm", container], check=True, capture_output=True)


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@dataclass(frozen=True)
class Ground:
    """What containers of one suite share. Their state, volumes and logs lie in the directory; files: bound into all."""

    directory: Path
    secrets: Path
    files: Mapping[str, Path]

    def volume(self, name: str, image: Image, inside: str) -> Path:
        """A named volume. A new one has the owner that its place has in the image, as an engine makes it."""
        path = self.directory / "volumes" / name
        if not path.exists():
            path.mkdir(parents=True)
            there = image.root / inside.lstrip("/")
            owner = (there.stat().st_uid, there.stat().st_gid) if there.exists() else _numbers(image.user)
            os.chown(path, *owner)
        return path

    def runc(self, *arguments: str) -> list[str]:
        return ["runc", "--root", str(self.directory / "runc"), *arguments]


def _numbers(user: str) -> tuple[int, int]:
    uid, gid = user.split(":")
    return int(uid), int(gid)


@dataclass
class Container:
    """A running container of a service."""

    name: str
    ground: Ground
    process: subprocess.Popen[bytes]
    log: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command in the container, as its user."""
        return subprocess.run(
            self.ground.runc("exec", self.name, *command), capture_output=True, text=True, check=False, timeout=60
        )

    def pid(self) -> int:
        state = subprocess.run(self.ground.runc("state", self.name), capture_output=True, check=True)
        return int(json.loads(state.stdout)["pid"])

    def is_well(self) -> bool:
        """Whether the service's health check, as compose has it, succeeds."""
        kind, *check = COMPOSE["services"][self.name]["healthcheck"]["test"]
        return self.run(*(["sh", "-c", *check] if kind == "CMD-SHELL" else check)).returncode == 0

    def stop(self, signal: str = "TERM") -> int:
        """End it as compose does, by a signal and after its grace period by force; return its exit status."""
        subprocess.run(self.ground.runc("kill", self.name, signal), check=False, capture_output=True)
        try:
            return self.process.wait(_seconds(COMPOSE["services"][self.name].get("stop_grace_period", "10s")))
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        subprocess.run(self.ground.runc("delete", "--force", self.name), check=False, capture_output=True)
        self.process.kill()
        self.process.wait()


def _seconds(period: str) -> int:
    return int(period.removesuffix("s"))


def started(ground: Ground, name: str, image: Image, *command: str, **environment: str) -> Container:
    """Start a service's container. command: in place of the one that compose names; environment: beside compose's."""
    service = COMPOSE["services"][name]
    args = [*command] or service["command"]
    bundle = ground.directory / "bundles" / f"{name}-{len(list(ground.directory.glob('bundles/*')))}"
    bundle.mkdir(parents=True)
    settings = {**image.environment, **service.get("environment", {}), **environment}
    config = _config(service, image, args, settings, [*_mounts(ground, service, image)])
    (bundle / "config.json").write_text(json.dumps(config | {"hostname": service.get("hostname", name)}))
    log = bundle / "log"
    # A name is taken until the container is deleted.
    subprocess.run(ground.runc("delete", "--force", name), check=False, capture_output=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            ground.runc("run", "--bundle", str(bundle), name), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    return Container(name, ground, process, log)


def _config(
    service: Mapping[str, Any], image: Image, args: list[str], environment: Mapping[str, str], mounts: list[Any]
) -> dict[str, Any]:
    uid, gid = _numbers(image.user)
    kept = [] if "ALL" in service.get("cap_drop", []) or uid else [f"CAP_{name}" for name in _DOCKERS]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": uid, "gid": gid},
            "args": args,
            "env": [f"{key}={value}" for key, value in environment.items()],
            "cwd": image.directory,
            "noNewPrivileges": "no-new-privileges:true" in service.get("security_opt", []),
            "capabilities": {kind: kept for kind in ("bounding", "effective", "permitted")},
        },
        "root": {"path": str(image.root), "readonly": service.get("read_only", False)},
        "mounts": [*_DEVICES, *mounts],
        # The network is this process's: a namespace that the whole suite has to itself.
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]},
    }


def _mounts(ground: Ground, service: Mapping[str, Any], image: Image) -> Iterator[dict[str, Any]]:
    size = service.get("shm_size", "64mb").removesuffix("mb")
    yield _tmpfs("/dev/shm", "mode=1777", f"size={size}m")
    for place in service.get("tmpfs", []):
        yield _tmpfs(place)
    for inside, path in ground.files.items():
        yield _bound(path, inside)
    # The root is shared by the image's containers; the places of secrets are not.
    yield _tmpfs("/run/secrets", "mode=755")
    for secret in service.get("secrets", []):
        name, target = (secret, secret) if isinstance(secret, str) else (secret["source"], secret["target"])
        file = Path(COMPOSE["secrets"][name]["file"]).name
        yield _bound(ground.secrets / file, target if target.startswith("/") else f"/run/secrets/{target}")
    for config in service.get("configs", []):
        yield _bound(ROOT / COMPOSE["configs"][config["source"]]["file"], config["target"])
    for volume in service.get("volumes", []):
        source, inside, *mode = volume.split(":")
        path = ROOT / source if source.startswith(".") else ground.volume(source, image, inside)
        yield _bound(path, inside, mode[0] if mode else "rw")


def _tmpfs(place: str, *options: str) -> dict[str, Any]:
    return {
        "destination": place,
        "type": "tmpfs",
        "source": "tmpfs",
        "options": ["nosuid", "nodev", *(options or ["mode=1777"])],
    }


def _bound(source: Path, inside: str, mode: str = "ro") -> dict[str, Any]:
    return {"destination": inside, "type": "bind", "source": str(source.resolve()), "options": ["bind", mode]}
