"""Boards against Grafana's typed models, and pushed to a server that behaves as its API is documented to."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from hallpulse.plans import load_plans
from services.boards.board.render import render_boards
from services.boards.provisioning import data_source
from services.boards.publish.content import differences, fingerprint, stamp_of, stamped
from services.boards.publish.grafana import Grafana, GrafanaError
from services.boards.publish.push import push
from services.console.commands.boards import command
from tests.contract.grafana_server import TOKEN, GrafanaState, grafana

PLANS = load_plans(Path(__file__).parents[2] / "plans")
BOARDS: dict[str, dict[str, Any]] = {path: json.loads(text) for path, text in render_boards(PLANS).items()}
SOURCE = data_source("http://127.0.0.1:9090")
OVERVIEW = "hallpulse-overview"


@pytest.fixture
def state() -> GrafanaState:
    return GrafanaState()


@pytest.fixture
def url(state: GrafanaState) -> Iterator[str]:
    with grafana(state) as address:
        yield address


def outcomes(url: str, *, force: bool = False) -> dict[str, str]:
    return {p.what: p.outcome for p in push(Grafana(url, TOKEN), SOURCE, BOARDS, force=force)}


@pytest.mark.parametrize("path", BOARDS)
def test_a_board_is_what_grafanas_typed_model_takes(path: str) -> None:
    board = BOARDS[path]
    read = Dashboard.from_json(board)
    assert json.loads(json.dumps(read, cls=JSONEncoder)) == board
    ids = [panel.get("id") for panel in board["panels"] if panel.get("id") is not None]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", BOARDS)
def test_panels_lie_beside_each_other_and_within_the_width(path: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARDS[path]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert not taken & cells, panel["title"]
        taken |= cells


@pytest.mark.parametrize("path", BOARDS)
def test_every_panel_says_in_words_where_there_is_no_data(path: str) -> None:
    words = "暂无数据" if path.startswith("zh") else "no data yet"
    for panel in BOARDS[path]["panels"]:
        if panel["type"] != "row":
            assert panel["fieldConfig"]["defaults"]["noValue"] == words, panel["title"]


@pytest.mark.parametrize("path", BOARDS)
def test_a_status_is_never_a_colour_alone(path: str) -> None:
    text = json.dumps(BOARDS[path], ensure_ascii=False)
    for mapped in re.findall(r'\{"color": "\w+", "index": \d+, "text": "([^"]*)"\}', text):
        assert re.match(r"[^\w\s]\s+\S", mapped), mapped


def test_the_two_languages_have_the_same_boards_and_lead_to_each_other() -> None:
    for name in ("overview", "target", "departments", "halls", "quality", "health"):
        chinese, english = BOARDS[f"zh/{name}.json"], BOARDS[f"en/{name}.json"]
        assert chinese["uid"] == f"hallpulse-{name}"
        assert english["uid"] == f"hallpulse-{name}-en"
        assert any(link["url"] == f"/d/{english['uid']}/" for link in chinese["links"] if "url" in link)
        assert any(link["url"] == f"/d/{chinese['uid']}/" for link in english["links"] if "url" in link)
        assert len(chinese["panels"]) == len(english["panels"])


def test_coverage_and_freshness_stand_on_every_board() -> None:
    for path, board in BOARDS.items():
        expressions = {t["expr"] for p in board["panels"] for t in p.get("targets", [])}
        assert any("coverage_reporting" in e for e in expressions), path
        assert any("newest_event" in e for e in expressions), path


def test_everything_is_created_once_and_then_left_alone(state: GrafanaState, url: str) -> None:
    first = outcomes(url)
    assert set(first.values()) == {"created"}
    assert len(state.boards) == len(BOARDS) == 12
    assert (state.saved_in[OVERVIEW], state.saved_in[f"{OVERVIEW}-en"]) == ("hallpulse", "hallpulse-en")
    writes = state.writes
    assert set(outcomes(url).values()) == {"unchanged"}
    assert state.writes == writes


def test_a_changed_plan_updates_the_board(state: GrafanaState, url: str) -> None:
    outcomes(url)
    older = {**BOARDS["zh/overview.json"], "title": "of an older plan"}
    state.boards[OVERVIEW] = {**stamped(older), "id": 1, "version": 7}
    assert outcomes(url)[f"board {OVERVIEW}"] == "updated"
    assert state.boards[OVERVIEW]["version"] == 8


def test_what_a_person_changed_is_kept_and_what_differs_is_said(state: GrafanaState, url: str) -> None:
    outcomes(url)
    state.edit(OVERVIEW, title="王主任的总览")
    (kept,) = (p for p in push(Grafana(url, TOKEN), SOURCE, BOARDS, force=False) if p.outcome == "kept")
    assert kept.what == f"board {OVERVIEW}"
    assert kept.differs == ['title: "王主任的总览" in Grafana, "Hallpulse · 总览" rendered']
    assert state.boards[OVERVIEW]["title"] == "王主任的总览"


def test_force_overwrites_what_a_person_changed(state: GrafanaState, url: str) -> None:
    outcomes(url)
    state.edit(OVERVIEW, title="王主任的总览")
    assert outcomes(url, force=True)[f"board {OVERVIEW}"] == "updated"
    assert state.boards[OVERVIEW]["title"] == "Hallpulse · 总览"
    assert set(outcomes(url).values()) == {"unchanged"}


def test_a_board_that_somebody_else_made_under_our_uid_is_kept(state: GrafanaState, url: str) -> None:
    state.boards[OVERVIEW] = {"uid": OVERVIEW, "id": 1, "version": 3, "title": "theirs", "tags": None}
    assert outcomes(url)[f"board {OVERVIEW}"] == "kept"


def test_a_grafana_that_stores_boards_in_its_own_form_is_not_taken_for_a_person(state: GrafanaState, url: str) -> None:
    outcomes(url)
    state.normalise(OVERVIEW)
    assert outcomes(url)[f"board {OVERVIEW}"] == "unchanged"


def test_a_data_source_that_a_person_pointed_elsewhere_is_kept(state: GrafanaState, url: str) -> None:
    outcomes(url)
    state.sources[SOURCE["name"]]["url"] = "http://elsewhere:9090"
    what = f"data source {SOURCE['name']}"
    assert outcomes(url)[what] == "kept"
    assert outcomes(url, force=True)[what] == "updated"
    assert outcomes(url)[what] == "unchanged"


def test_a_change_saved_in_the_same_moment_is_answered_with_412(state: GrafanaState, url: str) -> None:
    outcomes(url)
    state.boards[OVERVIEW] = {**stamped({**BOARDS["zh/overview.json"], "title": "older"}), "id": 1, "version": 7}
    state.changes_meanwhile = True
    with pytest.raises(GrafanaError, match=r"changed in Grafana meanwhile.*412"):
        outcomes(url)
    assert state.boards[OVERVIEW]["title"] == "saved by somebody in this very moment"


def test_a_wrong_token_is_said(url: str) -> None:
    with pytest.raises(GrafanaError, match=r"token is not accepted.*401"):
        Grafana(url, "glsa_wrong").check()


@pytest.mark.parametrize("part", ["datasources", "folders", "dashboards"])
def test_a_token_without_the_right_to_write_is_said(state: GrafanaState, url: str, part: str) -> None:
    state.forbidden = part
    with pytest.raises(GrafanaError, match=r"token may not do this.*403"):
        outcomes(url)


def test_a_grafana_below_a_path_is_found_and_a_wrong_path_is_said(state: GrafanaState) -> None:
    with grafana(state, prefix="/grafana") as address:
        assert Grafana(f"{address}/", TOKEN).check() == "11.3.0"
        with pytest.raises(GrafanaError, match=r"no such thing.*404"):
            Grafana(address.removesuffix("/grafana"), TOKEN).check()


def test_a_grafana_that_is_away_is_said() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(GrafanaError, match="cannot be reached"):
        Grafana(away, TOKEN).check()


@pytest.mark.parametrize(("url_", "token"), [("", TOKEN), ("grafana:3000", TOKEN), ("http://127.0.0.1", "")])
def test_missing_settings_are_said_before_anything_is_asked(url_: str, token: str) -> None:
    with pytest.raises(GrafanaError, match="HALLPULSE_GRAFANA_"):
        Grafana(url_, token)


def test_a_fingerprint_is_of_what_a_person_can_change() -> None:
    board = BOARDS["zh/overview.json"]
    saved = {**stamped(board), "id": 5, "version": 9}
    assert stamp_of(saved) == fingerprint(saved) == fingerprint(board)
    assert fingerprint({**board, "refresh": "5s"}) != fingerprint(board)
    assert differences(saved, board) == []


def test_the_command_pushes_and_exits_with_1_where_something_was_kept(
    state: GrafanaState, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALLPULSE_GRAFANA_URL", url)
    monkeypatch.setenv("HALLPULSE_GRAFANA_TOKEN", TOKEN)
    pushed = CliRunner().invoke(command, ["push"])
    assert pushed.exit_code == 0, pushed.output
    assert f"created      board {OVERVIEW}" in pushed.output
    state.edit(OVERVIEW, title="mine")
    again = CliRunner().invoke(command, ["push"])
    assert again.exit_code == 1
    assert "--force" in again.output
