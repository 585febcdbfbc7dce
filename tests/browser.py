"""A headless Chromium, asked over a pair of pipes: no driver and no library between the test and the page."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
    "--no-first-run", "--disable-background-networking", "--hide-scrollbars", "about:blank",
)  # fmt: skip
ANSWER_SECONDS = 300.0
"""A browser that has not answered one call for so long answers no more: it hangs, or has run out of memory."""
_COMPLAINTS = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")


def program() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Page:
    """One page. `complaints`: exceptions, violations of the page's policy and all that it wrote to the console.

    seconds: for the answer to one call; TimeoutError is raised for none.
    """

    def __init__(self, to_browser: int, from_browser: int, seconds: float = ANSWER_SECONDS) -> None:
        self._out = to_browser
        self._in = from_browser
        self._seconds = seconds
        os.set_blocking(to_browser, False)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.complaints: list[dict[str, Any]] = []

    def attach(self) -> None:
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(t for t in targets if t["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def open(self, address: str, width: int = 1440, height: int = 900) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        self.call("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """What an expression comes to in the page; None where it throws, as while a page is loading."""
        asked = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        return self.call("Runtime.evaluate", **asked).get("result", {}).get("value")

    def until(self, expression: str, wanted: Any = True, seconds: float = 30) -> None:
        deadline, seen = time.monotonic() + seconds, None
        while time.monotonic() < deadline:
            seen = self.value(expression)
            if seen == wanted:
                return
            time.sleep(0.1)
        raise AssertionError(f"{expression}: expected {wanted!r}, got {seen!r}; {self.complaints}")

    def text(self, selector: str) -> str:
        return str(self.value(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def click(self, selector: str) -> None:
        self.until(f"Boolean(document.querySelector({json.dumps(selector)}))")
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        deadline = time.monotonic() + self._seconds
        self._send(json.dumps(message).encode() + b"\0", method, deadline)
        while True:
            answer = self._receive(method, deadline)
            if answer.get("id") == self._number:
                return cast(dict[str, Any], answer.get("result", answer))
            if answer.get("method") in _COMPLAINTS:
                self.complaints.append(answer["params"])

    def _send(self, message: bytes, method: str, deadline: float) -> None:
        rest = memoryview(message)
        while rest:
            self._wait([], [self._out], method, deadline)
            rest = rest[os.write(self._out, rest[: select.PIPE_BUF]) :]

    def _receive(self, method: str, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            self._wait([self._in], [], method, deadline)
            part = os.read(self._in, 1 << 16)
            if not part:
                raise EOFError("the browser has ended")
            self._buffer += part
        message, self._buffer = self._buffer.split(b"\0", 1)
        return cast(dict[str, Any], json.loads(message))

    def _wait(self, reading: list[int], writing: list[int], method: str, deadline: float) -> None:
        """Wait until a pipe is ready. Raise TimeoutError at the deadline, monotonic seconds."""
        ready = select.select(reading, writing, [], max(0.0, deadline - time.monotonic()))
        if not any(ready):
            raise TimeoutError(f"{method}: the browser has not answered within {self._seconds:g} s")


@contextmanager
def browsing() -> Iterator[Page]:
    """A browser with an empty profile; Chromium reads its orders from descriptor 3 and answers on 4."""
    name = program()
    assert name is not None
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    profile = tempfile.mkdtemp(prefix="hallpulse-browser-")
    # The shell puts the two ends where Chromium expects them, whatever numbers they have here.
    script = f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}'
    process = subprocess.Popen(
        ["bash", "-c", script, name, f"--user-data-dir={profile}", *_OPTIONS],
        pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        page = Page(ours_out, ours_in)
        page.attach()
        yield page
    finally:
        os.close(ours_out)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:  # it hangs
            process.kill()
            process.wait()
        os.close(ours_in)
        shutil.rmtree(profile, ignore_errors=True)
