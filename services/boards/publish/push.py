"""Data source, folders and boards into Grafana: twice is as once, and what a person changed is left alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from services.boards.board.look import LANGUAGES
from services.boards.provisioning import FOLDER, FOLDER_UID, SECRET
from services.boards.publish.content import Board, differences, fingerprint, stamp_of, stamped

Outcome = Literal["created", "updated", "unchanged", "kept", "provisioned"]
SAVED_BY = "hallpulse boards push "
Answer = dict[str, Any]


class Target(Protocol):
    """What is asked of a Grafana; every method raises GrafanaError."""

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
    """What became of one thing. kept: a person changed it, `differs` says where; provisioned: files rule it."""

    what: str
    outcome: Outcome
    differs: Sequence[str] = field(default_factory=tuple)


def push(grafana: Target, source: Answer, boards: Mapping[str, Board], *, force: bool) -> Iterator[Pushed]:
    """One thing after the other; boards: `zh/overview.json` → its content."""
    yield _push_source(grafana, source, force=force)
    for language in LANGUAGES:
        yield _push_folder(grafana, FOLDER_UID[language], FOLDER[language])
    for path, board in boards.items():
        yield _push_board(grafana, FOLDER_UID[path.split("/")[0]], board, force=force)


def _push_source(grafana: Target, source: Answer, *, force: bool) -> Pushed:
    name, there = f"data source {source['name']}", grafana.data_source(source["name"])
    if there is None:
        grafana.create_data_source(source)
        return Pushed(name, "created")
    shown = {key: value for key, value in source.items() if key != SECRET}
    differs = differences({key: there.get(key) for key in shown}, shown)
    if not differs and not (force and SECRET in source):  # a password that was changed does not show
        return Pushed(name, "unchanged")
    if there.get("readOnly"):
        return Pushed(name, "provisioned", differs)
    if not force:
        return Pushed(name, "kept", differs)
    grafana.update_data_source(there["id"], source)
    return Pushed(name, "updated", differs)


def _push_folder(grafana: Target, uid: str, title: str) -> Pushed:
    """A folder that is there keeps the title that a person gave it."""
    if grafana.folder(uid) is not None:
        return Pushed(f"folder {title}", "unchanged")
    grafana.create_folder(uid, title)
    return Pushed(f"folder {title}", "created")


def _push_board(grafana: Target, folder: str, board: Board, *, force: bool) -> Pushed:
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
    # Not `overwrite`: a change that is saved in this very moment is answered with 412, and not lost.
    grafana.save_board(_command(folder, board, version=theirs.get("version")))
    return Pushed(name, "updated")


def _changed_by_a_person(grafana: Target, theirs: Board) -> bool:
    """Its content is not what it was pushed with, and the last to save it was not this command.

    The second look is for a Grafana that stores a board in a form of its own.
    """
    stamp = stamp_of(theirs)
    if stamp is not None and fingerprint(theirs) == stamp:
        return False
    return stamp is None or grafana.last_message(theirs["uid"]) != SAVED_BY + stamp


def _command(folder: str, board: Board, version: int | None) -> Answer:
    """A SaveDashboardCommand: id null finds the board by its uid."""
    content = {**stamped(board), "id": None}
    if version is not None:
        content["version"] = version
    return {
        "dashboard": content,
        "folderUid": folder,
        "message": SAVED_BY + fingerprint(board),
        "overwrite": False,
    }
