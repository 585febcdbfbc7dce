"""The problems of a route, for its OpenAPI document."""

from __future__ import annotations

from http import HTTPStatus

from litestar.openapi.datastructures import ResponseSpec

from services.gateway.problems import MEDIA_TYPE, Problem

QUERY = (400, 401, 403, 422, 429, 500, 503)
"""What any query under /v1 may answer instead."""


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            Problem, media_type=MEDIA_TYPE, description=HTTPStatus(status).phrase, generate_examples=False
        )
        for status in statuses
    }
