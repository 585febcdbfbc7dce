"""The files from which Grafana provisions the data source and the boards."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from services.boards.board.panels import DATA_SOURCE_UID, LANGUAGES
from services.boards.rules.rule import as_yaml

GENERATED = "# 由 hallpulse boards render 生成，请勿手改。 Rendered by `hallpulse boards render`.\n"
FOLDER = {"zh": "政务指标 Hallpulse", "en": "Hallpulse (English)"}
FOLDER_UID = {"zh": "hallpulse", "en": "hallpulse-en"}
PROMETHEUS_USER = "hallpulse"
PASSWORD_FILE = "/run/secrets/prometheus_password"
SECRET = "secureJsonData"
"""The field of a data source that Grafana stores and never shows again."""
MOUNTED_AT = "/var/lib/grafana/dashboards"


def data_source(prometheus_url: str) -> dict[str, Any]:
    """Return Prometheus as a data source for Grafana's API and provisioning, with the URL's login, if any."""
    parts = urlsplit(prometheus_url)
    source = {
        "name": "Hallpulse Prometheus",
        "uid": DATA_SOURCE_UID,
        "type": "prometheus",
        "access": "proxy",
        "url": urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])),
        "isDefault": False,
        "jsonData": {"httpMethod": "POST", "timeInterval": "15s", "prometheusType": "Prometheus"},
    }
    if not parts.username:
        return source
    return source | _login(unquote(parts.username), unquote(parts.password or ""))


def _login(user: str, password: str) -> dict[str, Any]:
    return {"basicAuth": True, "basicAuthUser": user, SECRET: {"basicAuthPassword": password}}


def provisioning_files(prometheus_url: str) -> dict[str, str]:
    """Return the provisioning files by path. Grafana reads Prometheus' password from a file that deployments mount."""
    source = {**data_source(prometheus_url), **_login(PROMETHEUS_USER, f"$__file{{{PASSWORD_FILE}}}")}
    sources = {"apiVersion": 1, "datasources": [{**source, "editable": False}]}
    providers = {"apiVersion": 1, "providers": [_provider(language) for language in LANGUAGES]}
    return {
        "provisioning/datasources/hallpulse.yaml": as_yaml(sources, GENERATED),
        "provisioning/dashboards/hallpulse.yaml": as_yaml(providers, GENERATED),
    }


def _provider(language: str) -> dict[str, Any]:
    return {
        "name": f"hallpulse-{language}",
        "folder": FOLDER[language],
        "folderUid": FOLDER_UID[language],
        "type": "file",
        "allowUiUpdates": False,
        "options": {"path": f"{MOUNTED_AT}/{language}"},
    }
