"""/v1/uploads: tables that people upload. They see the import's preview, answer its questions, and then import.

The gateway keeps the bytes and shows the state; it never looks into the files. The catalogue service reads each file in
a separate process (`services.catalogue.upload_work`).
"""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from hallpulse.contract.identity import DESK
from hallpulse.domain.workdays import time_text
from hallpulse.store import AuditEntry, Grant, NewUpload, Upload, UploadBusy, UploadKind
from services.gateway.access import ACTION, Action, may_import, reach, whose
from services.gateway.list_files import CSV, download
from services.gateway.list_forms import UPLOADS
from services.gateway.lists import LISTING, ListAsked, listed
from services.gateway.problems import EXPECTED, QUERY, WRITES, Declined, Kind, Sought, problems
from services.gateway.request import (
    AnyRequest,
    Hall,
    RegionCode,
    Resources,
    body_of,
    grant_of,
    resources_of,
)

MOST_BYTES = 16 << 20
MOST_ANSWERS = 500
OF_THE_CATALOGUE = "import"
"""The hall that publishes catalogues, as for the command."""
KindOfTable: TypeAlias = Annotated[
    Literal["figures", "cases", "catalogue"], QueryParameter(name="kind", description=EXPECTED["kind"])
]
FileName: TypeAlias = Annotated[
    str, QueryParameter(name="name", min_length=1, max_length=200, description=EXPECTED["name"])
]
PlanCodes: TypeAlias = Annotated[
    Literal["true", "false"], QueryParameter(name="plan_codes", description=EXPECTED["plan_codes"])
]
UploadId: TypeAlias = Annotated[int, PathParameter(ge=1, le=2**62, description="an upload's number")]
Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=1000)]


class UploadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An upload as it stands.

    state: waiting, reading, asked (a question is open), ready (to be imported), importing, imported, unreadable, or
    failed (it may be tried again); done, total: rows read so far, and all rows; told: the preview, as in
    `hallpulse import --json`; rejected: whether rows were refused, which /rejected lists; rows, events: the result of
    the import; why: the reason for unreadable or failed, in Chinese and English.
    """

    id: int
    region: str
    kind: str
    hall: str
    department: str | None
    name: str
    bytes: int
    by: str
    at: str
    state: str
    done: int
    total: int
    answers: dict[str, str]
    told: dict[str, Any] | None
    rejected: bool
    rows: dict[str, int] | None
    events: int | None
    why: list[str]


class UploadsAnswer(msgspec.Struct, frozen=True):
    """The sender's own uploads, the newest first."""

    region: str
    uploads: list[UploadAnswer]


class AnswersIn(msgspec.Struct, forbid_unknown_fields=True):
    """All answers so far. answers: question → answer, which is one of the question's choices or a day."""

    answers: dict[Text, Text]


def upload_answer(one: Upload) -> UploadAnswer:
    new, result = one.new, one.result or {}
    return UploadAnswer(
        id=one.id,
        region=str(new.region),
        kind=new.kind,
        hall=new.hall,
        department=new.department,
        name=new.name,
        bytes=one.size,
        by=new.by,
        at=time_text(int(one.at.timestamp() * 1_000_000)),
        state=one.state,
        done=one.done,
        total=one.total,
        answers=dict(one.answers),
        told=one.told,
        rejected=one.has_rejected,
        rows=result.get("rows"),
        events=result.get("events"),
        why=[text for text in one.why if text],
    )


def owner_of(grant: Grant) -> str:
    """Return the owner of an upload: the account's name, or `token` and the token's name."""
    return grant.account or f"token {grant.name}"


@post(
    "/v1/uploads",
    status_code=201,
    request_max_body_size=None,
    responses=problems(*WRITES, 409),
    operation_id="postUpload",
    summary="Upload a table of figures, cases or the catalogue, to be reviewed before it is imported",
    opt={ACTION: Action.IMPORT},
    tags=["uploads"],
)
async def post_upload(
    request: AnyRequest, region: RegionCode, kind: KindOfTable, name: FileName, *, hall: Hall = None,
    plan_codes: PlanCodes = "false",
) -> UploadAnswer:  # fmt: skip
    """Keeps a file and begins to read it. The body is the file, application/octet-stream, at most 16 MiB.

    An account may have one upload at a time: a department its own figures, the bureau any table, a hall's person its
    own cases. hall: the hall of the cases. GET /v1/uploads/ID tells the progress. Nothing is published yet.
    """
    resources, grant = resources_of(request), grant_of(request)
    asked = _Asked(int(region), kind, name, hall, plan_codes == "true")
    new = await asyncio.to_thread(_new_upload, resources, grant, asked)
    if request.content_type[0] != "application/octet-stream":
        raise Declined(Kind.BAD_CONTENT_TYPE, "content-type: expected application/octet-stream")
    with resources.uploading.slot(new.owner), resources.uploading_all.slot("all"):
        content = await _content(request)
        number = await asyncio.to_thread(kept_upload, resources, new, content)
        del content
    resources.audit.did(_audit_entry("upload.add", new, number))
    return await begun_or_gone(resources, new, number)


