"""A bureau at work: a suite with a plan of these months, and people of it, each in a browser of their own (Playwright).

Nothing but the page is used as a person would use it: seen, clicked, typed into. With HALLPULSE_SHOTS=FOLDER the
pictures of docs/bureau.md are taken on the way.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from hallpulse.domain.workdays import SHANGHAI
from tests import browser
from tests.e2e.suite_at import hallpulse, suite_at
from tests.gateway_ground import PLANS
from tests.ingesting import strain

REGION, HALL = "222424", "main-hall"
PASSWORD = "correct horse 42"
PEOPLE: Mapping[str, tuple[str, str, str]] = {
    "limin": ("李敏", "bureau", ""),
    "zhaoqiang": ("赵强", "department", "justice"),
    "qianfang": ("钱芳", "department", "government-office"),
    "sunli": ("孙丽", "department", "petitions"),
    "zhoujie": ("周杰", "department", "data-bureau"),
    "wugang": ("吴刚", "leader", ""),
}
"""Account → the person, the role, and the department."""
_EXPECTED = "the server responded with a status of 4"
_MIDNIGHT = timedelta(minutes=8)


def seconds(most: float) -> float:
    """Return milliseconds to wait for at most, more on a busy machine."""
    return most * 1000 * strain()


def month_before(day: date, months: int = 1) -> str:
    """YYYY-MM."""
    index = day.year * 12 + day.month - 1 - months
    return f"{index // 12}-{index % 12 + 1:02}"


def today() -> date:
    """The day in Shanghai; close to midnight the next one is waited for, so that a story has one day."""
    now = datetime.now(SHANGHAI)
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), SHANGHAI)
    if midnight - now < _MIDNIGHT:
        time.sleep((midnight - now).total_seconds() + 1)
    return datetime.now(SHANGHAI).date()


def plan_of_these_months(folder: Path, day: date) -> Path:
    """Write the county's plan as if it ran now: from the month before the last one, which was due, for a year.

    The last month's report is due ten days from now, that of the month before it was due as the plan has it.
    """
    plan: dict[str, Any] = yaml.safe_load((PLANS / "222424-2026.yaml").read_text(encoding="utf-8"))
    first = date.fromisoformat(f"{month_before(day, 2)}-01")
    last, month = first + timedelta(days=365), month_before(day)
    plan["period"] = {"from": first, "to": last}
    plan["names"] = {"zh": "汪清县重点目标（示例）", "en": "Wangqing County, targets (example)"}
    plan["phases"] = [{"id": "drive", "names": {"zh": "推进落实", "en": "drive"}, "from": first, "to": last}]
    plan["reporting"]["exceptions"] = [{"months": {"from": month, "to": month}, "by": day + timedelta(days=10)}]
    folder.mkdir()
    written = yaml.dump(plan, Dumper=_Written, allow_unicode=True, sort_keys=False)
    (folder / "222424.yaml").write_text(written, encoding="utf-8")
    return folder


class _Written(yaml.SafeDumper):
    """Writes every value where it stands: a plan has no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


