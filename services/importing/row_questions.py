"""Questions about the values of rows (ratings, codes, shifted or void rows), and the class of all questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from hallpulse.contract.reasons import Sentence

from .survey import Survey

_EXAMPLES = 3


class Choice(NamedTuple):
    """One of the answers that a question offers. value: the answer; text: its meaning."""

    value: str
    text: Sentence


@dataclass(frozen=True, slots=True)
class Question:
    """A question about something that the table leaves open.

    default: the answer that may be assumed, None if only a person can answer; free: the answer is a date (YYYY-MM-DD)
    instead of one of the choices.
    """

    id: str
    text: Sentence
    choices: Sequence[Choice] = ()
    default: str | None = None
    free: bool = False

    def allows(self, answer: str) -> bool:
        if self.free:
            return _is_day(answer)
        return any(choice.value == answer for choice in self.choices)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def about_rows(found: Survey) -> Iterator[Question]:
    """Yield the questions that the values of rows raise."""
    yield from _scores(found)
    yield from _short_rows(found)
    yield from _struck_rows(found)
    yield from _void_rows(found)
    yield from _nameless(found)
    yield from _alike_codes(found)


def _scores(found: Survey) -> Iterator[Question]:
    if found.beyond:
        yield Question(
            "ratings.scale",
            Sentence(
                f"评价中有 1–5 分以外的数（如 {'、'.join(found.beyond)}）：其余数字是 1–5 分吗？",
                f"some ratings are not 1 to 5 ({', '.join(found.beyond)}): are the other numbers on a scale of five?",
            ),
            [
                Choice("five", Sentence("是 1–5 分，其他数退回", "yes; refuse the rest")),
                Choice("refuse", Sentence("不是，退回所有数字评价的行", "no: refuse every row with a number")),
            ],
        )
    if found.scores:
        yield Question(
            "ratings",
            Sentence(
                f"满意度是数字（如 {'、'.join(found.scores)}）：1 是非常满意（GB/T 39046 附录 A.8），还是 "
                "5 是非常满意？",
                "ratings are numbers: is 1 the best (GB/T 39046, A.8), or 5?",
            ),
            [
                Choice("best_first", Sentence("1 是非常满意", "1 is the best")),
                Choice("best_last", Sentence("5 是非常满意", "5 is the best")),
            ],
        )


def _short_rows(found: Survey) -> Iterator[Question]:
    if found.short:
        yield Question(
            "short_rows",
            Sentence(
                f"有的行单元格少于列名（如第 {'、'.join(map(str, found.short))} 行）："
                "是省略了末尾的空单元格，还是中间缺了一格而错位？",
                "some lines have fewer cells than headers: are empty cells left out at the end, or is one missing?",
            ),
            [
                Choice("empty_at_the_end", Sentence("末尾是空的", "the last cells are empty")),
                Choice("refuse", Sentence("不确定，退回这些行", "not sure: refuse these rows")),
            ],
        )


def _struck_rows(found: Survey) -> Iterator[Question]:
    if found.struck:
        yield Question(
            "struck_rows",
            Sentence(
                f"有的行带删除线（如第 {'、'.join(map(str, found.struck))} 行）：照样读入，还是已作废、退回？",
                "some rows are struck through: read them anyway, or refuse them?",
            ),
            [
                Choice("read", Sentence("照样读入", "read them")),
                Choice("refuse", Sentence("已作废，退回", "refuse them")),
            ],
        )


def _nameless(found: Survey) -> Iterator[Question]:
    if found.nameless:
        yield Question(
            "nameless_columns",
            Sentence(
                f"有内容的列没有列名（如 {'、'.join(found.nameless)}）：是不用读的备注，还是这些行错了位？",
                f"columns without a header have content ({', '.join(found.nameless)}): remarks, or shifted rows?",
            ),
            [
                Choice("remarks", Sentence("是备注，不读", "remarks: leave them out")),
                Choice("refuse", Sentence("不确定，退回这些行", "not sure: refuse these rows")),
            ],
        )


def _alike_codes(found: Survey) -> Iterator[Question]:
    if found.alike:
        listed = "；".join(" / ".join(sorted(codes)) for codes in list(found.alike.values())[:_EXAMPLES])
        yield Question(
            "alike_codes",
            Sentence(
                f"有的编号只差大小写或空格（如 {listed}）：是不同的，还是同一个写成了两样？",
                f"some codes differ only in case or blanks ({listed}): are they different codes?",
            ),
            [
                Choice("different", Sentence("是不同的，各算各的", "they are different")),
                Choice("refuse", Sentence("是同一个，退回这些行改正", "no, the same: refuse these rows")),
            ],
        )


def _void_rows(found: Survey) -> Iterator[Question]:
    if found.void:
        yield Question(
            "void_rows",
            Sentence(
                f"有的行的备注或未读的列说它可能已不作数（如 {'、'.join(found.void)}）：照样读入，还是退回？",
                "remarks say that some rows may no longer be valid: read them anyway, or refuse them?",
            ),
            [
                Choice("read", Sentence("照样读入", "read them")),
                Choice("refuse", Sentence("不作数，退回这些行", "refuse them")),
            ],
        )
