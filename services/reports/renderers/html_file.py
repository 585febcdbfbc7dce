"""Rendering into one self-contained HTML page: with its style, without scripts, for printing on A4."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from hallpulse.display import in_order
from services.reports.monthly import Cell, Chart, Column, Document, Paragraph, Section, Table, Tone
from services.reports.monthly.texts import ATTACHMENT, COPIED_TO, ISSUED_BY, ISSUED_ON, SIGNED_BY, TO

from .svg_chart import svg

_STYLE = """
@page { size: A4; margin: 37mm 26mm 35mm 28mm; }
:root { --ink: #1a1a1a; --quiet: #767676; --line: #8a8a8a; --good: #1b6e3c; --bad: #b3261e;
  --latin: "Times New Roman", "Liberation Serif", "Noto Serif", "Noto Serif CJK SC", SimSun, serif; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 12mm 0; max-width: 156mm; color: var(--ink); background: #fff;
  font: 14pt/1.75 仿宋_GB2312, FangSong, 仿宋, STFangsong, "Noto Serif CJK SC", "Source Han Serif SC", serif; }
h1 { margin: 0; text-align: center; line-height: 1.4;
  font: 700 22pt/1.4 "FZXiaoBiaoSong-B05S", 方正小标宋简体, STZhongsong, SimSun, 宋体, "Noto Serif CJK SC", serif; }
h1 small, .subtitle small, h2 small, h3 small { font-weight: 400; color: var(--quiet); }
h1 small { display: block; font-size: 11pt; }
.subtitle { margin: 1mm 0 5mm; text-align: center; font-size: 14pt; }
.subtitle small { font-size: 10pt; }
.to { margin-top: 6mm; }
.facts { font-size: 9pt; color: var(--quiet); line-height: 1.5; }
.foot { break-inside: avoid; }
.signed { margin: 5mm 2em 0 0; text-align: right; }
.imprint { margin-top: 3mm; border-top: 1pt solid; border-bottom: 1pt solid; font-size: 12pt; }
.imprint div { padding: 1mm 0; border-bottom: .5pt solid var(--line); }
.imprint div:last-child { border: 0; }
figure { margin: 4mm 0; break-inside: avoid; }
figure svg { width: 100%; height: auto; font-family: SimSun, 宋体, "Noto Serif CJK SC", serif; }
figcaption { text-align: center; font: 400 11pt/1.5 SimHei, 黑体, "Noto Sans CJK SC", sans-serif; }
h2 { margin: 6mm 0 2mm; text-indent: 2em; font: 400 14pt/1.5 SimHei, 黑体, "Noto Sans CJK SC", sans-serif;
  break-after: avoid; }
h2 small { font-size: 10pt; }
h3 { margin: 5mm 0 0; text-align: center; font: 400 11pt/1.5 SimHei, 黑体, "Noto Sans CJK SC", sans-serif;
  break-after: avoid; }
p { margin: 0 0 1mm; }
p.zh { text-indent: 2em; }
p.en, .caption { color: var(--quiet); font: 9pt/1.45 var(--latin); }
p.en { margin-bottom: 2mm; }
.quiet p.zh { font-size: 10.5pt; line-height: 1.6; }
.caption { margin: 0 0 1.5mm; text-align: center; break-after: avoid; break-inside: avoid; }
table { width: 100%; margin-bottom: 2mm; border-collapse: collapse; table-layout: fixed;
  font-size: 9pt; line-height: 1.25; }
