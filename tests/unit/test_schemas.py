from __future__ import annotations

import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hallpulse.contract.asyncapi import document
from hallpulse.contract.decode import BATCH_TYPE, decode_events
from hallpulse.contract.encode import event_json
from hallpulse.contract.envelope import ENVELOPES
from hallpulse.contract.events import EventType, Family, HallEvent
from hallpulse.contract.examples import example
from hallpulse.contract.json_schema import batch_schema, event_schema
from hallpulse.contract.reasons import Reason, Refusal
from hallpulse.contract.schema import differences, main, write
from tests.hall_events import NOW, RECEIVED, changed, decoded
from tests.strategies import hall_events, json_values

DOCS = Path(__file__).parents[2] / "docs"
BEYOND_A_SCHEMA = {
    Reason.BAD_DATE,
    Reason.FUTURE_PERIOD,
    Reason.BAD_TIME,
    Reason.TIME_IN_FUTURE,
    Reason.TIME_OUT_OF_RANGE,
    Reason.PERSONAL_DATA,
    Reason.NOT_JSON,
}


@cache
def validator(kind: EventType | None) -> Draft202012Validator:
    schema = batch_schema() if kind is None else event_schema(kind)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_published_documents_are_what_the_code_says() -> None:
    assert differences(DOCS) == []


def test_a_document_that_is_missing_changed_or_of_no_type_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    assert main(["--check", "--docs", str(tmp_path)]) == 0
    shutil.copy(tmp_path / "schemas" / "batch.json", tmp_path / "schemas" / "old.json")
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 2.0.0\n")
    (tmp_path / "schemas" / "hall.heartbeat.v1.json").unlink()
    assert differences(tmp_path) == [
        f"{tmp_path}/schemas/hall.heartbeat.v1.json: missing",
        f"{tmp_path}/asyncapi.yaml: not what the code says",
        f"{tmp_path}/schemas/old.json: of no event type",
    ]
    assert main(["--check", "--docs", str(tmp_path)]) == 1
    assert main(["--write", "--docs", str(tmp_path)]) == 0


@pytest.mark.parametrize("kind", list(EventType))
def test_examples_follow_their_schemas(kind: EventType) -> None:
    validator(kind).validate(example(kind))
    validator(None).validate([example(kind)])
    other = EventType.CASE_RATED if kind is not EventType.CASE_RATED else EventType.HEARTBEAT
    assert not validator(other).is_valid(example(kind))


@settings(max_examples=100, deadline=None)
@given(hall_events())
def test_what_is_written_follows_its_schema(event: HallEvent) -> None:
    validator(event.type).validate(event_json(event))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(EventType), st.data())
def test_schema_and_decoder_agree(kind: EventType, data: st.DataObject) -> None:
    event = example(kind)
    place = event["data"] if "data" in event and data.draw(st.booleans()) else event
    others = st.sampled_from(["subject", "datacontenttype", "traceparent", "x1", "X", "unified", "promised_days"])
    usual = st.sampled_from([0, 1, 1.0, 2e1, -1.0, True, "x", "a\n", " a", "a\u3000", "2023-06-02", "2023-06-02\n"])
    place[data.draw(st.sampled_from(sorted(place)) | others)] = data.draw(json_values() | usual)
    outcome = decoded(event)
    if validator(kind).is_valid(event):
        assert isinstance(outcome, HallEvent) or outcome.reason in BEYOND_A_SCHEMA
    else:
        assert isinstance(outcome, Refusal)


@pytest.mark.parametrize(
    "event",
    [
        changed(source="/222400/hall-1"),
        changed(source="/992401/hall-1"),
        changed(id="a\n"),
        changed(data_base64="AA=="),
        {**changed(), "x" * 21: 1},
        changed(RECEIVED, {"citizen": "x"}),
        changed(RECEIVED, {"case_id": "a "}),
        changed(EventType.ITEM_PUBLISHED, {"handling": "instant"}),
        changed(EventType.FIGURE_REPORTED, {"indicator": "satisfaction"}),
    ],
)
def test_schemas_know_the_rules_beside_the_types(event: dict[str, Any]) -> None:
    kind = next(kind for kind in EventType if kind.wire_name == event["type"])
    assert not validator(kind).is_valid(event)
    assert isinstance(decoded(event), Refusal)


