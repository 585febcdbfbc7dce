"""Real OpenID Connect providers, Canaille and oidc-provider, in processes and environments apart, and people there."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

CLIENT, SECRET = "hallpulse", "the secret of hallpulse at the provider"
OTHER_CLIENT = "another-application"
PASSWORD = "the password at the provider 7"
PEOPLE = ("wang.li", "li.na")
ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-provider" / "bin" / "python"
MODULES = ROOT / ".venv-provider" / "node" / "node_modules"
"""scripts/provider.sh makes both, the second one where there is Node."""


@dataclass
class Visitor:
    """A person's browser at the provider: signs in on its pages, and says where it was sent back to."""

    name: str
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    def go(self, address: str, back_at: str) -> str:
        """Follow the provider's pages, with name and password where they are asked for, until it sends us back."""
        time.sleep(1.05)  # this provider gives a person one token a second, and fails at the second one
        with httpx.Client(timeout=30, cookies=self.cookies) as client:
            found = self._follow(client, address, back_at)
            self.cookies = client.cookies
        return found

    def _follow(self, client: httpx.Client, address: str, back_at: str) -> str:
        answer = client.get(address)
        for _ in range(12):
            if answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if target.startswith(back_at):
                    return target
                answer = client.get(target)
                continue
            assert answer.status_code == 200, (answer.status_code, answer.url, answer.text[:2000])
            answer = self._submit(client, answer)
        raise AssertionError(f"never sent back: {answer.url}")

    def _submit(self, client: httpx.Client, answer: httpx.Response) -> httpx.Response:
        values = {
            name: unescape(value)
            for name, value in re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', answer.text)
        }
        for tag in re.findall(r"<input[^>]*>", answer.text):
            name = re.search(r'name="([^"]+)"', tag)
            if name and name[1] in ("login", "password"):
                values[name[1]] = {"login": self.name, "password": PASSWORD}[name[1]]
        if 'name="answer"' in answer.text:
            values["answer"] = "accept"
        leaving = re.search(r'<form id="op.logoutForm"[^>]*action="([^"]+)"', answer.text)
        if leaving:  # whether to sign out
            return client.post(urljoin(str(answer.url), unescape(leaving[1])), data={**values, "logout": "yes"})
        return client.post(str(answer.url), data=values)


@dataclass(frozen=True)
class IdentityProvider:
    port: int

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def identity_provider(port: int, callback: str, folder: Path) -> Iterator[IdentityProvider]:
    """Canaille, once it answers; its words are in its log only if it does not come up."""
    command = (PYTHON, "-W", "ignore", "tests/provider/server.py", str(port), callback, str(folder))
    with _running(command, port, folder) as found:
        yield found


@contextmanager
def second_provider(port: int, callback: str, folder: Path) -> Iterator[IdentityProvider]:
    """oidc-provider, once it answers: another program in another language, with other habits."""
    command = ("node", "tests/provider/server.mjs", str(port), callback, str(MODULES))
    with _running(command, port, folder) as found:
        yield found


@contextmanager
def _running(command: Sequence[str | Path], port: int, folder: Path) -> Iterator[IdentityProvider]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CANAILLE")}
    log = folder / "provider.log"
    with (
        log.open("wb") as said,
        subprocess.Popen(command, cwd=ROOT, env=kept, stdout=said, stderr=said) as process,
    ):
        found = IdentityProvider(port)
        try:
            deadline = time.monotonic() + 120
            while not _answers(found):
                assert process.poll() is None, log.read_text()[-3000:]
                assert time.monotonic() < deadline, "the provider does not answer"
                time.sleep(0.2)
            yield found
        finally:
            process.terminate()
            process.wait()


def _answers(found: IdentityProvider) -> bool:
    try:
        return httpx.get(f"{found.issuer}/.well-known/openid-configuration", timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


def code_in(address: str) -> dict[str, str]:
    """The parameters with which the provider sent a browser back."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