thead { display: table-header-group; }
tr, table.short { break-inside: avoid; }
tbody tr:first-child { break-after: avoid; } tbody tr:last-child { break-before: avoid; }
th, td { padding: .7mm .8mm; border: .5pt solid var(--line); text-align: center; vertical-align: middle;
  overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
th { font-weight: 700; background: #f2f2f2; }
td.left { text-align: left; }
td:not(.left) { font-size: 8.5pt; }
td .en, th .en, td small, th small { display: block; color: var(--quiet); font: 7pt/1.2 var(--latin); }
.good { color: var(--good); } .bad { color: var(--bad); } .quiet-cell { color: var(--quiet); }
tr.total td { font-weight: 700; background: #fafafa; }
.closing { margin-top: 1mm; font-size: 9pt; color: var(--quiet); }
@media print { body { padding: 0; max-width: none; } }
"""
_TONES = {Tone.PLAIN: "", Tone.GOOD: "good", Tone.BAD: "bad", Tone.QUIET: "quiet-cell"}


def render(document: Document) -> bytes:
    return "".join(_page(document)).encode()


def _page(document: Document) -> Iterator[str]:
    title = f"{document.title.zh}{document.subtitle.zh}"
    yield '<!doctype html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{_escaped(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    yield f"<h1>{_both(document.title)}</h1>\n<p class=subtitle>{_both(document.subtitle)}</p>\n"
    to = document.imprint.to
    yield f"<p class=to>{_escaped(to.zh)}：</p>\n{_english(to.en and f'{TO.en}: {to.en}')}"
    yield from _paragraph(Paragraph(document.opening))
    for section in document.sections:
        yield from _section(section)
    yield from _foot(document)
    yield "</body>\n</html>\n"


def _foot(document: Document) -> Iterator[str]:
    """Yield the attachment, the issuer and the date, the report's basis and the imprint."""
    imprint, bilingual = document.imprint, document.language == "both"
    attached = imprint.attached
    english = _english(f"{ATTACHMENT.en}: {attached.en}") if bilingual else ""
    yield "<div class=foot>"
    if attached.zh:
        yield f"<p class=zh>{ATTACHMENT.zh}：{_escaped(attached.zh)}</p>{english}\n"
    yield f"<p class=signed>{_both(imprint.issuer)}<br>{_both(imprint.date)}</p>\n<div class=facts>"
    yield "；".join(f"{_escaped(name.zh)}：{_escaped(content.zh)}" for name, content in document.facts)
    if bilingual:
        facts = "; ".join(f"{_escaped(name.en)}: {_escaped(content.en)}" for name, content in document.facts)
        yield f"<p class=en lang=en>{facts}</p>"
    yield f"</div>\n<div class=closing>{_escaped(document.closing.zh)}{_english(document.closing.en)}</div>\n"
    yield "<div class=imprint>"
    if imprint.copies.zh:
        yield f"<div>{COPIED_TO.zh}：{_both(imprint.copies)}</div>"
    yield f"<div>{ISSUED_BY.zh}：{_escaped(imprint.issuer.zh)}　　{SIGNED_BY.zh}：{_escaped(imprint.signer.zh)}</div>"
    yield f"<div>{ISSUED_ON.zh}：{_escaped(imprint.date.zh)}</div></div></div>\n"


def _escaped(text: str) -> str:
    return escape(in_order(text))


def _both(text: tuple[str, str]) -> str:
    zh, en = text
    return f"{_escaped(zh)} <small lang=en>{_escaped(en)}</small>" if en else _escaped(zh)


def _english(text: str) -> str:
    return f"<p class=en lang=en>{_escaped(text)}</p>" if text else ""


def _section(section: Section) -> Iterator[str]:
    yield f"<section>\n<h2>{_both(section.head)}</h2>\n"
    for block in section.blocks:
        if isinstance(block, Chart):
            yield f"<figure><figcaption>{_both(block.title)}</figcaption>{svg(block)}</figure>\n"
        else:
            yield from _table(block) if isinstance(block, Table) else _paragraph(block)
    yield "</section>\n"


def _paragraph(block: Paragraph) -> Iterator[str]:
    quiet = " class=quiet" if block.quiet else ""
    yield f"<div{quiet}><p class=zh>{_escaped(block.text.zh)}</p>{_english(block.text.en)}</div>\n"


def _table(table: Table) -> Iterator[str]:
    whole = sum(column.width for column in table.columns)
    yield f"<h3>{_both(table.title)}</h3>\n"
    caption = "<br>".join(_escaped(text) for text in table.caption if text)
    yield f"<p class=caption>{caption}</p>\n<table{' class=short' if table.short else ''}>\n<colgroup>"
    for column in table.columns:
        yield f'<col style="width:{100 * column.width / whole:.2f}%">'
    yield "</colgroup>\n<thead><tr>"
    for column in table.columns:
        yield f"<th>{_lines(column.head.zh, column.head.en, '')}</th>"
    yield "</tr></thead>\n<tbody>\n"
    for number, row in enumerate(table.rows, start=1):
        last = ' class="total"' if table.total and number == len(table.rows) else ""
        cells = "".join(_cell(cell, column) for cell, column in zip(row, table.columns, strict=True))
        yield f"<tr{last}>{cells}</tr>\n"
    yield "</tbody>\n</table>\n"


def _cell(cell: Cell, column: Column) -> str:
    classes = " ".join(filter(None, ("left" if column.left else "", _TONES[cell.tone])))
    named = f' class="{classes}"' if classes else ""
    return f"<td{named}>{_lines(cell.text, cell.en, cell.small)}</td>"


def _lines(text: str, en: str, small: str) -> str:
    english = f"<span class=en lang=en>{_escaped(en)}</span>" if en else ""
    return _escaped(text) + english + (f"<small>{_escaped(small)}</small>" if small else "")
