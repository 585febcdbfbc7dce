"""Compute the figures and targets as they would be if items of the catalogue were changed.

The usual computation is used: the changes are added to the tables as events that are not stored (`Moment.imagine`).
`before` and `after` are from the same moment.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec

from hallpulse.contract.decode import EVENT_TYPE, decode_events
from hallpulse.contract.encode import encode_event
from hallpulse.contract.events import EventType, HallEvent, ItemPublished
from hallpulse.display import safe_cell
from hallpulse.domain.catalogue import ItemSpan, Timeline, span_on
from hallpulse.domain.figures import Figure, FigureTable, Scope, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import day_of
from hallpulse.store import Grant, Moment
from services.gateway.figures import Named, Value, named, value_answer
from services.gateway.problems import Declined, Kind
from services.gateway.request import Resources, day_of_calendar, scope_of
from services.gateway.targets import Judged, TargetAnswer, judged, target_answers
from services.gateway.uploads import OF_THE_CATALOGUE, no_such_upload, owner_of

MOST_CHANGES = 500
_FLAGS = ("settled", "unified", "full_process", "tolerates_missing", "commitment")
_HEADERS: Mapping[str, str] = {
    "item_code": "实施编码",
    "handling": "办件类型",
    "statutory_days": "法定办结时限",
    "promised_days": "承诺办结时限",
    "settled": "是否进驻大厅",
    "unified": "是否无差别综合受理",
    "full_process": "是否纳入新版全流程审批系统",
    "tolerates_missing": "是否容缺受理",
    "commitment": "是否告知承诺制",
    "effective_from": "生效日期",
}
"""The columns of a draft's table for the importer. Without a column, the stored value stays."""
Code: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Days: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class ItemChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A change of an item. A field that is left out stays as it is. Limits are in working days."""

    item_code: Code
    handling: Literal["instant", "promised"] | None = None
    statutory_days: Days | None = None
    promised_days: Days | None = None
    settled: bool | None = None
    unified: bool | None = None
    full_process: bool | None = None
    tolerates_missing: bool | None = None
    commitment: bool | None = None


class WhatIfIn(msgspec.Struct, forbid_unknown_fields=True):
    """Changes from a day on, or the number of an uploaded catalogue. department: only its items may be changed."""

    region: str
    department: Code | None = None
    effective_from: date | None = None
    changes: Annotated[list[ItemChange], msgspec.Meta(max_length=MOST_CHANGES)] = []
    upload: Annotated[int, msgspec.Meta(ge=1)] | None = None


class MovedFigure(msgspec.Struct, frozen=True):
    """An indicator before and after."""

    indicator: str
    names: Named
    unit: str
    before: Value
    after: Value


class MovedDepartment(msgspec.Struct, frozen=True):
    """A department's indicators that differ."""

    department: str
    names: Named
    figures: list[MovedFigure]


class MovedTarget(msgspec.Struct, frozen=True):
    """A target before and after, in the form of /v1/targets."""

    before: TargetAnswer
    after: TargetAnswer


class WhatIfAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The day's figures and targets as they are and as they would be.

    items: how many versions would be published; figures: all that are counted on the catalogue, and others that differ.
    """

    region: str
    department: str | None
    on: date
    items: int
    figures: list[MovedFigure]
    departments: list[MovedDepartment]
    targets: list[MovedTarget]


class _State(NamedTuple):
    """The figures and judged targets in one state of the tables."""

    table: FigureTable
    judged: Judged | None


def what_if(resources: Resources, grant: Grant, given: WhatIfIn) -> WhatIfAnswer:
    """Return the effect of the changes. Raises Declined if a change is invalid or not allowed to the token."""
    scope = scope_of(grant, given.region, given.department)
    if scope.region % 100 == 0:
        raise Declined(Kind.CONTRADICTION, "region: expected a county's code of 6 digits", field="region")
    with resources.store.read_back() as moment:
        known = moment.catalogue(scope.region)
        events = _uploaded(resources, grant, given) or changed_items(resources, scope, known, given)
        on = max([resources.today(), *(_start(event) for event in events)])
        plan = resources.plan(scope.region, on)
        before = _state(moment, scope.region, plan, on)
        moment.imagine(scope.region, events, resources.now())
        after = _state(moment, scope.region, plan, on)
    names = resources.department_names(scope.region, on)
    return WhatIfAnswer(
        region=str(scope.region),
        department=scope.department,
        on=on,
        items=len(events),
        figures=_moved(before.table, after.table, scope.department, whole=True),
        departments=[
            MovedDepartment(one, named(names[one]) if one in names else Named(one, one), figures)
            for one in sorted({*before.table.departments, *after.table.departments})
            if scope.department in (None, one) and (figures := _moved(before.table, after.table, one, whole=False))
        ],
        targets=_moved_targets(before, after, plan, scope.department),
    )


def _start(event: HallEvent) -> date:
    assert isinstance(event.data, ItemPublished)
    return date.fromisoformat(event.data.effective_from)


def _state(moment: Moment, region: int, plan: Plan | None, on: date) -> _State:
    window = (plan.window(on) if plan is not None else None) or Window(on, on)
    table = moment.figure_table(region, window)
    return _State(table, judged(moment, plan, on) if plan is not None else None)


def _uploaded(resources: Resources, grant: Grant, given: WhatIfIn) -> list[HallEvent]:
    """Return the events of an uploaded catalogue; [] if no upload is named. Raises Declined if it cannot be used."""
    if given.upload is None:
        return []
    if given.changes:
        raise Declined(Kind.CONTRADICTION, "changes and upload: expected one of them", field="upload")
    found = resources.uploads.get(given.upload, resources.clock(), owner_of(grant))
    if found is None or found.new.region != int(given.region):
        raise no_such_upload(resources, given.upload)
    lines = resources.uploads.versions(given.upload)
    if not lines:
        raise Declined(Kind.CONTRADICTION, "upload: expected a catalogue that is ready to import", field="upload")
    outcomes = (decode_events(line, content_type=EVENT_TYPE, now=resources.now())[0] for line in lines.splitlines())
    return [one for one in outcomes if isinstance(one, HallEvent)]


def changed_items(
    resources: Resources, scope: Scope, known: Mapping[str, Timeline], given: WhatIfIn
) -> list[HallEvent]:
    """Return each change as the event that its import would send. Raises Declined if a change is not possible."""
    day = day_of_calendar("effective_from", given.effective_from, resources.today())
    if day < resources.today():
        raise Declined(Kind.CONTRADICTION, "effective_from: expected today or a later day", field="effective_from")
    if not given.changes:
        raise Declined(Kind.CONTRADICTION, "changes: expected at least one", field="changes")
    if len({one.item_code for one in given.changes}) < len(given.changes):
        raise Declined(Kind.CONTRADICTION, "changes: expected each item once", field="changes")
    return [_event(resources, scope, known, one, day) for one in given.changes]


def _event(
    resources: Resources, scope: Scope, known: Mapping[str, Timeline], change: ItemChange, day: date
) -> HallEvent:
    span = span_on(known.get(change.item_code, ()), day_of(day))
    if span is None or scope.department not in (None, span.version.department):
        wrong = f"changes: {change.item_code}: expected an item of the catalogue that holds on {day}"
        raise Declined(Kind.CONTRADICTION, wrong, field="changes")
    now = resources.now()
    event = HallEvent(
        scope.region, OF_THE_CATALOGUE, str(uuid.uuid4()), EventType.ITEM_PUBLISHED, now, _version(span, change, day)
    )
    outcome = decode_events(encode_event(event), content_type=EVENT_TYPE, now=now)[0]
    if not isinstance(outcome, HallEvent):
        raise Declined(Kind.CONTRADICTION, f"changes: {change.item_code}: {outcome.detail}", field="changes")
    return outcome


def _version(span: ItemSpan, change: ItemChange, day: date) -> ItemPublished:
    """Return the changed version. Raises Declined for an instant item with a promised limit."""
    said = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
    kept = span.version._asdict()
    handling = change.handling or ("instant" if kept.pop("instant") else "promised")
    kept.pop("instant", None)
    fields = {**kept, **said, "handling": handling, "effective_from": day.isoformat()}
    if handling == "instant":
        if change.promised_days:
            wrong = f"changes: {change.item_code}: expected no promised limit of an instant item"
            raise Declined(Kind.CONTRADICTION, wrong, field="changes")
        fields["promised_days"] = 0
    own = span.hall == OF_THE_CATALOGUE and span.start == day_of(day)
    return ItemPublished(**fields, corrects=span.id if own else None)


def _moved_targets(before: _State, after: _State, plan: Plan | None, department: str | None) -> list[MovedTarget]:
    if plan is None or before.judged is None or after.judged is None:
        return []
    sides = [target_answers(one, plan, department) for one in (before.judged, after.judged)]
    return [MovedTarget(*pair) for pair in zip(*sides, strict=True)]


def _moved(before: FigureTable, after: FigureTable, department: str | None, *, whole: bool) -> list[MovedFigure]:
    """Return the indicators that differ. whole: also return those of the catalogue that do not differ."""
    found = []
    for name, indicator in COMPUTED.items():
        was, would = (table.figure(name, department) for table in (before, after))
        if was != would or (whole and indicator.kind == "catalogue"):
            found.append(_figure(name, was, would))
    return found


def _figure(name: str, before: Figure, after: Figure) -> MovedFigure:
    one = COMPUTED[name]
    return MovedFigure(name, Named(one.zh, one.en), one.unit, value_answer(before), value_answer(after))


def table_of(asked: WhatIfIn) -> bytes:
    """Return a draft's changes as a csv file that the importer reads without asking questions."""
    said = [msgspec.structs.asdict(one) for one in asked.changes]
    used = [name for name in _HEADERS if name == "effective_from" or any(one.get(name) is not None for one in said)]
    made = io.StringIO()
    writer = csv.writer(made)
    writer.writerow(_HEADERS[name] for name in used)
    day = str(asked.effective_from)
    writer.writerows([_cell(name, {**one, "effective_from": day}) for name in used] for one in said)
    return made.getvalue().encode("utf-8-sig")


def _cell(name: str, change: Mapping[str, Any]) -> str:
    value = change.get(name)
    if name == "promised_days" and change.get("handling") == "instant":
        value = 0
    if value is None:
        return ""
    if name in _FLAGS:
        return "是" if value else "否"
    if name == "handling":
        return "即办件" if value == "instant" else "承诺件"
    return f"{value}个工作日" if name.endswith("_days") else safe_cell(str(value))
