"""The unmodified SDKs and the switchboard's own identities."""

from __future__ import annotations

import pytest

from .stage import BROWSER_HZ, BrowserPhone

pytestmark = pytest.mark.browser


def test_echo_returns_the_browsers_own_voice(browser: BrowserPhone) -> None:
    browser.dial("echo")
    browser.until_event("call", "accept")
    browser.until_hears(BROWSER_HZ)
    browser.run("call.disconnect()")
    browser.until_event("call", "disconnect")


def test_tone_is_heard(browser: BrowserPhone) -> None:
    browser.dial("tone")
    browser.until_hears(440)
    browser.run("call.disconnect()")


@pytest.mark.parametrize("target", ["busy", "reject", "nobody"])
def test_a_refused_call_tells_of_its_error_and_ends(browser: BrowserPhone, target: str) -> None:
    browser.dial(target)
    browser.until_event("call", "error")
    browser.until_event("call", "disconnect")
    browser.until("phone.isReady()")
