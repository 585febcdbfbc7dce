"""PromQL as text: selectors, exact numbers, and templates for amounts in notices."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

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


NO_DATA = "暂无数据"
UNIT_WORDS: dict[Unit, str] = {"share": " %", "count": "", "days": " 个工作日"}
GAP_WORDS: dict[Unit, str] = {"share": " 个百分点", "count": "", "days": " 个工作日"}


def literal(text: str) -> str:
    """Return a plan's text with its braces escaped from the template."""
    return text.replace("{{", "{{ `{{` }}")


def department_name(region: int) -> str:
    """Return the template of the alert's department name; its code if it has no name."""
    query = f'hallpulse_department_info{{region="{region}",department=%q}}'
    named = '{{ . | first | label "zh" }}'
    code = "{{ $labels.department }}"
    return f"{{{{ with query (printf `{query}` $labels.department) }}}}{named}{{{{ else }}}}{code}{{{{ end }}}}"


def asked(expr: str, form: str = "%.2f", arguments: Sequence[str] = ()) -> str:
    """Return a template of an expression's first value, formatted, or "no data".

    %q in it stands for a label of the alert.
    """
    query = f"(printf `{expr}` {' '.join(arguments)})" if arguments else f"`{expr}`"
    return (
        f'{{{{ with query {query} }}}}{{{{ . | first | value | printf "{form}" }}}}{{{{ else }}}}{NO_DATA}{{{{ end }}}}'
    )


def amount(expr: str, unit: Unit, arguments: Sequence[str] = ()) -> str:
    """Return a template of the amount in the unit's form: a share in percent, a count without decimals."""
    if unit == "share":
        return asked(f"{expr} * 100", "%.2f", arguments)
    return asked(expr, "%.0f" if unit == "count" else "%.1f", arguments)


def each(expr: str, line: str, otherwise: str) -> str:
    """Return a template with a line for every series of an expression; `.Labels` and `.Value` in `line` are the
    series'.
    """
    return f"{{{{ with query `{expr}` }}}}{{{{ range . }}}}{line}{{{{ end }}}}{{{{ else }}}}{otherwise}{{{{ end }}}}"
