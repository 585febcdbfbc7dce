"""A local server that answers as Grafana's HTTP API is documented to, with the fields of its public client's models.

Source of the fields: grafana/grafana-openapi-client-go, models SaveDashboardCommand, AddDataSourceCommand and
CreateFolderCommand.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

TOKEN = "glsa_right"
SAVE_DASHBOARD = {"UpdatedAt", "dashboard", "folderId", "folderUid", "isFolder", "message", "overwrite", "userId"}
ADD_DATA_SOURCE = {
    "access", "basicAuth", "basicAuthUser", "database", "isDefault", "jsonData", "name", "secureJsonData", "type",
    "uid", "url", "user", "withCredentials",
}  # fmt: skip
CREATE_FOLDER = {"title", "uid", "parentUid", "description"}
Answer = tuple[int, Any]


@dataclass
class GrafanaState:
    """What the server holds. forbidden: parts of paths that this token may not write."""

    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, list[str]] = field(default_factory=dict)
    saved_in: dict[str, str] = field(default_factory=dict)
    forbidden: str = ""
    changes_meanwhile: bool = False
    writes: int = 0

    def answer(self, method: str, path: str, body: Any) -> Answer:
        if self.forbidden and method != "GET" and self.forbidden in path:
            return 403, {"message": "You'll need additional permissions to perform this action."}
        if path == "/api/health":
            return 200, {"database": "ok", "version": "11.3.0", "commit": "0"}
        if path == "/api/org":
            return 200, {"id": 1, "name": "Main Org."}
        if method != "GET":
            self.writes += 1
        for start, handle in (
            ("/api/folders", self._folders), ("/api/datasources", self._sources), ("/api/dashboards", self._boards),
        ):  # fmt: skip
            if path.startswith(start):
                return handle(method, path.removeprefix(start), body)
        return 404, {"message": "Not found"}

    def _folders(self, method: str, rest: str, body: Any) -> Answer:
        if method == "POST":
            assert set(body) <= CREATE_FOLDER, body
            self.folders[body["uid"]] = {**body, "id": len(self.folders) + 1, "version": 1}
            return 200, self.folders[body["uid"]]
        found = self.folders.get(rest.strip("/"))
        return (200, found) if found else (404, {"message": "folder not found"})

    def _sources(self, method: str, rest: str, body: Any) -> Answer:
        if method == "GET":
            found = self.sources.get(rest.removeprefix("/name/").replace("%20", " "))
            return (200, found) if found else (404, {"message": "Data source not found"})
        assert set(body) <= ADD_DATA_SOURCE, body
        old = self.sources.get(body["name"], {"id": len(self.sources) + 1})
        self.sources[body["name"]] = {**old, **body, "orgId": 1, "readOnly": False, "secureJsonFields": {}}
        return 200, {"datasource": self.sources[body["name"]], "message": "Datasource saved"}

    def _boards(self, method: str, rest: str, body: Any) -> Answer:
        uid = rest.removeprefix("/uid/").split("/")[0]
        if method == "GET" and rest.endswith("/versions"):
            versions = [{"version": n + 1, "message": m} for n, m in enumerate(self.messages.get(uid, []))]
            return 200, {"continueToken": "", "versions": versions[::-1][:1]}
        if method == "GET":
            found = self.boards.get(uid)
            meta = {"version": found["version"], "provisioned": False} if found else {}
            return (200, {"dashboard": found, "meta": meta}) if found else (404, {"message": "Dashboard not found"})
        return self._save(body)

    def _save(self, body: Any) -> Answer:
        assert set(body) <= SAVE_DASHBOARD, body
        assert body["folderUid"] in self.folders, "folder not found"
        board, uid = body["dashboard"], body["dashboard"]["uid"]
        old = self.boards.get(uid)
        if self.changes_meanwhile and old is not None:
            self.edit(uid, title="saved by somebody in this very moment")
            old = self.boards[uid]
        if old is not None and not body["overwrite"] and board.get("version") != old["version"]:
            return 412, {"status": "version-mismatch", "message": "The dashboard has been changed by someone else"}
        version = old["version"] + 1 if old else 1
        self.boards[uid] = {**board, "id": old["id"] if old else len(self.boards) + 1, "version": version}
        self.messages.setdefault(uid, []).append(body.get("message", ""))
        self.saved_in[uid] = body["folderUid"]
        return 200, {"id": self.boards[uid]["id"], "uid": uid, "version": version, "status": "success", "slug": uid}

    def edit(self, uid: str, **changes: Any) -> None:
        """A person changes a board in the browser."""
        board = self.boards[uid]
        self.boards[uid] = {**board, **changes, "version": board["version"] + 1}
        self.messages[uid].append("")

    def normalise(self, uid: str) -> None:
        """Grafana stores the board in a form of its own."""
        self.boards[uid] = {**self.boards[uid], "schemaVersion": 99, "fiscalYearStartMonth": 0, "preload": False}


@contextlib.contextmanager
def grafana(state: GrafanaState, prefix: str = "") -> Iterator[str]:
    """Its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def respond(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = urlsplit(self.path).path
            if not path.startswith(prefix):
                status, answer = 404, "<html>not here</html>"
            elif self.headers.get("Authorization") != f"Bearer {TOKEN}" and not path.endswith("/health"):
                status, answer = 401, {"message": "Invalid API key"}
            else:
                status, answer = state.answer(self.command, path.removeprefix(prefix), body)
            content = json.dumps(answer).encode() if not isinstance(answer, str) else answer.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = respond  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{prefix}"
        finally:
            server.shutdown()
            thread.join()
