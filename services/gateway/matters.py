"""/v1/matters: the ladder of supervision. The `notices` service keeps it; the gateway makes texts from the figures."""

from __future__ import annotations

import asyncio
import base64
from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from hallpulse.domain.figures import Scope
from hallpulse.domain.ladder import FIRST_RUNGS, About, Card, Matter, Rung, Wording, standing_of
from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import date_of, day_of
from hallpulse.store import Grant
from services.gateway.access import ACTION, Action, is_of, may_read, reach, whose
from services.gateway.figures import Named
from services.gateway.list_forms import MATTERS
from services.gateway.lists import LISTING, ListAsked, listed
from services.gateway.matter_answers import (
    MatterDraftAnswer,
    MattersAnswer,
    OneMatter,
    fact_answer,
    matter_answer,
    one_matter,
    wording_answer,
)
from services.gateway.matter_texts import AskedMatter, Draft, draft_of, requested, step_before
from services.gateway.problems import EXPECTED, QUERY, WRITES, Declined, Kind, problems
from services.gateway.request import (
    AnyRequest,
    Department,
    RegionCode,
    Resources,
    body_of,
    check_text,
    grant_of,
    resources_of,
    scope_of,
)

MOST_TEXT = 2_000
SHEET_SECONDS = 60.0
Written = Annotated[str, msgspec.Meta(max_length=MOST_TEXT)]
AboutKind: TypeAlias = Annotated[
    Literal["target", "department", "case", "finding", "task"],
    QueryParameter(name="about", description=EXPECTED["about"]),
]
SubjectId: TypeAlias = Annotated[
    str, QueryParameter(name="subject", pattern=r"^[^\x00-\x1f\x7f]{1,120}$", description=EXPECTED["subject"])
]
OfTarget: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        name="target", pattern=r"^[a-z][a-z0-9_-]{0,63}$", description="a target's id: only matters because of it"
    ),
]
Which: TypeAlias = Annotated[
    Literal["open", "all"], QueryParameter(name="which", description="open, or all with those that are closed")
]
MatterNumber: TypeAlias = Annotated[int, PathParameter(ge=1, le=2**31 - 1, description="a matter's number")]
SheetFormat: TypeAlias = Annotated[
    Literal["docx", "html", "pdf"] | None,
    QueryParameter(name="format", description="docx, html or pdf: the sheet of supervision (督办单)"),
]


class MatterIn(msgspec.Struct, forbid_unknown_fields=True):
    """A matter to open. deadline: by default the plan's days from today; reason: a remark of the bureau."""

    region: str
    about: About
    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    department: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    rung: Rung | None = None
    deadline: date | None = None
    reason: Written = ""


class MatterAnswerIn(msgspec.Struct, forbid_unknown_fields=True):
    """A department's answer."""

    matter: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    cause: Written
    measures: Written
    done_by: date


class MatterDecisionIn(msgspec.Struct, forbid_unknown_fields=True):
    """The bureau's decision. deadline: for `returned` and `raised`, by default the plan's days from today."""

    matter: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    verdict: Literal["returned", "raised", "closed"]
    reason: Written = ""
    deadline: date | None = None


@get(
    "/v1/matters",
    sync_to_thread=True,
    dependencies=LISTING,
    responses=problems(*QUERY),
    operation_id="getMatters",
    summary="The matters of supervision, each with its state and whose turn it is",
    opt={ACTION: Action.SUPERVISED},
    tags=["matters"],
)
def get_matters(
    request: AnyRequest, region: RegionCode, *, department: Department = None, which: Which = "open",
    target: OfTarget = None, listing: NamedDependency[ListAsked],
) -> Response[MattersAnswer]:  # fmt: skip
    """Lists the matters of a scope, the newest first. A department must name itself in `department`.

    With `target`, each matter comes with its entries.
    """
    grant, resources = grant_of(request), resources_of(request)
    scope = scope_of(grant, region, department)
    found = resources.matters.list(scope, closed=which == "all", target=target)
    told = matter_answer if target is None else one_matter
    answer = MattersAnswer(region, resources.today(), [told(resources, grant, one) for one in found])
    return listed(resources, listing, answer, MATTERS)


