"""Texts that mean something to SQL, to COPY or to a format string are stored, asked for and listed as they are."""

from __future__ import annotations

from hallpulse.domain.figures import Figure, Scope
from hallpulse.store import CaseFilter, Store
from tests.integration.test_store import TODAY, YEAR, item, received, step
from tests.merging import decoded, merge_all
from tests.moments import ask

HOSTILE = (
    "' OR '1'='1", "'; DROP TABLE events; --", '"; DELETE FROM cases; --', "\\N", "\\.", "a\\'b\\", "%s %(id)s %",
    ":region :today", "{0} {region} ${x}", "$$; --", "/* */", "unnest(x)", "NULL", "=cmd|' /C calc'!A0", "',','",
    '{"a",b}', '\\"', "a  b",
)  # fmt: skip


def stream() -> list[dict[str, object]]:
    """For each text a case and an item that bear it wherever a text may stand."""
    events = []
    for text in HOSTILE:
        named = {"item_code": text, "department": text}
        events.append({**item(5, "2026-01-01", f"i{text}"[:64]), "subject": text})
        events[-1]["data"] |= named | {"name": text, "basic_code": text}
        events.append({**received(text, "2026-03-02", **named), "id": text, "dataschema": text, "ext": text})
        events.append({**step(text, "rejected", "2026-03-03", reason=text), "id": f"r{text}"[:64]})
    return events


def test_hostile_texts_are_texts(store: Store) -> None:
    merge_all(store, decoded(stream()), 7)
    again = merge_all(store, decoded(stream()), 100)
    assert sum(len(outcome.duplicates) for outcome in again) == 3 * len(HOSTILE)
    assert not any(outcome.reused or outcome.new for outcome in again)
    assert ask(store).stored_ids(222424, "hall-1", HOSTILE) == set(HOSTILE)
    for text in HOSTILE:
        scope = Scope(222424, text)
        assert ask(store).figures(scope, YEAR)["acceptance_rate"] == Figure(0, 1), text
        page = ask(store).list_cases(CaseFilter(scope, None, "acceptance_rate", "denominator", YEAR), TODAY)
        assert [row.case_id for row in page.cases] == [text]
        history = ask(store).case_history(222424, "hall-1", text, TODAY)
        assert history is not None
        assert len(history.events) == 2
        assert ask(store).catalogue(222424)[text]
        assert ask(store).case_history(222424, text, text, TODAY) is None
    assert ask(store).figures(Scope(222424), YEAR)["acceptance_rate"] == Figure(0, len(HOSTILE))
    assert set(ask(store).departments(222424)) == set(HOSTILE)
    assert store.recompute(check=True) == []