class _Asked(NamedTuple):
    region: int
    kind: UploadKind
    name: str
    hall: str | None
    plan_codes: bool


def _new_upload(resources: Resources, grant: Grant, asked: _Asked) -> NewUpload:
    """Return the new upload. Raises Declined: 403 if the sender may not import it, 422 for cases of an unknown hall."""
    kind, county = asked.kind, asked.region
    hall = asked.hall if kind == "cases" else DESK if kind == "figures" else OF_THE_CATALOGUE
    if not may_import(grant, kind, county, hall):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} imports no such table: it is of {reach(grant)}")
    if county % 100 == 0:
        raise Declined(Kind.CONTRADICTION, "region: expected a county's code of 6 digits", field="region")
    if kind != "cases" and asked.hall is not None:
        raise Declined(Kind.CONTRADICTION, "hall: expected with cases only", field="hall")
    if kind == "cases" and not _is_hall(resources, county, hall):
        raise Declined(Kind.CONTRADICTION, "hall: expected a hall of the region", field="hall")
    return NewUpload(
        region=county,
        kind=kind,
        hall=str(hall),
        name="".join(sign if sign.isprintable() and sign not in "/\\" else "_" for sign in asked.name),
        owner=owner_of(grant),
        by=grant.name,
        department=grant.department,
        own_hall=grant.hall is not None,
        plan_codes=asked.plan_codes,
    )


def _is_hall(resources: Resources, region: int, hall: str | None) -> bool:
    with resources.store.read() as moment:
        return (region, hall) in {(one.region, one.hall) for one in moment.halls()} | set(moment.hall_facts())


async def _content(request: AnyRequest) -> bytes:
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > MOST_BYTES:
            raise Declined(Kind.TOO_LARGE, f"expected at most 16 MiB ({MOST_BYTES} bytes): split the file")
    if not content:
        raise Declined(Kind.CONTRADICTION, "expected a file, got 0 bytes", field="body")
    return bytes(content)


def kept_upload(resources: Resources, new: NewUpload, content: bytes) -> int:
    try:
        return resources.uploads.add(new, content, resources.clock())
    except UploadBusy as error:
        raise Declined(Kind.CONFLICT, str(error)) from None


async def begin(resources: Resources, method: str, *args: Any) -> None:
    await asyncio.to_thread(lambda: resources.services.ask(type(None), "catalogue", method, *args))


async def begun_or_gone(resources: Resources, new: NewUpload, number: int) -> UploadAnswer:
    """Begin to read a file that was just kept. If that fails, discard it, since it would block the next upload."""
    try:
        await begin(resources, "read_upload", number)
    except BaseException:
        await asyncio.to_thread(resources.uploads.discard, number)
        raise
    return await asyncio.to_thread(shown_upload, resources, number, new.owner)


def _audit_entry(action: str, new: NewUpload, number: int) -> AuditEntry:
    detail = {"upload": number, "kind": new.kind, "hall": new.hall, "department": new.department}
    return AuditEntry(action, new.name, new.region, detail, new.by)


def _mine(resources: Resources, grant: Grant, number: int) -> Upload:
    """Return the sender's upload. Raises Declined: 404 if there is none of the sender's, 403 if the right is gone."""
    found = resources.uploads.get(number, resources.clock(), owner_of(grant))
    if found is None:
        raise no_such_upload(resources, number)
    new = found.new
    if not may_import(grant, new.kind, new.region, new.hall) or new.department != grant.department:
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} imports no such table: it is of {reach(grant)}")
    return found


def no_such_upload(resources: Resources, number: int) -> Declined:
    """Return the answer for an upload that does not exist or is another's.

    The answer and the audit entry are the same for both.
    """
    sought = Sought(f"upload {number}", resources.uploads.owner(number) or "")
    return Declined(Kind.NOT_FOUND, f"there is no upload {number} of yours", sought=sought)


def shown_upload(resources: Resources, number: int, owner: str) -> UploadAnswer:
    found = resources.uploads.get(number, resources.clock(), owner)
    if found is None:
        raise Declined(Kind.NOT_FOUND, f"there is no upload {number} of yours")
    return upload_answer(found)


@get(
    "/v1/uploads",
    sync_to_thread=True,
    dependencies=LISTING,
    responses=problems(*QUERY),
    operation_id="listUploads",
    summary="The sender's uploads",
    opt={ACTION: Action.IMPORT},
    tags=["uploads"],
)
def list_uploads(
    request: AnyRequest, region: RegionCode, *, listing: NamedDependency[ListAsked]
) -> Response[UploadsAnswer]:
    """Lists the sender's uploads, the newest first; a file that was not imported is kept for a week."""
    resources = resources_of(request)
    found = resources.uploads.list(int(region), owner_of(grant_of(request)), resources.clock())
    answer = UploadsAnswer(region, [msgspec.structs.replace(upload_answer(one), told=None) for one in found])
    return listed(resources, listing, answer, UPLOADS)


