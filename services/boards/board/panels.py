"""Parts that every panel has: its language, its data source, its text for "no data"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.builders.bargauge import Panel as Bars
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as Lines
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATA_SOURCE_UID = "hallpulse-prometheus"
DATA_SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid=DATA_SOURCE_UID)
Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
Unit = Literal["percentunit", "short", "s", "none", "dateTimeFromNow", "d"]
AnyPanel = Builder[dashboard.Panel]
WIDE = 24


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """A query of a panel.

    legend: template of the name of a series; table: return a table, one row for each series, with the values now;
    range: return the values over the board's window instead of the values now.
    """

    expr: str
    legend: str = ""
    ref: str = "A"
    table: bool = False
    range: bool = False


@dataclass(frozen=True, slots=True)
class Panels:
    """Panels in one language."""

    language: Language

    def say(self, zh: str, en: str) -> str:
        return zh if self.language == "zh" else en

    @property
    def name(self) -> str:
        """Return the label that holds names in this language."""
        return self.language

    @property
    def no_data(self) -> str:
        return self.say("暂无数据", "no data yet")

    def uid(self, board_name: str) -> str:
        return f"hallpulse-{board_name}" if self.language == "zh" else f"hallpulse-{board_name}-en"

    def stat(
        self, title: str, ask: PanelQuery, unit: Unit = "short", *, span: int = 4, decimals: int | None = None
    ) -> Stat:
        """Return a panel with one large figure, or the text for "no data"."""
        panel = (
            Stat()
            .title(title)
            .datasource(DATA_SOURCE)
            .with_target(query_of(ask))
            .span(span)
            .height(4)
            .unit(unit)
            .no_value(self.no_data)
            .graph_mode(common.BigValueGraphMode.NONE)
            .color_mode(common.BigValueColorMode.VALUE)
            .reduce_options(_last())
        )
        return panel if decimals is None else panel.decimals(decimals)

    def named(self, title: str, ask: PanelQuery, *, span: int = 8) -> Stat:
        """Return a panel that shows a label's value, such as a plan's name, as text."""
        return self.stat(title, ask, span=span).text_mode(common.BigValueTextMode.NAME)

    def table(self, title: str, asks: Sequence[PanelQuery], *, span: int = WIDE, height: int = 10) -> Table:
        return (
            Table()
            .title(title)
            .datasource(DATA_SOURCE)
            .targets([query_of(ask) for ask in asks])
            .span(span)
            .height(height)
            .no_value(self.no_data)
            .cell_height(common.TableCellHeight.SM)
        )

    def lines(
        self, title: str, asks: Sequence[PanelQuery], unit: Unit = "short", *, span: int = 12, height: int = 9
    ) -> Lines:
        return (
            Lines()
            .title(title)
            .datasource(DATA_SOURCE)
            .targets([query_of(ask) for ask in asks])
            .span(span)
            .height(height)
            .unit(unit)
            .no_value(self.no_data)
            .legend(
                common_builders.VizLegendOptions()
                .show_legend(True)
                .display_mode(common.LegendDisplayMode.LIST)
                .placement(common.LegendPlacement.BOTTOM)
            )
            # Where samples are missing, the line has a gap: no value is invented.
            .span_nulls(False)
        )

    def bars(self, title: str, ask: PanelQuery, unit: Unit = "short", *, span: int = 12, height: int = 9) -> Bars:
        return (
            Bars()
            .title(title)
            .datasource(DATA_SOURCE)
            .with_target(query_of(ask))
            .span(span)
            .height(height)
            .unit(unit)
            .no_value(self.no_data)
            .orientation(common.VizOrientation.HORIZONTAL)
            .display_mode(common.BarGaugeDisplayMode.BASIC)
            .reduce_options(_last())
        )


def row(title: str) -> board.Row:
    return board.Row(title)


def query_of(ask: PanelQuery) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(ask.expr).ref_id(ask.ref).datasource(DATA_SOURCE)
    if ask.table:
        return query.instant().format(PromQueryFormat.TABLE)
    query = query.range() if ask.range else query.instant()
    return query.legend_format(ask.legend) if ask.legend else query


def _last() -> common_builders.ReduceDataOptions:
    return common_builders.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
