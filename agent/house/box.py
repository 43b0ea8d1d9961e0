"""What the rooms of the house need of the box behind them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from agent.house.happenings import Happening


class HouseBox(Protocol):
    """A box; every method is called on the hub and returns at once.

    What cannot be done raises AgentError or HardwareError with a message for whoever asked.
    """

    def status(self) -> dict[str, Any]:
        """Collect what there is to know, as `agent.page.box.Box` has it."""

    def parts(self) -> Mapping[str, Mapping[str, Any]]:
        """Tell of each part whether it is up, and its restarts."""

    def doors(self) -> Mapping[str, bool]:
        """Name the doors, and whether each is released."""

    def openable(self) -> Collection[str]:
        """Name the doors that may be opened over MQTT."""

    def press(self, name: str, hold_s: float) -> None:
        """Press a button as a finger would."""

    def open_door(self, name: str, why: str) -> None:
        """Release a door for its time."""

    def set_volume(self, percent: int) -> None:
        """Set the speaker's volume, 0 to 100."""

    def set_do_not_disturb(self, on: bool) -> None:
        """Let calls in no longer, or again."""

    def call(self, whom: str) -> None:
        """Place a call, or take the one that rings."""

    def hang_up(self) -> None:
        """End the call that is on, or refuse what rings."""

    def listen(self, happened: Callable[[Happening], None], changed: Callable[[], None]) -> None:
        """Tell `happened` what happens, and call `changed` whenever `status` would differ."""
