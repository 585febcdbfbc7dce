"""Settings from the environment: a `__main__` reads them once, and wrong ones are refused at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from hallpulse.tls import TlsFiles, trusting

BATCH_EVENTS, BATCH_SECONDS = 64_000, 0.4
"""A batch is handed on at this number of events, or at this age."""
DATABASE_SERVICES = ("gateway", "ingest", "catalogue", "targets", "reports", "notices")
"""The services that log in to the database, each with a separate role."""


def service_database_variable(service: str) -> str:
    """Return the name of the variable with the database URL of a deployment's service."""
    return f"HALLPULSE_{service.upper()}_DATABASE_URL"


class SettingsError(Exception):
    """A setting is missing or wrong; the message names the variable and what it expects."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the suite: its servers and files; one object for all services.

    amqp_url: that of the suite's own broker user, which may declare the topology and speak for every hall;
    management_url: RabbitMQ's HTTP API with user and password, needed only to add halls;
    gateway_amqp_url: the broker's URL for a deployment's gateway, needed by the command that makes its user there;
    service_database_urls: service → its database URL, needed by the command that makes the services' roles there;
    previous_database_url, previous_management_url: during a rotation, the URLs with the passwords that the servers
    still know;
    gateway_rate: requests a second that one hall or other token may make in the long run, 0 for any number;
    gateway_https: `on` if a proxy before the gateway speaks HTTPS, so that browsers send cookies only over HTTPS;
    read_token: the token with which the gateway answers every query, and takes no events;
    ingest_metrics_url: where the gateway asks ingest how far it is behind; empty: it does not ask; a host name with
    several addresses stands for a worker at each of them;
    public_url: the address at which people open the page; links in notices begin with it;
    oidc_issuer, oidc_client_id, oidc_client_secret: the OpenID Connect provider by which people may sign in, and how it
    knows this suite; empty: none; oidc_name, oidc_name_en: how the page calls it;
    metrics_token: the token that services other than the gateway ask for at /metrics; empty: they ask for none;
    tls_ca: the authorities to trust in amqps:// and https:// URLs that name none; empty: the machine's own;
    tls_cert and tls_key: the certificate with which services answer over HTTPS; without one, over plain HTTP;
    channels: the file with the channels of notices; notices_token: the token that Alertmanager must show;
    rules: the folder of the rendered alert rules, by which notices recognises alerts that none of them made;
    batch_events and batch_seconds: a batch is stored when it holds this number of events or is this old; a large one is
    divided by halls and stored in several transactions at once;
    boundaries: the folder of boundaries REGION.geojson for the page's maps; without it, the page ranks instead;
    suite_state: the file in which the suite on one machine notes which of its parts run, for the gateway's page;
    reports_dir, reports_day: where last month's reports are written, from this day of the month on (Asia/Shanghai);
    reports_seconds: seconds between two looks whether a report is due;
    refusal_limit: a hall is served more slowly while more than this share of its last refusal_window events is
    refused; 0: no hall is slowed, and ingest never stops because of refused events.
    """

    amqp_url: str
    database_url: str
    management_url: str = ""
    gateway_amqp_url: str = ""
    previous_database_url: str = ""
    previous_management_url: str = ""
    service_database_urls: Mapping[str, str] = field(default_factory=dict)
    plans: Path = Path("plans")
    calendars: Path = Path("calendars")
    host: str = "127.0.0.1"
    gateway_port: int = 8080
    gateway_rate: float = 500.0
    gateway_https: str = ""
    read_token: str = ""
    metrics_port: int = 0
    metrics_token: str = ""
    partitions: int = 4
    batch_events: int = BATCH_EVENTS
    batch_seconds: float = BATCH_SECONDS
    refusal_limit: float = 0.3
    refusal_window: int = 200
    refresh_seconds: float = 2.0
    reports_dir: Path = Path("reports")
    reports_day: int = 5
    reports_seconds: float = 600.0
    ingest_metrics_url: str = ""
    public_url: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_name: str = "统一身份认证"
    oidc_name_en: str = "single sign-on"
    prometheus_url: str = ""
    alertmanager_url: str = ""
    channels: Path | None = None
    boundaries: Path | None = None
    suite_state: Path | None = None
    notices_token: str = ""
    rules: Path | None = None
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""

    @property
    def tls(self) -> TlsFiles:
        return TlsFiles(self.tls_ca, self.tls_cert, self.tls_key)


