"""What only the second generation of the SDK does, unmodified, in a browser, with a box of either generation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.switchboard.runner import RunningSwitchboard, start_switchboard
from agent.switchboard.settings import SwitchboardSettings
from bench.rig.ports import unused_port

from .stage import BOX_HZ, BROWSER_HZ, Box, BrowserPhone, Stage
from .test_browser_calls import browser_calls_box

pytestmark = pytest.mark.browser

SECOND = "2.18"


@pytest.fixture
def page(stage: Stage, request: pytest.FixtureRequest) -> Iterator[BrowserPhone]:
    """A registered page, named as its test."""
    phone = stage.browser(SECOND, request.node.name[:100])
    yield phone
    phone.close()


def two_pages(stage: Stage, switchboard: RunningSwitchboard | None = None) -> tuple[BrowserPhone, BrowserPhone]:
    """Ann calls Ben, who answers."""
    ann, ben = (stage.browser(SECOND, name, switchboard) for name in ("ann", "ben"))
    ann.dial("ben")
    ben.until_event("device", "incoming")
    ben.run("phone.accept()")
    ann.until_event("call", "accept")
    ann.until_hears(BROWSER_HZ)
    return ann, ben


def close(*pages: BrowserPhone) -> None:
    for page in pages:
        page.close()


def test_two_pages_exchange_messages(stage: Stage) -> None:
    ann, ben = two_pages(stage)
    ann.run("phone.say('good morning')")
    ben.until("told('call', 'messageReceived', 'good morning')")
    ann.until("told('call', 'messageSent', 'good morning')")
    ben.run("phone.say('good night')")
    ann.until("told('call', 'messageReceived', 'good night')")
    ann.run("call.disconnect()")
    ben.until_event("call", "disconnect")
    close(ann, ben)


def test_a_page_and_a_box_exchange_messages(stage: Stage, page: BrowserPhone) -> None:
    with closing(Box(stage, "box that takes messages", "2")) as box:
        exchange_messages(page, box)


def exchange_messages(page: BrowserPhone, box: Box) -> None:
    """One each way, and each sender is told that it went."""
    browser_calls_box(page, box)
    page.run("phone.say('good morning')")
    box.until(lambda: "message_received" in dict(box.told_of), "received a message")
    assert dict(box.told_of)["message_received"]["content"] == {"words": "good morning"}
    page.until("told('call', 'messageSent', 'good morning')")
    box.call.send_message(content={"words": "good night"}, message_type="user-defined-message")
    page.until("told('call', 'messageReceived', 'good night')")
    box.until(lambda: "message_sent" in dict(box.told_of), "heard that its message was sent")
    page.run("call.disconnect()")
    box.until_event("disconnect")


def test_a_message_to_a_box_that_takes_none_is_an_error_and_the_call_goes_on(stage: Stage, page: BrowserPhone) -> None:
    box = Box(stage, "box that takes no messages", "1")
    browser_calls_box(page, box)
    page.run("phone.say('good morning')")
    page.until_event("call", "error")
    assert not page.run("happened('call', 'messageSent')")
    page.until_hears(BOX_HZ)
    box.until_hears(BROWSER_HZ)
    page.run("call.disconnect()")
    box.until_event("disconnect")
    assert "error" not in box.events
    box.close()


def test_a_message_before_the_answer_is_an_error_and_the_call_rings_on(page: BrowserPhone, box: Box) -> None:
    page.dial(box.identity)
    box.until_event("incoming")
    page.until_event("call", "ringing")
    page.run("phone.say('open the door')")
    page.until_event("call", "error")
    assert not page.run("happened('call', 'messageSent')")
    box.call.accept()
    page.until_event("call", "accept")
    page.run("call.disconnect()")
    box.until_event("disconnect")


def test_everything_is_hung_up_at_once_from_either_side(page: BrowserPhone, box: Box) -> None:
    browser_calls_box(page, box)
    page.run("phone.hangUpAll()")
    box.until_event("disconnect")
    page.until("phone.calls() === 0")
    box.events.clear()
    page.run("events.length = 0")
    browser_calls_box(page, box)
    box.device.disconnect_all()
    page.until_event("call", "disconnect")


def test_a_socket_lost_in_a_call_is_told_and_the_call_is_taken_up(stage: Stage, page: BrowserPhone, box: Box) -> None:
    browser_calls_box(page, box)
    for _ in range(3):
        page.run("events.length = 0")
        stage.cut_sockets(page.identity)
        page.until("told('call', 'reconnecting', 53001)")
        page.until("happened('call', 'reconnected') && happened('device', 'registered')")
        page.until_hears(BOX_HZ)
        box.until_hears(BROWSER_HZ)
    assert not {"disconnect", "error"} & set(box.events)
    page.run("call.disconnect()")
    box.until_event("disconnect")


def test_a_box_that_lost_its_socket_in_a_call_says_so_and_takes_the_call_up(stage: Stage, page: BrowserPhone) -> None:
    with closing(Box(stage, "box that reconnects", "2")) as box:
        browser_calls_box(page, box)
        for count in (1, 2):
            stage.cut_sockets(box.identity)
            box.until(lambda count=count: box.told.count("reconnected") == count, "took its call up again")
            assert box.told.count("reconnecting") == count
            box.until_hears(BROWSER_HZ)
            page.until_hears(BOX_HZ)
        assert not page.run("happened('call', 'disconnect') || happened('call', 'reconnecting')")
        page.run("call.disconnect()")
        box.until_event("disconnect")


def test_whoever_loses_its_socket_while_it_rings_is_rung_anew(stage: Stage, page: BrowserPhone, box: Box) -> None:
    page.dial(box.identity)
    box.until_event("incoming")
    stage.cut_sockets(box.identity)
    box.until(lambda: box.events.count("incoming") == 2, "rang again")
    box.call.reject()
    page.until_event("call", "disconnect")
    box.dial(page.identity)
    page.until_event("device", "incoming")
    stage.cut_sockets(page.identity)
    page.until("times('device', 'incoming') === 2")
    page.run("phone.accept()")
    page.until_hears(BOX_HZ)
    box.until_hears(BROWSER_HZ)
    page.run("call.disconnect()")
    box.until_event("disconnect")


def test_a_call_goes_on_while_signaling_restarts_below_it(stage: Stage, page: BrowserPhone, box: Box) -> None:
    browser_calls_box(page, box)
    stage.switchboard.restart_signaling()
    page.until("happened('call', 'reconnected') && phone.hasReturned()")
    assert not page.run("happened('device', 'error')")  # it was told, and not cut off
    box.until(lambda: box.events.count("ready") == 2, "ready again")
    page.until_hears(BOX_HZ)
    box.until_hears(BROWSER_HZ)
    page.run("call.disconnect()")
    box.until_event("disconnect")


def test_new_access_tokens_in_a_call_change_nothing_of_it(stage: Stage, page: BrowserPhone, box: Box) -> None:
    browser_calls_box(page, box)
    for _ in range(3):
        page.run(f"phone.renew({stage.switchboard.mint(page.identity)!r})")
    stage.cut_sockets(page.identity)
    page.until("phone.hasReturned() && phone.state() === 'open'")
    box.until_hears(BROWSER_HZ)
    assert not page.run("happened('call', 'disconnect') || happened('call', 'error')")
    page.run("call.disconnect()")
    box.until_event("disconnect")


def test_the_page_is_told_before_its_access_token_expires(stage: Stage) -> None:
    page = stage.browser(SECOND, "short-lived", ttl_s=11)
    page.until_event("device", "tokenWillExpire")
    assert page.run("device.identity") == "short-lived"
    close(page)


def test_a_page_that_crashed_cannot_take_up_the_call_of_another(stage: Stage, box: Box) -> None:
    before = stage.browser(SECOND, "owner")
    browser_calls_box(before, box)
    thief = stage.browser(SECOND, "thief")
    thief.run(f"phone.resume({before.run('call.connectToken')!r})")
    thief.until_event("call", "disconnect")
    before.until_hears(BOX_HZ)
    box.until_hears(BROWSER_HZ)
    assert not before.run("happened('call', 'disconnect')") and "disconnect" not in box.events
    before.run("call.disconnect()")
    box.until_event("disconnect")
    close(before, thief)


def test_a_page_that_takes_a_call_over_ends_it_in_the_other(stage: Stage, box: Box) -> None:
    first = stage.browser(SECOND, "mover")
    browser_calls_box(first, box)
    second = stage.browser(SECOND, "mover")
    second.run(f"phone.resume({first.run('call.connectToken')!r})")
    first.until_event("call", "disconnect")
    second.until_hears(BOX_HZ)
    box.until_hears(BROWSER_HZ)
    second.run("call.disconnect()")
    box.until_event("disconnect")
    close(first, second)


def test_a_switchboard_that_is_started_anew_ends_calls_and_has_its_pages_back(stage: Stage, tmp_path: Path) -> None:
    port = unused_port()
    switchboard = start_switchboard(stage.bridge, SwitchboardSettings(listen_port=port, state_dir=str(tmp_path)))
    ann, ben = two_pages(stage, switchboard)
    for page in (ann, ben):
        page.run("events.length = 0")
    switchboard.close()
    for page in (ann, ben):
        page.until_event("call", "disconnect")
        page.until_event("device", "unregistered")
        assert not page.run("happened('device', 'error')")  # it was told, and not cut off
    with start_switchboard(stage.bridge, SwitchboardSettings(listen_port=port, state_dir=str(tmp_path))):
        for page in (ann, ben):
            page.until("phone.isReady()")
        close(ann, ben)
