"""Every call of one switchboard, without I/O: gives what clients say, and what happens, to the call that it concerns.

What it decides comes back as effects; `now` is monotonic seconds.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

from agent.log import SeldomLog, excerpt
from agent.signaling.pstream.messages import Message
from agent.signaling.pstream.names import Member, MessageType
from agent.switchboard.call_leg import CallLeg, LegPhase
from agent.switchboard.dial_params import dial_params, invite_parameters
from agent.switchboard.effects import LegEffect, MediaWork, TableEffect, TellClient
from agent.switchboard.reconnect_tokens import ReconnectTokens
from agent.switchboard.refusals import TOO_MANY
from agent.switchboard.registry import Directory, Registered
from agent.switchboard.router import RoutedCall
from agent.switchboard.settings import SwitchboardSettings
from agent.switchboard.user_messages import NO_CALL, pass_on, refuse

log = logging.getLogger(__name__)

SDP_LIMIT = 32_768

Found = tuple[RoutedCall, CallLeg]


class CallTable:
    """The calls in progress; every event returns what is to be done."""

    def __init__(self, settings: SwitchboardSettings, directory: Directory, strangers: SeldomLog) -> None:
        """`directory` knows who is there; `strangers` logs what clients can provoke."""
        self._settings = settings
        self._directory = directory
        self._strangers = strangers
        self._calls: list[RoutedCall] = []
        self._handlers: dict[str, Callable[[RoutedCall, CallLeg, Message], list[LegEffect]]] = {
            MessageType.ANSWER: lambda call, leg, message: call.answer(leg, _sdp(message)),
            MessageType.REINVITE: lambda call, leg, message: call.reinvite(leg, _sdp(message)),
            MessageType.DTMF: lambda call, leg, message: call.dial(leg, message.text(Member.DTMF)),
            MessageType.HANGUP: lambda call, leg, message: call.hang_up(leg),
            MessageType.REJECT: lambda call, leg, message: call.reject(leg),
        }

    def __len__(self) -> int:
        return len(self._calls)

    # What clients say

    def request(self, client: Registered, message: Message, now: float) -> list[TableEffect]:
        """Handle what a client says about a call; ProtocolError when it is malformed."""
        found = self._find(client, message.text(Member.CALLSID))
        if message.type == MessageType.INVITE:
            return self._on_invite(client, message, found, now)
        if found is None or found[1].has_left(client.id):
            return self._on_unknown(client, message)
        call, leg = found
        leg.attach(client)
        if message.type == MessageType.MESSAGE:
            return pass_on(call, leg, client.id, message, now)
        return self._after(call, self._handlers[message.type](call, leg, message))

    def reachable(self, client: Registered) -> list[TableEffect]:
        """Let calls to a client's identity that still ring also ring at this client, which has registered."""
        called = [call for call in self._calls if client.identity in call.names]
        return [effect for call in called for effect in self._after(call, call.invite(client))]

    def has_read(self, client: Registered) -> None:
        """Note that a client has read all that it was told, and so its latest reconnect tokens."""
        for call in self._calls:
            for leg in call.legs:
                if leg.session_id == client.id:
                    leg.token_arrived()

    # What happens

    def lost(self, client_id: int, now: float) -> list[TableEffect]:
        """Tell the calls that a client's socket has gone."""
        return [effect for call in list(self._calls) for effect in self._after(call, call.lost(client_id, now))]

    def tick(self, now: float) -> list[TableEffect]:
        """Let the calls notice the time."""
        return [effect for call in list(self._calls) for effect in self._after(call, call.tick(now, self._is_present))]

    def done(self, work: MediaWork, sdp: str) -> list[TableEffect]:
        """Go on after work on media that is still the leg's; `sdp` is its result, if it has one."""
        return [effect for call in self._of(work.leg) for effect in self._after(call, call.done(work, sdp))]

    def failed(self, work: MediaWork) -> list[TableEffect]:
        """Go on after work on media that came to nothing."""
        return [effect for call in self._of(work.leg) for effect in self._after(call, call.failed(work))]

    def left(self, leg: CallLeg, now: float) -> list[TableEffect]:
        """Tell the call that a client's media said goodbye."""
        return [effect for call in self._of(leg) for effect in self._after(call, call.leave(leg, now))]

    def expel(self, identity: str) -> list[TableEffect]:
        """End every part in a call that `identity` has."""
        found = [(call, leg) for call in self._calls for leg in call.legs if leg.identity == identity]
        return [effect for call, leg in found for effect in self._after(call, call.expel(leg))]

    def end(self) -> list[TableEffect]:
        """End every call."""
        return [effect for call in list(self._calls) for effect in self._after(call, call.end())]

    def _on_invite(self, client: Registered, message: Message, found: Found | None, now: float) -> list[TableEffect]:
        sdp = _sdp(message)
        if Member.RECONNECT in message.payload:
            return self._resume(client, message, found, sdp)
        return self._dial(client, message, sdp, now) if found is None else []

    def _dial(self, client: Registered, message: Message, sdp: str, now: float) -> list[TableEffect]:
        params, identity = dial_params(message), client.identity or ""
        caller = _new_leg(client, message.text(Member.CALLSID))
        caller.take(sdp)
        parameters = invite_parameters(params, identity, client.account_sid)
        names = (params.target,) if self._directory.of(params.target) else params.names
        call = RoutedCall(caller, params.target, parameters, self._settings, _new_leg, names)
        self._calls.append(call)
        if self._are_too_many(identity):
            return self._after(call, call.refuse(TOO_MANY))
        log.info("call %s: %s calls %s", caller.callsid, excerpt(identity), excerpt(params.target))
        called = [client for name in names for client in self._directory.reachable(name)]
        return self._after(call, call.start(called, now))

    def _are_too_many(self, identity: str) -> bool:
        """Whether there are more calls than there may be, of all or begun by one, so that none can take them all."""
        own = sum(call.caller.identity == identity for call in self._calls)
        if own > self._settings.max_calls_per_client:
            self._strangers.warning("%s has begun %d calls: refused", excerpt(identity), own)
            return True
        if len(self._calls) > self._settings.max_calls:
            self._strangers.warning("a call is refused: %d calls are the limit", self._settings.max_calls)
            return True
        return False

    def _resume(self, client: Registered, message: Message, found: Found | None, sdp: str) -> list[TableEffect]:
        """Give a call to the socket that shows its token, whatever becomes of the one that had it."""
        if found is None or not _may_resume(found[1], message.text(Member.RECONNECT)):
            self._strangers.warning("client %d asked for a call that is over or not its own: refused", client.id)
            return [_hang_up(client.id, message)]
        call, leg = found
        before = [] if leg.session_id == client.id else [_hang_up(leg.session_id, message)]
        leg.attach(client, proven=True)
        return [*before, *self._after(call, call.resume(leg, sdp))]

    def _on_unknown(self, client: Registered, message: Message) -> list[TableEffect]:
        """A call that ended while the client was away: say so if the client believes that it goes on."""
        if message.type == MessageType.MESSAGE:
            return [refuse(client.id, message, NO_CALL)]
        return [_hang_up(client.id, message)] if message.type in (MessageType.ANSWER, MessageType.REINVITE) else []

    def _after(self, call: RoutedCall, effects: list[LegEffect]) -> list[TableEffect]:
        """Forget the call if nothing is left of it."""
        if not call.legs and call in self._calls:
            self._calls.remove(call)
            log.info("call %s ended", call.caller.callsid)
        return [*effects]

    def _find(self, client: Registered, sid: str) -> Found | None:
        for call in self._calls:
            for leg in call.legs:
                if leg.identity == client.identity and sid in (leg.callsid, leg.temporary_sid):
                    return call, leg
        return None

    def _of(self, leg: CallLeg) -> list[RoutedCall]:
        return [call for call in self._calls if leg in call.legs]

    def _is_present(self, identity: str) -> bool:
        return bool(self._directory.of(identity))


def _hang_up(client_id: int, message: Message) -> TellClient:
    return TellClient(client_id, MessageType.HANGUP, {Member.CALLSID: message.text(Member.CALLSID)})


def _sdp(message: Message) -> str:
    return message.text(Member.SDP, limit=SDP_LIMIT)


def _may_resume(leg: CallLeg, token: str) -> bool:
    return leg.phase is LegPhase.TALKING and leg.tokens is not None and leg.tokens.use(token)


def _new_leg(client: Registered, temporary_sid: str | None = None) -> CallLeg:
    return CallLeg(
        callsid=f"CA{secrets.token_hex(16)}",
        identity=client.identity or "",
        session_id=client.id,
        temporary_sid=temporary_sid,
        tokens=ReconnectTokens() if client.can_resume else None,
        patience_s=client.reconnect_timeout_s,
    )