_NAMES = {one.name: f"HALLPULSE_{one.name.upper()}" for one in fields(Settings) if one.name != "service_database_urls"}
"""Field → its variable in the environment."""
_REQUIRED = ("amqp_url", "database_url")


def _share(text: str) -> float:
    share = 0.0 if text == "off" else float(text)
    if not 0 <= share < 1:
        raise ValueError(text)
    return share


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count


def _day_of_every_month(text: str) -> int:
    day = int(text)
    if not 1 <= day <= 28:
        raise ValueError(text)
    return day


_CASTS: dict[str, Callable[[str], str | int | float | Path]] = {
    "plans": Path,
    "calendars": Path,
    "channels": Path,
    "boundaries": Path,
    "suite_state": Path,
    "rules": Path,
    "reports_dir": Path,
    "reports_day": _day_of_every_month,
    "reports_seconds": float,
    "gateway_port": int,
    "gateway_rate": float,
    "metrics_port": int,
    "partitions": int,
    "batch_events": int,
    "batch_seconds": float,
    "refusal_limit": _share,
    "refusal_window": _count,
    "refresh_seconds": float,
}
_EXPECTED = {
    "refusal_limit": "off or a share from 0 to below 1, such as 0.3",
    "refusal_window": "a whole number from 1",
    "reports_day": "a day that every month has, 1 to 28",
}


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read every `HALLPULSE_…` variable that is set; `HALLPULSE_…_FILE` names a file that holds the value instead.

    The authorities to trust are added to the broker's URLs. Raises SettingsError if a required variable is missing or
    one has the wrong form.
    """
    found = {name: setting(environment, variable) for name, variable in _NAMES.items()}
    given = {name: text for name, text in found.items() if text}
    missing = [_NAMES[name] for name in _REQUIRED if name not in given]
    if missing:
        raise SettingsError(f"missing environment: {', '.join(missing)}")
    roles = {service: setting(environment, service_database_variable(service)) for service in DATABASE_SERVICES}
    settings = Settings(**{name: _cast(name, text) for name, text in given.items()})  # type: ignore[arg-type]
    return _with_tls(replace(settings, service_database_urls={name: url for name, url in roles.items() if url}))


def _with_tls(settings: Settings) -> Settings:
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise SettingsError("HALLPULSE_TLS_CERT, HALLPULSE_TLS_KEY: expected both or neither")
    return replace(
        settings,
        amqp_url=trusting(settings.amqp_url, settings.tls_ca),
        gateway_amqp_url=trusting(settings.gateway_amqp_url, settings.tls_ca),
        management_url=trusting(settings.management_url, settings.tls_ca),
        previous_management_url=trusting(settings.previous_management_url, settings.tls_ca),
    )


def setting(environment: Mapping[str, str], variable: str) -> str:
    """Return a variable's value, or the content of the file that VARIABLE_FILE names; empty if neither is set.

    A secret is best kept in a file, since others may be able to read a process's environment.
    """
    file = environment.get(f"{variable}_FILE")
    if not file or environment.get(variable):
        return environment.get(variable, "")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable}_FILE: {file} cannot be read: {type(error).__name__}") from None


def _cast(name: str, text: str) -> str | int | float | Path:
    cast = _CASTS.get(name, str)
    try:
        return cast(text)
    except ValueError:
        expected = _EXPECTED.get(name) or getattr(cast, "__name__", "")
        raise SettingsError(f"{_NAMES[name]}: expected {expected}, got {text!r}") from None
