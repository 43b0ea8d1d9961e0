"""What the effects of a call's signaling mean for the call (spec: recovery 10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from agent.voice import call_errors as catalogue
from agent.voice.call_causes import NOTHING, Cause, Loss
from agent.voice.call_signaling import CallSignaling, SignalingEffect
from agent.voice.driver import Driver
from agent.voice.recovery_effects import RecoveryEffect
from agent.voice.recovery_policy import Recovery
from agent.voice.states import Trigger

if TYPE_CHECKING:
    from agent.clock import Clock


class ResumableCall(Protocol):
    """The call whose signaling is watched."""

    @property
    def connection(self) -> Any: ...

    def fire(self, trigger: Trigger, cause: Cause = NOTHING) -> None: ...

    def tell_recovery(self, event: Callable[..., Sequence[RecoveryEffect]], *args: Any) -> None: ...

    def ask_for_it(self) -> None: ...


class SignalingDriver(Driver[CallSignaling, SignalingEffect]):
    """Feeds the core with the time; while signaling is lost, no ICE restart is offered."""

    def __init__(self, clock: Clock, core: CallSignaling, call: ResumableCall) -> None:
        super().__init__(clock, core, self._act)
        self._call = call

    def _act(self, effect: SignalingEffect) -> None:
        call = self._call
        match effect:
            case SignalingEffect.RIDE_ON:
                call.fire(Trigger.TRANSPORT_CLOSE)
            case SignalingEffect.WAIT:
                call.fire(Trigger.TRANSPORT_CLOSE, Cause(error=catalogue.signaling_lost(), loss=Loss.WAITS))
            case SignalingEffect.END:
                call.fire(Trigger.TRANSPORT_CLOSE, Cause(loss=Loss.ENDS))
            case SignalingEffect.ASK:
                call.ask_for_it()
            case SignalingEffect.BACK:
                call.tell_recovery(Recovery.signaling, True)
                call.fire(Trigger.SIGNALING_BACK)
            case SignalingEffect.GIVE_UP:
                call.fire(Trigger.SIGNALING_LOST, Cause(error=catalogue.not_taken_back(call.connection)))