@get(
    "/v1/uploads/{upload_id:int}",
    sync_to_thread=True,
    responses=problems(*QUERY, 404),
    operation_id="getUpload",
    summary="An upload: its progress, how the file is understood, open questions, the result",
    opt={ACTION: Action.IMPORT},
    tags=["uploads"],
)
def get_upload(request: AnyRequest, upload_id: UploadId) -> UploadAnswer:
    """Returns the upload; only its sender may read it."""
    return upload_answer(_mine(resources_of(request), grant_of(request), upload_id))


@post(
    "/v1/uploads/{upload_id:int}/answers",
    status_code=202,
    responses=problems(*WRITES, 404, 409),
    operation_id="postUploadAnswers",
    summary="Answer the questions of an upload, which is then read again",
    opt={ACTION: Action.IMPORT},
    tags=["uploads"],
)
async def post_answers(request: AnyRequest, upload_id: UploadId) -> UploadAnswer:
    """Takes answers like those of `hallpulse import --answer`. 422 for an answer that its question does not offer."""
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, AnswersIn)
    if len(given.answers) > MOST_ANSWERS:
        raise Declined(Kind.CONTRADICTION, f"answers: expected at most {MOST_ANSWERS}", field="answers")
    mine = await asyncio.to_thread(_mine, resources, grant, upload_id)
    _check_answers(mine, given.answers)
    await begin(resources, "read_upload", upload_id, given.answers)
    return await asyncio.to_thread(shown_upload, resources, upload_id, mine.new.owner)


def _check_answers(upload: Upload, answers: dict[str, str]) -> None:
    """Raise Declined (422) for an answer that its question does not offer: the reading would end with it."""
    asked = {one["id"]: one for one in (upload.told or {}).get("questions", ())}
    for id_, given in answers.items():
        question = asked.get(id_)
        if question is None:
            raise Declined(Kind.CONTRADICTION, "answers: expected questions of this file", field="answers")
        choices = [one["value"] for one in question["choices"]]
        if given not in choices if choices else not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", given):
            expected = ", ".join(choices) or "YYYY-MM-DD"
            raise Declined(Kind.CONTRADICTION, f"answers: {id_[:100]}: expected {expected[:300]}", field="answers")


@post(
    "/v1/uploads/{upload_id:int}/import",
    status_code=202,
    responses=problems(*WRITES, 404, 409),
    operation_id="postUploadImport",
    summary="Import an upload after its review",
    opt={ACTION: Action.IMPORT},
    tags=["uploads"],
)
async def post_import(request: AnyRequest, upload_id: UploadId) -> UploadAnswer:
    """Imports the upload: publishes the accepted rows; /rejected lists the others. 409 unless it is ready."""
    resources, grant = resources_of(request), grant_of(request)
    mine = await asyncio.to_thread(_mine, resources, grant, upload_id)
    await begin(resources, "import_upload", upload_id)
    resources.audit.did(_audit_entry("upload.import", mine.new, upload_id))
    return await asyncio.to_thread(shown_upload, resources, upload_id, mine.new.owner)


@post(
    "/v1/uploads/{upload_id:int}/discard",
    status_code=200,
    responses=problems(*WRITES, 404, 409),
    operation_id="postUploadDiscard",
    summary="Discard an upload and its file",
    opt={ACTION: Action.IMPORT},
    tags=["uploads"],
)
async def post_discard(request: AnyRequest, upload_id: UploadId) -> UploadAnswer:
    """Discards the upload. 409 while it is being imported. Imported rows stay imported."""
    resources, grant = resources_of(request), grant_of(request)
    mine = await asyncio.to_thread(_mine, resources, grant, upload_id)
    if not await asyncio.to_thread(resources.uploads.discard, upload_id):
        raise Declined(Kind.CONFLICT, "it is being imported")
    resources.audit.did(_audit_entry("upload.discard", mine.new, upload_id))
    return upload_answer(mine)


@get(
    "/v1/uploads/{upload_id:int}/rejected",
    sync_to_thread=True,
    media_type="text/csv",
    responses=problems(*QUERY, 404),
    operation_id="getUploadRejected",
    summary="The rejected rows of an upload, as csv: place, value, reason, remedy",
    opt={ACTION: Action.IMPORT},
    tags=["uploads"],
)
def get_rejected(request: AnyRequest, upload_id: UploadId) -> Response[bytes]:
    """Returns the refused rows, like the command's FILE.rejected.csv. No cell begins like a formula."""
    resources = resources_of(request)
    mine = _mine(resources, grant_of(request), upload_id)
    content = resources.uploads.rejected(upload_id)
    if content is None:
        raise Declined(Kind.NOT_FOUND, "every row was taken in")
    return download(content, f"{mine.new.name}.rejected.csv", CSV)
