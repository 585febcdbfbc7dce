"""Read a plan's `supervision` and `tasks`: cards for late cases, days for answers, and the list of tasks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from hallpulse.contract.reasons import Sentence
from hallpulse.domain.ladder import USUAL_SUPERVISION, PlanTask, Supervision, Wording
from hallpulse.domain.plan import Names, Phase
from hallpulse.plans.plan_problems import did_you_mean
from hallpulse.plans.yaml_node import YamlMapping, YamlNode

_MOST = 250
"""About the working days of a year: a card that comes later would never be seen."""
_NUMBER = re.compile(r"[1-9][0-9]{0,2}")
_A_NUMBER = Sentence("任务在清单中的序号，如 17", "the task's number in the list, such as 17")
_A_PHASE = Sentence("phases 中的阶段 id", "the id of one of the phases")

ReadNames = Callable[[YamlNode], Names]
ReadLead = Callable[[YamlNode | None], tuple[str, ...]]


def read_supervision(node: YamlNode) -> Supervision:
    """Read the thresholds of cards and the days for answers, in working days; those left out are the usual ones."""
    section = node.section("cards", "answers")
    cards, answers = section.get("cards"), section.get("answers")
    given: dict[str, int] = {}
    if cards is not None:
        given |= _days(cards.section("yellow", "red"), "yellow", "red")
    if answers is not None:
        rungs = ("reminder", "rectification", "criticism")
        given |= _days(answers.section(*rungs), *rungs)
    found = replace(USUAL_SUPERVISION, **given)
    if cards is not None and found.red <= found.yellow:
        cards.note(
            f"红牌应晚于黄牌：现在黄牌 {found.yellow}、红牌 {found.red}（工作日）",
            f"expected the red card after the yellow one, got yellow {found.yellow}, red {found.red} working days",
        )
    return found


def _days(section: YamlMapping, *names: str) -> dict[str, int]:
    found = {}
    for name in names:
        entry = section.get(name)
        if entry is not None:
            found[name] = days = entry.whole(1)
            if days > _MOST:
                entry.note(f"应不超过 {_MOST} 个工作日，现在是 {days}", f"expected {_MOST} at most, got {days}")
    return found


def read_tasks(
    nodes: Sequence[YamlNode], phases: Sequence[Phase], names: ReadNames, lead: ReadLead
) -> tuple[PlanTask, ...]:
    """Read the list of tasks. names: reads names in both languages; lead: reads the departments in the lead."""
    return tuple(_task(node, [phase.id for phase in phases], names, lead) for node in nodes)


def _task(node: YamlNode, phases: Sequence[str], names: ReadNames, lead: ReadLead) -> PlanTask:
    section = node.section("id", "names", "lead", "phase", "evidence").named()
    phase, called = section.need("phase"), names(section.need("names"))
    chosen = phase.text(_A_PHASE)
    if chosen and chosen not in phases:
        hint = did_you_mean(chosen, phases)
        phase.note(f"phases 中没有“{chosen}”：{hint.zh}", f"{chosen!r} is not listed under phases: {hint.en}")
    evidence = names(section.need("evidence"))
    return PlanTask(
        section.need("id").text(_A_NUMBER, _NUMBER),
        Wording(called.zh, called.en),
        lead(section.need("lead")),
        chosen,
        Wording(evidence.zh, evidence.en),
    )
