"""Display of a file's understanding and of an import's result in the terminal, Chinese first, English second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hallpulse.contract.personal import escaped
from hallpulse.contract.reasons import Sentence, both
from hallpulse.domain.indicators import COMPUTED

from .understanding import Understanding

_STATES: Mapping[str, Sentence] = {
    "read": Sentence("读取", "rows read"),
    "new": Sentence("新", "new"),
    "changed": Sentence("变更", "changed"),
    "unchanged": Sentence("未变", "unchanged"),
    "repeated": Sentence("重复", "repeated in the file"),
    "refused": Sentence("退回", "refused"),
}
READ_AS = Sentence("读作", "read as")
NOT_READ = Sentence("未读的工作表", "sheets not read")
HEADER = Sentence("表头", "header")
PASSED = Sentence("非数据行", "rows that are no data")
HIDDEN = Sentence("隐藏的行也已读取", "hidden rows, read too")
HIDDEN_COLUMNS = Sentence("隐藏的列也已读取", "hidden columns, read too")
MERGED = Sentence("合并单元格按分组填充", "merged cells filled as groups")
COMPUTED_CELLS = Sentence("公式按文件中存的结果读取", "formulas read by their stored results")
SINCE_1904 = Sentence("日期按 1904 年起算", "days counted from 1904")
UNUSED = Sentence("未使用的列", "columns not used")
MISSING = Sentence("没有列给出", "no column gives")
AFFECTS = Sentence("影响", "affects")
NEW_DEPARTMENTS = Sentence("目录中还没有的部门", "departments not in the catalogue yet")
EFFECTS = Sentence("导入前后的指标（未含日报汇总）", "figures before and after, tallies aside")
QUESTIONS = Sentence("需要回答", "to be answered")
ANSWERED = Sentence("已按", "answered")
REMEDY = Sentence("改法", "remedy")
NOTHING_PUBLISHED = Sentence("有问题未回答，没有发布任何内容", "a question stands open: nothing was published")
HOW_TO_ANSWER = Sentence(
    "在终端中运行即可逐项回答；或用 --answer 问题=答案；或加 --yes 接受有默认值的答案；答案可用 --save-profile 保存",
    "run it in a terminal to be asked; or --answer QUESTION=ANSWER; or --yes for the defaults; "
    "--save-profile keeps answers",
)
DRY_RUN = Sentence("仅查看，没有发布", "only looked at: nothing was published")
PUBLISHED = Sentence("已发布事件", "events published")
REJECTED_FILE = Sentence("退回的行及原因", "rejected rows and why")
NO_ROWS = Sentence("表头下面没有数据行", "there are no rows below the header")
PUBLISH = Sentence("发布吗？", "publish?")
ROWS_REJECTED = Sentence("退回", "rows rejected")
_SHOWN = 12
_MOST_EFFECTS = 40


def show_understanding(console: Console, told: Understanding) -> None:
    """Print all that is understood of a file, before anything is published."""
    profile = f"{told.profile['zh']}" + (f" [{told.profile['id']}]" if told.profile["id"] else "")
    encoding = f"，{told.encoding}" if told.encoding else ""
    _line(console, f"{told.file}：{both(READ_AS)} {told.kind}，{profile}{encoding}")
    for sheet in told.sheets:
        _sheet(console, sheet)
    console.print(_columns(told.columns))
    if told.unused:
        _line(console, f"{both(UNUSED)}: {'、'.join(told.unused)}")
    for missing in told.missing:
        _line(console, f"{both(MISSING)} {missing['name']}：{both(AFFECTS)} {_affected(missing['affects'])}")
    if told.departments:
        _line(console, f"{both(NEW_DEPARTMENTS)}: {_some(told.departments)}")
    for question in told.questions:
        _question(console, question)
    if told.rows:
        _rows(console, told)


def _affected(indicators: str) -> str:
    """Return indicators with their Chinese names. indicators: ids, separated by commas."""
    ids = indicators.split(", ")
    return "、".join(f"{COMPUTED[id_].zh} {id_}" if id_ in COMPUTED else id_ for id_ in ids)


def _line(console: Console, text: str) -> None:
    console.print(escaped(text), markup=False, highlight=False, soft_wrap=True)


def _some(texts: Sequence[object]) -> str:
    rest = f" … ({len(texts)})" if len(texts) > _SHOWN else ""
    return "、".join(map(str, texts[:_SHOWN])) + rest


def _sheet(console: Console, sheet: Mapping[str, Any]) -> None:
    name = sheet["name"] or "—"
    if not sheet["read"]:
        _line(console, f"{both(NOT_READ)}: {name}：{sheet['why']} {sheet['why_en']}")
        return
    said = [f"{name}：{both(HEADER)} {'、'.join(map(str, sheet['header']))}"]
    for text, value in ((MERGED, sheet["merged"]), (COMPUTED_CELLS, sheet["computed"])):
        if value:
            said.append(f"{both(text)}: {value}")
    if sheet["since_1904"]:
        said.append(both(SINCE_1904))
    if sheet["hidden_rows"]:
        said.append(f"{both(HIDDEN)}: {_some(sheet['hidden_rows'])}")
    if sheet["hidden_columns"]:
        said.append(f"{both(HIDDEN_COLUMNS)}: {_some(sheet['hidden_columns'])}")
    _line(console, "；".join(said))
    for row in sheet["passed"][:_SHOWN]:
        _line(console, f"  {both(PASSED)}: {row['line']} {row['why']}：{row['text']}")
    if len(sheet["passed"]) > _SHOWN:
        _line(console, f"  {both(PASSED)}: … ({len(sheet['passed'])})")


def _columns(columns: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("字段 field", "列 column", "列名 header", "单位 unit", "原文 → 读作 written → read as")
    for column in columns:
        samples = "；".join(
            one["written"] if one["written"] == one["became"] else f"{one['written']} → {one['became'] or '（空）'}"
            for one in column["samples"]
        )
        table.add_row(*map(_shown, (column["field"], column["column"], column["header"], column["unit"], samples)))
    return table


def _shown(text: str) -> str:
    """Return the text of an imported cell without markup and without control sequences for the terminal."""
    return escape(escaped(text))


def _question(console: Console, question: Mapping[str, Any]) -> None:
    if question["answer"] is not None:
        _line(console, f"{both(ANSWERED)} {question['id']}={question['answer']}：{question['text']}")
        return
    default = f"（--yes：{question['default']}）" if question["default"] else ""
    _line(console, f"？ {both(QUESTIONS)} {question['id']}: {question['text']}{default} {question['text_en']}")
    for choice in question["choices"]:
        _line(console, f"    {choice['value']}: {choice['text']} {choice['text_en']}")


def _rows(console: Console, told: Understanding) -> None:
    counts = [
        f"{both(text)}: {told.rows[state]}" for state, text in _STATES.items() if told.rows[state] or state == "read"
    ]
    _line(console, "，".join(counts))
    if not told.rows["read"]:
        _line(console, both(NO_ROWS))
    for refusal in told.refused:
        _line(
            console,
            f"  ✘ {refusal['rows']} × {refusal['reason']} “{refusal['column']}”: {refusal['text']} {refusal['text_en']}"
            f"；{both(REMEDY)}: {refusal['remedy']}",
        )
        places = "、".join(
            f"{p['sheet']}{' ' if p['sheet'] else ''}{p['line']}（{p['value']}）" for p in refusal["places"][:5]
        )
        _line(console, f"      行 lines {places}")
    for note in told.notes:
        examples = "、".join(
            f"{one['line']} ({one['key']}) {one['written']}→{one['became']}" for one in note["examples"][:3]
        )
        _line(console, f"  {note['rows']} × {note['text']} {note['text_en']}：行 lines {examples}")
    if told.effects:
        console.print(_effects(told.effects))


def _effects(effects: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(
        "期间 period", "指标 indicator", "导入前 before", "导入后 after", title=both(EFFECTS), title_justify="left"
    )
    for effect in effects[:_MOST_EFFECTS]:
        name = COMPUTED.get(effect["indicator"])
        before, after = ("/".join(map(str, effect[part])) for part in ("before", "after"))
        table.add_row(effect["period"], f"{name.zh} {name.id}" if name else effect["indicator"], before, after)
    if len(effects) > _MOST_EFFECTS:
        table.add_row("…", f"({len(effects)})", "", "")
    return table


def show_result(console: Console, rows: Mapping[str, int], published: int, rejected_at: object) -> None:
    """Print the summary of an import. rows: number of rows by outcome; rejected_at: path of the rejected rows."""
    counts = [
        f"{both(text)}: {rows.get(state, 0)}"
        for state, text in _STATES.items()
        if rows.get(state, 0) or state == "read"
    ]
    _line(console, "，".join([*counts, f"{both(PUBLISHED)}: {published}"]))
    if rejected_at is not None:
        _line(console, f"{both(REJECTED_FILE)}: {rejected_at}")