@pytest.mark.parametrize(
    "event",
    [
        changed(time="2016-12-31T23:59:60Z"),
        changed(time="2017-01-01T07:59:60.5+08:00"),
        changed(RECEIVED, {"promised_days": 20.0}),
        changed(RECEIVED, {"case_id": "a\ufeff"}),
        changed(EventType.FIGURE_REPORTED, {"numerator": 2e1, "denominator": 20.0}),
        changed(EventType.CASE_DECIDED, {"outcome": "forwarded", "corrects": "an earlier one"}),
        changed(answer=42.0),
    ],
)
def test_what_schemas_let_in_the_decoder_takes(event: dict[str, Any]) -> None:
    kind = next(kind for kind in EventType if kind.wire_name == event["type"])
    assert validator(kind).is_valid(event)
    assert isinstance(decoded(event), HallEvent)


def test_patterns_need_no_look_around_and_no_other_dialect() -> None:
    """As RE2 and ECMAScript have them: what `\\s`, `\\d` or `\\Z` means differs between them and Python."""
    patterns = {pattern for kind in EventType for pattern in _patterns(event_schema(kind))} | {*_patterns(document())}
    assert len(patterns) > 8
    for pattern in patterns:
        assert re.search(r"\(\?[^:]|\\[^x.n\\t]", pattern) is None, pattern


def test_a_validator_without_look_around_says_the_same() -> None:
    """Rust's regex, which like Go's RE2 has none."""
    rust = pytest.importorskip("jsonschema_rs")
    for kind in EventType:
        compiled = rust.Draft202012Validator(event_schema(kind), pattern_options=rust.RegexOptions())
        assert compiled.is_valid(example(kind))
        for wrong in ({"id": "a\n"}, {"source": "/222424/hall-1\n"}, {"X": 1}, {"subject": "a\x7f"}):
            assert not compiled.is_valid({**example(kind), **wrong})


@pytest.mark.parametrize("space", [chr(code) for code in range(0x3001) if chr(code).isspace()])
def test_white_space_at_an_end_is_the_same_to_schema_and_decoder(space: str) -> None:
    for code in (space + "a", "a" + space):
        assert not validator(RECEIVED).is_valid(changed(RECEIVED, {"case_id": code}))
        assert isinstance(decoded(changed(RECEIVED, {"case_id": code})), Refusal)


def test_batches_hold_1_to_1000() -> None:
    assert not validator(None).is_valid([])
    assert not validator(None).is_valid([example(EventType.HEARTBEAT)] * 1001)


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DOCS / "asyncapi.yaml").read_text("utf-8"))
    assert loaded == document()
    return loaded


def test_asyncapi_has_a_message_for_every_type_whose_examples_hold(published: dict[str, Any]) -> None:
    messages = published["components"]["messages"]
    assert set(messages) == {envelope.__name__ for envelope in ENVELOPES.values()} | {"Batch", "Refused"}
    for name in messages.keys() - {"Refused"}:
        payload = {**messages[name]["payload"], "components": published["components"]}
        for shown in messages[name]["examples"]:
            Draft202012Validator(payload).validate(shown["payload"])
            listed = shown["payload"] if name == "Batch" else [shown["payload"]]
            outcomes = decode_events(json.dumps(listed).encode(), content_type=BATCH_TYPE, now=NOW)
            assert all(isinstance(outcome, HallEvent) for outcome in outcomes)


def test_every_reference_of_asyncapi_leads_somewhere(published: dict[str, Any]) -> None:
    references = list(_references(published))
    assert len(references) > 100
    for reference in references:
        found: Any = published
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_asyncapi_names_families_and_reasons(published: dict[str, Any]) -> None:
    assert published["channels"]["events"]["parameters"]["family"]["enum"] == list(Family)
    headers = published["components"]["schemas"]["Refused"]["properties"]
    assert headers["x-reason"]["enum"] == list(Reason)


def _patterns(value: Any) -> Any:
    if isinstance(value, dict):
        yield from (pattern for name, pattern in value.items() if name == "pattern" and isinstance(pattern, str))
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _patterns(inner)


def _references(value: Any) -> Any:
    if isinstance(value, dict):
        yield from (reference for name, reference in value.items() if name == "$ref")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _references(inner)
