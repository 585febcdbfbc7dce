"""All problems that a request can end with, as RFC 9457 problem documents: their table, and how errors become them."""

from __future__ import annotations

import enum
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.openapi.datastructures import ResponseSpec

from hallpulse.domain.errors import HallpulseError, Unavailable
from hallpulse.domain.flow import PARTS as PARTS_OF_FLOW
from hallpulse.domain.measures import STATES

LISTED_STATES = (*STATES, "open", "pending", "flagged")
PARTS = ("numerator", "denominator")
MOST_ROWS = 1_000
FLOW_PARTS = (*PARTS_OF_FLOW, "decided")

EXPECTED: Mapping[str, str] = {
    "region": "a GB/T 2260 code of 6 digits: a county, or XXXX00 or XX0000 for the sum of what lies below",
    "from": "the window's first day, YYYY-MM-DD, from 1990-01-01 to 2250-12-31",
    "to": "the window's last day, YYYY-MM-DD, from 1990-01-01 to 2250-12-31",
    "arrived_from": "a day, YYYY-MM-DD, from 1990-01-01 to 2250-12-31: only what arrived on it or later",
    "on": "a day, YYYY-MM-DD, from 1990-01-01 to 2250-12-31",
    "department": "a department's code, 1 to 64 characters",
    "hall": "a hall's id, 1 to 40 of a-z, 0-9 and hyphen",
    "state": f"one of {', '.join(LISTED_STATES)}",
    "indicator": "an indicator's id, such as promise_kept_rate",
    "part": "numerator or denominator",
    "cursor": "the next_cursor of the page before",
    "limit": f"a whole number from 1 to {MOST_ROWS}",
    "case_id": "a case's id, 1 to 64 characters",
    "event_id": "an event's id, 1 to 64 characters",
    "dry_run": "true or false: whether to tell only, and send nothing",
    "predecessors": "true or false: whether with the codes that a county's code succeeded",
    "as_of": "a moment, RFC 3339 with offset, such as 2026-03-02T09:30:00+08:00: what had arrived by then",
    "month": "a month, YYYY-MM, from 1990-01 to 2250-12",
    "item": "an item's code, 1 to 64 characters",
    "format": "docx, xlsx, html or pdf; without it the report's figures and what changed since",
    "about": "target, department, case, finding or task",
    "subject": "a target's or a department's id, HALL/CASE_ID, an integrity check's id, or a task's number",
    "action": "a kind of entries, such as matter, or one of them, such as matter.opened",
    "which": "open, or all with those that are closed",
    "kind": "figures, cases or catalogue",
    "name": "the file's name, 1 to 200 characters",
    "plan_codes": "true or false: whether departments are stored under the codes of the plan",
    "text": "a part of what the list shows, 1 to 64 characters: a number, a code, a name",
    "sort": "a column of the list, such as due, or -due for the largest first",
    "only": "COLUMN:VALUE of the rows wanted, several joined by ;",
    "columns": "the columns of the file, joined by commas; all of them if left out",
    "as_file": "csv or xlsx: the list as a file; without it the answer is JSON",
    "language": "zh or en: of the heads and names in a file",
    "card": "yellow or red: cases that are late by so much",
    "target": "the id of a target of the plan in force",
    "by": "department or item",
    "every": "month or day: what each figure is of",
    "counting": "alone: each month or day alone; so_far: from the first day of the plan's period up to it",
    "departments": "codes of departments, joined by commas, whose figures stand beside the region's",
    "offset": "how many rows to leave out, 0 to 1000000; not together with cursor",
    "check": "an integrity check's id",
    "flow": f"one of {', '.join(FLOW_PARTS)}",
}


def expected_of(parameter: str) -> str:
    return EXPECTED.get(parameter, "a value of the contract")


MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
_MISSING = re.compile(r"Missing required \w+ parameter '(\w+)'").match
_log = logging.getLogger(__name__)


class EventResult(msgspec.Struct, frozen=True):
    """The outcome of one event: `accepted` once the broker has it, or `refused`; in a dry run also `duplicate`.

    index: its place in the request, from 0; id: the event's id, null if it cannot be read; reason: a code of the
    contract's closed list; field, detail: where it is wrong and what was expected; notes: in a dry run, from the
    catalogue (unknown_item, other_department, promised_over_statutory).
    """

    index: int
    id: str | None
    status: str
    reason: str | None = None
    field: str | None = None
    detail: str | None = None
    notes: list[str] | None = None


