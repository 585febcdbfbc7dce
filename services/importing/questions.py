"""Questions about what a table leaves open; a person or a program answers them before anything is published.

Defaults may answer the questions that have one (`--yes`). The others need a person: a guess would make wrong figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from hallpulse.contract.reasons import Sentence
from services.importing.sheet_reader import Decisions

from .departments import Departments, several
from .fields import Vocabulary, plain_header
from .headers import NotRead
from .layout import Layout
from .limits import UNIT_NAMES
from .profiles import Profile
from .row_questions import Choice, Question, about_rows
from .survey import Survey

_NAMES = {
    "statutory_days": Sentence("法定时限", "statutory limit"),
    "promised_days": Sentence("承诺时限", "promised limit"),
    "extended_days": Sentence("延期天数", "extension"),
    "procedure_days": Sentence("特别程序期限", "special procedure"),
}
_EXAMPLES = 3
_VOID = re.compile(r"取消|停用|废止|作废|历史|旧版|去年|上年|样表|样例|示例|备份|测试|已下放|不再")
"""Words of a sheet's name or title that may say that its rows are void."""
_NEARLY = 0.75
_SHORTEST = 2
"""Most characters of a header that is too short to resemble another one."""


def questions_of(
    layouts: Sequence[Layout | NotRead], found: Survey, decisions: Decisions, departments: Departments, profile: Profile
) -> list[Question]:
    """Return all questions that must be answered before the rows can be read with certainty."""
    read = [layout for layout in layouts if isinstance(layout, Layout)]
    asked = [
        *_about_columns(read, found, profile),
        *_about_units(read, found, decisions),
        *about_rows(found),
        *_about_codes(read, found, decisions),
        *_about_unread(read, profile),
        *_about_departments(read, found, decisions, departments),
        *_about_sheets(layouts),
    ]
    if found.days and decisions.effective_from is None:
        asked.append(
            Question(
                "effective_from",
                Sentence(
                    f"{found.days} 行没有生效日期："
                    "这些事项自哪一天起按此执行？（早于生效日的办件没有时限可比）写作 2026-01-01，或用 "
                    "--effective-from",
                    f"{found.days} rows give no effective date: from which day are they in force?",
                ),
                free=True,
            )
        )
    return list({question.id: question for question in asked}.values())


def _about_columns(layouts: Sequence[Layout], found: Survey, profile: Profile) -> Iterator[Question]:
    ignored, names = {header for header in profile.ignore}, profile.vocabulary().names
    for layout in layouts:
        for name, rivals in layout.rivals.items():
            values = found.rival_values.get((layout.name, name))
            left = [column for column in rivals if column.header not in ignored]
            if values is None or len(left) < 2:
                continue
            listed = "、".join(
                f"{c.letter} 列“{c.header}”（如 {v or '空'}）" for c, v in zip(rivals, values, strict=True)
            )
            yield Question(
                f"column.{name}",
                Sentence(
                    f"有 {len(rivals)} 列都是同一项内容而值不同：{listed}。以哪一列为准？",
                    f"{len(rivals)} columns give {name} and differ: which one is right?",
                ),
                [
                    Choice(column.letter, Sentence(f"{column.letter} 列 {column.header}", f"column {column.letter}"))
                    for column in rivals
                ],
            )
        for column in layout.columns:
            read = column.field is not None and layout.fields.get(column.field) == column.index
            if column.doubt and read and (layout.name, column.field) not in found.rival_values:
                yield Question(
                    f"header.{column.letter}",
                    Sentence(
                        f"{column.letter} 列“{column.header}”的列名里写着“{column.doubt}”：能当作"
                        f"“{names[column.field or ''][0]}”读吗？",
                        f"the header of column {column.letter} says {column.doubt}: is it {column.field} nevertheless?",
                    ),
                    [
                        Choice("yes", Sentence("能", "yes")),
                        Choice("no", Sentence("不能，不读这一列", "no, leave it out")),
                    ],
                )


