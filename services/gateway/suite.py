"""The states of the suite's parts on this machine, from its supervisor's file, for the page and for an alert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from prometheus_client.core import GaugeMetricFamily, Metric

from hallpulse.metrics import PART_FAILING


class _Part(msgspec.Struct):
    name: str
    state: str
    failing_since: float = 0.0
    next_try: float = 0.0


class _State(msgspec.Struct):
    parts: tuple[_Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """A part that does not run or keeps dying. failing_since, next_try: seconds since the epoch, 0 if unknown."""

    name: str
    state: str
    failing_since: float
    next_try: float


_decode = msgspec.json.Decoder(_State).decode


@dataclass(frozen=True, slots=True)
class SuiteParts:
    """The parts of the suite in their last written states.

    state: the supervisor's file; None if there is no supervisor, so that nothing is known.
    """

    state: Path | None = None

    def troubled(self) -> Sequence[Trouble]:
        return [
            Trouble(part.name, part.state, part.failing_since, part.next_try)
            for part in self._read()
            if part.state in ("failing", "halted", "restarting") or part.failing_since
        ]

    def collect(self) -> Iterator[Metric]:
        """Yield the metric family of failing parts for Prometheus."""
        family = GaugeMetricFamily(PART_FAILING.name, PART_FAILING.help, labels=PART_FAILING.labels)
        for part in self._read():
            family.add_metric([part.name], float(part.failing_since > 0))
        yield family

    def _read(self) -> Sequence[_Part]:
        try:
            return () if self.state is None else _decode(self.state.read_bytes()).parts
        except (OSError, msgspec.MsgspecError):
            return ()
