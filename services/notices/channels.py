"""The channels for notices: a YAML file that lists e-mail addresses and group robots for each receiver.

smtp: {host: mail.example.gov.cn, port: 25, from: hallpulse@example.gov.cn, user: hallpulse,
       password_file: /run/secrets/smtp, starttls: true}
receivers:
  bureau: {email: [zsj@example.gov.cn], wecom: [{url_file: /run/secrets/wecom-bureau}]}
  222424/justice: {dingtalk: [{url_file: /run/secrets/dingtalk, secret_file: /run/secrets/dingtalk-key}]}
  222424.hall-1: {email: [hall-1@example.gov.cn]}

A receiver is `bureau`, `operators`, REGION/DEPARTMENT, or REGION.HALL for a hall's owner. A hall that is not named gets
the channels of the bureau; every other receiver that is not named gets those of `default`. A robot's address is a
secret and best kept in a separate file.
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
    """The file of channels cannot be used. The message is one line: the file, the place, and what was expected."""


class Smtp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str
    sender: str = msgspec.field(name="from")
    port: Port = 25
    user: str = ""
    password_file: str = ""
    starttls: bool = False


class Robot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group robot's webhook: its address, or the file that holds it. secret_file: holds DingTalk's signing key."""

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
    """The channels by receiver. Without any, notices are only written to the ledger."""

    smtp: Smtp | None = None
    receivers: Mapping[str, Addresses] = field(default_factory=dict)

    def of(self, receiver: str) -> Addresses:
        is_hall = "/" not in receiver and "." in receiver
        names = (receiver, *([BUREAU] if is_hall else []), DEFAULT)
        return next((self.receivers[name] for name in names if name in self.receivers), Addresses())


def load_channels(path: Path) -> Channels:
    """Load the channels. Raises ChannelsError. Files that hold secrets are read only when a message is sent."""
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
    """Return the secret in a file, without white space at its ends; "" if no file is named. Raises OSError."""
    return Path(path).read_text(encoding="utf-8").strip() if path else ""
