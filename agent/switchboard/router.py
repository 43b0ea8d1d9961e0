"""One call's decisions, without I/O: who rings, who wins, who is told what.

A call has one caller's leg and any number of callees' legs. All callees ring; the first answer wins and cancels the
others; one reject rejects for all; a client that ignores the call says nothing, so the others go on ringing. The
caller's media is made last, with the codec that the callee chose, so that packets can be relayed as they are.
The state changes in one place, `_go`, by one table; what the table does not know changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum, auto

from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.names import Member, MessageType
from agent.switchboard import sdp as descriptions
from agent.switchboard.effects import (
    Command,
    Join,
    Leg,
    MakeAnswer,
    MakeOffer,
    Phase,
    PlayDigits,
    PlayTone,
    Release,
    Replace,
    Restart,
    TakeAnswer,
    Tell,
    cancel,
    hangup,
)
from agent.switchboard.settings import SwitchboardSettings
from agent.switchboard.timeouts import Patience

SERVICES = frozenset({"echo", "tone", "busy", "reject", "noanswer"})
SERVICE_DELAY_S = 0.5  # how long `reject` rings
NOT_FOUND = (31404, "Not Found")
NO_ANSWER = (31480, "Temporarily Unavailable")
BUSY = (31486, "Busy Here")
DECLINE = (31603, "Decline")
BAD_MEDIA = (31488, "Not Acceptable Here")


class State(Enum):
    """Where a call stands."""

    RINGING = auto()
    ANSWERING = auto()
    OPEN = auto()
    ENDED = auto()


class Event(Enum):
    """What may move a call on."""

    ANSWER = auto()
    MEDIA_READY = auto()
    REFUSE = auto()
    END = auto()


_NEXT = {
    (State.RINGING, Event.ANSWER): State.ANSWERING,
    (State.RINGING, Event.REFUSE): State.ENDED,
    (State.RINGING, Event.END): State.ENDED,
    (State.ANSWERING, Event.MEDIA_READY): State.OPEN,
    (State.ANSWERING, Event.END): State.ENDED,
    (State.OPEN, Event.END): State.ENDED,
}


class Call:
    """One call; every method returns what is to be done. `now` is monotonic seconds."""

    def __init__(
        self,
        caller: Leg,
        target: str,
        parameters: Payload,
        settings: SwitchboardSettings,
        new_leg: Callable[[str, int, bool], Leg],
    ) -> None:
        """`caller` brings its offer as `remote_sdp`; `parameters` go to the callees beside their CallSid."""
        self.state = State.RINGING
        self.caller = caller
        self.callees: list[Leg] = []
        self.target = target
        self.winner: Leg | None = None
        self._parameters = parameters
        self._ring_timeout_s = settings.ring_timeout_s
        self._patience = Patience(settings)
        self._new_leg = new_leg
        self._rings_until = 0.0
        self._refuses_at: float | None = None

    @property
    def legs(self) -> list[Leg]:
        """Every leg that is not gone."""
        return [leg for leg in (self.caller, *self.callees) if leg.phase is not Phase.GONE]

    def other(self, leg: Leg) -> Leg | None:
        """Return who is heard by `leg`: in an echo call it is itself."""
        if self.target in SERVICES:
            return leg if self.target == "echo" else None
        return self.winner if leg is self.caller else self.caller

    def start(self, clients: Iterable[tuple[int, bool]], now: float) -> list[Command]:
        """Ring the sessions `clients`, each with whether it can resume calls, or let the service answer."""
        self._rings_until = now + self._ring_timeout_s
        if self.target in SERVICES:
            return self._serve(now)
        rings = [command for client in clients for command in self.invite(*client)]
        return rings or self._fail(NOT_FOUND)

    def invite(self, session_id: int, can_resume: bool) -> list[Command]:
        """Ring one more session, unless it was rung before or the call rings no longer."""
        rung = {leg.session_id for leg in self.callees} | {self.caller.session_id}
        if self.state is not State.RINGING or self.target in SERVICES or session_id in rung:
            return []
        leg = self._new_leg(self.target, session_id, can_resume)
        self.callees.append(leg)
        return [MakeOffer(leg, descriptions.codecs(self.caller.remote_sdp))]

    def offered(self, leg: Leg, sdp: str) -> list[Command]:
        """Let a callee ring, whose offer is ready."""
        if leg.phase is not Phase.OFFERED or self.state is not State.RINGING:
            return []
        leg.phase = Phase.RINGING
        parameters = {"CallSid": leg.callsid, **self._parameters}
        payload = {
            Member.CALLSID: leg.callsid, Member.SDP: sdp, Member.PARAMETERS: parameters, **leg.reconnect,
        }  # fmt: skip
        return [Tell(leg, MessageType.INVITE, payload), *self._tell_ringing()]

    def answer(self, leg: Leg, sdp: str) -> list[Command]:
        """Connect a callee that accepts; the first one wins."""
        if leg.phase is not Phase.RINGING or not self._go(Event.ANSWER):
            return []
        self.winner = leg
        leg.phase = Phase.TALKING
        leg.remote_sdp = sdp
        others = [command for other in self.callees if other is not leg for command in cancel(other)]
        return [*others, TakeAnswer(leg, sdp)]

    def applied(self, leg: Leg) -> list[Command]:
        """Make the caller's media, now that the callee's is ready."""
        if leg is not self.winner or self.state is not State.ANSWERING:
            return []
        return [MakeAnswer(self.caller, self.caller.remote_sdp, like=leg)]

    def described(self, leg: Leg, sdp: str) -> list[Command]:
        """Open the call, now that the caller's media is ready."""
        if leg is not self.caller or not self._go(Event.MEDIA_READY):
            return []
        leg.phase = Phase.TALKING
        leg.told_callsid = True
        return [self._connect(), self._answer(leg, sdp)]

    def reject(self, leg: Leg) -> list[Command]:
        """Refuse the call for all callees, as one of them does."""
        return self._fail(DECLINE, Event.REFUSE) if leg.phase is Phase.RINGING else []

    def hang_up(self, leg: Leg) -> list[Command]:
        """End a client's part; a callee that only rang leaves the others ringing."""
        if leg.phase is Phase.GONE:
            return []
        if leg in self.callees and self.state is State.RINGING:
            return self._without(leg)
        if not self._go(Event.END):
            return []
        leg.phase = Phase.GONE
        return [Release(leg), *self._end_rest()]

    def media_failed(self, leg: Leg) -> list[Command]:
        """End the call, or go on without a callee, whose media could not be made or described."""
        if leg.phase is Phase.GONE:
            return []
        if leg in self.callees and self.state is State.RINGING:
            return self._without(leg)
        return self._fail(BAD_MEDIA)

    def reinvite(self, leg: Leg, sdp: str) -> list[Command]:
        """Restart a client's ICE."""
        if leg.phase is not Phase.TALKING:
            return []
        leg.remote_sdp = sdp
        return [Restart(leg, sdp)]

    def restarted(self, leg: Leg, sdp: str) -> list[Command]:
        """Send the answer to a restart."""
        if leg.phase is not Phase.TALKING:
            return []
        return [self._answer(leg, sdp)]

    def resume(self, leg: Leg, sdp: str) -> list[Command]:
        """Give a 2.x client its call back over a new socket (spec: signaling 11)."""
        if leg.phase is not Phase.TALKING:
            return []
        leg.left_at = None
        before, leg.remote_sdp = leg.remote_sdp, sdp
        if descriptions.attribute(sdp, "fingerprint") != descriptions.attribute(before, "fingerprint"):
            other = self.other(leg)
            return [Replace(leg, sdp, other if other is not leg else None)]
        if descriptions.attribute(sdp, "ice-ufrag") != descriptions.attribute(before, "ice-ufrag"):
            return [Restart(leg, sdp)]
        return [self._answer(leg)]

    def replaced(self, leg: Leg, sdp: str) -> list[Command]:
        """Connect the new media of a client that began anew, after its page was reloaded."""
        if self.state is not State.OPEN or leg.phase is not Phase.TALKING:
            return []
        return [self._connect(), self._answer(leg, sdp)]

    def leave(self, leg: Leg, now: float) -> list[Command]:
        """End the call of a client whose media said goodbye, unless the client can resume it."""
        if not leg.reconnect_token:
            return self.hang_up(leg)
        leg.left_at = now
        return []

    def dial(self, leg: Leg, digits: str) -> list[Command]:
        """Send digits on for a client without telephone-event."""
        other = self.other(leg)
        return [PlayDigits(other, digits)] if self.state is State.OPEN and other is not None else []

    def lost(self, session_id: int, now: float) -> list[Command]:
        """Let a ringing leg die with its socket; any other waits for its client."""
        commands: list[Command] = []
        for leg in self.legs:
            if leg.session_id == session_id:
                leg.detached_at = now
                if leg in self.callees and self.state is State.RINGING:
                    leg.phase = Phase.GONE
                    commands.append(Release(leg))
        return commands

    def tick(self, now: float, is_present: Callable[[str], bool]) -> list[Command]:
        """Do what time demands."""
        if self.state is State.RINGING and now >= self._rings_until:
            return self._fail(NO_ANSWER)
        if self._refuses_at is not None and now >= self._refuses_at:
            return self._fail(DECLINE, Event.REFUSE)
        if any(self._patience.is_over(leg, self.state is State.RINGING, now, is_present) for leg in self.legs):
            return self._end_all()
        return []

    def refuse(self, code: int, text: str) -> list[Command]:
        """Refuse a call that the switchboard cannot take."""
        return self._fail((code, text))

    def end(self) -> list[Command]:
        """End the call with the switchboard."""
        return self._end_all()

    def _serve(self, now: float) -> list[Command]:
        if self.target == "busy":
            return self._fail(BUSY)
        ringing = self._tell_ringing()
        if self.target == "reject":
            self._refuses_at = now + SERVICE_DELAY_S
        if self.target in ("echo", "tone"):
            self._go(Event.ANSWER)
            return [*ringing, MakeAnswer(self.caller, self.caller.remote_sdp, like=None)]
        return ringing

    def _connect(self) -> Command:
        if self.target == "tone":
            return PlayTone(self.caller)
        return Join(self.caller, self.winner or self.caller)

    @staticmethod
    def _answer(leg: Leg, sdp: str | None = None) -> Command:
        description = {} if sdp is None else {Member.SDP: sdp}
        return Tell(leg, MessageType.ANSWER, {Member.CALLSID: leg.callsid, **description, **leg.reconnect})

    def _tell_ringing(self) -> list[Command]:
        if self.caller.told_callsid:
            return []
        self.caller.told_callsid = True
        return [Tell(self.caller, MessageType.RINGING, {Member.CALLSID: self.caller.callsid})]

    def _without(self, leg: Leg) -> list[Command]:
        leg.phase = Phase.GONE
        rest = [] if any(other.phase is not Phase.GONE for other in self.callees) else self._fail(NO_ANSWER)
        return [Release(leg), *rest]

    def _fail(self, why: tuple[int, str], event: Event = Event.END) -> list[Command]:
        return [*hangup(self.caller, *why), *self._end_rest()] if self._go(event) else []

    def _end_all(self) -> list[Command]:
        return self._end_rest() if self._go(Event.END) else []

    def _end_rest(self) -> list[Command]:
        legs = self.legs
        started = [leg for leg in legs if leg.is_caller or leg.phase is Phase.TALKING]
        waiting = [leg for leg in legs if leg not in started]
        return [c for leg in started for c in hangup(leg)] + [c for leg in waiting for c in cancel(leg)]

    def _go(self, event: Event) -> bool:
        """Change the state by the table; False when the event means nothing now."""
        target = _NEXT.get((self.state, event))
        if target is None:
            return False
        self.state = target
        return True
