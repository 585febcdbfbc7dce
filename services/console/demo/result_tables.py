"""The tables at the end of a demonstration: the targets, a file's indicators, and the addresses to open."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from hallpulse.contract.reasons import both
from hallpulse.display import NOTHING, amount, difference, parts
from hallpulse.domain.figures import Figure, Scope, Window
from hallpulse.domain.indicators import COMPUTED
from hallpulse.domain.reporting import MONTHLY_REPORT
from hallpulse.domain.targets import State, TargetResult, evaluate, read_tables
from hallpulse.store import Store
from services.console import console_texts as texts
from services.console.demo.scene import Scene
from services.console.suite_connection import Endpoints
from services.local.monitoring import without_login

_STYLES = {State.MET: "green", State.ON_PACE: "green", State.BEHIND: "red", State.MISSED: "red"}


def show_targets(console: Console, store: Store, shown: Scene) -> None:
    """Print every target of the plan with its value, the value required on the day, goal, gap and state."""
    with store.read() as moment:
        tables = read_tables(shown.plan, shown.on, moment)
    results = evaluate(shown.plan, shown.on, tables)
    names = shown.plan.names
    console.print(f"\n[bold]{names.zh}[/bold] {names.en}", f"{both(texts.AS_OF)} {shown.on}", sep="  ")
    if shown.plan.note is not None:
        console.print(f"{shown.plan.note.zh} {shown.plan.note.en}", style="dim", markup=False)
    whole = [result for result in results if result.department is None]
    console.print(_targets(whole))
    if any(one.target.indicator == MONTHLY_REPORT and one.figure.numerator < one.figure.denominator for one in whole):
        console.print(both(texts.MEASURED_BY_ARRIVAL), style="dim", markup=False)


def _targets(results: Sequence[TargetResult]) -> Table:
    table = _table(
        "目标\ntarget",
        "数值\nvalue",
        "分子/分母\nn/d",
        "今日应达\nrequired",
        "目标值\ngoal",
        "差距\ngap",
        "状态\nstate",
        lines=True,
    )
    for result in results:
        target, unit = result.target, result.target.unit
        measured = result.value is not None
        state = texts.STATES[result.state]
        table.add_row(
            f"{target.names.zh}\n{target.names.en}",
            amount(result.value, unit),
            parts(result.figure, unit) if measured else NOTHING,
            amount(result.required, unit),
            amount(result.goal, unit),
            _gap(result),
            f"[{_STYLES.get(result.state, 'yellow')}]{state.zh}\n{state.en}[/]",
        )
    return table


def _gap(result: TargetResult) -> str:
    """Return the gap; for a target that binds several departments, the gap of the worst one."""
    text = difference(result.gap, result.target.unit)
    return f"{text}\n{both(texts.WORST_DEPARTMENT)}" if result.bound > 1 and result.gap is not None else text


def show_indicators(console: Console, store: Store, region: int, window: Window) -> None:
    """Print every computed indicator of a county for the days of the file; a plan is not needed."""
    scope = Scope(region)
    with store.read() as moment:
        figures, spread = moment.figures(scope, window), moment.percentiles(scope, window)
    console.print(f"\n[bold]{region}[/bold]  {both(texts.SPAN)} {window.start} – {window.end}")
    table = _table("指标\nindicator", "数值\nvalue", "分子/分母\nn/d")
    for indicator in COMPUTED.values():
        figure = figures.get(indicator.id, Figure(0, 0))
        value = amount(figure.value, indicator.unit)
        if indicator.unit == "days" and figure.value is not None:
            value += "  " + " ".join(f"{name}={days}" for name, days in spread.items())
        table.add_row(f"{indicator.zh}  {indicator.en}", value, parts(figure, indicator.unit))
    console.print(table)


def show_addresses(console: Console, there: Endpoints, directory: object) -> None:
    """Print the addresses of the suite's pages."""
    console.print()
    for text, address in (
        (texts.GATEWAY_PAGE, f"{there.gateway}/"),
        (texts.PROMETHEUS_PAGE, without_login(there.prometheus)),
        (texts.ALERTMANAGER_PAGE, without_login(there.alertmanager)),
        (texts.KEYS_FILE, f"{directory}/endpoints.json"),
    ):
        if address:
            console.print(f"{both(text)}: {address}", markup=False, soft_wrap=True)


def _table(*columns: str, lines: bool = False) -> Table:
    table = Table(show_lines=lines)
    for position, column in enumerate(columns):
        table.add_column(column, justify="left" if position in (0, len(columns) - 1) else "right")
    return table
