"""The core of one call: a trigger comes in, the call changes completely, and what is to be done comes out in order."""

from __future__ import annotations

from dataclasses import replace

from agent.voice.call_causes import NOTHING, Cause
from agent.voice.call_effects import CallEffect, NameCall
from agent.voice.call_state import CallState
from agent.voice.states import CallFlags, Trigger, row_of


class CallCore:
    """State, flags and name of one call; no I/O, no clock. The path of its media is `agent.voice.recovery_policy`'s."""

    def __init__(self, *, incoming: bool, sid: str | None = None) -> None:
        self.state = CallState.PENDING
        self.flags = CallFlags(incoming=incoming)
        self.sid = sid  #: the name that the server gave the call

    def on(self, trigger: Trigger, cause: Cause = NOTHING) -> list[CallEffect]:
        """Take what happened, and return what is to be done; nothing for what the table of states does not name."""
        row = row_of(self.state, self.flags, trigger, cause)
        if row is None:
            return []
        effects = list(row.effects(cause))
        self.state = row.new or self.state
        self.flags = replace(self.flags, **row.marks)
        self.sid = next((effect.sid for effect in effects if isinstance(effect, NameCall)), self.sid)
        return effects

    @property
    def is_dialling(self) -> bool:
        """Whether this side made the call and the far side's answer is still to come, in whole or in part."""
        complete = self.flags.answered and self.flags.remote_sdp_applied
        return self.flags.listening and not self.flags.incoming and not complete
