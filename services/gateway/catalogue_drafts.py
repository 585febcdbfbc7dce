"""/v1/items, /v1/whatif and /v1/drafts: list the catalogue, try changes of it, keep them as drafts, import a draft."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.params import PathParameter

from hallpulse.contract.personal import is_personal
from hallpulse.domain.catalogue import ItemVersion, span_on
from hallpulse.domain.workdays import day_of, time_text
from hallpulse.store import AuditEntry, Draft, Grant, NewUpload
from services.gateway.access import ACTION, Action, is_of, may_import, reach, whose
from services.gateway.list_forms import ITEMS
from services.gateway.lists import LISTING, ListAsked, listed
from services.gateway.problems import QUERY, WRITES, Declined, Kind, Sought, problems
from services.gateway.request import (
    AnyRequest,
    Department,
    On,
    RegionCode,
    Resources,
    body_of,
    day_of_calendar,
    grant_of,
    query_of,
    resources_of,
)
from services.gateway.uploads import OF_THE_CATALOGUE, UploadAnswer, begun_or_gone, kept_upload, owner_of
from services.gateway.what_if import WhatIfAnswer, WhatIfIn, table_of, what_if

MOST_ITEMS = 1_000
DraftId: TypeAlias = Annotated[int, PathParameter(ge=1, le=2**62, description="a draft's number")]
Title: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class DraftIn(WhatIfIn, forbid_unknown_fields=True, kw_only=True):
    """A draft to keep. name: its title in the list of drafts."""

    name: Title


class DraftAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A draft. asked: its changes; told: its effect on the figures when it was kept.

    upload: the number of the upload that was made of it, or from which it was made; handed: whether it was handed on to
    the bureau's import.
    """

    id: int
    region: str
    department: str | None
    name: str
    by: str
    at: str
    asked: dict[str, Any]
    told: dict[str, Any] | None
    upload: int | None
    handed: bool


class DraftsAnswer(msgspec.Struct, frozen=True):
    region: str
    drafts: list[DraftAnswer]


class ItemVersionAnswer(msgspec.Struct, frozen=True):
    """The version of an item in force on the day. A flag or limit that no source gave is null."""

    item_code: str
    name: str
    department: str
    handling: Literal["instant", "promised"]
    statutory_days: int | None
    promised_days: int | None
    settled: bool | None
    unified: bool | None
    full_process: bool | None
    tolerates_missing: bool | None
    commitment: bool | None


class ItemsAnswer(msgspec.Struct, frozen=True):
    """Items in the order of their codes. total: how many there are; at most the first thousand are listed."""

    region: str
    on: date
    total: int
    items: list[ItemVersionAnswer]


def _versions(resources: Resources, region: int, department: str | None, on: date) -> Iterator[tuple[str, ItemVersion]]:
    with resources.store.read() as moment:
        catalogue = moment.catalogue(region)
    for code in sorted(catalogue):
        span = span_on(catalogue[code], day_of(on))
        if span is not None and department in (None, span.version.department):
            yield code, span.version


@get(
    "/v1/items",
    sync_to_thread=True,
    dependencies=LISTING,
    responses=problems(*QUERY),
    operation_id="listItems",
    summary="The catalogue's items in force on a day",
    opt={ACTION: Action.WHAT_IF},
    tags=["catalogue"],
)
def list_items(
    request: AnyRequest, region: RegionCode, *, department: Department = None, on: On = None,
    listing: NamedDependency[ListAsked],
) -> Response[ItemsAnswer]:  # fmt: skip
    """Lists the items in force on a day (default today) whose code or name holds the text; a file has all of them."""
    resources, scope, _ = query_of(request, region, department)
    day = day_of_calendar("on", on, resources.today())
    sought = (listing.text or "").casefold()
    found = [
        ItemVersionAnswer(
            code, one.name, one.department, "instant" if one.instant else "promised", one.statutory_days,
            one.promised_days, one.settled, one.unified, one.full_process, one.tolerates_missing, one.commitment,
        )
        for code, one in _versions(resources, scope.region, scope.department, day)
        if sought in code.casefold() or sought in one.name.casefold()
    ]  # fmt: skip
    if listing.form is None and listing.sort is None and not listing.only:
        return Response(ItemsAnswer(region, day, len(found), found[:MOST_ITEMS]), media_type=MediaType.JSON)
    return listed(resources, replace(listing, text=None), ItemsAnswer(region, day, len(found), found), ITEMS)


@post(
    "/v1/whatif",
    status_code=200,
    responses=problems(*WRITES, 404),
    operation_id="postWhatIf",
    summary="The effect of changed items on figures and targets",
    opt={ACTION: Action.WHAT_IF},
    tags=["catalogue"],
)
async def post_what_if(request: AnyRequest) -> WhatIfAnswer:
    """Computes the effect of changes: for the bureau in its region, for a department only its items.

    Nothing is stored or sent.
    """
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, WhatIfIn)
    _check_region(given.region)
    with resources.uploading.slot(f"what-if {owner_of(grant)}"):
        return await asyncio.to_thread(what_if, resources, grant, given)


def _check_region(region: str) -> None:
    if not (region.isascii() and region.isdecimal() and len(region) == 6 and region[0] != "0"):
        raise Declined(Kind.CONTRADICTION, "region: expected a county's code of 6 digits", field="region")


