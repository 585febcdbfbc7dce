"""Where the suite cannot start it says why in one line, with status 1, and leaves nothing running."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.local import ports, process_groups
from tests.e2e.suite_at import Done, hallpulse, processes_of, suite_at
from tests.servers import BrokerServer


def _refused(done: Done, *said: str) -> None:
    assert done.returncode == 1, done.stdout
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for words in said:
        assert words in done.stderr


@pytest.mark.parametrize("detach", [(), ("--detach",)], ids=["foreground", "detached"])
def test_a_taken_port(tmp_path: Path, detach: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (tmp_path / "ports.json").write_text(json.dumps({"prometheus": port}))
        _refused(hallpulse("up", *detach, directory=tmp_path), f"port {port} (prometheus) is taken", "ports.json")
    assert not (tmp_path / "state.json").exists()


def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    for program in ("setpriv", "epmd", "erl"):
        found = subprocess.run(["which", program], capture_output=True, text=True, check=True).stdout.strip()
        (tmp_path / program).symlink_to(found)
    refused = hallpulse("up", "--detach", directory=tmp_path / "suite", PATH=str(tmp_path))
    _refused(refused, "is not installed", "make setup", "prometheus")


@pytest.mark.parametrize("detach", [(), ("--detach",)], ids=["foreground", "detached"])
def test_a_directory_that_cannot_be_made(tmp_path: Path, detach: tuple[str, ...]) -> None:
    (tmp_path / "file").touch()
    _refused(hallpulse("up", *detach, directory=tmp_path / "file" / "suite"), "cannot make the directory")


def test_a_directory_with_somebody_elses_data(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    _refused(hallpulse("up", "--detach", directory=tmp_path), "holds other data (broker)")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mounted = tmp_path / "small"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(mounted)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to mount a small file system here")
    yield mounted
    # The supervisor has said why it cannot start, but may still be closing its log there.
    unmount = ["umount", str(mounted)]
    assert process_groups.wait_until(
        lambda: subprocess.run(unmount, capture_output=True, check=False).returncode == 0, 10
    )


def test_too_small_a_disk(small_disk: Path) -> None:
    _refused(hallpulse("up", "--detach", directory=small_disk), "MB free in", "are needed")


def test_a_broker_that_does_not_answer(tmp_path: Path) -> None:
    port = ports.choose(["nobody"])["nobody"]
    refused = hallpulse("up", "--detach", directory=tmp_path, HALLPULSE_AMQP_URL=f"amqp://u:hush@127.0.0.1:{port}/")
    _refused(refused, f"no broker answers at 127.0.0.1:{port} (HALLPULSE_AMQP_URL)")
    assert "hush" not in refused.stderr


def test_a_broker_that_refuses_the_password(tmp_path: Path, broker: BrokerServer) -> None:
    url = f"amqp://operator:hush@127.0.0.1:{broker.server.ports.amqp}/"
    refused = hallpulse("up", directory=tmp_path, HALLPULSE_AMQP_URL=url)
    _refused(refused, "broker: it refuses this user and password")
    assert "hush" not in refused.stderr


def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    port = ports.choose(["nobody"])["nobody"]
    url = f"postgresql://u:hush@127.0.0.1:{port}/x"
    refused = hallpulse("up", "--detach", directory=tmp_path, HALLPULSE_DATABASE_URL=url)
    _refused(refused, str(port))
    assert "hush" not in refused.stderr


def test_a_broken_server_is_named_with_what_it_said_and_its_log(tmp_path: Path) -> None:
    keys = dict.fromkeys(("database", "operator", "gateway", "token"), "k")
    (tmp_path / "keys.json").write_text(json.dumps(keys))
    (tmp_path / "prometheus").mkdir()
    (tmp_path / "prometheus" / "data").write_text("no directory")
    _refused(hallpulse("up", "--detach", directory=tmp_path), "prometheus did not start: ", "log/prometheus.log")
    assert not (tmp_path / "state.json").exists()
    hallpulse("down", "--purge", directory=tmp_path)


def test_what_an_earlier_suite_wrote_before_a_crash_is_no_hindrance(tmp_path: Path) -> None:
    mine = {"pid": os.getpid(), "started": "an earlier boot:1"}
    part = {"name": "gateway", "state": "running", "process": mine, "since": 0.0}
    (tmp_path / "state.json").write_text(json.dumps({"supervisor": mine, "parts": [part]}))
    (tmp_path / "endpoints.json").write_text("{}")
    assert hallpulse("down", directory=tmp_path).stdout == f"nothing runs in {tmp_path}\n"


def test_servers_that_already_run_are_used_and_not_started(
    tmp_path: Path, database_url: str, broker: BrokerServer
) -> None:
    with broker.fresh_vhost() as vhost:
        servers = {
            "HALLPULSE_AMQP_URL": vhost.amqp_url,
            "HALLPULSE_MANAGEMENT_URL": vhost.management_url,
            "HALLPULSE_DATABASE_URL": database_url,
            "HALLPULSE_PROMETHEUS_URL": "http://127.0.0.1:9",
            "HALLPULSE_ALERTMANAGER_URL": "http://127.0.0.1:9",
        }
        with suite_at(tmp_path, **servers) as there:
            assert there["database"] == database_url
            assert vhost.password not in there["amqp"]
            assert not {"database", "broker", "prometheus", "alertmanager"} & set(processes_of(tmp_path))
