"""Notes on accepted rows, from closed lists: conversions, values found elsewhere than in the cell, and oddities.

Their texts, Chinese first and English second, are for the person who hands in the file.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hallpulse.contract.reasons import Sentence
from services.importing.limits import Conversion


class Oddity(enum.StrEnum):
    """Oddities of accepted rows, and values found elsewhere than in the cell; they are shown to a person to judge."""

    PROMISED_OVER_STATUTORY = "promised_over_statutory"
    NO_PROMISE = "no_promise"
    HANDLING_FROM_LIMIT = "handling_from_limit"
    KIND_UNKNOWN = "kind_unknown"
    DEPARTMENT_RENAMED = "department_renamed"
    CHANNEL_ASSUMED = "channel_assumed"
    CHANNEL_UNKNOWN = "channel_unknown"
    STEPS_REVERSED = "steps_reversed"
    STEP_ALONE = "step_alone"
    TWO_ENDINGS = "two_endings"
    UNDECIDED = "undecided"
    ACCEPTANCE_ASSUMED = "acceptance_assumed"
    NAME_OTHER = "name_other"
    CODE_SPACED = "code_spaced"
    OPEN_BUT_ENDED = "open_but_ended"
    SPAN_REVERSED = "span_reversed"
    SPAN_LONG = "span_long"
    KEPT_FROM_STORE = "kept_from_store"
    ZEROS_RESTORED = "zeros_restored"
    CODE_REPAIRED = "code_repaired"
    FOUND_BY_NAME = "found_by_name"
    ENDED_AS_TERMINATED = "ended_as_terminated"
    REJECTED_BY_STATUS = "rejected_by_status"
    WITHDRAWN_BY_STATUS = "withdrawn_by_status"
    OUTCOME_UNSAID = "outcome_unsaid"
    DEFAULT_GOOD = "default_good"
    EXTENSION_NOT_SUSPENSION = "extension_not_suspension"
    UNKNOWN_ITEM = "unknown_item"
    BEFORE_ITEM = "before_item"
    IN_OTHER_HALL = "in_other_hall"
    OTHER_THAN_STORED = "other_than_stored"


class Note(NamedTuple):
    """A note on one row.

    line: the row's line; key: its case id or item code; field: the field concerned; what: the kind of note; written:
    the text of the cell; became: the value that it was read as.
    """

    line: int
    key: str
    field: str
    what: Conversion | Oddity
    written: str = ""
    became: str = ""


NOTES: Mapping[Conversion | Oddity, Sentence] = {
    Conversion.NATURAL_DAYS: Sentence("自然日按 5/7 折算", "calendar days × 5/7"),
    Conversion.WEEKS: Sentence("每周按 5 个工作日", "5 working days a week"),
    Conversion.MONTHS: Sentence("每月按 22 个工作日", "22 working days a month"),
    Conversion.YEARS: Sentence("每年按 250 个工作日", "250 working days a year"),
    Conversion.HOURS: Sentence("每 8 小时为 1 个工作日", "8 hours a working day"),
    Conversion.ROUNDED_UP: Sentence("不足一日进为一日", "rounded up"),
    Conversion.SAME_DAY: Sentence("不足一日，当日办结", "less than a day: decided on the same day"),
    Conversion.UPPER_OF_RANGE: Sentence("区间取上限", "the upper end of the range"),
    Conversion.NONE_LIKE: Sentence("此数通常表示无期限", "this number stands for no limit"),
    Conversion.NO_UNIT_NONE: Sentence("单位为空，视为无期限", "no unit: treated as no limit"),
    Conversion.AT_ONCE: Sentence("当场办结为 0 日", "decided on the spot: 0 days"),
    Conversion.EXCLUDES: Sentence("“不含……”所指时间不计入时限", "the excluded time does not count"),
    Oddity.PROMISED_OVER_STATUTORY: Sentence(
        "⚠ 承诺时限长于法定时限", "promised limit longer than the statutory limit"
    ),
    Oddity.NO_PROMISE: Sentence("⚠ 承诺件没有承诺时限，按未压缩计", "no promised limit: counted as not shortened"),
    Oddity.HANDLING_FROM_LIMIT: Sentence("办件类型为空，按承诺时限判断", "handling derived from the promised limit"),
    Oddity.KIND_UNKNOWN: Sentence("事项类型为空或无法识别，记为其他", "kind empty or unknown: recorded as other"),
    Oddity.DEPARTMENT_RENAMED: Sentence(
        "部门名称换为目录、方案或本表前面的写法", "department spelt as in the catalogue, the plan or an earlier row"
    ),
    Oddity.CHANNEL_ASSUMED: Sentence("渠道为空，记为窗口", "channel empty: recorded as window"),
    Oddity.CHANNEL_UNKNOWN: Sentence(
        "⚠ 渠道无法识别，记为窗口（不影响指标）", "channel unknown: recorded as window (no indicator uses it)"
    ),
    Oddity.STEPS_REVERSED: Sentence(
        "⚠ 步骤时间颠倒（如办结早于受理）：不计入时限指标", "steps in reverse order: left out of the time indicators"
    ),
    Oddity.STEP_ALONE: Sentence(
        "⚠ 特别程序没有开始时间：不扣除时间", "special procedure without a start: no time is deducted"
    ),
    Oddity.TWO_ENDINGS: Sentence("⚠ 既有办结时间又有撤件或不予受理时间", "decided, and also withdrawn or rejected"),
    Oddity.UNDECIDED: Sentence(
        "⚠ 有送达时间而没有办结时间：仍按未办结计", "delivered without a decision: counted as open"
    ),
    Oddity.ACCEPTANCE_ASSUMED: Sentence(
        "有办结而没有受理时间：按收件即受理计", "decided without acceptance: accepted when received"
    ),
    Oddity.OPEN_BUT_ENDED: Sentence(
        "⚠ 状态为未办结，而库中已有办结、不予受理或撤件：未改动",
        "open by its status, but stored as ended: not changed",
    ),
    Oddity.CODE_SPACED: Sentence("⚠ 编号中间有空格，照原样导入", "a blank inside the code: imported as it is"),
    Oddity.NAME_OTHER: Sentence(
        "⚠ 事项名称与目录中该编码的不同：以编码为准", "name differs from the catalogue's: the code counts"
    ),
    Oddity.SPAN_REVERSED: Sentence("⚠ 期限早于收件", "limit before receipt"),
    Oddity.SPAN_LONG: Sentence("⚠ 期限过长，视为无期限", "limit too long: treated as no limit"),
    Oddity.KEPT_FROM_STORE: Sentence("表中没有，沿用库中的值", "not in the table: the stored value is kept"),
    Oddity.ZEROS_RESTORED: Sentence(
        "编码丢了前导 0，按目录中唯一相符的事项补齐", "leading zeros restored from the only matching item"
    ),
    Oddity.CODE_REPAIRED: Sentence("编码中的多余字符已去掉", "extra characters removed from the code"),
    Oddity.FOUND_BY_NAME: Sentence("没有事项编码，按名称在目录中找到", "found in the catalogue by its name"),
    Oddity.ENDED_AS_TERMINATED: Sentence(
        "终止的办件不算办结，按撤件记", "terminated: not counted as decided, recorded as withdrawn"
    ),
    Oddity.REJECTED_BY_STATUS: Sentence(
        "状态为不予受理，不算受理和办结", "rejected by its status: neither accepted nor decided"
    ),
    Oddity.WITHDRAWN_BY_STATUS: Sentence("状态为撤件，不算办结", "withdrawn by its status: not counted as decided"),
    Oddity.OUTCOME_UNSAID: Sentence("没有办理结果，记为其他", "no outcome: recorded as other"),
    Oddity.DEFAULT_GOOD: Sentence(
        "默认好评不是办事人的评价，只计入评议率，不计入满意率",
        "a rating by default, given by no person: counts in coverage, not in satisfaction",
    ),
    Oddity.EXTENSION_NOT_SUSPENSION: Sentence(
        "延长审批是延期，不暂停计时", "an extension, which does not stop the clock"
    ),
    Oddity.UNKNOWN_ITEM: Sentence("⚠ 目录中没有该事项：没有时限可比", "item not in the catalogue: no limits"),
    Oddity.IN_OTHER_HALL: Sentence(
        "⚠ 另一大厅已有同一办件编号：两边各计一件，收件、受理、办结等都会多算",
        "another hall has a case with this id: both are counted in every figure",
    ),
    Oddity.OTHER_THAN_STORED: Sentence(
        "与库中已有的时间不同：以本表为准更正，办结、时限等指标随之改变",
        "times differ from the stored ones: corrected by this table, and the figures with them",
    ),
    Oddity.BEFORE_ITEM: Sentence(
        "⚠ 办件早于事项的生效日：没有时限可比", "accepted before the item's first version: no limits"
    ),
}
_EXAMPLES = 5


class NoteCounts:
    """Notes counted by kind. counts: kind → number of notes; examples: kind → the first few notes."""

    def __init__(self) -> None:
        self.counts: Counter[Conversion | Oddity] = Counter()
        self.examples: dict[Conversion | Oddity, list[Note]] = {}

    def add(self, notes: Iterable[Note]) -> None:
        for note in notes:
            self.counts[note.what] += 1
            if self.counts[note.what] <= _EXAMPLES:
                self.examples.setdefault(note.what, []).append(note)

    def __bool__(self) -> bool:
        return bool(self.counts)
