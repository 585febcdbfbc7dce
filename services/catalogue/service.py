"""The catalogue service by RPC: a thin class over `CataloguePreviews` and `UploadRunner`."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Any

from eventlet import tpool

from hallpulse.domain.errors import Unavailable
from hallpulse.domain.plan import Plan
from hallpulse.plans import load_plans
from hallpulse.settings import Settings
from hallpulse.store import Store, UploadBusy
from services.hosting import Handed, Hosted
from services.importing.figure_template import form_of, write_form
from services.importing.template import TEMPLATES, as_bytes, write_workbook
from services.service_queues import rpc

from .previews import CataloguePreviews
from .upload_runner import UploadRunner

NAME = "catalogue"
PREVIEWS, UPLOADS, PLANS = "PREVIEWS", "UPLOADS", "UPLOAD_PLANS"


@contextmanager
def build(settings: Settings, store: Store) -> Iterator[Hosted]:
    given = {
        PREVIEWS: CataloguePreviews(store),
        UPLOADS: UploadRunner(store.uploads, os.environ),
        PLANS: load_plans(settings.plans),
    }
    yield Hosted(CatalogueService, given)


class CatalogueService:
    """The RPC methods of the catalogue service.

    psycopg would block eventlet's only thread while it waits, so all reading runs on another thread.
    """

    name = NAME
    previews: CataloguePreviews = Handed(PREVIEWS)
    uploads: UploadRunner = Handed(UPLOADS)
    plans: list[Plan] = Handed(PLANS)

    @rpc(expected_exceptions=(ValueError,))  # type: ignore[untyped-decorator]
    def check(self, rows: list[dict[str, Any]], effective_from: str) -> list[dict[str, Any]]:
        """Return a preview of each row (header → cell) as it would be imported; store nothing."""
        answer: list[dict[str, Any]] = self.previews.check(rows, date.fromisoformat(effective_from))
        return answer

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def item(self, region: int, item_code: str, on: str) -> dict[str, Any] | None:
        """Return the version of an item that is in effect on a day (YYYY-MM-DD); None without one."""
        answer: dict[str, Any] | None = tpool.execute(
            self.previews.item, _region(region), str(item_code), date.fromisoformat(on)
        )
        return answer

    @rpc(expected_exceptions=(ValueError, Unavailable))  # type: ignore[untyped-decorator]
    def counts(self, region: int, on: str) -> dict[str, int]:
        """Return the number of items in effect on a day (YYYY-MM-DD), and the number of them that have each flag."""
        answer: dict[str, int] = tpool.execute(self.previews.counts, _region(region), date.fromisoformat(on))
        return answer

    @rpc(expected_exceptions=(ValueError, Unavailable, UploadBusy))  # type: ignore[untyped-decorator]
    def read_upload(self, number: int, answers: dict[str, str] | None = None) -> None:
        """Begin to read an uploaded file.

        answers: the answers to all its questions so far, not only the new ones; None keeps the stored answers.
        """
        self.uploads.read(int(number), answers)

    @rpc(expected_exceptions=(ValueError, Unavailable, UploadBusy))  # type: ignore[untyped-decorator]
    def import_upload(self, number: int) -> None:
        """Begin to import an uploaded file that has been read."""
        self.uploads.import_(int(number))

    @rpc(expected_exceptions=(ValueError,))  # type: ignore[untyped-decorator]
    def form(self, region: int, department: str, month: str) -> str:
        """Return the form for a department's declared figures of a month (YYYY-MM), an xlsx file in base64."""
        form = form_of(self.plans, _region(region), department, month)
        return base64.b64encode(tpool.execute(as_bytes, partial(write_form, form))).decode()

    @rpc(expected_exceptions=(ValueError,))  # type: ignore[untyped-decorator]
    def template(self, kind: str) -> str:
        """Return the template for a catalogue or for cases, an xlsx file in base64; `kind` says which."""
        template = {str(name): one for name, one in TEMPLATES.items()}.get(kind)
        if template is None:
            raise ValueError(f"kind: expected catalogue or cases, got {kind!r}")
        return base64.b64encode(tpool.execute(as_bytes, partial(write_workbook, template))).decode()


def _region(region: object) -> int:
    if not re.fullmatch(r"[1-9][0-9]{5}", str(region)):
        raise ValueError(f"region: expected a code of 6 digits, got {region!r}")
    return int(str(region))
