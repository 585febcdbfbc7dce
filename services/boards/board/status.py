"""How boards show states: always as a sign, a word and a colour, never as a colour alone."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.models import dashboard

from hallpulse.domain.targets import State
from hallpulse.metrics import STATE_NUMBERS
from services.boards.board.panels import Panels

WORDS: Mapping[State, tuple[str, str, str]] = {
    State.NOT_STARTED: ("○ 未开始", "○ not started", "text"),
    State.NOT_MEASURED: ("？ 暂无数据", "? no data yet", "purple"),
    State.BELOW_MIN_DENOMINATOR: ("… 办件太少", "… too few cases", "purple"),
    State.MET: ("✔ 已达标", "✔ met", "green"),
    State.ON_PACE: ("→ 进度正常", "→ on pace", "blue"),
    State.BEHIND: ("▲ 进度落后", "▲ behind", "orange"),
    State.MISSED: ("✖ 未达标", "✖ missed", "red"),
}
CASE_WORDS: Mapping[str, tuple[str, str, str]] = {
    "on_time": ("✔ 正常", "✔ on time", "green"),
    "due_soon": ("▲ 临期", "▲ due soon", "orange"),
    "overdue": ("✖ 超期", "✖ overdue", "red"),
    "suspended": ("‖ 暂停", "‖ suspended", "blue"),
    "unaccepted_late": ("！ 超时未受理", "! not accepted in time", "purple"),
}
Mappings = list[dashboard.ValueMapping]


def word(panels: Panels, state: State) -> str:
    zh, en, _ = WORDS[state]
    return panels.say(zh, en)


def case_word(panels: Panels, state: str) -> str:
    zh, en, _ = CASE_WORDS[state]
    return panels.say(zh, en)


def state_mappings(panels: Panels) -> Mappings:
    """Return the mappings from the number of a target's state to its sign, word and colour."""
    options = {
        str(number): _result(panels.say(zh, en), colour, number)
        for number, (zh, en, colour) in ((STATE_NUMBERS.index(s), w) for s, w in WORDS.items())
    }
    return [dashboard.ValueMap(options)]


def severity_mappings(panels: Panels) -> Mappings:
    options = {
        "critical": _result(panels.say("✖ 严重", "✖ critical"), "red", 0),
        "warning": _result(panels.say("▲ 警告", "▲ warning"), "orange", 1),
        "info": _result(panels.say("● 提示", "● information"), "blue", 2),
    }
    return [dashboard.ValueMap(options)]


def yes_no(panels: Panels, yes: tuple[str, str, str], no: tuple[str, str, str]) -> Mappings:
    """Return the mappings from 1 and 0 to texts and colours. yes, no: (zh, en, colour) for 1 and for 0."""
    found = {"1": yes, "0": no}
    options = {n: _result(panels.say(zh, en), colour, int(n)) for n, (zh, en, colour) in found.items()}
    return [dashboard.ValueMap(options)]


def _result(text: str, colour: str, place: int) -> dashboard.ValueMappingResult:
    return dashboard.ValueMappingResult(text=text, color=colour, index=place)
