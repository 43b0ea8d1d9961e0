"""The page of a whole box, worked in a real browser by what stands on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.config import Config, DoorSection
from agent.demo.scene import BUTTONS, LIGHTS
from agent.kiosk.kiosk import Kiosk
from agent.page.api_keys import ApiKeySettings, ApiSettings, new_key
from agent.signaling.token.token_source import TokenSettings

from .stage import BOX_HZ, Box, BrowserPhone, Ear, Stage

pytestmark = pytest.mark.browser

PASSWORD = "correct-horse"
KEY, KEY_HASH = new_key()
AXE = Path(__file__).parent / "js" / "node_modules" / "axe-core" / "axe.min.js"
FINDINGS = """axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations.map(
  (one) => [one.id, one.help, ...one.nodes.map((node) => node.html.slice(0, 120) + node.failureSummary)]))"""
ENTER = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
DRAWN = """[...document.querySelectorAll('#graphs polyline')].every(
  (line) => (line.getAttribute('points') || '').includes(' '))"""
READS = "document.body.innerText.includes({text})"


@pytest.fixture(scope="module")
def kiosk(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    if not AXE.exists():
        pytest.skip("needs axe-core; ./test.sh installs it")
    folder = tmp_path_factory.mktemp("shown")
    address, config = stage.switchboard.address, Config()
    config = replace(
        config,
        box=replace(config.box, identity="front-door", pins="mock"),
        signaling=replace(config.signaling, server=address.server, ca_file=str(address.ca_file), insights="off"),
        token=TokenSettings(key_file=str(Path(stage.switchboard.switchboard.settings.state_dir) / "api_key.json")),
        buttons=BUTTONS,
        lights=LIGHTS,
        door=DoorSection(pin=26, open_ms=500),
        page=replace(config.page, listen="127.0.0.1:0", password=PASSWORD),
        api=ApiSettings({"viewer": ApiKeySettings(KEY_HASH, ("look",))}),
        service=replace(config.service, control_socket=str(folder / "control"), state_dir=str(folder)),
    )
    kiosk = Kiosk(config, Ear(BOX_HZ).sound)
    kiosk.start()
    assert kiosk.page.served.wait(30)
    yield kiosk
    kiosk.stop()


@pytest.fixture
def show(stage: Stage, kiosk: Kiosk) -> Iterator[Callable[[str], BrowserPhone]]:
    """Opens the box's page by a password; it stands in the address, as in somebody's bookmark."""
    pages: list[BrowserPhone] = []

    def open_page(password: str = PASSWORD) -> BrowserPhone:
        pages.append(stage.page(kiosk.page.url.replace("//", f"//anybody:{password}@")))
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


def findings(page: BrowserPhone) -> Any:
    page.run(AXE.read_text() + "; 0")
    return page.run(FINDINGS)


def shown(name: str) -> str:
    return f"document.getElementById({json.dumps(name)}).checkVisibility()"


def test_a_call_is_answered_and_ended_on_the_page_with_all_that_it_shows(
    show: Callable[..., BrowserPhone], kiosk: Kiosk, caller: Box
) -> None:
    page = show()
    caller.device.connect({"To": "front-door"})
    page.until("document.title.startsWith('(!) It rings')")
    page.until(READS.format(text='"Somebody calls"'))
    assert findings(page) == []
    page.run("document.getElementById('answer').focus()")
    for kind in ("keyDown", "keyUp"):
        page.devtools("Input.dispatchKeyEvent", type=kind, **ENTER)
    page.until(READS.format(text='"In a call"'))
    page.until(f"{shown('graphs')} && document.querySelectorAll('#graphs figcaption').length === 6")
    page.until(DRAWN)
    assert page.run("document.title") == "front-door"
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


def test_a_key_that_only_looks_is_shown_nothing_to_press(show: Callable[..., BrowserPhone]) -> None:
    page = show(KEY)
    assert not page.run("document.querySelector('#doors button')")
    assert page.run("[...document.querySelectorAll('.push, #volume, #quiet')].every((one) => one.disabled)")
    assert findings(page) == []
