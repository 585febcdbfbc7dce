"""Why an event is refused: a closed list of codes, each with its sentence for the person who can act."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

import msgspec


class Reason(enum.StrEnum):
    """The `x-reason` of a refused event; a code never changes its meaning."""

    NOT_JSON = "not-json"
    TOO_LARGE = "too-large"
    BAD_CONTENT_TYPE = "bad-content-type"
    BAD_BATCH = "bad-batch"
    BAD_ENVELOPE = "bad-envelope"
    DUPLICATE_FIELD = "duplicate-field"
    UNKNOWN_ATTRIBUTE = "unknown-attribute"
    UNKNOWN_TYPE = "unknown-type"
    UNKNOWN_FIELD = "unknown-field"
    MISSING_FIELD = "missing-field"
    BAD_FIELD = "bad-field"
    BAD_DATE = "bad-date"
    FUTURE_PERIOD = "future-period"
    BAD_TIME = "bad-time"
    TIME_IN_FUTURE = "time-in-future"
    TIME_OUT_OF_RANGE = "time-out-of-range"
    BAD_REGION = "bad-region"
    REGION_ENDED = "region-ended"
    PUBLISHER_UNIDENTIFIED = "publisher-unidentified"
    SOURCE_MISMATCH = "source-mismatch"
    ROUTING_MISMATCH = "routing-mismatch"
    PERSONAL_DATA = "personal-data"
    ID_REUSED = "id-reused"
    UNPROCESSABLE = "unprocessable"

    @property
    def zh(self) -> str:
        return SENTENCES[self].zh

    @property
    def en(self) -> str:
        return SENTENCES[self].en


class Sentence(NamedTuple):
    zh: str
    en: str


def both(text: Sentence) -> str:
    """Return the Chinese text, a blank and the English text."""
    return f"{text.zh} {text.en}"


SENTENCES: Mapping[Reason, Sentence] = {
    Reason.NOT_JSON: Sentence("消息体不是合法的 JSON（UTF-8）。", "The body is not valid JSON in UTF-8."),
    Reason.TOO_LARGE: Sentence("消息体超过 4 MiB。", "The body is larger than 4 MiB."),
    Reason.BAD_CONTENT_TYPE: Sentence(
        "content_type 应为 application/cloudevents+json 或 application/cloudevents-batch+json（UTF-8）。",
        "The content_type must be application/cloudevents+json or application/cloudevents-batch+json, in UTF-8.",
    ),
    Reason.BAD_BATCH: Sentence("批量消息应为含 1 至 1000 个事件的数组。", "A batch is an array of 1 to 1,000 events."),
    Reason.BAD_ENVELOPE: Sentence("CloudEvents 属性缺失或有误。", "A CloudEvents attribute is missing or wrong."),
    Reason.DUPLICATE_FIELD: Sentence("同一字段出现两次。", "A field is given twice in one object."),
    Reason.UNKNOWN_ATTRIBUTE: Sentence(
        "属性名未知：扩展属性名只能由 1 至 20 个小写字母或数字组成。",
        "An attribute is unknown: the name of an extension is 1 to 20 lower-case letters or digits.",
    ),
    Reason.UNKNOWN_TYPE: Sentence("事件类型不在契约之内。", "The event type is not one of the contract."),
    Reason.UNKNOWN_FIELD: Sentence("数据中有契约之外的字段。", "The data has a field that its type does not know."),
    Reason.MISSING_FIELD: Sentence("数据缺少必填字段。", "The data lacks a field that its type requires."),
    Reason.BAD_FIELD: Sentence("字段的值不符合契约。", "The value of a field is not what the contract allows."),
    Reason.BAD_DATE: Sentence("日期在日历中不存在。", "A date does not exist in the calendar."),
    Reason.FUTURE_PERIOD: Sentence("申报的期间尚未开始。", "The period of a declared figure has not begun."),
    Reason.BAD_TIME: Sentence(
        "time 应为带时区偏移的 RFC 3339 时间。", "The time must be written as RFC 3339 with an offset."
    ),
    Reason.TIME_IN_FUTURE: Sentence(
        "time 比当前时间晚 24 小时以上。", "The time is more than 24 hours ahead of the clock."
    ),
    Reason.TIME_OUT_OF_RANGE: Sentence(
        "time 早于 1992-01-01（北京时间）。", "The time is before 1992-01-01, Asia/Shanghai."
    ),
    Reason.BAD_REGION: Sentence(
        "source 中的区划代码不是县级代码（GB/T 2260 六位，不以 00 结尾）。",
        "The region in the source is not a county code (GB/T 2260, 6 digits, not ending in 00).",
    ),
    Reason.REGION_ENDED: Sentence(
        "该区划代码已撤并：自生效日起的新事项应以承继的代码上报。",
        "The region's code has ended: what begins from that day on is reported under its successor's.",
    ),
    Reason.PUBLISHER_UNIDENTIFIED: Sentence(
        "消息未带 user_id，无法确认发布者。", "The message has no user_id: its publisher is unknown."
    ),
    Reason.SOURCE_MISMATCH: Sentence(
        "source 与发布者不一致：大厅只能代表自己发布。", "The source is not its publisher's: a hall speaks for itself."
    ),
    Reason.ROUTING_MISMATCH: Sentence(
        "路由键与事件的 source 或类别不一致。", "The routing key disagrees with the event's source or family."
    ),
    Reason.PERSONAL_DATA: Sentence(
        "字段内容形似公民身份号码或手机号码。",
        "A field has the shape of a Chinese identity number or a mobile phone number.",
    ),
    Reason.ID_REUSED: Sentence(
        "同一来源已用此 id 发布过内容不同的事件。",
        "The same source has used this id for an event with other content.",
    ),
    Reason.UNPROCESSABLE: Sentence(
        "该消息单独入库也一再失败，已搁置；程序修复后可重发。",
        "Storing the message fails each time, also alone: it is set aside, to be replayed once the program is mended.",
    ),
}


class Refusal(msgspec.Struct, frozen=True):
    """Why an event was refused, and the event itself.

    field: the wrong field, such as `data.promised_days`, empty for the whole body;
    detail: what was expected, in one line, never the refused value (it may be personal data);
    source: the event's `source` as far as it could be read; body: the event's own bytes, unchanged.
    """

    reason: Reason
    field: str
    detail: str
    source: str
    body: bytes


class Refused(Exception):
    """An event breaks the contract: never retry it. The decoder turns it into a `Refusal`; a `Publisher` raises it."""

    def __init__(self, reason: Reason, field: str, detail: str) -> None:
        super().__init__(f"{reason}: {field}: {detail}")
        self.reason = reason
        self.field = printable(field)
        self.detail = detail

    def refusal(self, body: bytes, source: str = "") -> Refusal:
        return Refusal(self.reason, self.field, self.detail, source, body)


def printable(text: str) -> str:
    """Make a text from outside fit for a header and a log line: no control characters, at most 100 characters."""
    text = text[:100]
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)