@get(
    "/v1/matters/{matter_id:int}",
    sync_to_thread=True,
    responses=problems(*QUERY, 404),
    operation_id="getMatter",
    summary="A matter with its history, or its sheet of supervision (督办单)",
    opt={ACTION: Action.SUPERVISED},
    tags=["matters"],
)
def get_matter(
    request: AnyRequest, matter_id: MatterNumber, format_: SheetFormat = None
) -> Response[bytes | OneMatter]:
    """Returns the matter with all entries; with format, its sheet of supervision as a file."""
    grant, resources = grant_of(request), resources_of(request)
    matter = _readable(resources, grant, matter_id)
    if format_ is None:
        return Response(one_matter(resources, grant, matter), media_type="application/json")
    made = resources.services.ask(dict[str, str], "reports", "sheet", matter_id, format_, seconds=SHEET_SECONDS)
    headers = {"content-disposition": f'attachment; filename="{made["name"]}"'}
    return Response(base64.b64decode(made["content"]), media_type=made["media_type"], headers=headers)


@get(
    "/v1/matters/draft",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="getMatterDraft",
    summary="The text and figures of a matter if it were opened now",
    opt={ACTION: Action.SUPERVISED},
    tags=["matters"],
)
def get_matter_draft(
    request: AnyRequest, region: RegionCode, about: AboutKind, subject: SubjectId, *, department: Department = None
) -> MatterDraftAnswer:
    """Returns the text and figures of a matter if it were opened now.

    The subject is a target's or a department's id, HALL/CASE_ID, an integrity check's id, or a task's number.
    """
    grant, resources = grant_of(request), resources_of(request)
    scope = scope_of(grant, region, department)
    if grant.department is not None:
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} opens no matters")
    plan = _plan(resources, scope.region)
    draft = draft_of(resources, AskedMatter(plan, about, subject, department))
    rung = _first_rung(draft)
    deadline = _deadline(resources, plan, rung)
    open_ones = resources.matters.list(Scope(scope.region, draft.department), closed=False)
    same = (one.number for one in open_ones if (one.of.about, one.of.subject) == (about, subject))
    names = {one.id: one.names for one in plan.departments}
    return MatterDraftAnswer(
        region=region,
        about=about,
        subject=subject,
        names=wording_answer(draft.title),
        department=draft.department,
        departments=[
            {"id": id_, "names": Named(names[id_].zh, names[id_].en) if id_ in names else Named(id_, id_)}
            for id_ in draft.departments
        ],
        rung=rung,
        deadline=deadline,
        text=wording_answer(requested(draft, plan, rung, deadline)),
        facts=[fact_answer(one) for one in draft.facts],
        card=draft.card,
        wrong=draft.wrong,
        open=next(same, None),
    )


@post(
    "/v1/matters",
    status_code=201,
    responses=problems(*WRITES, 404, 409),
    operation_id="openMatter",
    summary="Open a matter: remind a department, or ask it to put something right",
    opt={ACTION: Action.SUPERVISE},
    tags=["matters"],
)
async def open_matter(request: AnyRequest) -> OneMatter:
    """Opens a matter, for the bureau. The text is made from the present figures.

    409 if the department has an open matter on this subject already.
    """
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, MatterIn)
    check_text(resources, reason=given.reason, subject=given.subject)
    region = _region(grant, given.region)
    return await asyncio.to_thread(_open, resources, grant, given, region)


def _open(resources: Resources, grant: Grant, given: MatterIn, region: int) -> OneMatter:
    plan = _plan(resources, region)
    draft = draft_of(resources, AskedMatter(plan, given.about, given.subject, given.department))
    if not draft.wrong:
        detail = "subject: expected something to answer for: by the figures nothing of it is amiss"
        raise Declined(Kind.CONTRADICTION, detail, field="subject")
    rung = given.rung or _first_rung(draft)
    if rung not in FIRST_RUNGS:
        raise Declined(Kind.CONTRADICTION, f"rung: expected one of {', '.join(FIRST_RUNGS)}", field="rung")
    deadline = given.deadline or _deadline(resources, plan, rung)
    opening = {
        "region": region,
        "about": given.about,
        "subject": given.subject,
        "department": draft.department,
        "title": list(draft.title),
        "rung": rung,
        "deadline": deadline.isoformat(),
        "told": _told(draft, requested(draft, plan, rung, deadline)),
        "reason": given.reason,
    }
    number = resources.services.ask(int, "notices", "open_matter", opening, grant.name)
    return one_matter(resources, grant, _known(resources, number))


@post(
    "/v1/matters/answer",
    status_code=201,
    responses=problems(*WRITES, 404, 409),
    operation_id="answerMatter",
    summary="Answer a matter: cause, measures, and by when it is done",
    opt={ACTION: Action.ANSWER},
    tags=["matters"],
)
async def answer_matter(request: AnyRequest) -> OneMatter:
    """Answers a matter, for its department. 409 if it has been answered or closed already."""
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, MatterAnswerIn)
    check_text(resources, cause=given.cause, measures=given.measures)
    return await asyncio.to_thread(_answer, resources, grant, given)


