"""The front panel: pins, lights and buttons of one box, and the actions that its gestures mean."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from agent.clock import Timer
from agent.closing import Closing
from agent.config.directory import Entries
from agent.errors import InvalidArgumentError
from agent.hub_clock import HubClock
from agent.kiosk.answering import warning_s
from hw.errors import PinError
from hw.panel.actions import ButtonAction
from hw.panel.buttons import Buttons, Post
from hw.panel.gestures import STUCK
from hw.panel.lights import Lights
from hw.panel.pins import Pins
from hw.panel.settings import ButtonSettings, LightSettings

log = logging.getLogger(__name__)


class Panel(Closing):
    """Lights work at once; buttons from `start` on, because inputs start last."""

    def __init__(
        self,
        pins: Pins,
        buttons: Mapping[str, ButtonSettings],
        lights: Mapping[str, LightSettings],
        post: Post,
        act: Callable[[ButtonAction], None],
    ) -> None:
        self.on_stuck: Callable[[str, bool], None] | None = None  # which button, and whether it still is
        self.on_cut_ahead: Callable[[], None] | None = None  # a held push_to_talk will soon count as stuck
        self.acting = ""  #: the button whose action is being performed just now
        self._stuck: set[str] = set()
        self._cuts: dict[str, Timer] = {}
        self._settings = dict(buttons)
        self._light_settings = dict(lights)
        self._act = act
        self.entries: Entries = {}  #: of the directory, whose labels buttons have that have none
        self.lights = Lights(lights, pins)
        try:
            self._buttons = Buttons(buttons, pins, post, self._gesture)
        except BaseException:
            self.lights.close()
            raise

    def start(self) -> None:
        """Watch the buttons."""
        self._buttons.start()

    def wire(self, buttons: Mapping[str, ButtonSettings], lights: Mapping[str, LightSettings]) -> None:
        """Have these buttons and lights from now on; PinError leaves those before in use."""
        before = self._settings, self._light_settings
        try:
            self._wire(buttons, lights)
        except PinError:
            self._wire(*before)
            raise
        for name in tuple(self._stuck):  # a button that still is will be found to be so
            self._note_stuck(name, False)

    def _wire(self, buttons: Mapping[str, ButtonSettings], lights: Mapping[str, LightSettings]) -> None:
        """Let all pins go first: a button may have the pin that a light had."""
        self._buttons.wire({})
        self.lights.wire({})
        self.lights.wire(lights)
        self._buttons.wire(buttons)
        self._settings, self._light_settings = dict(buttons), dict(lights)

    def restart(self) -> None:
        """Watch the buttons anew after their greenlet died or stalled."""
        self._buttons.restart()

    def press(self, name: str, hold_s: float) -> None:
        """Press a button as a finger would; raises InvalidArgumentError when there is no such button."""
        if name not in self._settings:
            known = ", ".join(sorted(self._settings)) or "none"
            raise InvalidArgumentError(f"there is no button {name!r}; this box has: {known}")
        self._buttons.press(name, hold_s)

    def progress_s(self) -> float:
        """Return the seconds since the pins were last looked at."""
        return self._buttons.progress_s()

    def describe_buttons(self) -> list[dict[str, Any]]:
        """Describe the buttons as the page shows them."""
        return [
            {
                "name": name,
                "label": self._label(name),
                "actions": {gesture: str(action) for gesture, action in one.bindings().items()},
            }
            for name, one in self._settings.items()
        ]

    def _label(self, name: str) -> str:
        """What a button is called: its own label, that of whom it calls, or its name."""
        one = self._settings[name]
        called = [self.entries[action.target].label for action in one.bindings().values()
                  if action.name in ("call", "bell") and action.target in self.entries]  # fmt: skip
        return one.label or next(filter(None, called), name)

    def doors_of(self, name: str) -> list[str]:
        """Name the doors that a button opens by any gesture."""
        bound = self._settings[name].bindings().values() if name in self._settings else ()
        return [action.target for action in bound if action.name == "door"]

    def close(self) -> None:
        """Turn the lights off and release the pins; idempotent."""
        self._buttons.close()
        self.lights.close()
        for planned in self._cuts.values():
            planned.cancel()

    def _gesture(self, name: str, gesture: str) -> None:
        self._note_stuck(name, gesture == STUCK)
        self._plan_warning(name, gesture)
        action = self._settings[name].bindings().get(gesture)
        if action is not None:
            self.acting = name
            try:
                self._act(action)
            finally:
                self.acting = ""

    def _plan_warning(self, name: str, gesture: str) -> None:
        if (planned := self._cuts.pop(name, None)) is not None:
            planned.cancel()
        one = self._settings[name]
        if gesture == "press" and one.talks:
            wait_s = one.stuck_s - warning_s(one.stuck_s)
            self._cuts[name] = HubClock().call_later(wait_s, self._warn)

    def _warn(self) -> None:
        if self.on_cut_ahead is not None:
            self.on_cut_ahead()

    def _note_stuck(self, name: str, stuck: bool) -> None:
        if stuck == (name in self._stuck):
            return
        (self._stuck.add if stuck else self._stuck.discard)(name)
        if self.on_stuck is not None:
            self.on_stuck(name, stuck)
