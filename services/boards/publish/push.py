"""Pushing of data source, folders and boards to Grafana. It can be repeated, and keeps a person's changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from services.boards.board.panels import LANGUAGES
from services.boards.provisioning import FOLDER, FOLDER_UID, SECRET
from services.boards.publish.content import Board, differences, fingerprint, stamp_of, stamped

Outcome = Literal["created", "updated", "unchanged", "kept", "provisioned"]
SAVED_BY = "hallpulse boards push "
Answer = dict[str, Any]


class GrafanaApi(Protocol):
    """The requests that pushing makes to Grafana; every method raises GrafanaError."""

    def folder(self, uid: str) -> Answer | None: ...
    def create_folder(self, uid: str, title: str) -> None: ...
    def data_source(self, name: str) -> Answer | None: ...
    def create_data_source(self, source: Answer) -> None: ...
    def update_data_source(self, id_: int, source: Answer) -> None: ...
    def board(self, uid: str) -> Answer | None: ...
    def last_message(self, uid: str) -> str: ...
    def save_board(self, command: Answer) -> None: ...


@dataclass(frozen=True, slots=True)
class Pushed:
    """The outcome of pushing one object.

    outcome: "kept" if a person changed the object, "provisioned" if files define it; differs: where it differs.
    """

    what: str
    outcome: Outcome
    differs: Sequence[str] = field(default_factory=tuple)


def push(grafana: GrafanaApi, source: Answer, boards: Mapping[str, Board], *, force: bool) -> Iterator[Pushed]:
    """Push data source, folders and boards one by one, and yield the outcome of each.

    boards: content of each board by its path, such as `zh/overview.json`; force: overwrite a person's changes.
    """
    yield _push_source(grafana, source, force=force)
    for language in LANGUAGES:
        yield _push_folder(grafana, FOLDER_UID[language], FOLDER[language])
    for path, board in boards.items():
        yield _push_board(grafana, FOLDER_UID[path.split("/")[0]], board, force=force)


def _push_source(grafana: GrafanaApi, source: Answer, *, force: bool) -> Pushed:
    name, there = f"data source {source['name']}", grafana.data_source(source["name"])
    if there is None:
        grafana.create_data_source(source)
        return Pushed(name, "created")
    shown = {key: value for key, value in source.items() if key != SECRET}
    differs = differences({key: there.get(key) for key in shown}, shown)
    if not differs and not (force and SECRET in source):  # a changed password cannot be seen
        return Pushed(name, "unchanged")
    if there.get("readOnly"):
        return Pushed(name, "provisioned", differs)
    if not force:
        return Pushed(name, "kept", differs)
    grafana.update_data_source(there["id"], source)
    return Pushed(name, "updated", differs)


def _push_folder(grafana: GrafanaApi, uid: str, title: str) -> Pushed:
    """Create the folder if it is missing; an existing folder keeps its title, which a person may have changed."""
    if grafana.folder(uid) is not None:
        return Pushed(f"folder {title}", "unchanged")
    grafana.create_folder(uid, title)
    return Pushed(f"folder {title}", "created")


def _push_board(grafana: GrafanaApi, folder: str, board: Board, *, force: bool) -> Pushed:
    uid, name = board["uid"], f"board {board['uid']}"
    there = grafana.board(uid)
    if there is None:
        grafana.save_board(_command(folder, board, version=None))
        return Pushed(name, "created")
    theirs, meta = there["dashboard"], there.get("meta", {})
    if meta.get("provisioned"):
        return Pushed(name, "provisioned")
    changed = _changed_by_a_person(grafana, theirs)
    if not changed and stamp_of(theirs) == fingerprint(board):
        return Pushed(name, "unchanged")
    if changed and not force:
        return Pushed(name, "kept", differences(theirs, board))
    # Without `overwrite`, Grafana answers 412 if someone saves the board at this moment, and no change is lost.
    grafana.save_board(_command(folder, board, version=theirs.get("version")))
    return Pushed(name, "updated")


def _changed_by_a_person(grafana: GrafanaApi, theirs: Board) -> bool:
    """Return whether the board differs from the pushed one and this command did not save it last.

    The second check is for a Grafana that stores a board in a different form than it was sent.
    """
    stamp = stamp_of(theirs)
    if stamp is not None and fingerprint(theirs) == stamp:
        return False
    return stamp is None or grafana.last_message(theirs["uid"]) != SAVED_BY + stamp


def _command(folder: str, board: Board, version: int | None) -> Answer:
    """Return the body of Grafana's SaveDashboardCommand; without an id, Grafana finds the board by its uid."""
    content = {**stamped(board), "id": None}
    if version is not None:
        content["version"] = version
    return {
        "dashboard": content,
        "folderUid": folder,
        "message": SAVED_BY + fingerprint(board),
        "overwrite": False,
    }
