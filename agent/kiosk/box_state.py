"""What the box is doing, as the lights and the page show it: facts in, light states out; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

IDLE, DIALLING, IN_CALL, RECONNECTING = "idle", "dialling", "in_call", "reconnecting"


@dataclass(frozen=True)
class Situation:
    """The facts that somebody in front of the box cares about."""

    booting: bool = True
    registered: bool = False
    offline_reason: str = ""
    sound_ok: bool = True
    phase: str = IDLE  # of the call that is on, or is being accepted
    ringing: bool = False  # some other call waits for an answer
    held: bool = False  # the far end does not listen for now
    muted: bool = False
    door_open: bool = False
    do_not_disturb: bool = False
    troubles: Mapping[str, str] = field(default_factory=dict)  # part -> what the installer must look after

    def with_(self, **facts: Any) -> Situation:
        """Change some facts; returns the new situation."""
        return replace(self, **facts)

    def with_trouble(self, part: str, why: str) -> Situation:
        """Add a trouble, or end that of `part` by an empty `why`; returns the new situation."""
        others = {name: text for name, text in self.troubles.items() if name != part}
        return replace(self, troubles={**others, part: why} if why else others)

    def light_states(self) -> frozenset[str]:
        """Name the light states that are true now; `hw.panel.lights` picks by priority."""
        on = self.phase != IDLE
        flags = {
            "booting": self.booting,
            "ready": self.registered and not self.booting,
            "offline": not self.registered and not self.booting,
            "ringing": self.ringing,
            "dialling": self.phase == DIALLING,
            "in_call": self.phase in (IN_CALL, RECONNECTING),
            "reconnecting": self.phase == RECONNECTING,
            "held": self.held and on,
            "muted": self.muted and on,
            "no_sound": not self.sound_ok,
            "door_open": self.door_open,
            "do_not_disturb": self.do_not_disturb,
            "error": bool(self.troubles),
        }
        return frozenset(name for name, true in flags.items() if true)
