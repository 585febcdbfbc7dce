"""Grafana's HTTP API, through grafana-api; its errors become messages that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from grafana_api.grafana_api import GrafanaClientError, GrafanaException
from grafana_api.grafana_face import GrafanaFace
from requests.exceptions import RequestException

from hallpulse.domain.errors import HallpulseError

PATIENCE_SECONDS = 10.0
Answer = dict[str, Any]


class GrafanaError(HallpulseError):
    """Grafana refused or did not answer; the message says why and what to do."""


class Grafana:
    """A Grafana server. Every method raises GrafanaError if Grafana refuses or does not answer."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GrafanaError(f"HALLPULSE_GRAFANA_URL: expected http://HOST:PORT, got {url!r}")
        if not token:
            raise GrafanaError("HALLPULSE_GRAFANA_TOKEN: expected the token of a service account with the role Editor")
        prefix = parts.path.strip("/")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self._url = url
        self._face = GrafanaFace(
            auth=token, host=host, port=parts.port, protocol=parts.scheme, timeout=PATIENCE_SECONDS,
            url_path_prefix=f"{prefix}/" if prefix else "",
        )  # fmt: skip

    def check(self) -> str:
        """Return Grafana's version.

        Call it first: it reports a wrong address or token before anything is written.
        """
        health = self._ask("reading its state", lambda: self._face.api.GET("/health"))
        self._ask("reading its organisation", lambda: self._face.api.GET("/org"))
        if not isinstance(health, dict) or "database" not in health:
            raise GrafanaError(f"{self._url}: what answers there is no Grafana")
        return str(health.get("version", "?"))

    def folder(self, uid: str) -> Answer | None:
        return self._find(f"reading the folder {uid}", lambda: self._face.folder.get_folder(uid))

    def create_folder(self, uid: str, title: str) -> None:
        self._ask(f"creating the folder {title}", lambda: self._face.folder.create_folder(title, uid))

    def data_source(self, name: str) -> Answer | None:
        return self._find(f"reading the data source {name}", lambda: self._face.datasource.get_datasource_by_name(name))

    def create_data_source(self, source: Answer) -> None:
        self._ask("creating the data source", lambda: self._face.datasource.create_datasource(source))

    def update_data_source(self, id_: int, source: Answer) -> None:
        self._ask("changing the data source", lambda: self._face.datasource.update_datasource(id_, source))

    def board(self, uid: str) -> Answer | None:
        """Return the board and its metadata, under `dashboard` and `meta`; None if it does not exist."""
        return self._find(f"reading the board {uid}", lambda: self._face.dashboard.get_dashboard(uid))

    def last_message(self, uid: str) -> str:
        """Return the message of the last save; "" if Grafana keeps no versions."""
        path = f"/dashboards/uid/{uid}/versions?limit=1"
        found: Any = self._find(f"reading the versions of {uid}", lambda: self._face.api.GET(path))
        versions = found.get("versions", []) if isinstance(found, dict) else found or []
        return str(versions[0].get("message", "")) if versions else ""

    def save_board(self, command: Answer) -> None:
        self._ask("saving a board", lambda: self._face.dashboard.update_dashboard(command))

    def _find(self, doing: str, call: Callable[[], Answer]) -> Answer | None:
        """Return the answer; None if Grafana answers 404."""
        with self._faults(doing):
            try:
                return call()
            except GrafanaClientError as error:
                if error.status_code != 404:
                    raise
                return None

    def _ask(self, doing: str, call: Callable[[], Answer]) -> Answer:
        with self._faults(doing):
            return call()

    @contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        try:
            yield
        except GrafanaException as error:
            raise GrafanaError(f"{self._url}: {doing}: {_meaning(error)}") from None
        except RequestException as error:
            raise GrafanaError(f"{self._url} cannot be reached: {type(error).__name__}") from None
        except ValueError:
            raise GrafanaError(f"{self._url}: {doing}: the answer is not JSON: is this a Grafana?") from None


_MEANINGS = {
    401: "the token is not accepted: check HALLPULSE_GRAFANA_TOKEN",
    403: "the token may not do this: its service account needs Editor, and Admin for the data source",
    404: "there is no such thing: check HALLPULSE_GRAFANA_URL, and its path if Grafana lies below one",
    412: "it was changed in Grafana meanwhile: run the command again",
}


def _meaning(error: GrafanaException) -> str:
    known = _MEANINGS.get(error.status_code)
    said = " ".join(str(error.message).split())[:200]
    return f"{known} ({error.status_code})" if known else said
