"""The switchboard's own browser phone, worked as a visitor would: by its labels and buttons."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from .axe import findings
from .stage import BOX_HZ, BROWSER_HZ, Box, BrowserPhone, Stage

pytestmark = pytest.mark.browser

HEARS = "hears(document.querySelector('audio').srcObject, {hz})"


class Visitor:
    """Somebody in front of the page."""

    def __init__(self, page: BrowserPhone) -> None:
        self.page = page

    def click(self, name: str) -> None:
        """Press the visible button of that name."""
        self.page.until(f"button({json.dumps(name)})")
        self.page.run(f"button({json.dumps(name)}).click()")

    def fill(self, label: str, text: str) -> None:
        """Type into the field of that label."""
        self.page.run(f"field({json.dumps(label)}).value = {json.dumps(text)}")

    def until_reads(self, text: str) -> None:
        """Wait until the page shows this text."""
        self.page.until(f"document.body.innerText.includes({json.dumps(text)})")

    def until_hears(self, hz: int) -> None:
        """Wait until the page plays this tone."""
        self.page.until(HEARS.format(hz=hz))

    def until_idle(self) -> None:
        """Wait until the page offers to call."""
        self.page.until("button('Call')")


NOTIFY = "Tell me when it rings, also in another window"
# What a browser does not tell of itself: what it was asked to show, and what it would do if its user said no.
NOTIFICATIONS = """
  told = []; ended = 0; answer = "granted";
  Notification = class {
    static permission = "default";
    static async requestPermission() { return (Notification.permission = answer); }
    constructor(title, { body }) { told.push([title, body]); }
    close() { ended += 1; }
  };
  document.hasFocus = () => false;
"""
# What the browser itself says of each: that it was shown, that it could not be, that it is gone.
WATCHED_NOTIFICATIONS = """
  told = [];
  Notification = class extends Notification {
    constructor(title, options) {
      super(title, options);
      for (const name of ["show", "error", "close"]) this.addEventListener(name, () => told.push(`${name} ${title}`));
    }
  };
  0
"""
FINDERS = """
  const shown = (element) => element.checkVisibility();
  const button = (name) => [...document.querySelectorAll("button")].find(
    (element) => shown(element) && !element.disabled && element.textContent.trim() === name);
  const field = (name) => [...document.querySelectorAll("label")].find(
    (element) => element.textContent.trim() === name).control;