@post(
    "/v1/drafts",
    status_code=201,
    responses=problems(*WRITES, 404),
    operation_id="postDraft",
    summary="Keep a draft of the catalogue, with its effect on the figures",
    opt={ACTION: Action.WHAT_IF},
    tags=["catalogue"],
)
async def post_draft(request: AnyRequest) -> DraftAnswer:
    """Keeps a draft with its author and the time. The bureau sees all drafts of its region, a department its own."""
    resources, grant = resources_of(request), grant_of(request)
    given = await body_of(request, DraftIn)
    _check_region(given.region)
    if not given.name.isprintable() or is_personal(given.name, resources.today().year):
        raise Declined(
            Kind.CONTRADICTION, "name: expected no control characters and no number of a person", field="name"
        )
    asked = msgspec.structs.replace(given, effective_from=given.effective_from or resources.today())
    with resources.uploading.slot(f"what-if {owner_of(grant)}"):
        told = await asyncio.to_thread(what_if, resources, grant, asked)
        kept = Draft(
            int(given.region), given.department, given.name, grant.name, resources.clock(),
            msgspec.to_builtins(asked), msgspec.to_builtins(told),
        )  # fmt: skip
        number = await asyncio.to_thread(resources.drafts.add, kept)
    return _draft(await asyncio.to_thread(_readable, resources, grant, number))


def _draft(one: Draft, *, whole: bool = True) -> DraftAnswer:
    upload = one.upload or one.asked.get("upload")
    return DraftAnswer(
        id=one.id,
        region=str(one.region),
        department=one.department,
        name=one.name,
        by=one.by,
        at=time_text(int(one.at.timestamp() * 1_000_000)),
        asked=one.asked,
        told=one.told if whole else None,
        upload=upload,
        handed=one.upload is not None,
    )


def _readable(resources: Resources, grant: Grant, number: int) -> Draft:
    whose = resources.drafts.whose(number)
    mine = whose is not None and is_of(grant, whose.region) and grant.department in (None, whose.department)
    found = resources.drafts.get(number) if mine else None
    if found is None:
        sought = Sought(f"draft {number}", "" if whose is None else f"{whose.region}/{whose.department or ''}")
        raise Declined(Kind.NOT_FOUND, f"there is no draft {number} that you may read", sought=sought)
    return found


@get(
    "/v1/drafts",
    sync_to_thread=True,
    responses=problems(*QUERY),
    operation_id="listDrafts",
    summary="Drafts of the catalogue",
    opt={ACTION: Action.WHAT_IF},
    tags=["catalogue"],
)
def list_drafts(request: AnyRequest, region: RegionCode, *, department: Department = None) -> DraftsAnswer:
    """Lists drafts, the newest first, without their figures."""
    resources, scope, _ = query_of(request, region, department)
    return DraftsAnswer(
        region, [_draft(one, whole=False) for one in resources.drafts.list(scope.region, scope.department)]
    )


@get(
    "/v1/drafts/{draft_id:int}",
    sync_to_thread=True,
    responses=problems(*QUERY, 404),
    operation_id="getDraft",
    summary="A draft, with its effect on the figures when it was kept",
    opt={ACTION: Action.WHAT_IF},
    tags=["catalogue"],
)
def get_draft(request: AnyRequest, draft_id: DraftId) -> DraftAnswer:
    """Returns a draft with its figures. 404 for a draft that this token or person may not read."""
    return _draft(_readable(resources_of(request), grant_of(request), draft_id))


@post(
    "/v1/drafts/{draft_id:int}/import",
    status_code=201,
    responses=problems(*WRITES, 404, 409),
    operation_id="postDraftImport",
    summary="Turn a draft into an upload, to be reviewed and imported",
    opt={ACTION: Action.WHAT_IF},
    tags=["catalogue"],
)
async def post_draft_import(request: AnyRequest, draft_id: DraftId) -> UploadAnswer:
    """Makes an upload of a draft, for the bureau. Nothing is published before the upload is imported."""
    resources, grant = resources_of(request), grant_of(request)
    draft = await asyncio.to_thread(_readable, resources, grant, draft_id)
    if not may_import(grant, "catalogue", draft.region, OF_THE_CATALOGUE):
        raise Declined(Kind.FORBIDDEN, f"{whose(grant)} imports no catalogue: it is of {reach(grant)}")
    asked = msgspec.convert({name: one for name, one in draft.asked.items() if name != "name"}, WhatIfIn)
    if not asked.changes:
        raise Declined(
            Kind.CONTRADICTION, "draft: expected changes; an uploaded table is imported as such", field="upload"
        )
    new = NewUpload(
        draft.region, "catalogue", OF_THE_CATALOGUE, f"{draft.name}.csv", owner_of(grant), grant.name
    )  # fmt: skip
    number = await asyncio.to_thread(kept_upload, resources, new, table_of(asked))
    detail = {"draft": draft_id, "upload": number}
    answer = await begun_or_gone(resources, new, number)
    await asyncio.to_thread(resources.drafts.hand_on, draft_id, number)
    resources.audit.did(AuditEntry("draft.hand_on", draft.name, draft.region, detail, grant.name))
    return answer
