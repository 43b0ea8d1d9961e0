"""One call's decisions, without I/O: who rings, who wins, who is told what.

A call has one caller's leg and any number of callees' legs. All callees ring; the first answer wins and cancels the
others; one reject rejects for all of its identity, and other identities go on ringing; a client that ignores the call
says nothing, so the others go on, too. The caller's media is made last, with the codec that the callee chose, so that
packets can be relayed as they are.
Work on media takes time, and its end comes back as one more event, `done` or `failed`: by then the call may be
another one, so each of them looks at what is true now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.names import Member, MessageType
from agent.switchboard import sdp as descriptions
from agent.switchboard.call_leg import CallLeg, LegPhase
from agent.switchboard.effects import (
    Join,
    LegEffect,
    MakeAnswer,
    MakeOffer,
    MediaWork,
    PlayDigits,
    PlayTone,
    Replace,
    Restart,
    TakeAnswer,
    Tell,
    cancel,
    drop,
    hang_up,
)
from agent.switchboard.refusals import BAD_MEDIA, BUSY, DECLINE, NO_ANSWER, NOT_FOUND, CallRefusal
from agent.switchboard.registry import Registered
from agent.switchboard.renegotiation import answer, describe_anew, restart, restarted
from agent.switchboard.route_state import RouteEvent, RouteState, next_state
from agent.switchboard.services import ANSWERED, ECHO, REJECT, REJECT_DELAY_S, SERVICES, TONE
from agent.switchboard.services import BUSY as BUSY_SERVICE
from agent.switchboard.settings import SwitchboardSettings
from agent.switchboard.timeouts import CallTimeouts

MOST_EARLY_DIGITS = 64


class RoutedCall:
    """One call; every event returns what is to be done. `now` is monotonic seconds."""

    def __init__(
        self,
        caller: CallLeg,
        target: str,
        parameters: Payload,
        settings: SwitchboardSettings,
        new_leg: Callable[[Registered], CallLeg],
        names: Iterable[str] = (),
    ) -> None:
        """`caller` brings its offer as `remote_sdp`; `parameters` go to the callees beside their CallSid.

        `names` are the identities that `target` means, where it is not one itself.
        """
        self.state = RouteState.RINGING
        self.caller = caller
        self.callees: list[CallLeg] = []
        self.target = target
        self.names = frozenset(names) or frozenset((target,))
        self.winner: CallLeg | None = None
        self._refused: set[str] = set()  # identities that have rejected it
        self._parameters = parameters
        self._early_digits = ""  # of the caller, before the answer
        self._timeouts = CallTimeouts(settings)
        self._new_leg = new_leg

    @property
    def legs(self) -> list[CallLeg]:
        """Every leg that is not gone."""
        return [leg for leg in (self.caller, *self.callees) if leg.phase is not LegPhase.GONE]

    def other(self, leg: CallLeg) -> CallLeg | None:
        """Return who is heard by `leg`: in an echo call it is itself."""
        if self.target in SERVICES:
            return leg if self.target == ECHO else None
        return self.winner if leg is self.caller else self.caller

    # What clients want

    def start(self, clients: Iterable[Registered], now: float) -> list[LegEffect]:
        """Ring the sessions `clients`, or let the service answer."""
        self._timeouts.start(now)
        if self.target in SERVICES:
            return self._serve(now)
        rings = [effect for client in clients for effect in self.invite(client)]
        return rings or self.refuse(NOT_FOUND)

    def invite(self, client: Registered) -> list[LegEffect]:
        """Ring one more session, unless it was rung before or the call rings no longer."""
        rung = {leg.session_id for leg in self.callees} | {self.caller.session_id}
        if self.state is not RouteState.RINGING or self.target in SERVICES or client.id in rung:
            return []
        if client.identity in self._refused:
            return []
        leg = self._new_leg(client)
        self.callees.append(leg)
        return [MakeOffer(leg, descriptions.codecs(self.caller.remote_sdp))]

    def answer(self, leg: CallLeg, sdp: str) -> list[LegEffect]:
        """Connect a callee that accepts; the first one wins."""
        if leg.phase is not LegPhase.RINGING or not self._go(RouteEvent.ANSWER):
            return []
        self.winner = leg
        leg.accept(sdp)
        if len(self.names) > 1:
            self.caller.learn_who_answered(leg.identity)
        others = [effect for other in self.callees if other is not leg for effect in cancel(other)]
        return [*others, TakeAnswer(leg, sdp)]

    def reject(self, leg: CallLeg) -> list[LegEffect]:
        """Refuse the call for one identity, wherever it rings; for all, when no other one is left."""
        if leg.phase is not LegPhase.RINGING:
            return []
        others = [other for other in self.callees if other.identity != leg.identity]
        if all(other.phase is LegPhase.GONE for other in others):
            return self._fail(DECLINE, RouteEvent.REFUSE)
        self._refused.add(leg.identity)
        return [effect for one in self.callees if one not in others for effect in cancel(one)]

    def hang_up(self, leg: CallLeg) -> list[LegEffect]:
        """End a client's part; a callee that only rang leaves the others ringing."""
        if leg.phase is LegPhase.GONE:
            return []
        if self._only_rings(leg):
            return self._without(leg)
        return [*drop(leg), *self._end_rest()] if self._go(RouteEvent.END) else []

    def expel(self, leg: CallLeg) -> list[LegEffect]:
        """End a client's part, and tell it so."""
        if leg.phase is LegPhase.GONE:
            return []
        return [Tell(leg, MessageType.HANGUP, {Member.CALLSID: leg.known_sid}), *self.hang_up(leg)]

    def reinvite(self, leg: CallLeg, sdp: str) -> list[LegEffect]:
        """Restart a client's ICE."""
        if leg.phase is not LegPhase.TALKING:
            return []
        return restart(leg, sdp, self._like(leg))

    def resume(self, leg: CallLeg, sdp: str) -> list[LegEffect]:
        """Give a 2.x client its call back over a new socket (spec: signaling 11)."""
        leg.come_back()
        return describe_anew(leg, sdp, self._like(leg))

    def dial(self, leg: CallLeg, digits: str) -> list[LegEffect]:
        """Send digits on for a client without telephone-event, those of a caller once somebody has answered."""
        other = self.other(leg)
        if self.state is not RouteState.OPEN and leg is self.caller:
            self._early_digits += digits[: MOST_EARLY_DIGITS - len(self._early_digits)]
        if self.state is not RouteState.OPEN or other is None or not other.has_media:
            return []
        return [PlayDigits(other, digits)]

    # What happens to it

    def done(self, work: MediaWork, sdp: str) -> list[LegEffect]:
        """Go on after work on media that is still the leg's; `sdp` is its result, if it has one."""
        match work:
            case MakeOffer(leg):
                return self._offered(leg, sdp)
            case TakeAnswer(leg):
                leg.settle_media()
                return self._callee_ready(leg)
            case MakeAnswer(leg):
                return self._caller_ready(leg, sdp)
            case Restart(leg, offer):
                return restarted(leg, sdp) if leg.awaits(offer) else []
            case Replace(leg, offer):
                return self._replaced(leg, sdp) if leg.awaits(offer) else []

    def failed(self, work: MediaWork) -> list[LegEffect]:
        """End the call, or go on without a callee, whose media could not be made or described."""
        leg = work.leg
        if isinstance(work, Restart) and leg.awaits(work.sdp):
            leg.take_back()
        if leg.phase is LegPhase.GONE or isinstance(work, Restart):  # then the media of before goes on
            return []
        return self._without(leg) if self._only_rings(leg) else self._fail(BAD_MEDIA)

    def leave(self, leg: CallLeg, now: float) -> list[LegEffect]:
        """End the call of a client whose media said goodbye, unless the client can resume it."""
        if not leg.can_resume:
            return self.hang_up(leg)
        leg.leave(now)
        return []

    def lost(self, session_id: int, now: float) -> list[LegEffect]:
        """Let a leg that cannot be taken up again end with its socket; any other waits for its client."""
        effects: list[LegEffect] = []
        for leg in self.legs:
            if leg.session_id == session_id:
                leg.detach(now)
                effects += self._orphaned(leg)
        return effects

    def tick(self, now: float, is_present: Callable[[str], bool]) -> list[LegEffect]:
        """Do what time demands; `is_present` tells whether an identity has any socket."""
        for leg in self.legs:
            if leg.detached_at is not None and not leg.can_resume and is_present(leg.identity):
                leg.detach(now)  # the client is there, and its generation has nothing to say about the call
        is_ringing = self.state is RouteState.RINGING
        if is_ringing and self._timeouts.has_rung_out(now):
            return self._fail(NO_ANSWER)
        if self._timeouts.is_rejected(now):
            return self._fail(DECLINE, RouteEvent.REFUSE)
        return self.end() if any(self._timeouts.is_over(leg, is_ringing, now) for leg in self.legs) else []

    def refuse(self, why: CallRefusal) -> list[LegEffect]:
        """Refuse a call that the switchboard cannot take."""
        return self._fail(why)

    def end(self) -> list[LegEffect]:
        """End the call without a reason."""
        return self._end_rest() if self._go(RouteEvent.END) else []

    # How it goes on

    def _serve(self, now: float) -> list[LegEffect]:
        if self.target == BUSY_SERVICE:
            return self._fail(BUSY)
        ringing = self._tell_ringing()
        if self.target == REJECT:
            self._timeouts.reject_at(now + REJECT_DELAY_S)
        if self.target in ANSWERED:
            self._go(RouteEvent.ANSWER)
            return [*ringing, *self._callee_ready(None)]
        return ringing

    def _offered(self, leg: CallLeg, sdp: str) -> list[LegEffect]:
        if self.state is not RouteState.RINGING or not leg.ring():
            return []
        parameters = {"CallSid": leg.callsid, **self._parameters}
        if len(self.names) > 1:
            parameters["To"] = f"client:{leg.identity}"
        payload = {
            Member.CALLSID: leg.callsid, Member.SDP: sdp, Member.PARAMETERS: parameters, **leg.tell_token(),
        }  # fmt: skip
        return [Tell(leg, MessageType.INVITE, payload), *self._tell_ringing()]

    def _callee_ready(self, leg: CallLeg | None) -> list[LegEffect]:
        """Make the caller's media, now that the callee's is ready."""
        if leg is not self.winner or not self._go(RouteEvent.CALLEE_READY):
            return []
        return [MakeAnswer(self.caller, self.caller.remote_sdp, like=leg)]

    def _caller_ready(self, leg: CallLeg, sdp: str) -> list[LegEffect]:
        if not self._go(RouteEvent.CALLER_READY):
            return []
        leg.connect(sdp)
        return [*self._connect(), answer(leg, sdp)]

    def _like(self, leg: CallLeg) -> CallLeg | None:
        """Whose codec new media of `leg` should take."""
        other = self.other(leg)
        return other if other is not leg else None

    def _replaced(self, leg: CallLeg, sdp: str) -> list[LegEffect]:
        """Connect the new media of a client that began anew, after its page was reloaded."""
        leg.settle(sdp)
        leg.settle_media()
        return [*self._connect(), answer(leg, sdp), *self._callee_ready(leg)]

    def _connect(self) -> list[LegEffect]:
        """Let the legs hear each other as soon as both can; whichever is ready last finds the other one."""
        first, second = self.caller, self.winner or self.caller
        if self.state is not RouteState.OPEN or not (first.has_media and second.has_media):
            return []
        if self.target == TONE:
            return [PlayTone(first)]
        early, self._early_digits = self._early_digits, ""
        return [Join(first, second), *([PlayDigits(second, early)] if early else [])]

    def _tell_ringing(self) -> list[LegEffect]:
        if self.caller.told_callsid:
            return []
        self.caller.learn_callsid()
        return [Tell(self.caller, MessageType.RINGING, {Member.CALLSID: self.caller.callsid})]

    def _only_rings(self, leg: CallLeg) -> bool:
        return self.state is RouteState.RINGING and leg is not self.caller

    def _orphaned(self, leg: CallLeg) -> list[LegEffect]:
        """End what nobody can take up: a device rings anew, and a 2.x caller has no token before the answer."""
        if self._only_rings(leg):
            return drop(leg)
        return self.end() if leg.can_resume and leg.phase is not LegPhase.TALKING else []

    def _without(self, leg: CallLeg) -> list[LegEffect]:
        gone = drop(leg)
        return gone if any(other is not self.caller for other in self.legs) else [*gone, *self._fail(NO_ANSWER)]

    def _fail(self, why: CallRefusal, event: RouteEvent = RouteEvent.END) -> list[LegEffect]:
        return [*hang_up(self.caller, why), *self._end_rest()] if self._go(event) else []

    def _end_rest(self) -> list[LegEffect]:
        started = [leg for leg in self.legs if leg.is_caller or leg.phase is LegPhase.TALKING]
        waiting = [leg for leg in self.legs if leg not in started]
        return [e for leg in started for e in hang_up(leg)] + [e for leg in waiting for e in cancel(leg)]

    def _go(self, event: RouteEvent) -> bool:
        """Change the state; False when the event means nothing now."""
        following = next_state(self.state, event)
        self.state = following or self.state
        return following is not None
