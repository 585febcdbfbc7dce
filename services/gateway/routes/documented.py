"""The problems of a route, for its OpenAPI document."""

from __future__ import annotations

from http import HTTPStatus

from litestar.openapi.datastructures import ResponseSpec

from services.gateway.problems import MEDIA_TYPE, Problem

QUERY = (400, 401, 403, 422, 429, 500, 503)
"""What any query under /v1 may answer instead."""
# RFC 9110's names, which Python has from 3.13 on: the document depends on no version of Python.
_RENAMED = {413: "Content Too Large", 422: "Unprocessable Content"}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(Problem, media_type=MEDIA_TYPE, description=_phrase(status), generate_examples=False)
        for status in statuses
    }


def _phrase(status: int) -> str:
    return _RENAMED.get(status) or HTTPStatus(status).phrase
