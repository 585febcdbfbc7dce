"""What is put where something else was expected."""

from __future__ import annotations

import random
from typing import Any

FIRST_NUMBERS = (0, -1, 1, 5, 6, 10**6, 2**31, 2**53, 2**63, 2**64, 10**30, 1.5, -0.0, 1e308, 1e-320)
TEXTS = (
    "", " ", "x", " x", "x ", "\0", "a\nb", "\x7f", "\u200b", "\ufeff", "\u202e", "é", "e\u0301", "汉字", "𝄞", "\ud800",
    "\udfff\ud800", "０", "٣", "null", "true", "-1", "1e5", "NaN", "' OR 1=1 --", "\\", '"', "{}", "[]", "%s", "../..",
    "13800138000", "138-0013-8000", "11010519491231002X", "１３８００１３８０００", "2023-06-02", "window", "granted",
    "/222424/hall-1", "hall.case.received.v1",
)  # fmt: skip
TIMES = (
    "2023-06-02T09:30:00+08:00", "2023-06-02t09:30:00z", "2023-06-02T09:30:00.123456789Z", "2023-06-02T09:30:00",
    "2023-06-02T24:00:00Z", "2023-06-02T23:59:60Z", "2023-02-29T00:00:00Z", "2024-02-29T00:00:00+14:00",
    "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1991-12-31T16:00:00Z", "1991-12-31T15:59:59Z",
    "2023-06-02 09:30:00Z", "2023-6-2T9:30:00Z", "2023-06-02T09:30:00+0800",
    "2023-06-02T09:30:00-00:00", "2023-06-02T09:30:00+24:00", "２０２３-06-02T09:30:00Z", "1685669400",
    "", "2023-W22-5T09:30:00Z", "2023-06-02T09:30:00+08:00\n",
)  # fmt: skip
SOURCES = (
    "/222424/hall-9", "/222401/hall-1", "/222400/hall-1", "/220000/hall-1", "/000000/hall-1", "/999999/hall-1",
    "/222424/", "222424/hall-1", "/222424/HALL-1", "/222424/hall-1/", "/222424/hall-1\n", "/２２２４２４/hall-1",
    "//hall-1", "/222424/a b", "/222424/" + "h" * 41, "/" * 48, "https://example.cn/222424/hall-1",
)  # fmt: skip
LITERALS = (
    b"1" * 5000, b"-" + b"9" * 400, b"1e999999", b"-0", b"0123", b"1.", b".5", b"0x10", b"NaN", b"Infinity",
    b"undefined", b"'x'", b'"\\ud83d"', b'"\\ude00\\ud83d"', b'"\\u0000"', b'"\\x41"', b'"\\u12"', b'"\t"', b'"\xff"',
    b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe6\xb1"', b"/**/1", b"tru", b"",
)  # fmt: skip
CONTENT_TYPES = (
    None, "", "application/json", "text/plain", "APPLICATION/CloudEvents+JSON",
    "application/cloudevents+json;charset=UTF-8", "应用/事件",
    'application/cloudevents+json; charset="utf8"; x=y', "application/cloudevents+json; charset=gbk", "x" * 255,
    "application/cloudevents", "application/cloudevents-batch+json;", ";", "application/cloudevents+avro",
)  # fmt: skip


def anything(dice: random.Random, depth: int = 0) -> Any:
    """Any JSON value, mostly a small one."""
    kind = dice.randrange(8 if depth < 4 else 5)
    if kind < 2:
        return dice.choice(TEXTS)
    if kind == 2:
        return dice.choice(FIRST_NUMBERS)
    if kind == 3:
        return dice.choice((None, True, False))
    if kind == 4:
        return "".join(
            chr(dice.choice((32, 127, 255, 0x4E00, 0x1F600)) + dice.randrange(90)) for _ in range(dice.randrange(80))
        )
    if kind == 5:
        return [anything(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {dice.choice(TEXTS): anything(dice, depth + 1) for _ in range(dice.randrange(4))}


def nested(dice: random.Random) -> bytes:
    """Nested some levels, or as deep as a parser may think that nobody goes."""
    depth = dice.choice((5, 60, 900, 1100, 5000, 100_000))
    opening, closing = dice.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return opening * depth + b"1" + closing * (depth if dice.random() < 0.7 else depth - 1)
