"""schemathesis asks the gateway whatever its own OpenAPI document allows and forbids, with every check it has.

A short run with a fixed seed is part of `make test`; `make schemathesis` is thousands of examples, each time others;
SEED=n repeats a run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hallpulse.broker import REFUSED, open_channel
from hallpulse.broker.topology import queue_names
from hallpulse.contract.events import EventType
from tests.gateway_process import BATCH_TYPE, READ_TOKEN
from tests.ingesting import PARTITIONS, wait_until
from tests.security.county import County, Keys
from tests.servers import Vhost

HERE = Path(__file__).parent
EXAMPLES = int(os.environ.get("EXAMPLES") or 0)
"""Of each operation; 0 is the short run."""
SEED = int(os.environ.get("SEED") or 1)
SHORT = 8
SPARE_TIME = "phases.coverage.enabled = false\n"
"""For the short run: every value at the edge of every field of every event takes a minute."""


def test_every_request_that_the_document_allows_or_forbids_is_answered_as_it_says(
    county: County, tmp_path: Path
) -> None:
    hall = county.hall("hall-3", "case,item,tally,figure,heartbeat")
    some_cases(county, hall)
    config = tmp_path / "schemathesis.toml"
    config.write_text((HERE / "schemathesis.toml").read_text() + ("" if EXAMPLES else SPARE_TIME))
    try:
        ran = asked(config, county.gateway.client.base_url.join("/openapi.json"), hall)
    finally:
        tidy_up(county.vhost)
    print(ran.stdout[-2000:])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Tested: 66" in ran.stdout
    assert county.gateway.process.poll() is None
    assert "Traceback" not in county.gateway.log.read_text()


def asked(config: Path, document: object, hall: Keys) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("schemathesis"))
    options = ["--checks", "all", "--max-examples", str(EXAMPLES or SHORT), "--seed", str(SEED), "--no-color"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE.parents[1]),
        "SCHEMATHESIS_HOOKS": "tests.security.schemathesis_hooks",
        "READ_TOKEN": READ_TOKEN,
        "HALL_TOKEN": hall.token,
    }
    return subprocess.run(
        [program, "--config-file", str(config), "run", str(document), *options],
        env=environment, cwd=config.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip


def some_cases(county: County, hall: Keys) -> None:
    """Three of them, decided, of an item that the catalogue knows: something to answer with."""
    events = [hall.event("item", EventType.ITEM_PUBLISHED)]
    for number in range(3):
        case = {"case_id": f"case-{number}"}
        events += [
            hall.event(f"received-{number}", time="2026-03-02T09:00:00+08:00", data={**case, "department": "justice"}),
            hall.event(f"accepted-{number}", EventType.CASE_ACCEPTED, time="2026-03-02T10:00:00+08:00", data=case),
            hall.event(f"decided-{number}", EventType.CASE_DECIDED, time="2026-03-05T10:00:00+08:00", data=case),
        ]
    assert county.gateway.post(events, hall.token, BATCH_TYPE).json()["refused"] == 0
    wait_until(lambda: county.knows(hall, "case-2"), 10)


def tidy_up(vhost: Vhost) -> None:
    """For whoever attacks next: nothing waits, and nothing lies among the refused."""
    with open_channel(vhost.amqp_url) as channel:
        waiting = [*queue_names(PARTITIONS)]
        wait_until(lambda: not sum(channel.queue_declare(q, passive=True).method.message_count for q in waiting))
        channel.queue_purge(REFUSED)
