"""What the box is doing, as the lights and the page show it: facts in, light states out; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

CALL_PHASES = ("idle", "ringing", "dialling", "in_call", "reconnecting")


@dataclass(frozen=True)
class Situation:
    """The facts that somebody in front of the box cares about."""

    booting: bool = True
    registered: bool = False
    sound_ok: bool = True
    phase: str = "idle"
    muted: bool = False
    door_open: bool = False
    do_not_disturb: bool = False
    error: str = ""

    def with_(self, **facts: Any) -> Situation:
        """The same situation with some facts changed."""
        return replace(self, **facts)

    def light_states(self) -> frozenset[str]:
        """Names of the light states that are true now (design: 6); `hw.lights` picks by priority."""
        states = {"booting"} if self.booting else {"ready" if self.registered else "offline"}
        if self.phase != "idle":
            states.add(self.phase)
        if self.phase == "reconnecting":
            states.add("in_call")
        flags = {
            "muted": self.muted and self.phase != "idle",
            "no_sound": not self.sound_ok,
            "door_open": self.door_open,
            "do_not_disturb": self.do_not_disturb,
            "error": bool(self.error),
        }
        return frozenset(states | {name for name, true in flags.items() if true})
