"""The OpenAPI document: as committed, complete, and true of the answers."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from litestar.testing import TestClient

from hallpulse.contract.json_schema import components
from services.gateway import openapi
from services.gateway.app import API, create_app, handlers
from services.gateway.document import document
from tests.gateway_ground import HALL_TOKEN, READ_TOKEN, FakeStore, make_resources


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(handlers())


def test_the_committed_document_is_what_the_code_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert openapi.main(["--check"]) == 0, capsys.readouterr().err


def test_every_route_documents_its_problems(described: dict[str, Any]) -> None:
    guarded = [
        operation for path, ops in described["paths"].items() if path.startswith("/v1/") for operation in ops.values()
    ]
    guarded = [one for one in guarded if one["operationId"] != "getSessionWays"]  # needs nothing, asks nothing
    assert len(guarded) == len(API) + 1  # signing in, which needs nothing
    for operation in guarded:
        assert {"401", "429", "503"} <= set(operation["responses"])
        assert operation["description"]
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"]


def test_statuses_bear_the_names_of_rfc_9110_whatever_the_python(described: dict[str, Any]) -> None:
    """Python 3.13 renamed two of them, and the committed document differed from what it generated."""
    responses = described["paths"]["/v1/events"]["post"]["responses"]
    assert responses["413"]["description"] == "Content Too Large"
    assert responses["422"]["description"] == "Unprocessable Content"


def test_no_name_means_two_things(described: dict[str, Any]) -> None:
    own = {cls for cls in described["components"]["schemas"] if cls.endswith("Answer")}
    assert own.isdisjoint(components())
    assert len(own) > 15


@pytest.mark.parametrize(
    "path",
    [
        "/v1/indicators?region=222424",
        "/v1/indicators?region=x",
        "/v1/indicators?region=222424&hall=hall-1",
        "/v1/targets?region=222424",
        "/v1/trend?region=222424",
        "/v1/departments?region=222424",
        "/v1/regions",
        "/v1/cases?region=222424&state=overdue",
        "/v1/cases?region=222424&indicator=satisfaction",
        "/v1/cases?region=222424",
        "/healthz",
        "/readyz",
    ],
)
def test_an_answer_is_as_documented(described: dict[str, Any], path: str) -> None:
    with TestClient(create_app(make_resources(FakeStore()))) as gateway:
        response = gateway.get(path, headers={"authorization": f"Bearer {READ_TOKEN}"})
    check(described, described["paths"][path.partition("?")[0]]["get"], response)


@pytest.mark.parametrize("body", [b"{}", b"{", b'{"id": 5}'])
def test_a_refusal_is_as_documented(described: dict[str, Any], body: bytes) -> None:
    headers = {"authorization": f"Bearer {HALL_TOKEN}", "content-type": "application/cloudevents+json"}
    with TestClient(create_app(make_resources(FakeStore()))) as gateway:
        response = gateway.post("/v1/events", content=body, headers=headers)
    check(described, described["paths"]["/v1/events"]["post"], response)


def check(described: dict[str, Any], operation: dict[str, Any], response: Any) -> None:
    documented = operation["responses"][str(response.status_code)]["content"]
    schema = documented[response.headers["content-type"]]["schema"]
    jsonschema.validate(response.json(), {**schema, "components": described["components"]})
    known = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
    assert set(response.json()) <= set(known)


def test_every_schema_that_the_document_refers_to_is_in_it(described: dict[str, Any]) -> None:
    referred = set(re.findall(r"#/components/schemas/([A-Za-z0-9_.]+)", json.dumps(described)))
    assert referred - set(described["components"]["schemas"]) == set()