def _answer(resources: Resources, grant: Grant, given: MatterAnswerIn) -> OneMatter:
    matter = _readable(resources, grant, given.matter)
    if (grant.region, grant.department) != (matter.of.region, matter.of.department):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} answers what concerns {reach(grant)}")
    answer = {"cause": given.cause, "measures": given.measures, "done_by": given.done_by.isoformat()}
    resources.services.ask(type(None), "notices", "answer_matter", matter.number, answer, grant.name)
    return one_matter(resources, grant, _known(resources, matter.number))


@post(
    "/v1/matters/decide",
    status_code=201,
    responses=problems(*WRITES, 404, 409),
    operation_id="decideMatter",
    summary="Return an answer, take the next step, or close a matter",
    opt={ACTION: Action.SUPERVISE},
    tags=["matters"],
)
async def decide_matter(request: AnyRequest) -> OneMatter:
    """Decides on a matter, for the bureau. The text of a next step is made from the present figures.

    409 if the decision may not follow the last entry.
    """
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, MatterDecisionIn)
    check_text(resources, reason=given.reason)
    return await asyncio.to_thread(_decide, resources, grant, given)


def _decide(resources: Resources, grant: Grant, given: MatterDecisionIn) -> OneMatter:
    matter = _readable(resources, grant, given.matter)
    if not is_of(grant, matter.of.region):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} decides nothing of {matter.of.region}")
    decision: dict[str, Any] = {"deed": given.verdict, "reason": given.reason}
    if given.verdict != "closed":
        decision |= _next_step(resources, matter, given)
    resources.services.ask(type(None), "notices", "decide_matter", matter.number, decision, grant.name)
    return one_matter(resources, grant, _known(resources, matter.number))


def _next_step(resources: Resources, matter: Matter, given: MatterDecisionIn) -> dict[str, Any]:
    """Return the deadline for a returned or raised matter; for a raised one also the next rung and its text."""
    plan, now = _plan(resources, matter.of.region), standing_of(matter.entries, resources.today())
    if given.verdict == "returned":
        deadline = given.deadline or _deadline(resources, plan, now.rung)
        return {"deadline": deadline.isoformat()}
    rung = now.rung.above
    if rung is None:
        raise Declined(Kind.NOT_NOW, f"verdict: there is no step above {now.rung}", field="verdict")
    deadline = given.deadline or _deadline(resources, plan, rung)
    of = matter.of
    draft = draft_of(resources, AskedMatter(plan, of.about, of.subject, of.department))
    text = requested(draft, plan, rung, deadline, step_before(plan, of.department, now.rung, given.reason))
    return {"deadline": deadline.isoformat(), "rung": rung, "told": _told(draft, text)}


def _told(draft: Draft, text: Wording) -> dict[str, Any]:
    return {"text": list(text), "facts": [[list(fact.name), list(fact.content)] for fact in draft.facts]}


def _plan(resources: Resources, region: int) -> Plan:
    plan = resources.plan(region, resources.today())
    if plan is None:
        raise Declined(
            Kind.CONTRADICTION, f"region: expected one with a plan in force, {region} has none", field="region"
        )
    return plan


def _first_rung(draft: Draft) -> Rung:
    """Return the rung to begin with: a case with a red card begins with rectification."""
    return Rung.RECTIFICATION if draft.card is Card.RED else Rung.REMINDER


def _deadline(resources: Resources, plan: Plan, rung: Rung) -> date:
    with resources.store.read() as moment:
        calendar = moment.workdays(plan.region)
    return date_of(calendar.nth_after(day_of(resources.today()), plan.supervision.days(rung)))


def _region(grant: Grant, given: str) -> int:
    if not (given.isascii() and given.isdecimal() and len(given) == 6):
        raise Declined(Kind.CONTRADICTION, "region: expected a county's code of 6 digits", field="region")
    if not is_of(grant, int(given)):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} supervises nothing of {given}: it is of {reach(grant)}")
    return int(given)


def _known(resources: Resources, number: int) -> Matter:
    matter = resources.matters.find(number)
    if matter is None:
        raise Declined(Kind.NOT_FOUND, f"there is no matter {number}", field="matter")
    return matter


def _readable(resources: Resources, grant: Grant, number: int) -> Matter:
    """Return a matter. Raises Declined: 403 if the grant may not read it, for a department also if there is none."""
    matter = resources.matters.find(number)
    if matter is None and grant.department is None:
        raise Declined(Kind.NOT_FOUND, f"there is no matter {number}", field="matter")
    if matter is None or not may_read(
        grant, Scope(matter.of.region, matter.of.department if grant.department else None)
    ):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} reads {reach(grant)}")
    return matter
