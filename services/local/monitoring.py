"""This suite's Prometheus and Alertmanager: their configuration and commands.

Both require a user and a password at every request, and answer no page of another origin.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import bcrypt
import yaml

from hallpulse.scrapes import METRICS_USER
from hallpulse.tls import NO_FILES, TlsFiles
from services.local import programs
from services.local.files import private_directory, write_private
from services.local.probes import answers
from services.local.process_groups import Command

HOST = "127.0.0.1"
BROKER = "rabbitmq"
USER = "hallpulse"
_KEPT = "400d"
QUICK_SECONDS, STILL_SECONDS = 1, 15
"""Seconds between scrapes: while something happens, and while nothing happens."""
_QUEUES_SECONDS = 5
_TIMEOUT_SECONDS = 10
# A password of 192 random bits needs no slow hash; both servers check it at every request.
_BCRYPT_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class ScrapeJob:
    """A scrape job: the addresses to fetch metrics from.

    tls: with an authority, scrape over HTTPS and trust it; with a certificate, show it as the client's; token: password
    that opens the metrics.
    """

    name: str
    addresses: Sequence[str]
    tls: TlsFiles = NO_FILES
    token: str = ""

    def as_configured(self) -> dict[str, object]:
        configured: dict[str, object] = {"job_name": self.name}
        if self.tls.ca:
            own = {"cert_file": self.tls.cert, "key_file": self.tls.key} if self.tls.key else {}
            configured |= {"scheme": "https", "tls_config": {"ca_file": self.tls.ca, **own}}
        if self.token:
            configured["basic_auth"] = {"username": METRICS_USER, "password": self.token}
        return configured | {"static_configs": [{"targets": list(self.addresses)}]}


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A private Prometheus.

    password: for signing in; jobs: what it scrapes; rules: file name → content, rendered from the plans.
    """

    directory: Path
    log: Path
    port: int
    password: str
    jobs: Sequence[ScrapeJob]
    rules: Mapping[str, str]
    alertmanager_url: str

    @property
    def rules_folder(self) -> Path:
        return self.directory / "rules"

    @property
    def page(self) -> str:
        """The address for people, without a password: they sign in there."""
        return f"http://{HOST}:{self.port}"

    @property
    def url(self) -> str:
        """The address for programs, with user and password."""
        return with_login(self.page, self.password)

    def command(self) -> Command:
        private_directory(self.directory)
        self.configure(QUICK_SECONDS)
        argv = (
            str(programs.prometheus()),
            f"--config.file={self._configuration}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--storage.tsdb.retention.time={_KEPT}",
            f"--web.listen-address={HOST}:{self.port}",
            f"--web.config.file={_written_login(self.directory, self.password)}",
            f"--web.cors.origin={re.escape(self.page)}",
            "--log.level=warn",
        )
        return Command(argv, _environment(), self.directory, self.log)

    def configure(self, seconds: int) -> None:
        """Write configuration and rules. seconds: time between scrapes; no rule is evaluated more often."""
        _write_rules(private_directory(self.rules_folder), {n: slowed(text, seconds) for n, text in self.rules.items()})
        write_private(self._configuration, prometheus_configuration(self.jobs, self.alertmanager_url, seconds))

    def turn(self, pid: int, still: bool) -> None:
        """Change the pace of the running process. The states of its alerts are kept."""
        self.configure(STILL_SECONDS if still else QUICK_SECONDS)
        os.kill(pid, signal.SIGHUP)

    def is_ready(self) -> bool:
        return answers(f"{self.page}/-/ready", login=(USER, self.password))

    @property
    def _configuration(self) -> Path:
        return self.directory / "prometheus.yml"


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A private Alertmanager. configuration: the file, rendered by services.boards; "" for one that only shows alerts.

    path: secret prefix of all its addresses. Versions before 0.27 accept plain-text posts from a page of another
    origin, and a signed-in browser sends the password along; a page that does not know the path cannot reach anything.
    """

    directory: Path
    log: Path
    port: int
    password: str
    path: str
    configuration: str = ""

    @property
    def page(self) -> str:
        """The address for people, without a password: they sign in there."""
        return f"http://{HOST}:{self.port}/{self.path}"

    @property
    def url(self) -> str:
        """The address for programs, with user and password."""
        return with_login(self.page, self.password)

    def command(self) -> Command:
        private_directory(self.directory)
        file = self.directory / "alertmanager.yml"
        write_private(file, self.configuration or alertmanager_configuration())
        arguments = self.directory / "arguments"
        write_private(arguments, f"--web.external-url={self.page}\n")
        argv = (
            str(programs.alertmanager()),
            f"--config.file={file}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            f"--web.config.file={_written_login(self.directory, self.password)}",
            # One instance: no port for a cluster.
            "--cluster.listen-address=",
            "--log.level=warn",
            # The secret path is in a file, because every user of the machine can see the arguments.
            f"@{arguments}",
        )
        return Command(argv, _environment(), self.directory, self.log)

    def is_ready(self) -> bool:
        return answers(f"{self.page}/-/ready", login=(USER, self.password))


def with_login(page: str, password: str) -> str:
    """Return the address with user and password, for programs."""
    scheme, _, rest = page.partition("://")
    return f"{scheme}://{USER}:{password}@{rest}"


def without_login(url: str) -> str:
    """Return the address without user and password, so that it may be shown."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def web_configuration(password: str) -> str:
    """Return the content of --web.config.file for both servers: the login, and headers that forbid framing."""
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_ROUNDS)).decode()
    headers = {"X-Frame-Options": "deny", "X-Content-Type-Options": "nosniff"}
    return yaml.safe_dump({"basic_auth_users": {USER: hashed}, "http_server_config": {"headers": headers}})


