"""Phones of JsSIP in one page of Chromium, in the client's namespace of a site; a bridge carries what is asked."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gevent

from agent.closing import Closing
from agent.media.bridge import Bridge
from bench.rig.browser import browser
from bench.rig.chromium_flags import NO_FEATURES
from bench.rig.sip_deployment import ROOT
from bench.rig.sip_phone import write_tone
from bench.rig.sip_site import DOMAIN, USERS, SipSite

HERE = Path(__file__).parent
MODULES = ROOT / "tests" / "e2e" / "js" / "node_modules"
PATIENCE_S = 30.0
OPEN = (
    "--ignore-certificate-errors",
    NO_FEATURES + ",LocalNetworkAccessChecksWebSockets",
)


def missing() -> str:
    """What this machine lacks for it; empty when nothing."""
    return "" if (MODULES / "jssip").exists() and (MODULES / ".bin" / "esbuild").exists() else "JsSIP and esbuild"


class SipPage(Closing):
    """A page that may hold several phones, all of which say the same tone. Hub only, within `site.inside("client")`."""

    def __init__(self, site: SipSite, hz: int = 600) -> None:
        self._site = site
        with ExitStack() as stack:
            self._bridge = stack.enter_context(Bridge())
            folder = site.folder / "page"
            folder.mkdir(exist_ok=True)
            write_tone(folder / "microphone.wav", hz, rate_hz=48_000, seconds=10)
            page = browser(*OPEN, f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}")
            self._page = self._bridge.run(page.__aenter__(), timeout_s=60)
            stack.callback(lambda: self._bridge.run(page.__aexit__(None, None, None), timeout_s=30))
            self.run(_bundle())
            self._closing = stack.pop_all()

    def run(self, code: str) -> Any:
        """What the body of an async function returns in the page."""
        return self._bridge.run(self._page.run(code), timeout_s=60)

    def phone(self, user: str = "web", edges: tuple[int, ...] = (1,), **options: object) -> PagePhone:
        """Register a user; `options` are JsSIP's own."""
        uris = [self._site.uri(edge) for edge in edges]
        words = ", ".join(json.dumps(each) for each in (user, USERS[user], DOMAIN, uris, options))
        self.run(f"startPhone({words})")
        phone = PagePhone(self, user)
        phone.until("it.happened('registered')")
        return phone

    def close(self) -> None:
        """End the browser; idempotent."""
        self._closing.close()


class PagePhone(Closing):
    """One registered user in the page; `it` is the phone in what the page is asked."""

    def __init__(self, page: SipPage, user: str) -> None:
        self._page = page
        self.user = user

    def run(self, code: str) -> Any:
        """Do something with `it`."""
        return self._page.run(f"const it = phones[{json.dumps(self.user)}]; {code}")

    def ask(self, expression: str) -> Any:
        """The value of an expression."""
        return self.run(f"return {expression}")

    def until(self, condition: str) -> None:
        """Wait until an expression is true."""
        with gevent.Timeout(PATIENCE_S, False):
            while not self.ask(f"Boolean({condition})"):
                gevent.sleep(0.02)
            return
        raise AssertionError(f"never true: {condition}; {self.events()}")

    def events(self) -> list[str]:
        """What has happened, in order."""
        return [f"{name} {what}".strip() for _, name, what in self.ask("it.events")]

    def forget(self) -> None:
        """Begin to count events anew."""
        self.run("it.events.length = 0")

    def dial(self, to: str, *headers: str) -> None:
        """Call a user of the site."""
        self.run(f"it.dial({json.dumps(f'sip:{to}@{DOMAIN}')}, {json.dumps(headers)})")

    def hang_up(self, status: int = 0) -> None:
        """End the call, or refuse it with a status."""
        self.run(f"it.session.terminate({json.dumps({'status_code': status} if status else {})})")

    def until_hears(self, hz: int) -> None:
        """Wait until what comes is this tone."""
        self.until(f"it.hears({hz})")

    def close(self) -> None:
        """Unregister."""
        self.run("it.ua.stop()")


def _bundle() -> str:
    """The page's script with JsSIP in it."""
    words = (MODULES / ".bin" / "esbuild", HERE / "sip_page.js", "--bundle", "--log-level=error")
    environment = os.environ | {"NODE_PATH": str(MODULES)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"the page's script cannot be made: {done.stderr}")
    return done.stdout
