"""Push data source, folders and boards to Grafana: repeatable, and a person's changes are kept."""

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
    """The requests to a Grafana; every method raises GrafanaError."""

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
    """The outcome for one object. kept: a person changed it, `differs` says where; provisioned: files define it."""

    what: str
    outcome: Outcome
    differs: Sequence[str] = field(default_factory=tuple)


def push(grafana: GrafanaApi, source: Answer, boards: Mapping[str, Board], *, force: bool) -> Iterator[Pushed]:
    """Push one object after the other. boards: `zh/overview.json` → its content."""
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
    """Make the folder if it is missing; an existing one keeps the title that a person gave it."""
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
    # Not `overwrite`: a change saved at this moment gets the answer 412 and is not lost.
    grafana.save_board(_command(folder, board, version=theirs.get("version")))
    return Pushed(name, "updated")


def _changed_by_a_person(grafana: GrafanaApi, theirs: Board) -> bool:
    """Return whether its content is not the pushed one, and the last save was not by this command.

    The second check is for a Grafana that stores a board in another form.
    """
    stamp = stamp_of(theirs)
    if stamp is not None and fingerprint(theirs) == stamp:
        return False
    return stamp is None or grafana.last_message(theirs["uid"]) != SAVED_BY + stamp


def _command(folder: str, board: Board, version: int | None) -> Answer:
    """Return a SaveDashboardCommand: id null finds the board by its uid."""
    content = {**stamped(board), "id": None}
    if version is not None:
        content["version"] = version
    return {
        "dashboard": content,
        "folderUid": folder,
        "message": SAVED_BY + fingerprint(board),
        "overwrite": False,
    }
