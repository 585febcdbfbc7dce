"""PromQL as text: selectors, exact numbers, and templates for amounts in notices."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hallpulse.domain.plan import Names
from hallpulse.domain.rules import Unit


def select(metric: str, **labels: str | int) -> str:
    """Return `metric{label="value"}`; `hall__re` stands for `hall=~`, a regular expression."""
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
GAP_WORDS: dict[Unit, Names] = {**UNIT_WORDS, "share": Names(" 个百分点", " points")}


def literal(text: str) -> str:
    """Return a plan's text with its braces escaped from the template."""
    return text.replace("{{", "{{ `{{` }}")


def _name(query: str, arguments: str, label: str, code: str) -> str:
    named = f'{{{{ . | first | label "{label}" }}}}'
    return f"{{{{ with query (printf `{query}` {arguments}) }}}}{named}{{{{ else }}}}{{{{ {code} }}}}{{{{ end }}}}"


def department_name(region: int, code: str = "$labels.department") -> Names:
    """Return the templates of a department's names; its code if it has no name."""
    query = f'hallpulse_department_info{{region="{region}",department=%q}}'
    return Names(_name(query, code, "zh", code), _name(query, code, "en", code))


def _region_or_hall(metric: str, labels: Sequence[str]) -> Names:
    query = f"{metric}{{{','.join(f'{label}=%q' for label in labels)}}}"
    arguments, code = " ".join(f"$labels.{label}" for label in labels), f"$labels.{labels[-1]}"
    return Names(_name(query, arguments, "name_zh", code), _name(query, arguments, "name_en", code))


REGION_NAME = _region_or_hall("hallpulse_region_info", ("region",))
HALL_NAME = _region_or_hall("hallpulse_hall_info", ("region", "hall"))
"""Templates of the names of an alert's region and hall; the code of one that has no name."""
_PARTS = (("([0-9]+)d", "${1} 天"), ("([0-9]+)h", "${1} 小时"), ("([0-9]+)m", "${1} 分"))
LASTED = Names(
    '{{ humanizeDuration $value | reReplaceAll "([hm]) [0-9]+s$" "$1"'
    + "".join(f' | reReplaceAll "{pattern}" "{words}"' for pattern, words in _PARTS)
    + ' | reReplaceAll "([0-9]+)([.][0-9]+)?s$" "${1} 秒" }}',
    '{{ humanizeDuration $value | reReplaceAll "([hm]) [0-9]+s$" "$1" }}',
)
"""Templates of an alert's value, seconds, as 1 小时 2 分."""


def asked(expr: str, form: str = "%.2f", arguments: Sequence[str] = (), otherwise: str = NO_DATA.zh) -> str:
    """Return a template of an expression's first value, formatted, or else a text.

    %q in it stands for a label of the alert.
    """
    query = query_of(expr, arguments)
    shown = f'{{{{ . | first | value | printf "{form}" }}}}'
    return f"{{{{ with query {query} }}}}{shown}{{{{ else }}}}{otherwise}{{{{ end }}}}"


def query_of(expr: str, arguments: Sequence[str] = ()) -> str:
    """Return an expression as a template's `query` takes it."""
    return f"(printf `{expr}` {' '.join(arguments)})" if arguments else f"`{expr}`"


def amount(expr: str, unit: Unit, arguments: Sequence[str] = (), otherwise: str = NO_DATA.zh) -> str:
    """Return a template of the amount in the unit's form: a share in percent, a count without decimals."""
    if unit == "share":
        return asked(f"{expr} * 100", "%.2f", arguments, otherwise)
    return asked(expr, "%.0f" if unit == "count" else "%.1f", arguments, otherwise)


def each(expr: str, line: str, otherwise: str) -> str:
    """Return a template with a line for every series of an expression; `.Labels` and `.Value` in `line` are the
    series'.
    """
    return f"{{{{ with query `{expr}` }}}}{{{{ range . }}}}{line}{{{{ end }}}}{{{{ else }}}}{otherwise}{{{{ end }}}}"