_INTERVAL = re.compile(r"^(?P<key> +interval: )(?P<seconds>[0-9]+)s$", re.MULTILINE)


def slowed(rules: str, seconds: int) -> str:
    """Return the rule file with each group's interval raised to at least `seconds`."""
    return _INTERVAL.sub(lambda found: f"{found['key']}{max(int(found['seconds']), seconds)}s", rules)


def prometheus_configuration(jobs: Sequence[ScrapeJob], alertmanager_url: str, seconds: int = QUICK_SECONDS) -> str:
    timeout = min(seconds, _TIMEOUT_SECONDS)  # a scrape that is cut off leaves a gap: as long as the interval allows
    configuration: dict[str, object] = {
        "global": {
            "scrape_interval": f"{seconds}s",
            "scrape_timeout": f"{timeout}s",
            "evaluation_interval": f"{seconds}s",
        },
        "rule_files": ["rules/*.yml"],
        "scrape_configs": [*(job.as_configured() for job in jobs), *_queues(jobs, max(seconds, _QUEUES_SECONDS))],
    }
    if alertmanager_url:
        configuration["alerting"] = {"alertmanagers": [_alertmanager(alertmanager_url)]}
    return yaml.safe_dump(configuration, sort_keys=False, allow_unicode=True)


def _alertmanager(url: str) -> dict[str, object]:
    """Return Alertmanager's address, user and password in the form of Prometheus' configuration."""
    parts = urlsplit(url)
    found: dict[str, object] = {"scheme": parts.scheme}
    if parts.path.strip("/"):
        found["path_prefix"] = parts.path.rstrip("/")
    if parts.username:
        found["basic_auth"] = {"username": unquote(parts.username), "password": unquote(parts.password or "")}
    return found | {"static_configs": [{"targets": [urlsplit(without_login(url)).netloc]}]}


def _queues(jobs: Sequence[ScrapeJob], seconds: int) -> list[dict[str, object]]:
    """Return the scrape job for the lengths of queues, which the broker serves under a separate path."""
    return [
        {
            **job.as_configured(),
            "job_name": "rabbitmq-queues",
            "metrics_path": "/metrics/detailed",
            "params": {"family": ["queue_coarse_metrics"], "vhost": ["/"]},
            "scrape_interval": f"{seconds}s",
            "scrape_timeout": f"{min(seconds, _TIMEOUT_SECONDS)}s",
        }
        for job in jobs
        if job.name == BROKER
    ]


def alertmanager_configuration() -> str:
    """Return a configuration with which Alertmanager shows alerts on its page and sends them nowhere."""
    route = {"receiver": "page", "group_by": ["alertname", "region"], "group_wait": "5s", "group_interval": "1m"}
    return yaml.safe_dump({"route": route, "receivers": [{"name": "page"}]}, sort_keys=False)


def _written_login(directory: Path, password: str) -> Path:
    file = directory / "web.yml"
    write_private(file, web_configuration(password))
    return file


def _write_rules(directory: Path, rules: Mapping[str, str]) -> None:
    for old in directory.glob("*.yml"):
        if old.name not in rules:
            old.unlink()
    for name, text in rules.items():
        write_private(directory / name, text)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TZ": "Asia/Shanghai"}
