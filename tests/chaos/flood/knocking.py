"""`python -m tests.chaos.flood.knocking URL TOKEN HALL SECONDS`: batches by HTTP, one after the other, until taken."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter

import httpx

from hallpulse.contract.decode import BATCH_TYPE
from tests.chaos.flood.envelopes import Envelopes

NAME = "H"
_PAUSE = 0.1


def knock(url: str, token: str, hall: str, seconds: float) -> None:
    counts: Counter[str] = Counter()
    envelopes = Envelopes(NAME, hall)
    headers = {"authorization": f"Bearer {token}", "content-type": BATCH_TYPE}
    sequence, until = 0, time.monotonic() + seconds
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        while time.monotonic() < until:
            body = envelopes.body(sequence)
            while not _taken(client, body, counts):
                time.sleep(_PAUSE)
            sequence += 1
    print(
        "end",
        json.dumps(counts | {"different": sequence, "taken": counts["202"], "offered in time": counts["offered"]}),
        flush=True,
    )


def _taken(client: httpx.Client, body: bytes, counts: Counter[str]) -> bool:
    counts["offered"] += 1
    try:
        status = client.post("/v1/events", content=body).status_code
    except httpx.HTTPError as error:
        counts[type(error).__name__] += 1
        return False
    counts[str(status)] += 1
    return status == 202


if __name__ == "__main__":
    url, token, hall, seconds = sys.argv[1:]
    knock(url, token, hall, float(seconds))