@dataclass
class Desk:
    """A person's browser. complaints: what the page wrote to the console, and exceptions."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and _EXPECTED not in message.text:
            self.complaints.append(message.text)

    @property
    def sheet(self) -> Locator:
        """The drawer over the board."""
        return self.page.locator("#drawer")

    @property
    def work(self) -> Locator:
        return self.page.locator(".work")

    def sign_in(self, account: str, one_time: str) -> None:
        """Sign in for the first time: with the password that was handed over, and change it."""
        self.page.goto(self.address)
        self.page.locator("#name").fill(account)
        self.page.locator("#password").fill(one_time)
        self.page.get_by_role("button", name="进入").first.click()
        self.page.locator("#old").fill(one_time)
        self.page.locator("#new").fill(PASSWORD)
        self.page.locator("#again").fill(PASSWORD)
        self.page.locator("#change-password").get_by_role("button", name="修改密码").click()
        expect(self.page.locator(".who")).to_contain_text(PEOPLE[account][0], timeout=seconds(30))

    def home(self) -> None:
        """Open the first page again, as F5 does."""
        self.page.goto(f"{self.address}/#/")
        self.page.reload()
        expect(self.page.locator(".tile").first).to_be_visible(timeout=seconds(30))

    def open(self, name: str) -> None:
        """Open a view by its link at the top of the page."""
        self.home()
        self.page.locator("#tools").get_by_role("link", name=name, exact=True).click()
        expect(self.sheet.locator(".inside")).to_be_visible()

    def press(self, name: str) -> None:
        self.sheet.get_by_role("button", name=name, exact=True).click()

    def sees(self, text: str | re.Pattern[str], most: float = 30) -> None:
        """Wait until the sheet shows a text."""
        expect(self.sheet).to_contain_text(text, timeout=seconds(most))

    def until(self, look: Callable[[], bool], most: float = 60) -> None:
        """Look again and again, as a person does who waits for something."""
        began = time.monotonic()
        while not look():
            assert time.monotonic() - began < most * strain(), f"not in time; {self.sheet.inner_text()[:1500]}"
            self.page.wait_for_timeout(500)

    def save(self, press: Callable[[], None], folder: Path) -> Path:
        """Press what downloads a file, and keep it."""
        with self.page.expect_download(timeout=seconds(120)) as waiting:
            press()
        kept = folder / waiting.value.suggested_filename
        waiting.value.save_as(kept)
        return kept

    def picture(self, name: str) -> None:
        folder = os.environ.get("HALLPULSE_SHOTS")
        if folder:
            self.page.wait_for_timeout(400)
            self.page.screenshot(path=Path(folder, f"month-{name}.png"))


@dataclass
class Bureau:
    """The running suite, and the desks of its people, by account."""

    directory: Path
    address: str
    amqp: str
    day: date
    desks: Mapping[str, Desk]

    def complaints(self) -> list[str]:
        return [one for desk in self.desks.values() for one in desk.complaints]


def _account(directory: Path, name: str) -> str:
    """Make an account and return the password that is handed over with it."""
    person, role, department = PEOPLE[name]
    whose = ("--department", department) if department else ()
    options = ("--person", person, "--role", role, "--region", REGION, *whose, "--one-time", "--json")
    done = hallpulse("user", "add", name, *options, directory=directory)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["password"])


def _hall(directory: Path, amqp: str) -> str:
    """Register the hall and return the address at which it publishes, with its own user and password."""
    options = ("--name", "政务大厅", "--name-en", "Main hall", "--families", "case,heartbeat", "--json")
    done = hallpulse("hall", "add", REGION, HALL, *options, directory=directory)
    assert done.returncode == 0, done.stderr
    issued = json.loads(done.stdout)
    scheme, _, rest = amqp.partition("://")
    return f"{scheme}://{issued['amqp_user']}:{issued['amqp_password']}@{rest}"


def _desk(chromium: Browser, address: str, account: str, password: str) -> Desk:
    context = chromium.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN", accept_downloads=True)
    desk = Desk(context.new_page(), address)
    desk.page.set_default_timeout(seconds(30))
    desk.sign_in(account, password)
    return desk


@contextmanager
def bureau_at(folder: Path) -> Iterator[Bureau]:
    """A bureau whose people have just signed in for the first time."""
    day, directory = today(), folder / "run"
    plans = plan_of_these_months(folder / "plans", day)
    with suite_at(directory, HALLPULSE_PLANS=str(plans)) as there, sync_playwright() as playwright:
        passwords = {name: _account(directory, name) for name in PEOPLE}
        amqp = _hall(directory, there["amqp"])
        chromium = playwright.chromium.launch(executable_path=browser.program(), args=["--no-sandbox"])
        try:
            desks = {name: _desk(chromium, there["gateway"], name, one) for name, one in passwords.items()}
            yield Bureau(directory, there["gateway"], amqp, day, desks)
        finally:
            chromium.close()


def hall_event(kind: str, data: dict[str, Any], at: datetime, number: str) -> dict[str, Any]:
    """An event of the hall. number: its id."""
    return {
        "specversion": "1.0", "id": number, "source": f"/{REGION}/{HALL}", "type": kind,
        "time": at.astimezone(UTC).isoformat(), "data": data,
    }  # fmt: skip
