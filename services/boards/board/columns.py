"""Table panels: the results of several queries side by side, one row for each value of a common label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders.table import Panel
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue

from services.boards.board.panels import PanelQuery, Panels, Unit
from services.boards.board.status import Mappings

STRUCTURE = ("Time", "__name__", "instance", "job")


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table panel.

    title: its heading; expr: the query that fills it; label: instead of a query, a label of an earlier query.
    """

    title: str
    expr: str = ""
    label: str = ""
    unit: Unit | None = None
    decimals: int | None = None
    mappings: Mappings = field(default_factory=list)
    link: str = ""
    width: int | None = None


def table_of(
    panels: Panels, title: str, key: TableColumn, columns: Sequence[TableColumn], *, span: int = 24, height: int = 10
) -> Panel:
    """Return a table panel. key: the first column, whose label is common to all queries and joins their results."""
    asked = [column for column in (key, *columns) if column.expr]
    refs = {id(column): chr(ord("A") + place) for place, column in enumerate(asked)}
    panel = panels.table(
        title, [PanelQuery(c.expr, ref=refs[id(c)], table=True) for c in asked], span=span, height=height
    )
    if len(asked) > 1:
        panel = panel.with_transformation(
            DataTransformerConfig("joinByField", options={"byField": key.label, "mode": "outer"})
        )
    names = {_source(c, refs, len(asked)): c for c in (key, *columns)}
    panel = panel.with_transformation(_organized(names, len(asked)))
    for column in (key, *columns):
        properties = _properties(column)
        if properties:
            panel = panel.override_by_name(column.title, properties)
    return panel


def _source(column: TableColumn, refs: dict[int, str], asked: int) -> str:
    """Return Grafana's name of the column's field before it is renamed: the label, or `Value` or `Value #A`."""
    if column.label:
        return column.label
    return f"Value #{refs[id(column)]}" if asked > 1 else "Value"


def _organized(names: dict[str, TableColumn], asked: int) -> DataTransformerConfig:
    times = [f"Time {n}" for n in range(1, asked + 1)]
    values = [f"Value #{chr(ord('A') + n)}" for n in range(asked)] + ["Value"]
    hidden = [name for name in (*STRUCTURE, *times, *values) if name not in names]
    options = {
        "excludeByName": dict.fromkeys(hidden, True),
        "indexByName": {name: place for place, name in enumerate(names)},
        "renameByName": {name: column.title for name, column in names.items()},
    }
    return DataTransformerConfig("organize", options=options)


def _properties(column: TableColumn) -> list[DynamicConfigValue]:
    found: list[DynamicConfigValue] = []
    if column.unit is not None:
        found.append(DynamicConfigValue("unit", column.unit))
    if column.decimals is not None:
        found.append(DynamicConfigValue("decimals", column.decimals))
    if column.mappings:
        found.append(DynamicConfigValue("mappings", column.mappings))
        found.append(DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    if column.link:
        found.append(DynamicConfigValue("links", [{"title": column.title, "url": column.link, "targetBlank": False}]))
    if column.width is not None:
        found.append(DynamicConfigValue("custom.width", column.width))
    return found
