"""The types of event fields: texts with their patterns, numbers with their bounds, words of closed lists.

Patterns are written for JSON Schema and mean the same in ECMAScript, RE2 and Python: they use no look-ahead and list
white space. Python's `$` also matches before a last line feed, so a second pattern forbids line feeds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

_CONTROL = r"\x00-\x1f\x7f"
WHITE_SPACE = " \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""The white space that `str.strip` removes, control characters excepted; for use within the brackets of a pattern."""
NO_LINE_FEED: dict[str, Any] = {"not": {"pattern": "\n"}}


def anchored(pattern: str) -> dict[str, Any]:
    """Return the part of a schema that says which texts are valid. pattern: begins with `^` and ends with `$`."""
    return {"pattern": pattern, **NO_LINE_FEED}


def shape(pattern: str, description: str, max_length: int, min_length: int = 1) -> Meta:
    """Return the bounds of a text whose pattern msgspec does not check: `is_plain` does, without a regex per field."""
    return Meta(
        min_length=min_length,
        max_length=max_length,
        description=description,
        extra_json_schema=anchored(pattern),
    )


def checked(pattern: str, description: str, **more: Any) -> Meta:
    """Return the bounds of a text whose pattern msgspec checks."""
    return Meta(
        pattern=pattern.removesuffix("$") + r"\Z",
        description=description,
        extra_json_schema={**anchored(pattern), **more},
    )


NO_CONTROL = rf"^[^{_CONTROL}]+$"
Code = Annotated[
    str,
    shape(
        rf"^[^{WHITE_SPACE}{_CONTROL}](?:[^{_CONTROL}]*[^{WHITE_SPACE}{_CONTROL}])?$",
        "1 to 64 characters, no control characters, no white space at either end",
        64,
    ),
]
EventId = Annotated[str, shape(NO_CONTROL, "1 to 64 characters, no control characters", 64)]
Corrected = Annotated[
    str,
    shape(
        NO_CONTROL,
        "the id of an event of the same source, type and subject (case, item, day or figure): this event takes its"
        " place, and it counts no more; 1 to 64 characters, no control characters",
        64,
    ),
]
_ANY_TEXT = {"pattern": r"^[^\x00]*$"}
Text = Annotated[
    str, Meta(max_length=500, description="at most 500 characters, none of them U+0000", extra_json_schema=_ANY_TEXT)
]
ItemName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=300,
        description="1 to 300 characters, none of them U+0000",
        extra_json_schema=_ANY_TEXT,
    ),
]
Day = Annotated[str, checked("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "a date, YYYY-MM-DD, Asia/Shanghai", format="date")]
Period = Annotated[str, checked("^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$", "a period, YYYY, YYYY-MM or YYYY-MM-DD")]
IndicatorId = Annotated[
    str, checked("^[a-z][a-z0-9_]{0,63}$", "1 to 64 lower-case letters, digits or underscores, a letter first")
]
Limit = Annotated[int, Meta(ge=0, le=36500, description="working days")]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Amount = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
Revision = Annotated[int, Meta(ge=0, le=1_000_000_000)]

Channel = Literal["window", "online", "kiosk", "post", "mobile"]
Outcome = Literal["granted", "refused", "forwarded", "terminated", "other"]
RatingChannel = Literal["window", "web", "app", "kiosk", "message", "hotline"]
Procedure = Literal[
    "hearing", "bidding", "auction", "inspection", "testing", "quarantine",
    "appraisal", "expert_review", "public_notice", "other",
]  # fmt: skip
ItemKind = Literal[
    "licensing", "confirmation", "payment", "reward", "adjudication", "levy",
    "inspection", "public_service", "other",
]  # fmt: skip
Handling = Literal["instant", "promised"]
