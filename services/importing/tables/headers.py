"""Which column is what: headers in Chinese or English, matched against one table of aliases."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .record import Cell, text_of

_DECORATION = re.compile(r"[\s_*＊:：·•/\\\-—]+|[(\[【][^)\]】]*[)\]】]")


def plain_header(cell: Cell) -> str:
    """`*承诺办结时限（工作日）` and `Promised_Days` in the form that is compared."""
    return _DECORATION.sub("", unicodedata.normalize("NFKC", text_of(cell))).lower()


def _readings(header: Cell) -> list[str]:
    """A header as a whole, then each of its names where it has two: 部门/实施主体, or Chinese above English."""
    text = text_of(header)
    return [plain for part in (text, *re.split(r"[\n/／|]+", text)) if (plain := plain_header(part))]


@dataclass(frozen=True, slots=True)
class Columns:
    """field → its aliases, the best first; a table is recognised by its required fields.

    Of two columns that fit one field the one whose alias comes first is read.
    """

    aliases: Mapping[str, Sequence[str]]
    required: frozenset[str]

    def field_of(self, header: Cell) -> tuple[str, int] | None:
        """The field that a header names, and the rank of its alias."""
        for written in _readings(header):
            for field, names in self.aliases.items():
                for rank, name in enumerate((field, *names)):
                    if written == plain_header(name):
                        return field, rank
        return None

    def positions(self, headers: Sequence[Cell]) -> dict[str, int]:
        """field → index of the column that is read for it."""
        best: dict[str, tuple[int, int]] = {}
        for index, header in enumerate(headers):
            found = self.field_of(header)
            if found is not None and (found[0] not in best or found[1] < best[found[0]][0]):
                best[found[0]] = (found[1], index)
        return {field: index for field, (_, index) in best.items()}

    def missing(self, fields: Mapping[str, object]) -> list[str]:
        """Required fields that are not there, each by its first alias."""
        return [self.aliases[field][0] for field in sorted(self.required) if field not in fields]
