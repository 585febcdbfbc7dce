"""Texts of notices: Go templates that ask Prometheus for the figures they name."""

from __future__ import annotations

from collections.abc import Sequence

from hallpulse.domain.rules import Unit

NO_DATA = "暂无数据"
UNIT_WORDS: dict[Unit, str] = {"share": " %", "count": "", "days": " 个工作日"}
GAP_WORDS: dict[Unit, str] = {"share": " 个百分点", "count": "", "days": " 个工作日"}


def literal(text: str) -> str:
    """A text from a plan, in which two braces are two braces."""
    return text.replace("{{", "{{ `{{` }}")


def department_name(region: int) -> str:
    """The name of the alert's department; its code where nobody named it."""
    query = f'hallpulse_department_info{{region="{region}",department=%q}}'
    named = '{{ . | first | label "zh" }}'
    code = "{{ $labels.department }}"
    return f"{{{{ with query (printf `{query}` $labels.department) }}}}{named}{{{{ else }}}}{code}{{{{ end }}}}"


def asked(expr: str, form: str = "%.2f", arguments: Sequence[str] = ()) -> str:
    """The first value of an expression, formatted, or "no data". %q in it stands for a label of the alert."""
    query = f"(printf `{expr}` {' '.join(arguments)})" if arguments else f"`{expr}`"
    return (
        f'{{{{ with query {query} }}}}{{{{ . | first | value | printf "{form}" }}}}{{{{ else }}}}{NO_DATA}{{{{ end }}}}'
    )


def amount(expr: str, unit: Unit, arguments: Sequence[str] = ()) -> str:
    """The same in the unit's own measure: a share in percent, a count without decimals."""
    if unit == "share":
        return asked(f"{expr} * 100", "%.2f", arguments)
    return asked(expr, "%.0f" if unit == "count" else "%.1f", arguments)


def each(expr: str, line: str, otherwise: str) -> str:
    """A line for every series of an expression; in `line` `.Labels` and `.Value` are the series'."""
    return f"{{{{ with query `{expr}` }}}}{{{{ range . }}}}{line}{{{{ end }}}}{{{{ else }}}}{otherwise}{{{{ end }}}}"
