"""The unmodified SDKs call a phone of ours through the switchboard, and are called by it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .stage import BOX_HZ, BROWSER_HZ, Box, BrowserPhone, Stage

pytestmark = pytest.mark.browser


def browser_calls_box(browser: BrowserPhone, box: Box) -> None:
    """The browser calls, the box answers, and each hears the other."""
    browser.dial(box.identity)
    box.until_event("incoming")
    box.call.accept()
    browser.until_event("call", "accept")
    browser.until_hears(BOX_HZ)
    box.until_hears(BROWSER_HZ)


def test_the_browser_calls_and_both_hear_each_other(browser: BrowserPhone, box: Box) -> None:
    browser_calls_box(browser, box)
    browser.run("call.disconnect()")
    box.until_event("disconnect")
    assert "error" not in box.events


def test_the_box_calls_and_both_hear_each_other(browser: BrowserPhone, box: Box) -> None:
    box.dial(browser.identity)
    browser.until_event("device", "incoming")
    browser.run("phone.accept()")
    box.until_event("connect")
    browser.until_hears(BOX_HZ)
    box.until_hears(BROWSER_HZ)
    box.call.disconnect()
    browser.until_event("call", "disconnect")


def test_the_callers_name_and_parameters_arrive(browser: BrowserPhone, box: Box) -> None:
    browser.dial(box.identity, room="a b", note="Ünï&=")
    box.until_event("incoming")
    assert box.call.parameters["From"] == f"client:{browser.identity}"
    assert dict(box.call.custom_parameters) == {"room": "a b", "note": "Ünï&="}
    box.call.reject()


def test_the_browsers_parameters_are_read_by_it(browser: BrowserPhone, box: Box) -> None:
    box.dial(browser.identity, room="a b", note="Ünï&=")
    browser.until_event("device", "incoming")
    assert browser.run("call.parameters.From") == f"client:{box.identity}"
    assert browser.run("Object.fromEntries(call.customParameters)") == {"room": "a b", "note": "Ünï&="}
    browser.run("call.reject()")


def test_the_box_rejects(browser: BrowserPhone, box: Box) -> None:
    browser.dial(box.identity)
    box.until_event("incoming")
    box.call.reject()
    browser.until_event("call", "disconnect")
    browser.until("phone.isReady()")


def test_the_browser_rejects(browser: BrowserPhone, box: Box) -> None:
    box.dial(browser.identity)
    browser.until_event("device", "incoming")
    browser.run("call.reject()")
    box.until_event("disconnect")
    browser.until_event("call", "reject")


def test_a_box_that_ignores_leaves_the_other_ringing(browser: BrowserPhone, new_box: Callable[..., Box]) -> None:
    first = new_box()
    second = new_box(first.identity)
    browser.dial(first.identity)
    first.until_event("incoming")
    second.until_event("incoming")
    first.call.ignore()
    first.until_event("cancel")
    second.call.accept()
    browser.until_event("call", "accept")
    browser.until_hears(BOX_HZ)
    browser.run("call.disconnect()")


def test_a_browser_that_ignores_goes_on_as_if_nobody_called(browser: BrowserPhone, box: Box) -> None:
    box.dial(browser.identity)
    browser.until_event("device", "incoming")
    browser.run("call.ignore()")
    browser.until("phone.state() === 'closed'")
    box.call.disconnect()
    box.until_event("disconnect")
    browser.until("phone.isReady()")


def test_a_caller_that_gives_up_cancels_the_ringing(browser: BrowserPhone, box: Box) -> None:
    box.dial(browser.identity)
    browser.until_event("device", "incoming")
    box.call.disconnect()
    browser.until_event("call", "cancel")


def test_mute_silences_one_direction_and_only_that(browser: BrowserPhone, box: Box) -> None:
    browser_calls_box(browser, box)
    browser.run("call.mute(true)")
    box.until_quiet()
    browser.until_hears(BOX_HZ)
    browser.run("call.mute(false)")
    box.until_hears(BROWSER_HZ)
    box.call.mute(True)
    browser.until_quiet()
    box.call.mute(False)
    browser.until_hears(BOX_HZ)


def test_digits_of_the_browser_arrive_at_the_box(browser: BrowserPhone, box: Box) -> None:
    browser_calls_box(browser, box)
    browser.run("call.sendDigits('159*#')")
    box.until(lambda: len(box.digits) >= 5, f"five digits but {box.digits!r}")
    assert box.digits == "159*#"


def test_a_new_token_in_a_call_changes_nothing_of_it(stage: Stage, browser: BrowserPhone, box: Box) -> None:
    browser_calls_box(browser, box)
    browser.run(f"phone.renew({stage.switchboard.mint(browser.identity)!r})")
    box.device.update_token(stage.switchboard.mint(box.identity))
    browser.until_hears(BOX_HZ)
    box.until_hears(BROWSER_HZ)
    browser.run("call.disconnect()")
    box.until_event("disconnect")


def test_the_browser_loses_its_socket_in_a_call_and_goes_on(stage: Stage, browser: BrowserPhone, box: Box) -> None:
    browser_calls_box(browser, box)
    stage.cut_sockets(browser.identity)
    browser.until("phone.hasReturned()")
    browser.until_hears(BOX_HZ)
    box.until_hears(BROWSER_HZ)
    browser.until("phone.state() === 'open'")
    browser.run("call.disconnect()")
    box.until_event("disconnect")


def test_the_box_loses_its_socket_in_a_call_and_goes_on(stage: Stage, browser: BrowserPhone, box: Box) -> None:
    browser_calls_box(browser, box)
    stage.cut_sockets(box.identity)
    box.until(lambda: box.events.count("ready") == 2, "ready again")
    box.until_hears(BROWSER_HZ)
    browser.until_hears(BOX_HZ)
    browser.run("call.disconnect()")
    box.until_event("disconnect")


def test_the_browser_restarts_ice_when_its_path_is_cut(stage: Stage, browser: BrowserPhone, box: Box) -> None:
    browser_calls_box(browser, box)
    stage.switchboard.sever(browser.identity)
    browser.until_event("call", "reconnecting")
    browser.until_event("call", "reconnected")
    browser.until_hears(BOX_HZ)
    box.until_hears(BROWSER_HZ)
    browser.run("call.disconnect()")
    box.until_event("disconnect")


def test_a_crashed_page_takes_its_call_up_again(stage: Stage, box: Box) -> None:
    before = stage.browser("2.18", "reloader")
    browser_calls_box(before, box)
    token = before.run("call.connectToken")
    before.crash()
    after = stage.browser("2.18", "reloader")
    after.run(f"phone.resume({token!r})")
    after.until_hears(BOX_HZ)
    box.until_hears(BROWSER_HZ)
    after.run("call.disconnect()")
    box.until_event("disconnect")
    after.close()
