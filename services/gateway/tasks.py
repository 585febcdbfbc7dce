"""/v1/tasks: the plan's list of tasks (任务清单), each with its state by its departments' reports, with evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency

from hallpulse.domain.ladder import PlanTask, TaskState
from hallpulse.domain.plan import Plan
from hallpulse.domain.workdays import SHANGHAI
from hallpulse.store import Grant, TaskReport
from services.gateway.access import ACTION, Action, reach, whose
from services.gateway.figures import Named, named
from services.gateway.list_forms import TASKS
from services.gateway.lists import LISTING, ListAsked, listed
from services.gateway.matters import Written
from services.gateway.problems import QUERY, WRITES, Declined, Kind, problems
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

Reported = Mapping[tuple[str, str], Sequence[TaskReport]]


class TaskReportAnswer(msgspec.Struct, frozen=True):
    """A report on a task. at: in Asia/Shanghai."""

    at: str
    by: str
    state: str
    evidence: str


class TaskOfDepartment(msgspec.Struct, frozen=True, kw_only=True):
    """A leading department's part of a task. state: not_started until it reports; history: its reports, newest first.

    may: whether this token or person may report on it.
    """

    department: str
    state: str
    evidence: str
    may: bool
    history: list[TaskReportAnswer]


class TaskAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A task. id: its number in the list; due: the phase's last day, null if it has none; overdue: due and not done.

    state: done if every leading department says so, not_started if none has begun; targets: the plan's targets that
    have the task as their source.
    """

    id: str
    names: Named
    phase: str
    phase_names: Named
    due: date | None
    overdue: bool
    state: str
    evidence: Named
    targets: list[str]
    departments: list[TaskOfDepartment]


class TasksAnswer(msgspec.Struct, frozen=True):
    """The tasks of the plan in force. plan: null, with no tasks, if there is none."""

    region: str
    on: date
    plan: str | None
    tasks: list[TaskAnswer]


class TaskIn(msgspec.Struct, forbid_unknown_fields=True):
    """A department's report on its task. evidence: required if it is done."""

    region: str
    task: Annotated[str, msgspec.Meta(min_length=1, max_length=3, pattern="^[0-9]+$")]
    department: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    state: TaskState
    evidence: Written = ""


@get(
    "/v1/tasks",
    sync_to_thread=True,
    dependencies=LISTING,
    responses=problems(*QUERY),
    operation_id="getTasks",
    summary="The plan's list of tasks, each with its state",
    opt={ACTION: Action.SUPERVISED},
    tags=["matters"],
)
def get_tasks(
    request: AnyRequest, region: RegionCode, *, department: Department = None, listing: NamedDependency[ListAsked]
) -> Response[TasksAnswer]:
    """Lists the tasks of the plan in force today; with `department`, those that the department leads."""
    grant, resources = grant_of(request), resources_of(request)
    scope = scope_of(grant, region, department)
    return listed(resources, listing, tasks_answer(resources, grant, scope.region, department), TASKS)


def tasks_answer(resources: Resources, grant: Grant, region: int, department: str | None) -> TasksAnswer:
    today = resources.today()
    plan = resources.plan(region, today)
    if plan is None:
        return TasksAnswer(str(region), today, None, [])
    said = resources.matters.task_reports(region, plan.id)
    mine = [task for task in plan.tasks if department is None or department in task.lead]
    asked = AskedTasks(plan, said, grant, department, today)
    return TasksAnswer(str(region), today, plan.id, [_task(task, asked) for task in mine])


class AskedTasks(NamedTuple):
    """The data for an answer about tasks. said: the reports; grant: of the reader; department: None for all."""

    plan: Plan
    said: Reported
    grant: Grant
    department: str | None
    today: date


def _task(task: PlanTask, asked: AskedTasks) -> TaskAnswer:
    plan, today = asked.plan, asked.today
    phase = next(one for one in plan.phases if one.id == task.phase)
    everyone = [_part(plan, task, id_, asked.said, asked.grant) for id_ in task.lead]
    state = _whole(everyone)
    return TaskAnswer(
        id=task.id,
        names=Named(*task.name),
        phase=task.phase,
        phase_names=named(phase.names),
        due=phase.end,
        overdue=phase.end is not None and phase.end < today and state is not TaskState.DONE,
        state=state,
        evidence=Named(*task.evidence),
        targets=[target.id for target in plan.targets if task.id in target.source],
        departments=[one for one in everyone if asked.department in (None, one.department)],
    )


def _whole(parts: Sequence[TaskOfDepartment]) -> TaskState:
    states = {part.state for part in parts}
    if len(states) == 1:
        return TaskState(states.pop())
    return TaskState.IN_PROGRESS


def _part(plan: Plan, task: PlanTask, department: str, said: Reported, grant: Grant) -> TaskOfDepartment:
    reports = said.get((task.id, department), ())
    return TaskOfDepartment(
        department=department,
        state=reports[0].state if reports else TaskState.NOT_STARTED,
        evidence=reports[0].evidence if reports else "",
        may=_may_report(grant, plan.region, department),
        history=[
            TaskReportAnswer(one.at.astimezone(SHANGHAI).isoformat(timespec="seconds"), one.by, one.state, one.evidence)
            for one in reports
        ],
    )


def _may_report(grant: Grant, region: int, department: str) -> bool:
    return grant.role == "department" and (grant.region, grant.department) == (region, department)


@post(
    "/v1/tasks",
    status_code=201,
    responses=problems(*WRITES, 404),
    operation_id="postTask",
    summary="Report on a task, with evidence",
    opt={ACTION: Action.ANSWER},
    tags=["matters"],
)
async def post_task(request: AnyRequest) -> TasksAnswer:
    """Reports on a task, for a department that leads it. Earlier reports stay in the history."""
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, TaskIn)
    check_text(resources, evidence=given.evidence)
    if str(grant.region) != given.region or grant.department != given.department:
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} speaks for {reach(grant)}")
    return await asyncio.to_thread(_report, resources, grant, given)


def _report(resources: Resources, grant: Grant, given: TaskIn) -> TasksAnswer:
    region = int(given.region)
    plan = resources.plan(region, resources.today())
    task = next((one for one in plan.tasks if one.id == given.task), None) if plan is not None else None
    if plan is None or task is None or given.department not in task.lead:
        raise Declined(Kind.NOT_FOUND, "the plan in force gives this department no such task", field="task")
    said = {**msgspec.to_builtins(given), "region": region, "plan": plan.id}
    resources.services.ask(type(None), "notices", "report_task", said, grant.name)
    return tasks_answer(resources, grant, region, given.department)
