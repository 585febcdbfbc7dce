"""Notes on rows that are taken in: what was converted, understood from elsewhere, or looks odd. Closed lists.

Chinese first, English second: these are read by the person who hands the file in.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hallpulse.contract.reasons import Sentence
from services.importing.limits import Conversion


class Oddity(enum.StrEnum):
    """Odd, or understood from elsewhere, but taken in: shown and left to a person."""

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
    """A conversion or a flag of one row: what stood there and what it became."""

    line: int
    key: str
    field: str
    what: Conversion | Oddity
    written: str = ""
    became: str = ""


NOTES: Mapping[Conversion | Oddity, Sentence] = {
    Conversion.NATURAL_DAYS: Sentence("自然日按 5/7 折算", "natural days × 5/7"),
    Conversion.WEEKS: Sentence("每周按 5 个工作日", "5 working days a week"),
    Conversion.MONTHS: Sentence("每月按 22 个工作日", "22 working days a month"),
    Conversion.YEARS: Sentence("每年按 250 个工作日", "250 working days a year"),
    Conversion.HOURS: Sentence("每 8 小时为 1 个工作日", "8 hours a working day"),
    Conversion.ROUNDED_UP: Sentence("不足一日进为一日", "rounded up"),
    Conversion.SAME_DAY: Sentence("不足一日，当日办结", "less than a day: on the day itself"),
    Conversion.UPPER_OF_RANGE: Sentence("区间取上限", "the longer end of a range"),
    Conversion.NONE_LIKE: Sentence("此数通常表示无期限", "this number stands for no limit"),
    Conversion.NO_UNIT_NONE: Sentence("单位为空，视为无期限", "no unit: no limit"),
    Conversion.AT_ONCE: Sentence("当场办结为 0 日", "at once: 0 days"),
    Conversion.EXCLUDES: Sentence("“不含……”所指时间不计入时限", "what is excluded does not count"),
    Oddity.PROMISED_OVER_STATUTORY: Sentence("⚠ 承诺时限长于法定时限", "promise longer than the law allows"),
    Oddity.NO_PROMISE: Sentence("⚠ 承诺件没有承诺时限，按未压缩计", "no promise: counted as not shortened"),
    Oddity.HANDLING_FROM_LIMIT: Sentence("办件类型为空，按承诺时限判断", "handling taken from the limit"),
    Oddity.KIND_UNKNOWN: Sentence("事项类型为空或无法识别，记为其他", "kind unknown: other"),
    Oddity.DEPARTMENT_RENAMED: Sentence(
        "部门名称换为目录、方案或本表前面的写法", "department as the catalogue, the plan or a row before has it"
    ),
    Oddity.CHANNEL_ASSUMED: Sentence("渠道为空，记为窗口", "channel empty: window"),
    Oddity.CHANNEL_UNKNOWN: Sentence(
        "⚠ 渠道无法识别，记为窗口（不影响指标）", "channel not known: window; no figure uses it"
    ),
    Oddity.STEPS_REVERSED: Sentence(
        "⚠ 步骤时间颠倒（如办结早于受理）：不计入时限指标", "steps reversed: kept out of the time indicators"
    ),
    Oddity.STEP_ALONE: Sentence(
        "⚠ 特别程序没有开始时间：停钟时间不计", "a special procedure without its beginning: no time is taken off"
    ),
    Oddity.TWO_ENDINGS: Sentence(
        "⚠ 既有办结时间又有撤件或不予受理时间", "decided, and withdrawn or not accepted as well"
    ),
    Oddity.UNDECIDED: Sentence(
        "⚠ 有送达时间而没有办结时间：仍按未办结计", "delivered without a decision: counted as open"
    ),
    Oddity.ACCEPTANCE_ASSUMED: Sentence(
        "有办结而没有受理时间：按收件即受理计", "decided without acceptance: accepted when received"
    ),
    Oddity.OPEN_BUT_ENDED: Sentence(
        "⚠ 状态为未办结，而库中已有办结、不予受理或撤件：未改动",
        "open, as its status says, but stored as ended: left so",
    ),
    Oddity.CODE_SPACED: Sentence("⚠ 编号中间有空格，照原样导入", "a blank within the code, taken as it stands"),
    Oddity.NAME_OTHER: Sentence(
        "⚠ 事项名称与目录中该编码的不同：以编码为准", "another name than the catalogue's: the code counts"
    ),
    Oddity.SPAN_REVERSED: Sentence("⚠ 期限早于收件", "limit before receipt"),
    Oddity.SPAN_LONG: Sentence("⚠ 期限过长，视为无期限", "span too long: no limit"),
    Oddity.KEPT_FROM_STORE: Sentence("表中没有，沿用库中的值", "not in the table: kept as stored"),
    Oddity.ZEROS_RESTORED: Sentence(
        "编码丢了前导 0，按目录中唯一相符的事项补齐", "leading zeros restored: one item fits"
    ),
    Oddity.CODE_REPAIRED: Sentence("编码中的多余字符已去掉", "signs around the code removed"),
    Oddity.FOUND_BY_NAME: Sentence("没有事项编码，按名称在目录中找到", "found in the catalogue by its name"),
    Oddity.ENDED_AS_TERMINATED: Sentence(
        "终止的办件不算办结，按撤件记", "terminated: not decided, closed as withdrawn"
    ),
    Oddity.REJECTED_BY_STATUS: Sentence("状态为不予受理，不算受理和办结", "not accepted, as its status says"),
    Oddity.WITHDRAWN_BY_STATUS: Sentence("状态为撤件，不算办结", "withdrawn, as its status says"),
    Oddity.OUTCOME_UNSAID: Sentence("没有办理结果，记为其他", "no result: other"),
    Oddity.DEFAULT_GOOD: Sentence(
        "默认好评不是办事人的评价，只计入评议率，不计入满意率",
        "a rating by default is no person's: it counts in coverage, not in satisfaction",
    ),
    Oddity.EXTENSION_NOT_SUSPENSION: Sentence("延长审批是延期，不停钟", "an extension, no suspension"),
    Oddity.UNKNOWN_ITEM: Sentence("⚠ 目录中没有该事项：没有时限可比", "item not in the catalogue: no limits"),
    Oddity.IN_OTHER_HALL: Sentence(
        "⚠ 另一大厅已有同一办件编号：两边各计一件，收件、受理、办结等都会多算",
        "another hall has a case of this id: both count in every figure of cases",
    ),
    Oddity.OTHER_THAN_STORED: Sentence(
        "与库中已有的时间不同：以本表为准更正，办结、时限等指标随之改变",
        "other times than stored: corrected by this table, with every figure of the case",
    ),
    Oddity.BEFORE_ITEM: Sentence(
        "⚠ 办件早于事项的生效日：没有时限可比", "accepted before the item's first version: no limits"
    ),
}
_EXAMPLES = 5


class NoteCounts:
    """Notes on rows, counted by kind. counts: rows by kind of note; examples: the first few of each."""

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
