"""The page of a whole box, worked in a real browser by what stands on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.kiosk.kiosk import Kiosk

from .axe import AXE, findings
from .box_page import BY_KEY, LOOKS, NAME, OPENS, PASSWORD, address_of, kiosk_of
from .stage import Box, BrowserPhone, Stage

pytestmark = pytest.mark.browser

ENTER = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
DRAWN = """[...document.querySelectorAll('#graphs polyline')].every(
  (line) => (line.getAttribute('points') || '').includes(' '))"""
HEARD = """rung = 0; const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) { rung += 1; return start.apply(this, when); }; 0"""
NOWHERE = """
[box]
pins = "mock"
[sound]
driver = "none"
[signaling]
server = "127.0.0.1:9"
[token]
command = ["/bin/false"]
"""
OPEN_ALL = "for (const one of document.querySelectorAll('details')) one.open = true"
READS = "document.body.innerText.includes({text})"


@pytest.fixture(scope="module")
def kiosk(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    if not AXE.exists():
        pytest.skip("needs axe-core; ./test.sh installs it")
    kiosk = kiosk_of(stage, tmp_path_factory.mktemp("shown"))
    yield kiosk
    kiosk.stop()


@pytest.fixture
def show(stage: Stage, kiosk: Kiosk) -> Iterator[Callable[[str], BrowserPhone]]:
    """Opens the box's page by a password; it stands in the address, as in somebody's bookmark."""
    pages: list[BrowserPhone] = []

    def open_page(password: str = PASSWORD) -> BrowserPhone:
        pages.append(stage.page(address_of(kiosk, password)))
        pages[-1].until(READS.format(text='"Ready for calls"'))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


@pytest.fixture
def caller(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Box]:
    box = Box(stage, f"caller-{abs(hash(request.node.name))}", "2")
    yield box
    box.close()


def shown(name: str) -> str:
    return f"document.getElementById({json.dumps(name)}).checkVisibility()"


def test_a_call_is_answered_and_ended_on_the_page_with_all_that_it_shows(
    show: Callable[..., BrowserPhone], kiosk: Kiosk, caller: Box
) -> None:
    page = show()
    caller.device.connect({"To": NAME})
    page.until("document.title.startsWith('(!) It rings')")
    page.until(READS.format(text='"Somebody calls"'))
    assert findings(page) == []
    page.run("document.getElementById('answer').focus()")
    for kind in ("keyDown", "keyUp"):
        page.devtools("Input.dispatchKeyEvent", type=kind, **ENTER)
    page.until(READS.format(text='"In a call"'))
    page.until(f"{shown('graphs')} && document.querySelectorAll('#graphs figcaption').length === 6")
    page.until(DRAWN)
    assert page.run("document.title") == NAME
    assert findings(page) == []
    page.run("document.getElementById('hang-up').click()")
    page.until(READS.format(text='"No call"'))
    page.until("document.querySelectorAll('#recent tr').length > 0")


def test_the_page_says_what_box_it_is_and_since_when(show: Callable[..., BrowserPhone]) -> None:
    page = show()
    assert page.run("/^Version \\d+\\.\\d+\\.\\d+, running for /.test(document.getElementById('about').textContent)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_page(show: Callable[..., BrowserPhone], scheme: str) -> None:
    page = show()
    page.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    assert findings(page) == []


def test_the_page_fits_a_small_phone(show: Callable[..., BrowserPhone]) -> None:
    page = show()
    page.devtools("Emulation.setDeviceMetricsOverride", width=320, height=560, deviceScaleFactor=1, mobile=True)
    page.until("innerWidth === 320")
    page.run(OPEN_ALL)
    page.until(READS.format(text='"box.identity"'))
    assert page.run("document.documentElement.scrollWidth") <= 320
    assert findings(page) == []


def test_the_controls_work_and_show_what_others_do(show: Callable[..., BrowserPhone], kiosk: Kiosk) -> None:
    page, other = show(), show()
    page.run("document.getElementById('quiet').click()")
    other.until("document.getElementById('quiet').checked")
    other.run("document.getElementById('quiet').click()")
    page.until("!document.getElementById('quiet').checked")
    page.run("document.querySelector('#doors button').click()")
    other.until(READS.format(text='"Door opened"'))
    other.until(READS.format(text='"Door closed"'))


def test_each_door_has_a_button_for_whoever_may_open_it(show: Callable[..., BrowserPhone]) -> None:
    labels = "[...document.querySelectorAll('#doors button')].map((one) => one.textContent)"
    owner, porter = show(), show(OPENS)
    assert owner.run(labels) == ["Open the door", "Open gate", "Open yard"]
    assert porter.run("[...document.querySelectorAll('#doors button')].map((one) => one.value)") == BY_KEY
    porter.run("document.querySelector('#doors [value=gate]').click()")
    owner.until("document.querySelector('#doors [value=gate]').textContent === 'Gate is open'")
    owner.until("document.querySelector('#doors [value=gate]').textContent === 'Open gate'")


def test_it_rings_in_the_browser_where_that_is_wanted(show: Callable[..., BrowserPhone], caller: Box) -> None:
    page = show()
    page.run(HEARD)
    page.run("document.getElementById('tone').click()")
    page.until("rung === 1")  # so that one knows what it is like
    caller.device.connect({"To": NAME})
    page.until("rung > 1")
    page.run("document.getElementById('hang-up').click()")
    page.until(READS.format(text='"No call"'))


def test_levels_are_shown_while_a_call_is_on(show: Callable[..., BrowserPhone], caller: Box) -> None:
    page = show()
    assert not page.run(shown("meters"))
    caller.device.connect({"To": NAME})
    page.until(shown("answer"))
    page.run("document.getElementById('answer').click()")
    page.until(f"{shown('level-in')} && document.getElementById('level-in').value > -40")
    page.run("document.getElementById('hang-up').click()")
    page.until(f"!{shown('meters')}")


def test_whoever_looks_after_the_box_sees_devices_settings_and_a_self_test(
    show: Callable[..., BrowserPhone], kiosk: Kiosk, tmp_path: Path
) -> None:
    page = show()
    page.run(OPEN_ALL)
    page.until(READS.format(text='"box.identity"'))
    page.until("document.querySelector('#devices li')")
    assert PASSWORD not in page.run("document.body.innerText")
    assert page.run("document.querySelector('#settings').innerText.includes('set, and not shown')")
    page.run("document.getElementById('all-settings').click()")
    page.until(READS.format(text='"sound.volume_percent"'))
    page.run("document.getElementById('run-doctor').click()")
    page.until(READS.format(text='"this box was not started from a file of settings"'))
    kiosk.upkeep.self_test.settings = empty = tmp_path / "config.toml"
    empty.write_text(NOWHERE)
    page.run("document.getElementById('run-doctor').click()")
    page.until(READS.format(text='"Testing"'))
    page.until("!document.getElementById('run-doctor').disabled")
    page.until(READS.format(text='"server: does not work"'))
    for scheme in ("light", "dark"):
        page.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        assert findings(page) == []


def test_the_test_tone_is_played_at_the_box_and_what_was_heard_is_told(
    show: Callable[..., BrowserPhone], kiosk: Kiosk
) -> None:
    page = show()
    page.run("document.getElementById('sound-part').open = true")
    page.until("document.querySelector('#devices li')")
    page.run("document.getElementById('play-tone').click()")
    page.until("/microphone does not hear|heard/.test(document.getElementById('tone-heard').textContent)")
    page.until(READS.format(text='"Test tone"'))


def test_a_key_that_only_looks_is_shown_nothing_to_press(show: Callable[..., BrowserPhone]) -> None:
    page = show(LOOKS)
    assert not page.run("document.querySelector('#doors button')")
    assert page.run("[...document.querySelectorAll('.push, #volume, #quiet')].every((one) => one.disabled)")
    assert not page.run(shown("upkeep"))
    assert findings(page) == []