def _about_units(layouts: Sequence[Layout], found: Survey, decisions: Decisions) -> Iterator[Question]:
    """Yield the questions about the units of bare numbers, and about headers that a note of the table contradicts.

    The unit of a header with 天 has no default.
    """
    units = [Choice(unit, Sentence(unit, unit)) for unit in UNIT_NAMES]
    for (table, name), examples in found.bare.items():
        if name not in decisions.units and not found.noted.get((table, name)):
            header = next(one.header_of(name) for one in layouts if one.name == table)
            yield Question(
                f"unit.{name}",
                Sentence(
                    f"“{_NAMES[name].zh}”列只有数字（如 {'、'.join(examples)}），没有单位：是什么？",
                    f"the {_NAMES[name].en} is given as numbers without a unit ({', '.join(examples)}): which unit?",
                ),
                units,
                default=None if "天" in header else "工作日",
            )
    for layout in layouts:
        for name in _NAMES:
            column, noted = layout.column(name), found.noted.get((layout.name, name))
            if column is not None and column.unit and noted and noted != column.unit and name not in decisions.units:
                yield Question(
                    f"unit.{name}",
                    Sentence(
                        f"{column.letter} 列“{column.header}”的单位是{column.unit}，"
                        f"而表中的说明写的是{noted}：以哪个为准？",
                        f"column {column.letter} says {column.unit}, a note in the table {noted}: which one is right?",
                    ),
                    units,
                )


def _about_codes(layouts: Sequence[Layout], found: Survey, decisions: Decisions) -> Iterator[Question]:
    if found.numbers and not decisions.numeric_codes:
        yield Question(
            "numeric_codes",
            Sentence(
                f"编码或编号是数字格（如 {'、'.join(found.numbers)}），可能丢了前导 0：确认编码就是这样吗？",
                "codes are in number cells and may have lost leading zeros: are they complete?",
            ),
            [
                Choice("as_they_stand", Sentence("编码就是这样", "they are complete")),
                Choice("refuse", Sentence("不是，退回这些行", "no, refuse these rows")),
            ],
        )
    catalogues = [layout for layout in layouts if not {"case_id", "numerator"} & set(layout.fields)]
    coded = any({"item_code", "sub_code"} & set(layout.fields) for layout in catalogues)
    if catalogues and not coded and decisions.identify != "name":
        yield Question(
            "identify",
            Sentence(
                "没有事项编码列：用事项名称识别事项吗？", "no column of item codes: identify items by their names?"
            ),
            [Choice("name", Sentence("用名称", "by name"))],
        )


def _about_unread(layouts: Sequence[Layout], profile: Profile) -> Iterator[Question]:
    """Yield the questions about columns whose header nearly names an important field that the table lacks."""
    vocabulary = profile.vocabulary()
    for layout in layouts:
        missing = profile.missing(layout.fields)
        for column in layout.unused:
            asked = column.field is None and column.header not in profile.ignore
            name = _nearly(column.header, missing, vocabulary) if asked else ""
            if name:
                known = vocabulary.names[name][0]
                yield Question(
                    f"unread.{column.letter}",
                    Sentence(
                        f"没有“{known}”列，而 {column.letter} 列“{column.header}”没有用上：它就是{known}吗？",
                        f"no column gives {name}; is it column {column.letter}, {column.header}?",
                    ),
                    [
                        Choice(name, Sentence(f"是，当作{known}读", f"yes, read it as {name}")),
                        Choice("none", Sentence("不是，不读这一列", "no, leave it out")),
                    ],
                )


def _nearly(header: str, missing: Sequence[str], vocabulary: Vocabulary) -> str:
    """Return the field that a header nearly names; empty without one."""
    plain = plain_header(header)
    likeness = {
        name: max(SequenceMatcher(None, plain, plain_header(known)).ratio() for known in vocabulary.names[name])
        for name in missing
    }
    best = max(likeness, key=likeness.__getitem__, default="")
    return best if best and likeness[best] >= _NEARLY and len(plain) > _SHORTEST else ""


