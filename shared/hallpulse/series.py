"""A metric family kept as rows: prometheus_client makes an object for each sample, and a province has 200,000."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

Row = tuple[str, tuple[str, ...], float]
"""The sample's name, the values of its labels in the order of their names, its value."""


class FilledFamily:
    """A metric family. labels: a sample's name → the names of its labels."""

    kind = "untyped"

    def __init__(self, name: str, documentation: str, labels: Mapping[str, tuple[str, ...]]) -> None:
        self.name = name
        self.documentation = documentation
        self.labels = labels
        self.rows: list[Row] = []

    def metric(self) -> Metric:
        """Return the family in prometheus_client's form."""
        metric = Metric(self.name, self.documentation, self.kind)
        metric.samples = [
            Sample(name, dict(zip(self.labels[name], labels, strict=True)), value) for name, labels, value in self.rows
        ]
        return metric


class FilledGauge(FilledFamily):
    kind = "gauge"

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...]) -> None:
        super().__init__(name, documentation, {name: labels})

    def add(self, labels: tuple[str, ...], value: float) -> None:
        self.rows.append((self.name, labels, value))


class FilledHistogram(FilledFamily):
    kind = "histogram"

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...]) -> None:
        self._bucket, self._count, self._sum = f"{name}_bucket", f"{name}_count", f"{name}_sum"
        named = {self._bucket: (*labels, "le"), self._count: labels, self._sum: labels}
        super().__init__(name, documentation, named)

    def add(self, labels: tuple[str, ...], buckets: Sequence[tuple[str, float]], total: float) -> None:
        """Add a histogram. buckets: upper bound and cumulative count, rising; the last, +Inf, holds the total count."""
        self.rows += [(self._bucket, (*labels, bound), count) for bound, count in buckets]
        self.rows += [(self._count, labels, buckets[-1][1]), (self._sum, labels, total)]
