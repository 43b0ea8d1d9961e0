"""The whole box, worked by its virtual buttons and lights, in a call with the unmodified SDKs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import gevent
import pytest

from agent.config import Config
from agent.demo.scene import BUTTONS, LIGHTS
from agent.kiosk.kiosk import Kiosk
from agent.signaling.token.token_source import TokenSettings

from .stage import BOX_HZ, BROWSER_HZ, PATIENCE_S, BrowserPhone, Ear, Stage

pytestmark = pytest.mark.browser


class Panel:
    """Somebody in front of the box."""

    def __init__(self, kiosk: Kiosk, ear: Ear) -> None:
        self.identity = kiosk.config.box.identity
        self._kiosk = kiosk
        self._ear = ear

    def press(self, button: str) -> None:
        """Press a button shortly."""
        self._kiosk.box.press(button, 0.1)

    def until_shows(self, *states: str) -> None:
        """Wait until the box is in these states."""
        self._until(lambda: set(states) <= set(self.states), f"showed {states}")

    def until_calm(self) -> None:
        """Wait until there is no call."""
        self._until(lambda: self.states == ["ready"], "was calm again")

    def until_hears(self, hz: int) -> None:
        """Wait until what the box plays is this tone."""
        self._until(lambda: abs(self._ear.loudest() - hz) < 20, f"played {hz} Hz")

    def until_quiet(self) -> None:
        """Wait until the box plays nothing."""
        self._until(lambda: self._ear.loudest() == 0, "was quiet")

    @property
    def states(self) -> list[str]:
        states: list[str] = self._kiosk.box.status()["states"]
        return states

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        with gevent.Timeout(PATIENCE_S, AssertionError(f"the box never {what}; it shows {self.states}")):
            while not condition():
                gevent.sleep(0.02)


@pytest.fixture(scope="module")
def running_box(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kiosk, Ear]]:
    folder = tmp_path_factory.mktemp("box")
    address, ear = stage.switchboard.address, Ear(BOX_HZ)
    config = Config()
    config = replace(
        config,
        box=replace(config.box, identity="kiosk", pins="mock"),
        signaling=replace(config.signaling, server=address.server, ca_file=str(address.ca_file), insights="off"),
        token=TokenSettings(key_file=str(Path(stage.switchboard.switchboard.settings.state_dir) / "api_key.json")),
        buttons={**BUTTONS, "call": replace(BUTTONS["call"], short="call:visitor")},
        lights=LIGHTS,
        page=replace(config.page, enabled=False),
        service=replace(config.service, control_socket=str(folder / "control")),
    )
    kiosk = Kiosk(config, ear.sound)
    kiosk.start()
    yield kiosk, ear
    kiosk.stop()


@pytest.fixture
def panel(running_box: tuple[Kiosk, Ear]) -> Panel:
    panel = Panel(*running_box)
    panel.until_calm()
    return panel


def test_a_press_answers_the_browser_and_another_one_hangs_up(browser: BrowserPhone, panel: Panel) -> None:
    browser.dial(panel.identity)
    panel.until_shows("ringing")
    panel.press("accept")
    browser.until_event("call", "accept")
    panel.until_shows("in_call")
    browser.until_hears(BOX_HZ)
    panel.until_hears(BROWSER_HZ)
    panel.press("hangup")
    browser.until_event("call", "disconnect")
    panel.until_calm()


def test_a_press_calls_the_browser(stage: Stage, generation: str, panel: Panel) -> None:
    visitor = stage.browser(generation, "visitor")
    panel.press("call")
    visitor.until_event("device", "incoming")
    panel.until_shows("dialling")
    visitor.run("phone.accept()")
    panel.until_shows("in_call")
    visitor.until_hears(BOX_HZ)
    panel.until_hears(BROWSER_HZ)
    visitor.run("call.disconnect()")
    panel.until_calm()
    visitor.close()


def test_a_press_rejects_the_browser(browser: BrowserPhone, panel: Panel) -> None:
    browser.dial(panel.identity)
    panel.until_shows("ringing")
    panel.press("reject")
    browser.until_event("call", "disconnect")
    panel.until_calm()


def test_an_ignored_browser_goes_on_calling(browser: BrowserPhone, panel: Panel) -> None:
    browser.dial(panel.identity)
    panel.until_shows("ringing")
    panel.press("ignore")
    panel.until_calm()
    assert browser.run("phone.state()") in ("ringing", "connecting")
    browser.run("call.disconnect()")


def test_a_press_mutes_the_box(browser: BrowserPhone, panel: Panel) -> None:
    browser.dial(panel.identity)
    panel.until_shows("ringing")
    panel.press("accept")
    browser.until_hears(BOX_HZ)
    panel.press("mute")
    panel.until_shows("muted")
    browser.until_quiet()
    panel.press("mute")
    browser.until_hears(BOX_HZ)
    browser.run("call.disconnect()")
    panel.until_calm()
