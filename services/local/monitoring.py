"""Prometheus and Alertmanager of this suite: their configuration, and how they run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from services.local import programs
from services.local.files import private_directory, write_private
from services.local.probes import answers
from services.local.processes import Command

HOST = "127.0.0.1"
BROKER = "rabbitmq"
_KEPT = "400d"


@dataclass(frozen=True, slots=True)
class Job:
    """Whose metrics are fetched: from which addresses; `ca`: over HTTPS, trusting this authority."""

    name: str
    addresses: Sequence[str]
    ca: str = ""

    def as_configured(self) -> dict[str, object]:
        secure = {"scheme": "https", "tls_config": {"ca_file": self.ca}} if self.ca else {}
        return {"job_name": self.name, **secure, "static_configs": [{"targets": list(self.addresses)}]}


@dataclass(frozen=True, slots=True)
class Prometheus:
    """`jobs`: whose metrics; `rules`: file name to content, rendered from the plans."""

    directory: Path
    log: Path
    port: int
    jobs: Sequence[Job]
    rules: Mapping[str, str]
    alertmanager_url: str

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def command(self) -> Command:
        private_directory(self.directory)
        _write_rules(private_directory(self.directory / "rules"), self.rules)
        write_private(self._configuration, prometheus_configuration(self.jobs, self.alertmanager_url))
        argv = (
            str(programs.prometheus()),
            f"--config.file={self._configuration}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--storage.tsdb.retention.time={_KEPT}",
            f"--web.listen-address={HOST}:{self.port}",
            "--log.level=warn",
        )
        return Command(argv, _environment(), self.directory, self.log)

    def is_ready(self) -> bool:
        return answers(f"{self.url}/-/ready")

    @property
    def _configuration(self) -> Path:
        return self.directory / "prometheus.yml"


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """`configuration`: whole, as rendered by services.boards; empty for one that only shows its alerts."""

    directory: Path
    log: Path
    port: int
    configuration: str = ""

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def command(self) -> Command:
        private_directory(self.directory)
        file = self.directory / "alertmanager.yml"
        write_private(file, self.configuration or alertmanager_configuration())
        argv = (
            str(programs.alertmanager()),
            f"--config.file={file}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            # One instance: no port for others of its kind.
            "--cluster.listen-address=",
            "--log.level=warn",
        )
        return Command(argv, _environment(), self.directory, self.log)

    def is_ready(self) -> bool:
        return answers(f"{self.url}/-/ready")


def prometheus_configuration(jobs: Sequence[Job], alertmanager_url: str) -> str:
    configuration: dict[str, object] = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules/*.yml"],
        "scrape_configs": [*(job.as_configured() for job in jobs), *_queues(jobs)],
    }
    if alertmanager_url:
        scheme, _, address = alertmanager_url.partition("://")
        configuration["alerting"] = {
            "alertmanagers": [{"scheme": scheme, "static_configs": [{"targets": [address.rstrip("/")]}]}]
        }
    return yaml.safe_dump(configuration, sort_keys=False, allow_unicode=True)


def _queues(jobs: Sequence[Job]) -> list[dict[str, object]]:
    """How full each queue is, which the broker shows under an address of its own."""
    return [
        {
            "job_name": "rabbitmq-queues",
            "metrics_path": "/metrics/detailed",
            "params": {"family": ["queue_coarse_metrics"], "vhost": ["/"]},
            "scrape_interval": "5s",
            "static_configs": [{"targets": list(job.addresses)}],
        }
        for job in jobs
        if job.name == BROKER
    ]


def alertmanager_configuration() -> str:
    """Alerts are shown on its page and sent nowhere."""
    route = {"receiver": "page", "group_by": ["alertname", "region"], "group_wait": "5s", "group_interval": "1m"}
    return yaml.safe_dump({"route": route, "receivers": [{"name": "page"}]}, sort_keys=False)


def _write_rules(directory: Path, rules: Mapping[str, str]) -> None:
    for old in directory.glob("*.yml"):
        old.unlink()
    for name, text in rules.items():
        write_private(directory / name, text)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TZ": "Asia/Shanghai"}
