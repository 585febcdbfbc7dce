"""The channels to which notices are passed on: a YAML file that says for each receiver its e-mails and group robots.

smtp: {host: mail.example.gov.cn, port: 25, from: hallpulse@example.gov.cn, user: hallpulse,
       password_file: /run/secrets/smtp, starttls: true}
receivers:
  bureau: {email: [zsj@example.gov.cn], wecom: [{url_file: /run/secrets/wecom-bureau}]}
  222424/justice: {dingtalk: [{url_file: /run/secrets/dingtalk, secret_file: /run/secrets/dingtalk-key}]}
  222424.hall-1: {email: [hall-1@example.gov.cn]}

A receiver is `bureau`, `operators`, REGION/DEPARTMENT, REGION.HALL for a hall's owner (the bureau where it is not
named), or `default` for all that are not named. A robot's address is a secret: it is best kept in a separate file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec

BUREAU, DEFAULT = "bureau", "default"
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class ChannelsError(Exception):
    """The file cannot be used; one line: file, place, what was expected."""


class Smtp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str
    sender: str = msgspec.field(name="from")
    port: Port = 25
    user: str = ""
    password_file: str = ""
    starttls: bool = False


class Robot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group robot's webhook; secret_file: DingTalk's signing key."""

    url: str = ""
    url_file: str = ""
    secret_file: str = ""


class Addresses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: list[str] = []
    wecom: list[Robot] = []
    dingtalk: list[Robot] = []


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    smtp: Smtp | None = None
    receivers: dict[str, Addresses] = {}


@dataclass(frozen=True, slots=True)
class Channels:
    """No channel, where no file is named: the ledger alone then says who was notified."""

    smtp: Smtp | None = None
    receivers: Mapping[str, Addresses] = field(default_factory=dict)

    def of(self, receiver: str) -> Addresses:
        is_hall = "/" not in receiver and "." in receiver
        names = (receiver, *([BUREAU] if is_hall else []), DEFAULT)
        return next((self.receivers[name] for name in names if name in self.receivers), Addresses())


def load_channels(path: Path) -> Channels:
    """Load the channels. Raise ChannelsError; files that hold secrets are read when a message is sent."""
    try:
        content = msgspec.yaml.decode(path.read_bytes(), type=_File)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise ChannelsError(f"{path}: {' '.join(str(error).split())}") from None
    _check(path, content)
    return Channels(content.smtp, content.receivers)


def _check(path: Path, content: _File) -> None:
    for name, addresses in content.receivers.items():
        if addresses.email and content.smtp is None:
            raise ChannelsError(f"{path}: receivers.{name}.email: expected smtp to say which server sends it")
        for robot in (*addresses.wecom, *addresses.dingtalk):
            if bool(robot.url) == bool(robot.url_file):
                raise ChannelsError(f"{path}: receivers.{name}: expected url or url_file of each robot")


def secret(path: str) -> str:
    """Return the secret in a file, without the line's end; empty if none is named. Raise OSError."""
    return Path(path).read_text(encoding="utf-8").strip() if path else ""
