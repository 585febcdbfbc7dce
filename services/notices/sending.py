"""Send notices by e-mail, and to group robots of WeCom (企业微信) and DingTalk (钉钉) in their published JSON."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import smtplib
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any, Protocol
from urllib.parse import quote_plus

import httpx

from hallpulse.domain.errors import HallpulseError
from hallpulse.store.notices import DueMessage, NoticeLedger, NoticeMessage
from services.notices.channels import Channels, Robot, Smtp, secret
from services.notices.records import NoticeMetrics

PATIENCE_SECONDS = 10.0
WECOM_BYTES = 4_096
DINGTALK_BYTES = 20_000
CUT = "……"


class NotSent(Exception):
    """A message was not sent: try again later. The text says what went wrong and holds no secret."""


class NoSuchAddress(NotSent):
    """The receiver has no such address any more, so that trying again is no use."""


class Senders:
    """Sends each message through its channel to its address."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def send(self, message: NoticeMessage) -> None:
        """Send a message. Raises NotSent, or NoSuchAddress if it cannot ever be sent."""
        addresses = self._channels.of(message.receiver)
        try:
            if message.channel == "email" and self._channels.smtp is not None:
                send_email(self._channels.smtp, addresses.email[message.place], message)
            elif message.channel == "wecom":
                send_wecom(addresses.wecom[message.place], message)
            elif message.channel == "dingtalk":
                send_dingtalk(addresses.dingtalk[message.place], message, time.time())
            else:
                raise NoSuchAddress(f"no channel {message.channel}")
        except IndexError:
            raise NoSuchAddress(f"{message.receiver} has no address {message.place + 1} on {message.channel}") from None


def send_email(smtp: Smtp, to: str, message: NoticeMessage) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = smtp.sender, to, " ".join(message.title.split())
    mail.set_content(message.body)
    try:
        with smtplib.SMTP(smtp.host, smtp.port, timeout=PATIENCE_SECONDS) as server:
            if smtp.starttls:
                server.starttls()
            if smtp.user:
                server.login(smtp.user, secret(smtp.password_file))
            server.send_message(mail)
    except smtplib.SMTPRecipientsRefused:
        raise NoSuchAddress(f"{smtp.host} refuses the address {to}") from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(f"{smtp.host}:{smtp.port}: {error}") from None


def send_wecom(robot: Robot, message: NoticeMessage) -> None:
    text = cut(f"**{message.title}**\n{message.body}", WECOM_BYTES)
    _post("WeCom", _url(robot), {"msgtype": "markdown", "markdown": {"content": text}})


def send_dingtalk(robot: Robot, message: NoticeMessage, now: float) -> None:
    text = cut(f"### {message.title}\n\n{message.body}".replace("\n", "  \n"), DINGTALK_BYTES)
    url = _url(robot)
    try:
        key = secret(robot.secret_file)
    except OSError as error:
        raise NotSent(f"DingTalk: the robot's key cannot be read: {error.strerror}") from None
    if key:
        url += signature(key, round(now * 1000))
    _post("DingTalk", url, {"msgtype": "markdown", "markdown": {"title": cut(message.title, 200), "text": text}})


def signature(key: str, milliseconds: int) -> str:
    """Return the query that DingTalk wants appended to a robot's address.

    It holds the time and its signature: the base64 of the HMAC-SHA256 of time and key under the key.
    """
    digest = hmac.new(key.encode(), f"{milliseconds}\n{key}".encode(), hashlib.sha256).digest()
    return f"&timestamp={milliseconds}&sign={quote_plus(base64.b64encode(digest))}"


def cut(text: str, most: int) -> str:
    """Return the text cut to at most this many bytes of UTF-8, between characters and with an ellipsis."""
    encoded = text.encode()
    if len(encoded) <= most:
        return text
    return encoded[: most - len(CUT.encode())].decode(errors="ignore") + CUT


def _url(robot: Robot) -> str:
    try:
        return robot.url or secret(robot.url_file)
    except OSError as error:
        raise NotSent(f"the robot's address cannot be read: {error.strerror}") from None


def _post(whom: str, url: str, content: Mapping[str, Any]) -> None:
    """Post to a robot. WeCom and DingTalk answer 200 with an errcode, which is 0 for success. Raises NotSent.

    The address holds the robot's key, so no error names it.
    """
    try:
        answer = httpx.post(url, json=content, timeout=PATIENCE_SECONDS)
        said = answer.json() if answer.status_code == 200 else {}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NotSent(f"{whom} does not answer: {type(error).__name__}") from None
    if not isinstance(said, dict) or said.get("errcode") != 0:
        detail = f"errcode {said.get('errcode')}: {said.get('errmsg')}" if said else f"status {answer.status_code}"
        raise NotSent(f"{whom} refuses: {detail}")


PATIENCE = timedelta(minutes=2)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
MOST_ATTEMPTS = 30
IDLE_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Sender(Protocol):
    def send(self, message: NoticeMessage) -> None:
        """Send a message. Raises NotSent."""
        ...


class NoticeDispatcher:
    """Sends the messages that are due, in one thread. Several processes may each run one: only one takes a message."""

    def __init__(
        self, ledger: NoticeLedger, sender: Sender, clock: Callable[[], datetime], metrics: NoticeMetrics
    ) -> None:
        self._ledger, self._sender, self._clock, self._metrics = ledger, sender, clock, metrics
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            if not self._round():
                self._stopping.wait(IDLE_SECONDS)

    def stop(self) -> None:
        self._stopping.set()

    def send_due(self) -> int:
        """Send everything whose time has come, but stop between two messages; return how many. Raises Unavailable.

        Each message is taken right before it is sent. If many were taken at once and the receivers were slow, the last
        ones would be due again, for another process, before their turn came.
        """
        sent = 0
        while not self._stopping.is_set() and (due := self._ledger.due(self._clock(), PATIENCE, limit=1)):
            self._send(due[0])
            sent += 1
        return sent

    def _round(self) -> int:
        try:
            return self.send_due()
        except HallpulseError as error:
            _log.warning("%s: notices wait", error)
            return 0

    def _send(self, due: DueMessage) -> None:
        try:
            self._sender.send(due.message)
        except NotSent as error:
            self._failed(due, error)
        else:
            self._ledger.sent(due.id, self._clock())
            self._metrics.passed_on(due.message.channel, "sent")

    def _failed(self, due: DueMessage, error: NotSent) -> None:
        given_up = isinstance(error, NoSuchAddress) or due.attempts >= MOST_ATTEMPTS
        wait = min(FIRST_WAIT * 2 ** min(due.attempts - 1, 12), LONGEST_WAIT)
        self._ledger.failed(due.id, str(error), None if given_up else self._clock() + wait)
        self._metrics.passed_on(due.message.channel, "given_up" if given_up else "failed")
        if given_up:
            _log.warning("gave up a message to %s by %s: %s", due.message.receiver, due.message.channel, error)
