"""PromQL as text: selectors, exact numbers, and templates for amounts in notices."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hallpulse.domain.plan import Names
from hallpulse.domain.rules import Unit


def select(metric: str, **labels: str | int) -> str:
    """Return the selector `metric{label="value"}`; the argument `hall__re` matches `hall` by a regular expression."""
    inside = ",".join(_matcher(name, str(value)) for name, value in labels.items())
    return f"{metric}{{{inside}}}" if inside else metric


def _matcher(name: str, value: str) -> str:
    if name.endswith("__re"):
        return f"{name.removesuffix('__re')}=~{quoted(value)}"
    return f"{name}={quoted(value)}"


def quoted(text: str) -> str:
    """Return a PromQL string literal, with Go's escapes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def number(amount: Fraction | float) -> str:
    """Return a number without a trailing point or exponent: 1/1000 → 0.001."""
    text = f"{float(amount):.12f}".rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


NO_DATA = Names("暂无", "unknown")
UNIT_WORDS: dict[Unit, Names] = {
    "share": Names(" %", " %"),
    "count": Names("", ""),
    "days": Names(" 个工作日", " working days"),
}
PLACES: dict[Unit, int] = {"share": 2, "count": 0, "days": 1}
"""The decimals with which an amount is shown."""
GAP_WORDS: dict[Unit, Names] = {**UNIT_WORDS, "share": Names(" 个百分点", " points")}


def literal(text: str) -> str:
    """Return a plan's text with its braces escaped, so that a template shows them as they are."""
    return text.replace("{{", "{{ `{{` }}")


def _name(query: str, arguments: str, label: str, code: str) -> str:
    named = f'{{{{ . | first | label "{label}" }}}}'
    return f"{{{{ with query (printf `{query}` {arguments}) }}}}{named}{{{{ else }}}}{{{{ {code} }}}}{{{{ end }}}}"


def department_name(region: int, code: str = "$labels.department") -> Names:
    """Return the templates of a department's Chinese and English name; they show its code if it has no name."""
    query = f'hallpulse_department_info{{region="{region}",department=%q}}'
    return Names(_name(query, code, "zh", code), _name(query, code, "en", code))


def _region_or_hall(metric: str, labels: Sequence[str]) -> Names:
    query = f"{metric}{{{','.join(f'{label}=%q' for label in labels)}}}"
    arguments, code = " ".join(f"$labels.{label}" for label in labels), f"$labels.{labels[-1]}"
    return Names(_name(query, arguments, "name_zh", code), _name(query, arguments, "name_en", code))


REGION_NAME = _region_or_hall("hallpulse_region_info", ("region",))
HALL_NAME = _region_or_hall("hallpulse_hall_info", ("region", "hall"))
"""Templates of the names of an alert's region and hall; they show the code if there is no name."""
_PARTS = (("([0-9]+)d", "${1} 天"), ("([0-9]+)h", "${1} 小时"), ("([0-9]+)m", "${1} 分"))
LASTED = Names(
    '{{ humanizeDuration $value | reReplaceAll "([hm]) [0-9]+s$" "$1"'
    + "".join(f' | reReplaceAll "{pattern}" "{words}"' for pattern, words in _PARTS)
    + ' | reReplaceAll "([0-9]+)([.][0-9]+)?s$" "${1} 秒" }}',
    '{{ humanizeDuration $value | reReplaceAll "([hm]) [0-9]+s$" "$1" }}',
)
"""Templates of an alert's value in seconds as a duration: 1 小时 2 分, 1h 2m."""

PERCENT = '{{ $value | humanizePercentage | reReplaceAll "%$" " %" }}'
"""Template of an alert's value, a share, as percentages are written everywhere: 12.5 %."""


def asked(
    expr: str, form: str = "%.2f", arguments: Sequence[str] = (), otherwise: str = NO_DATA.zh, unit: str = ""
) -> str:
    """Return a template that shows an expression's first value.

    form: printf format of the value; arguments: labels of the alert, in the order of the %q in the expression;
    otherwise: the text shown if there is no value; unit: the text after the value.
    """
    query = query_of(expr, arguments)
    shown = f'{{{{ . | first | value | printf "{form}" }}}}{unit}'
    return f"{{{{ with query {query} }}}}{shown}{{{{ else }}}}{otherwise}{{{{ end }}}}"


def query_of(expr: str, arguments: Sequence[str] = ()) -> str:
    """Return an expression as an argument for a template's `query`."""
    return f"(printf `{expr}` {' '.join(arguments)})" if arguments else f"`{expr}`"


def amount(
    expr: str, unit: Unit, arguments: Sequence[str] = (), otherwise: str = NO_DATA.zh, unit_words: str = ""
) -> str:
    """Return a template that shows an amount as its unit requires: a share in percent, a count without decimals."""
    return asked(scaled(expr, unit), f"%.{PLACES[unit]}f", arguments, otherwise, unit_words)


def scaled(expr: str, unit: Unit) -> str:
    """Return the expression in the unit that people read: a share in percent."""
    return f"{expr} * 100" if unit == "share" else expr


def each(expr: str, line: str, otherwise: str, between: str) -> str:
    """Return a template that shows a line for every series of an expression.

    line: the template of a line, in which `.Labels` and `.Value` are those of the series; otherwise: the text shown if
    there is no series; between: the text between two lines.
    """
    parted = f"{{{{ if $place }}}}{between}{{{{ end }}}}{line}"
    lines = f"{{{{ range $place, $_ := . }}}}{parted}{{{{ end }}}}"
    return f"{{{{ with query `{expr}` }}}}{lines}{{{{ else }}}}{otherwise}{{{{ end }}}}"