def _about_departments(
    layouts: Sequence[Layout], found: Survey, decisions: Decisions, departments: Departments
) -> Iterator[Question]:
    for (written, of_item), rows in found.departments.items():
        if departments.find(written, of_item) is None:
            together = several(written)
            if together:
                yield _about_several(written, rows, [departments.find(one) or one for one in together])
            else:
                yield _about_unknown(written, rows, departments.nearest(written))
    new = [
        name
        for name, of_item in found.departments
        if departments.find(name, of_item) == name and not departments.is_given(name)
    ]
    for name, other in departments.alike(new).items():
        rows = sum(rows for (written, _), rows in found.departments.items() if written == name)
        yield _about_alike(name, other, rows)
    lacking = [layout for layout in layouts if "department" not in layout.fields and "case_id" not in layout.fields]
    named = [layout.sheet.name for layout in lacking if layout.sheet.name]
    if len(named) > 1 and not decisions.department_from_sheet:
        yield _about_sheets_as_departments(named)


def _about_unknown(written: str, rows: int, nearest: Sequence[str]) -> Question:
    return Question(
        f"department.{written}",
        Sentence(
            f"部门“{written}”（{rows} 行）不在已知部门中，最接近的是 {'、'.join(nearest)}：是哪一个？",
            f"department {written} is not known; which one is it?",
        ),
        [
            *(Choice(name, Sentence(name, name)) for name in nearest),
            Choice(written, Sentence("都不是，是另一个部门", "none of them: another department")),
        ],
    )


def _about_sheets_as_departments(named: Sequence[str]) -> Question:
    return Question(
        "department_from_sheet",
        Sentence(
            f"没有部门列，有 {len(named)} 张工作表（{'、'.join(named[:_EXAMPLES])}…）：工作表名就是部门吗？",
            "no column of departments: are the sheets named after them?",
        ),
        [
            Choice("yes", Sentence("是", "yes")),
            Choice("no", Sentence("不是，按库中的部门", "no, as stored")),
        ],
    )


def _about_void(sheet: str, word: str) -> Question:
    return Question(
        f"sheet.{sheet}",
        Sentence(
            f"工作表“{sheet}”的名称或标题里写着“{word}”：照样读入，还是不读？",
            f"the name or title of sheet {sheet} says {word}: read it anyway, or leave it out?",
        ),
        [Choice("read", Sentence("照样读入", "read it")), Choice("leave_out", Sentence("不读", "leave it out"))],
    )


def _about_alike(name: str, other: str, rows: int) -> Question:
    return Question(
        f"department.{name}",
        Sentence(
            f"部门“{name}”（{rows} 行）与前面的“{other}”可能是同一个：是吗？",
            f"department {name} may be the same as {other} above: is it?",
        ),
        [
            Choice(other, Sentence(f"是，就是{other}", f"yes, it is {other}")),
            Choice(name, Sentence("不是，是另一个部门", "no, another department")),
        ],
    )


def _about_several(written: str, rows: int, together: Sequence[str]) -> Question:
    shown = " ".join(written.split())
    return Question(
        f"department.{written}",
        Sentence(
            f"部门“{shown}”（{rows} 行）写有 {len(together)} 个部门：这些事项或办件算在哪一个部门？",
            f"{shown} names {len(together)} departments: to which one do these rows belong?",
        ),
        [
            *(Choice(name, Sentence(name, name)) for name in dict.fromkeys(together)),
            Choice(written, Sentence("是一个部门，照原样", "it is one department, as written")),
        ],
    )


def _about_sheets(layouts: Sequence[Layout | NotRead]) -> Iterator[Question]:
    for layout in layouts:
        if isinstance(layout, NotRead) and layout.nearly:
            yield Question(
                f"sheet.{layout.sheet.name}",
                Sentence(
                    f"工作表“{layout.sheet.name}”像是同类的表，但{layout.why.zh}：不读它吗？",
                    f"sheet {layout.sheet.name} looks like a table of this kind, but cannot be read: leave it out?",
                ),
                [Choice("leave_out", Sentence("不读", "leave it out"))],
                default="leave_out",
            )
        elif isinstance(layout, Layout):
            names = [layout.sheet.name, *(title.text for title in layout.titles)]
            void = next(filter(None, map(_VOID.search, names)), None)
            if void is not None:
                yield _about_void(layout.sheet.name, void[0])
