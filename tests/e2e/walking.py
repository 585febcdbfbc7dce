"""A person who walks through the page's views in a real browser, and all that is wrong with what is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Response, Route, TimeoutError, sync_playwright

from tests import browser
from tests.e2e.desks import seconds
from tests.peopled import PASSWORD
from tests.script_texts import KINDS, MARK

_WATCH = """
window.__pending = 0; window.__violations = [];
addEventListener('securitypolicyviolation', (one) => __violations.push(`${one.violatedDirective} ${one.blockedURI}`));
const own = window.fetch;
window.fetch = (...asked) => {
  if (String(asked[0]).startsWith('/v1/live')) return own(...asked);
  __pending += 1;
  return own(...asked).finally(() => setTimeout(() => { __pending -= 1; }));
};
"""
_DRAWN = """(view) => {
  const inside = document.querySelector('.drawer .inside');
  const dialog = document.getElementById('drawer');
  if (__pending) return false;
  if (view === '#/') return !dialog.open && document.querySelectorAll('#board > *').length > 0;
  return dialog.open && inside && !inside.hasAttribute('data-before') && inside.innerText.trim().length > 0;
}"""
_LOOK = """() => {
  const wrong = [];
  if (window.__hit !== undefined) wrong.push('a script ran');
  wrong.push(...__violations.map((one) => `policy: ${one}`));
  const foreign = 'img:not([src^="/page/"]), iframe, object, embed, base, meta[http-equiv=refresh], svg[onload]';
  for (const one of document.querySelectorAll(foreign)) wrong.push(`element: ${one.outerHTML.slice(0, 120)}`);
  for (const one of document.scripts) if (!one.src.startsWith(`${location.origin}/page/`)) wrong.push('a script');
  for (const one of document.querySelectorAll('*')) {
    for (const { name, value } of one.attributes) {
      if (name.startsWith('on')) wrong.push(`attribute: ${name}`);
      const leads = ['href', 'src', 'action', 'formaction', 'xlink:href'].includes(name);
      if (leads && /^\\s*(javascript|data|vbscript):/i.test(value)) wrong.push(`address: ${value.slice(0, 120)}`);
    }
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    const apart = /[\u202a-\u202e\u2066-\u2069]/.test(data) && getComputedStyle(parentElement).unicodeBidi;
    if (apart && !apart.startsWith('isolate')) wrong.push(`turns what stands beside: ${parentElement.outerHTML}`);
  }
  const said = [...document.querySelectorAll('[title], [aria-label], input, textarea, option')]
    .flatMap((one) => [one.title, one.getAttribute('aria-label'), one.value]);
  return { wrong, text: [document.documentElement.textContent, ...said.filter(Boolean)].join('\\n') };
}"""
_WORDS = re.compile(r"(?:\b[a-z]{2,}\b[ ,]+){3}[a-z]{2,}\b|\bundefined\b|\[object|\bNaN\b|Error:")
"""English sentences and what a program prints: raw where the page is in Chinese."""


def marks_in(text: str) -> set[tuple[int, str]]:
    """Return field and kind of each text that is shown whole."""
    shown = set()
    for found in MARK.finditer(text):
        number, kind = int(found[1]), found[2]
        before = text[max(0, found.start() - 3000) : found.start()]
        if kind in KINDS and (before.endswith(KINDS[kind]) or (kind == "w" and before.endswith("W" * 20))):
            shown.add((number, kind))
    return shown


@dataclass
class Walker:
    """A person's browser. faults: dialogs, exceptions and what the page complained of; refusals: method and address."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)
    refusals: list[tuple[int, str, str]] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(_WATCH)
        self.page.set_default_timeout(min(seconds(30), 60_000))
        self.page.on("dialog", self._closed)
        self.page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        self.page.on("response", self._answered)

    def _closed(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _answered(self, response: Response) -> None:
        if response.status in (401, 403) and "/v1/" in response.url:
            path = response.url.removeprefix(self.address).partition("?")[0]
            self.refusals.append((response.status, response.request.method, path))

    def sign_in(self, account: str) -> None:
        self.page.goto(self.address)
        self.page.locator("#name").fill(account)
        self.page.locator("#password").fill(PASSWORD)
        self.page.locator("#by-name button").click()
        self.page.locator(".who").wait_for()
        self.page.wait_for_function("() => !__pending")

    def go(self, view: str, *, drawn: bool = True) -> None:
        """Open a view of the page that stands, and wait until it is drawn; drawn: whether there is such a view."""
        self.page.evaluate(
            """(view) => {
              document.querySelector('.drawer .inside')?.setAttribute('data-before', '');
              location.hash = view;
            }""",
            view,
        )
        if not drawn:
            self.page.wait_for_timeout(30)
            self.page.wait_for_function("() => !__pending")
            return
        try:
            self.page.wait_for_function(_DRAWN, arg=view)
        except TimeoutError:
            state = self.page.evaluate("[location.hash, __pending, document.getElementById('drawer').open]")
            raise AssertionError(f"{view}: never drawn: {state}; {self.faults}; {self.words()[:500]}") from None

    def look(self) -> tuple[list[str], str]:
        """Return what is wrong, and all texts of the page, hidden ones too."""
        found: dict[str, Any] = self.page.evaluate(_LOOK)
        wrong = [*self.faults, *found["wrong"]]
        self.faults.clear()
        return wrong, str(found["text"])

    def words(self) -> str:
        """Return what a person reads in the drawer, else on the board."""
        shown = "document.getElementById('drawer').open ? document.querySelector('.drawer .inside') : board"
        return str(self.page.evaluate(f"() => ({shown}).innerText"))

    def hold_back(self) -> None:
        """Keep everything that the page posts from the server, and remember what it was."""

        def held(route: Route) -> None:
            if route.request.method != "POST":
                return route.fallback()
            self.posted.append(route.request.url.removeprefix(self.address).partition("?")[0])
            body = '{"type": "/problems#unavailable", "title": "held", "status": 503, "detail": "held back"}'
            return route.fulfill(status=503, content_type="application/problem+json", body=body)

        self.page.route("**/v1/**", held)


def raw_words(text: str) -> list[str]:
    """Return what is no word of the Chinese page, the planted texts aside."""
    for kind in KINDS.values():
        text = text.replace(kind, "")
    return _WORDS.findall(text)


PRESS = """async () => {
  const inside = document.querySelector('.drawer .inside') || document.createElement('p');
  for (const one of inside.querySelectorAll('form')) one.noValidate = true;
  for (const one of inside.querySelectorAll('details')) one.open = true;
  const visible = (one) => one.getClientRects().length > 0;
  for (const one of inside.querySelectorAll('input, textarea')) {
    const other = ['search', 'file', 'checkbox', 'radio', 'month'].includes(one.type);
    if (other || !visible(one) || one.closest('[role=search]')) continue;
    one.value = one.type === 'date' ? '2026-12-20' : one.inputMode === 'numeric' || one.type === 'number' ? '2' : 'x';
    for (const kind of ['input', 'change']) one.dispatchEvent(new Event(kind, { bubbles: true }));
  }
  const aside = '[role=search], th, nav, .chart';
  const shown = [...inside.querySelectorAll('button')].filter((one) => visible(one) && !one.closest(aside));
  for (const one of shown) {
    if (!one.isConnected) continue;
    one.click();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}"""
"""Fills in every field of a view and presses every button of it that is seen."""


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser.program(), args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


def walker(started: Browser, address: str) -> Walker:
    context: BrowserContext = started.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    return Walker(context.new_page(), address)
