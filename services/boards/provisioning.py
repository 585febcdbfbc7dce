"""The files with which Grafana brings up data source and boards by itself."""

from __future__ import annotations

from typing import Any

from services.boards.board.look import DATA_SOURCE_UID, LANGUAGES
from services.boards.rules.rule import as_yaml

GENERATED = "# 由 hallpulse boards render 生成,请勿手改。 Rendered by `hallpulse boards render`.\n"
FOLDER = {"zh": "政务指标 Hallpulse", "en": "Hallpulse (English)"}
FOLDER_UID = {"zh": "hallpulse", "en": "hallpulse-en"}
MOUNTED_AT = "/var/lib/grafana/dashboards"


def data_source(prometheus_url: str) -> dict[str, Any]:
    """Prometheus as Grafana's API and its provisioning take it."""
    return {
        "name": "Hallpulse Prometheus",
        "uid": DATA_SOURCE_UID,
        "type": "prometheus",
        "access": "proxy",
        "url": prometheus_url,
        "isDefault": False,
        "jsonData": {"httpMethod": "POST", "timeInterval": "15s", "prometheusType": "Prometheus"},
    }


def provisioning_files(prometheus_url: str) -> dict[str, str]:
    """Path → text."""
    sources = {"apiVersion": 1, "datasources": [{**data_source(prometheus_url), "editable": False}]}
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
