"""POST /v1/reports by RPC: who may, what is kept, what is refused, and that the gateway makes nothing itself."""

# ruff: noqa: F401, F811 (fixtures of other files)
from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
import httpx
import pytest

from hallpulse.store import Grant, Store, hash_of
from services.gateway.service_calls import open_services
from tests.gateway_ground import DEPARTMENT_TOKEN, HALL, HALL_TOKEN, READ_TOKEN, make_resources, serving
from tests.integration.test_published_reports import county
from tests.integration.test_reports import PLANS, REGION, ROOT
from tests.integration.test_service_calls import gateway_url, running
from tests.servers import Vhost

BUREAU, NEIGHBOUR = "of-the-bureau", "of-another-county"
GRANTS = {
    hash_of(BUREAU): Grant("bureau", REGION, name="Li of the data bureau"),
    hash_of(NEIGHBOUR): Grant("bureau", 222401, name="neighbour"),
    hash_of(HALL_TOKEN): HALL,
    hash_of(DEPARTMENT_TOKEN): Grant("department", REGION, department="justice", name="justice"),
}
MAY = {"region": str(REGION), "month": "2026-05"}


@pytest.fixture
def client(county: Store, gateway_url: str) -> Iterator[httpx.Client]:
    """A gateway with the rights of the gateway's user at the broker."""
    with open_services(gateway_url) as services:
        resources = make_resources(county, plans=PLANS, find=GRANTS.get, archive=county.reports, services=services)
        with serving(resources) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=150) as opened:
            yield opened


@pytest.fixture
def service(tmp_path: Path, vhost: Vhost, store_url: str) -> Iterator[None]:
    settings = {"HALLPULSE_DATABASE_URL": store_url, "HALLPULSE_PLANS": str(ROOT / "plans")}
    with running(["reports"], tmp_path, HALLPULSE_AMQP_URL=vhost.amqp_url, **settings):
        yield


def post(client: httpx.Client, body: dict[str, Any], token: str = BUREAU) -> httpx.Response:
    return client.post("/v1/reports", json=body, headers={"authorization": f"Bearer {token}"})


def get(client: httpx.Client, path: str, token: str = BUREAU, **params: str) -> httpx.Response:
    return client.get(path, params=params, headers={"authorization": f"Bearer {token}"})


@pytest.mark.usefixtures("service")
def test_a_draft_is_had_by_its_number_and_a_published_report_is_listed_once(client: httpx.Client) -> None:
    made = post(client, MAY)
    assert made.status_code == 201, made.text
    draft = made.json()
    assert (draft["draft"], draft["month"], draft["intact"]) == (True, "2026-05", True)
    assert draft["publisher"].startswith("Li of the data bureau by reports: ")
    assert made.headers["location"] == f"/v1/reports/{draft['id']}"
    assert get(client, "/v1/reports", region=str(REGION)).json()["reports"] == []
    file = get(client, made.headers["location"], format="docx")
    assert hashlib.sha256(file.content).hexdigest() == draft["sha256"]["docx"]
    assert docx.Document(io.BytesIO(file.content)).paragraphs
    kept = get(client, made.headers["location"]).json()["figures"]["region/promise_kept_rate"]
    assert (kept["numerator"], kept["denominator"]) == (10, 11)

    published = post(client, MAY | {"publish": True}).json()
    assert not published["draft"]
    twice = post(client, MAY | {"publish": True})
    assert (twice.status_code, twice.json()["type"]) == (409, "/problems#conflict")
    assert f"report {published['id']}" in twice.json()["detail"]
    again = post(client, MAY | {"publish": True, "again": True}).json()
    listed = get(client, "/v1/reports", region=str(REGION)).json()["reports"]
    assert [one["id"] for one in listed] == [again["id"], published["id"]]
    assert all(one["intact"] for one in listed)


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        (MAY | {"month": "2026-13"}, "month", "expected YYYY-MM"),
        (MAY | {"month": "2126-01"}, "month", "has not begun"),
        (MAY | {"month": "2024-05"}, "month", "no plan of 222424 is in force then"),
        (MAY | {"region": "222401"}, "region", "expected one that has a plan"),
    ],
)
def test_what_cannot_be_reported_is_a_problem_with_its_field(
    client: httpx.Client, body: dict[str, Any], field: str, said: str
) -> None:
    token = NEIGHBOUR if body["region"] == "222401" else BUREAU
    refused = post(client, body, token)
    assert (refused.status_code, refused.json()["field"]) == (422, field), refused.text
    assert said in refused.json()["detail"]


@pytest.mark.attack
@pytest.mark.parametrize("token", [READ_TOKEN, HALL_TOKEN, DEPARTMENT_TOKEN, NEIGHBOUR])
def test_a_token_that_is_not_the_bureaus_of_the_region_makes_no_report(
    client: httpx.Client,
    county: Store,
    token: str,
) -> None:
    refused = post(client, MAY | {"publish": True}, token)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems#forbidden")
    assert county.reports.list(drafts=True) == []


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, None),
        (b"[]", 422, None),
        (b'{"month": "2026-05"}', 422, "region"),
        (b'{"region": "222424"}', 422, "month"),
        (b'{"region": "222400", "month": "2026-05"}', 422, "region"),
        (b'{"region": 222424, "month": "2026-05"}', 422, "region"),
        (b'{"region": "222424", "month": "2026-05", "publish": "yes"}', 422, "publish"),
        (b'{"region": "222424", "month": "2026-05", "kind": 1}', 422, "kind"),
    ],
)
def test_a_body_that_is_no_order_is_refused_before_anything_is_made(
    client: httpx.Client, body: bytes, status: int, field: str | None
) -> None:
    headers = {"authorization": f"Bearer {BUREAU}", "content-type": "application/json"}
    refused = client.post("/v1/reports", content=body, headers=headers)
    assert (refused.status_code, refused.json().get("field")) == (status, field), refused.text
    assert client.post("/v1/reports", content=body, headers=headers | {"content-type": "text/plain"}).status_code == 415


def test_without_the_service_a_report_is_unavailable_and_nothing_is_kept(
    client: httpx.Client,
    county: Store,
) -> None:
    refused = post(client, MAY)
    assert refused.status_code == 503, refused.text
    assert county.reports.list(drafts=True) == []


@pytest.mark.attack
@pytest.mark.usefixtures("service")
def test_a_draft_is_not_read_by_a_neighbour(client: httpx.Client) -> None:
    made = post(client, MAY)
    assert get(client, made.headers["location"], NEIGHBOUR).status_code == 403
    assert get(client, made.headers["location"], HALL_TOKEN).status_code == 403
