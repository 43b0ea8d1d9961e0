"""What the effects of the recovery policy mean for the call whose path it watches (spec: recovery 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from agent.quality.warnings import ICE_CONNECTIVITY_LOST
from agent.voice import call_effects as do
from agent.voice import call_errors as catalogue
from agent.voice.call_causes import NOTHING, Cause
from agent.voice.driver import Driver
from agent.voice.recovery_effects import RecoveryEffect
from agent.voice.recovery_policy import Recovery
from agent.voice.states import Trigger

if TYPE_CHECKING:
    from agent.clock import Clock

_GATHERING: Final = "ice-gathering-state"

_TOLD: Final[Mapping[RecoveryEffect, Sequence[do.CallEffect]]] = {
    RecoveryEffect.CONNECTIVITY_LOST: (
        do.ReportEvent(ICE_CONNECTIVITY_LOST, {"message": "The ICE connection is lost."},
                  "network-quality-warning-raised", "WARNING"),
        do.EmitEvent("warning", (ICE_CONNECTIVITY_LOST,)),
    ),
    RecoveryEffect.CONNECTIVITY_BACK: (
        do.ReportEvent(ICE_CONNECTIVITY_LOST, {"message": "The ICE connection is back."},
                  "network-quality-warning-cleared"),
        do.EmitEvent("warning-cleared", (ICE_CONNECTIVITY_LOST,)),
    ),
    RecoveryEffect.GATHERING_NONE: (do.ReportEvent("none", group=_GATHERING, level="WARNING"),),
    RecoveryEffect.GATHERING_TIMEOUT: (do.ReportEvent("timeout", group=_GATHERING, level="WARNING"),),
    RecoveryEffect.RESTART: (do.OfferRestart(),),
}  # fmt: skip


class RecoveringCall(Protocol):
    """The call whose path is watched."""

    @property
    def connection(self) -> Any: ...

    def fire(self, trigger: Trigger, cause: Cause = NOTHING) -> None: ...

    def carry_out(self, effects: Sequence[do.CallEffect]) -> None: ...

    def media_lost(self) -> Cause: ...  # what it ends with when its path is gone for good


class RecoveryDriver(Driver[Recovery, RecoveryEffect]):
    """Feeds the policy with the time; an episode is a state of the call, everything else is told or done at once."""

    def __init__(self, clock: Clock, policy: Recovery, call: RecoveringCall) -> None:
        super().__init__(clock, policy, self._act)
        self._call = call

    def _act(self, effect: RecoveryEffect) -> None:
        if effect is RecoveryEffect.BEGIN:
            self._call.fire(Trigger.RECONNECTING, Cause(error=catalogue.recovery_begins()))
        elif effect is RecoveryEffect.END:
            self._call.fire(Trigger.RECONNECTED)
        elif effect is RecoveryEffect.FATAL:
            self._call.fire(Trigger.MEDIA_LOST, self._call.media_lost())
        else:
            self._call.carry_out(_TOLD[effect])