class Problem(msgspec.Struct, omit_defaults=True):
    """An RFC 9457 problem document. field: the parameter or the event's field that is wrong; reason: for an event."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    field: str | None = None
    reason: str | None = None
    results: list[EventResult] | None = None


class Sort(NamedTuple):
    status: int
    title: str
    zh: str


class Kind(enum.Enum):
    """The kinds of problems, each with status and title. Its name gives the `type`, such as /problems#bad-parameter."""

    BAD_REQUEST = Sort(400, "The request cannot be understood", "无法理解该请求")
    BAD_PARAMETER = Sort(400, "A parameter is missing, unknown or malformed", "参数缺失、未知或格式有误")
    NOT_JSON = Sort(400, "The body is not JSON", "消息体不是合法的 JSON")
    NO_TOKEN = Sort(401, "A valid bearer token is needed", "需要有效的访问令牌")
    NOT_SIGNED_IN = Sort(401, "No one is signed in", "尚未登录")
    PASSWORD_DUE = Sort(403, "The one-time password must be changed first", "须先修改一次性密码")
    FORBIDDEN = Sort(403, "The token does not allow this", "该令牌无此权限")
    NOT_FOUND = Sort(404, "There is no such thing", "没有找到")
    METHOD_NOT_ALLOWED = Sort(405, "This address does not take that method", "该地址不支持此请求方法")
    CONFLICT = Sort(409, "That has been done already", "该操作已经完成过")
    NOT_NOW = Sort(409, "This cannot be done in the present state", "当前状态下不能这样做")
    TOO_SLOW = Sort(408, "The body took too long to arrive", "消息体到达过慢")
    TOO_LARGE = Sort(413, "The body is too large", "消息体过大")
    BAD_CONTENT_TYPE = Sort(415, "The content type is not one of CloudEvents", "内容类型不是 CloudEvents")
    CONTRADICTION = Sort(422, "Parameters contradict each other or are out of range", "参数之间互相矛盾或超出范围")
    REFUSED = Sort(422, "The event is refused", "事件被拒收")
    TOO_MANY_REQUESTS = Sort(429, "Too many requests with this token", "该令牌的请求过于频繁")
    INTERNAL = Sort(500, "Something is wrong with the gateway", "网关内部出错")
    UNAVAILABLE = Sort(503, "A server behind the gateway does not answer", "后端服务暂时无法访问")

    @property
    def status(self) -> int:
        return self.value.status

    @property
    def title(self) -> str:
        return self.value.title

    @property
    def slug(self) -> str:
        return self.name.lower().replace("_", "-")


SOUGHT = "sought"
"""The key in a request's state for what was asked for and not shown."""


class Sought(NamedTuple):
    """A thing that was requested but not shown, such as `upload 7`. whose: its owner, or empty; only for the audit."""

    thing: str
    whose: str


class Declined(Exception):
    """The request ends here, with this problem.

    sought: the requested thing that the sender may not see, and its owner; only for the audit.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        field: str | None = None,
        reason: str | None = None,
        results: list[EventResult] | None = None,
        headers: dict[str, str] | None = None,
        sought: Sought | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.field = field
        self.reason = reason
        self.results = results
        self.headers = headers or {}
        self.sought = sought


def try_later(detail: str, seconds: float = RETRY_SECONDS) -> Declined:
    return Declined(Kind.UNAVAILABLE, detail, headers={"retry-after": str(max(1, round(seconds)))})


_OF_STATUS = {
    400: Kind.BAD_REQUEST,
    401: Kind.NO_TOKEN,
    403: Kind.FORBIDDEN,
    404: Kind.NOT_FOUND,
    405: Kind.METHOD_NOT_ALLOWED,
    413: Kind.TOO_LARGE,
    415: Kind.BAD_CONTENT_TYPE,
}


def _from_framework(error: HTTPException) -> Declined:
    """Return the problem for an error that the framework raised before a handler was called."""
    if isinstance(error, ValidationException):
        return _bad_parameter(error)
    if isinstance(error, MethodNotAllowedException):
        allowed = (error.headers or {}).get("allow", "")
        return Declined(Kind.METHOD_NOT_ALLOWED, f"expected {allowed}", headers=dict(error.headers or {}))
    if isinstance(error, NotFoundException):
        return Declined(Kind.NOT_FOUND, "no such address: /openapi.json lists them all")
    if isinstance(error, ClientException) and error.status_code == 413:
        return Declined(Kind.TOO_LARGE, "expected at most 4 MiB (4194304 bytes)")
    if error.status_code >= 500:
        return Declined(Kind.INTERNAL, "the fault has been logged")
    return Declined(_OF_STATUS.get(error.status_code, Kind.BAD_REQUEST), str(error.detail))


def _bad_parameter(error: ValidationException) -> Declined:
    missing = _MISSING(str(error.detail))
    extra = error.extra if isinstance(error.extra, list) and error.extra else [{}]
    field = (missing[1] if missing else str(extra[0].get("key", ""))).rstrip("_")
    detail = f"{field}: expected {expected_of(field)}" + (", got nothing" if missing else "")
    return Declined(Kind.BAD_PARAMETER, detail, field=field)


def _declined(error: Exception) -> Declined:
    if isinstance(error, Declined):
        return error
    if isinstance(error, HTTPException):
        return _from_framework(error)
    if isinstance(error, Unavailable):
        return try_later(str(error))
    _log.error("%s", error if isinstance(error, HallpulseError) else type(error).__name__, exc_info=error)
    return Declined(Kind.INTERNAL, "the fault has been logged")


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Return the answer to any error: a problem document, never a stack trace."""
    declined = _declined(error)
    if declined.sought is not None:
        request.scope["state"][SOUGHT] = declined.sought
    problem = Problem(
        type=f"/problems#{declined.kind.slug}",
        title=declined.kind.title,
        status=declined.kind.status,
        detail=declined.detail,
        instance=request.scope["path"],  # not the URL, since the sender can choose its host
        field=declined.field,
        reason=declined.reason,
        results=declined.results,
    )
    return Response(
        msgspec.json.encode(problem),
        status_code=declined.kind.status,
        media_type=MEDIA_TYPE,
        headers=declined.headers,
    )


QUERY = (400, 401, 403, 422, 429, 500, 503)
"""The statuses of problems that any query under /v1 may end with."""
WRITES = (*QUERY, 413, 415)
"""The statuses of problems that any request with a body under /v1 may end with."""
# RFC 9110's names, which Python has from 3.13 on: the document depends on no version of Python.
_RENAMED = {413: "Content Too Large", 422: "Unprocessable Content"}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(Problem, media_type=MEDIA_TYPE, description=_phrase(status), generate_examples=False)
        for status in sorted(statuses)
    }


def _phrase(status: int) -> str:
    return _RENAMED.get(status) or HTTPStatus(status).phrase