"""


@pytest.fixture
def visitor(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    page = stage.page(stage.switchboard.address.url)
    page.run((stage.here / "pages" / "harness.js").read_text() + FINDERS)
    visitor = Visitor(page)
    visitor.fill("Your name", f"visitor-{abs(hash(request.node.name))}")
    visitor.click("Connect")
    visitor.until_reads("Ready for calls")
    yield visitor
    page.close()


def test_a_visitor_calls_the_box_talks_dials_and_hangs_up(visitor: Visitor, new_box: Callable[[str], Box]) -> None:
    box = new_box("box")
    assert visitor.page.run("field('Call').value") == "box"
    visitor.click("Call")
    box.until_event("incoming")
    visitor.until_reads("it rings there")
    box.call.accept()
    visitor.until_reads("0:00")
    visitor.until_hears(BOX_HZ)
    for digit in "42#":
        visitor.click(digit)
    box.until(lambda: len(box.digits) >= 3, f"three digits but {box.digits!r}")
    assert box.digits == "42#"
    visitor.click("Mute")
    box.until_quiet()
    visitor.click("Hang up")
    box.until_event("disconnect")
    visitor.until_idle()


def test_a_visitor_answers_a_call(visitor: Visitor, box: Box) -> None:
    box.dial(visitor.page.run("document.querySelector('h1').textContent"))
    visitor.until_reads(box.identity)
    visitor.click("Answer")
    box.until_event("connect")
    visitor.until_hears(BOX_HZ)
    box.call.disconnect()
    visitor.until_idle()


def test_a_visitor_rejects_a_call(visitor: Visitor, box: Box) -> None:
    box.dial(visitor.page.run("document.querySelector('h1').textContent"))
    visitor.click("Reject")
    box.until_event("disconnect")
    visitor.until_idle()


def test_a_caller_that_gives_up_stops_the_ringing(visitor: Visitor, box: Box) -> None:
    box.dial(visitor.page.run("document.querySelector('h1').textContent"))
    visitor.page.until("button('Answer')")
    box.call.disconnect()
    visitor.until_idle()


def test_a_visitor_reads_why_nobody_answers(visitor: Visitor) -> None:
    visitor.fill("Call", "nobody")
    visitor.click("Call")
    visitor.until_reads("nobody: Nobody of that name is here now.")
    visitor.until_idle()


def test_a_visitor_hears_itself_in_an_echo_even_after_the_socket_was_lost(visitor: Visitor, stage: Stage) -> None:
    visitor.fill("Call", "echo")
    visitor.click("Call")
    visitor.until_hears(BROWSER_HZ)
    stage.cut_sockets(visitor.page.run("document.querySelector('h1').textContent"))
    visitor.until_reads("The connection is coming back")
    visitor.until_reads("Ready for calls")
    visitor.until_hears(BROWSER_HZ)
    visitor.click("Hang up")
    visitor.until_idle()


@pytest.mark.parametrize(("whom", "words"), [("busy", "The line is busy."), ("reject", "The call was refused.")])
def test_a_visitor_reads_in_plain_words_what_became_of_a_call(visitor: Visitor, whom: str, words: str) -> None:
    visitor.fill("Call", whom)
    visitor.click("Call")
    visitor.until_reads(f"{whom}: {words}")
    assert not visitor.page.run(r"/\b\d{5}\b/.test(document.body.innerText)")


def test_who_calls_is_told_at_another_window_where_that_was_asked_for(
    visitor: Visitor, new_box: Callable[..., Box]
) -> None:
    visitor.page.run(NOTIFICATIONS)
    visitor.click(NOTIFY)
    visitor.page.until(f"!button({json.dumps(NOTIFY)})")
    box = new_box()
    box.dial(visitor.page.run("document.querySelector('h1').textContent"))
    visitor.page.until(f"told.length && told[0][0] === {json.dumps(f'{box.identity} calls')}")
    assert visitor.page.run("document.title") == f"(!) {box.identity} calls"
    box.call.disconnect()
    visitor.until_idle()
    visitor.page.until("ended === 1")
    assert visitor.page.run("document.title === document.querySelector('h1').textContent && told.length === 1")


@pytest.mark.parametrize("end", ["given up", "answered", "rejected"])
def test_a_real_browser_shows_a_notification_of_a_hidden_page_for_as_long_as_it_rings(
    visitor: Visitor, new_box: Callable[..., Box], end: str
) -> None:
    visitor.page.run(WATCHED_NOTIFICATIONS)
    visitor.page.allow("notifications")
    visitor.click(NOTIFY)
    visitor.page.until(f"!button({json.dumps(NOTIFY)})")
    box = new_box()
    me = visitor.page.run("document.querySelector('h1').textContent")
    box.dial(me)
    visitor.page.until("button('Answer')")
    assert visitor.page.run("told.length") == 0, "whoever looks at the page needs none"
    box.call.disconnect()
    visitor.until_idle()

    visitor.page.hide()
    box.dial(me)
    visitor.page.until("told.length")
    assert visitor.page.run("told") == [f"show {box.identity} calls"]
    if end == "given up":
        box.call.disconnect()
    else:
        visitor.click({"answered": "Answer", "rejected": "Reject"}[end])

    visitor.page.until("told.length > 1")
    assert visitor.page.run("told") == [f"show {box.identity} calls", f"close {box.identity} calls"]


def test_a_browser_that_has_notifications_for_others_only_rings_all_the_same(
    visitor: Visitor, new_box: Callable[..., Box]
) -> None:
    visitor.page.run(NOTIFICATIONS + "told = null; 0")
    visitor.click(NOTIFY)
    box = new_box()
    box.dial(visitor.page.run("document.querySelector('h1').textContent"))
    visitor.click("Answer")
    box.until_event("connect")
    visitor.click("Hang up")
    visitor.until_idle()


def test_nobody_is_asked_twice_whether_he_wants_to_be_told(visitor: Visitor) -> None:
    visitor.page.run(NOTIFICATIONS + "answer = 'denied'; 0")
    visitor.click(NOTIFY)
    visitor.page.until(f"!button({json.dumps(NOTIFY)})")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_page(visitor: Visitor, new_box: Callable[..., Box], scheme: str) -> None:
    visitor.page.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    assert findings(visitor.page) == []
    box = new_box()
    box.dial(visitor.page.run("document.querySelector('h1').textContent"))
    visitor.page.until("button('Answer')")
    assert findings(visitor.page) == []
    visitor.click("Answer")
    visitor.until_reads("0:0")
    assert findings(visitor.page) == []


def test_the_page_fits_a_small_phone(visitor: Visitor) -> None:
    visitor.page.devtools("Emulation.setDeviceMetricsOverride", width=320, height=560, deviceScaleFactor=1, mobile=True)
    visitor.page.until("innerWidth === 320")
    visitor.fill("Call", "echo")
    visitor.click("Call")
    visitor.page.until("button('Hang up')")
    assert visitor.page.run("document.documentElement.scrollWidth") <= 320
    assert findings(visitor.page) == []


def test_a_taken_name_is_refused_in_words(stage: Stage) -> None:
    page = stage.page(stage.switchboard.address.url)
    page.run(FINDERS)
    visitor = Visitor(page)
    visitor.fill("Your name", "box")
    visitor.click("Connect")
    visitor.until_reads("That name is taken")
    page.close()
