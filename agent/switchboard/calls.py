"""The calls in progress: hands what clients say to the right call, and what it decides to the executor."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from agent.closing import AsyncClosing
from agent.errors import InvalidArgumentError, ProtocolError
from agent.log import excerpt
from agent.signaling.pstream.messages import Message
from agent.signaling.pstream.names import Member, MessageType
from agent.signaling.pstream.params import read_params
from agent.signaling.pstream.payloads import error_payload
from agent.switchboard.client import Client
from agent.switchboard.effects import Command, Leg
from agent.switchboard.executor import Executor, MakeLeg
from agent.switchboard.registry import Registry
from agent.switchboard.router import Call, State
from agent.switchboard.settings import SwitchboardSettings

log = logging.getLogger(__name__)

SDP_LIMIT = 32_768
PARAMS_LIMIT = 8_192
TOO_MANY = (31503, "Service Unavailable")

Found = tuple[Call, Leg]


@dataclass(frozen=True)
class DialParams:
    """Whom to call, and the caller's own parameters, still encoded, for the callee."""

    target: str
    rest: str


class Calls(AsyncClosing):
    """Every call of one switchboard; asyncio only."""

    def __init__(self, settings: SwitchboardSettings, registry: Registry[Client], make_leg: MakeLeg) -> None:
        self._settings = settings
        self._registry = registry
        self._executor = Executor(registry, make_leg, self._ended)
        self._calls: list[Call] = []
        self._handlers: dict[str, Callable[[Call, Leg, Message], list[Command]]] = {
            MessageType.ANSWER: lambda call, leg, message: call.answer(leg, _sdp(message)),
            MessageType.REINVITE: lambda call, leg, message: call.reinvite(leg, _sdp(message)),
            MessageType.DTMF: lambda call, leg, message: call.dial(leg, message.text(Member.DTMF)),
            MessageType.HANGUP: lambda call, leg, message: call.hang_up(leg),
            MessageType.REJECT: lambda call, leg, message: call.reject(leg),
        }

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def idle(self) -> bool:
        """Whether nothing is left of any call."""
        return not self._calls and self._executor.idle

    def request(self, client: Client, message: Message) -> None:
        """Handle what a client says about a call; ProtocolError when it is malformed."""
        found = self._find(client, message.text(Member.CALLSID))
        if message.type == MessageType.INVITE:
            self._on_invite(client, message, found)
        elif found is None:
            self._on_unknown(client, message)
        else:
            call, leg = found
            leg.session_id, leg.detached_at = client.id, None
            if message.type == MessageType.MESSAGE:
                self._pass_on(client, call, leg, message)
            else:
                self._executor.run(call, self._handlers[message.type](call, leg, message))

    def reachable(self, client: Client) -> None:
        """Let calls to a client's identity that still ring also ring at this client, which has registered."""
        for call in list(self._calls):
            if call.target == client.identity:
                self._executor.run(call, call.invite(client.id, client.can_resume))

    def lost(self, client_id: int) -> None:
        """Tell the calls that a client's socket has gone."""
        for call in list(self._calls):
            self._executor.run(call, call.lost(client_id, _now()))

    def tick(self) -> None:
        """Let the calls notice the time."""
        for call in list(self._calls):
            self._executor.run(call, call.tick(_now(), lambda identity: bool(self._registry.of(identity))))

    def sever(self, identity: str) -> None:
        """Cut the media path to `identity` without telling anybody: for demonstrations and tests."""
        self._executor.sever(identity)

    async def close(self) -> None:
        """End every call."""
        for call in list(self._calls):
            self._executor.run(call, call.end())
        await self._executor.close()

    def _on_invite(self, client: Client, message: Message, found: Found | None) -> None:
        sdp = _sdp(message)
        if Member.RECONNECT in message.payload:
            self._resume(client, message, found, sdp)
        elif found is None:
            self._dial(client, message, sdp)

    def _dial(self, client: Client, message: Message, sdp: str) -> None:
        params, identity = dial_params(message), client.identity or ""
        caller = _new_leg(identity, client.id, client.can_resume, message.text(Member.CALLSID))
        caller.remote_sdp = sdp
        parameters = invite_parameters(params, identity, client.account_sid)
        call = Call(caller, params.target, parameters, self._settings, _new_leg)
        self._calls.append(call)
        if len(self._calls) > self._settings.max_calls:
            log.warning("a call is refused: %d calls are the limit", self._settings.max_calls)
            self._executor.run(call, call.refuse(*TOO_MANY))
            return
        log.info("call %s: %s calls %s", caller.callsid, excerpt(identity), excerpt(params.target))
        ringing = [(other.id, other.can_resume) for other in self._registry.reachable(params.target)]
        self._executor.run(call, call.start(ringing, _now()))

    def _resume(self, client: Client, message: Message, found: Found | None, sdp: str) -> None:
        if found is None or not _same(found[1].reconnect_token, message.text(Member.RECONNECT)):
            client.tell(MessageType.HANGUP, {Member.CALLSID: message.text(Member.CALLSID)})
            return
        call, leg = found
        leg.session_id, leg.detached_at = client.id, None
        self._executor.run(call, call.resume(leg, sdp))

    def _on_unknown(self, client: Client, message: Message) -> None:
        """A call that ended while the client was away: say so if the client believes that it goes on."""
        if message.type in (MessageType.ANSWER, MessageType.REINVITE):
            client.tell(MessageType.HANGUP, {Member.CALLSID: message.text(Member.CALLSID)})

    def _pass_on(self, client: Client, call: Call, leg: Leg, message: Message) -> None:
        """Pass a 2.x user message on, and acknowledge it (spec: signaling 11)."""
        other, event_sid = call.other(leg), message.text(Member.VOICEEVENTSID)
        if other is None or call.state is not State.OPEN:
            why = error_payload(31404, "Not Found", callsid=leg.callsid, voiceeventsid=event_sid)
            client.tell(MessageType.ERROR, why)
            return
        try:
            self._executor.tell(other, MessageType.MESSAGE, {**message.payload, Member.CALLSID: other.callsid})
        except InvalidArgumentError as error:  # written out, it may be longer than it came
            raise ProtocolError(str(error)) from None
        ack = {Member.ACKTYPE: MessageType.MESSAGE, Member.CALLSID: leg.callsid, Member.VOICEEVENTSID: event_sid}
        client.tell(MessageType.ACK, ack)

    def _ended(self, call: Call) -> None:
        if call in self._calls:
            self._calls.remove(call)
            log.info("call %s ended", call.caller.callsid)

    def _find(self, client: Client, sid: str) -> Found | None:
        for call in self._calls:
            for leg in call.legs:
                if leg.identity == client.identity and sid in (leg.callsid, leg.temporary_sid):
                    return call, leg
        return None


def dial_params(message: Message) -> DialParams:
    """Read `twilio.params` of an `invite`; whatever cannot be read names nobody."""
    params = message.table(Member.TWILIO).get(Member.PARAMS, "")
    return split_params(params if isinstance(params, str) and len(params) <= PARAMS_LIMIT else "")


def split_params(params: str) -> DialParams:
    """Split `To=bob&x=1`; `To` may also say client:bob."""
    read = read_params(params)
    to = {param.key: param.value for param in read}.get("To", "")
    return DialParams(to.removeprefix("client:"), "&".join(param.text for param in read if param.key != "To"))


def invite_parameters(params: DialParams, caller: str, account_sid: str) -> dict[str, str]:
    """Return the callee's `parameters`, all but its CallSid (spec: connection 1)."""
    parameters = {
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "From": f"client:{caller}",
        "To": f"client:{params.target}",
    }
    return {**parameters, "Params": params.rest} if params.rest else parameters


def _sdp(message: Message) -> str:
    return message.text(Member.SDP, limit=SDP_LIMIT)


def _new_leg(identity: str, session_id: int, can_resume: bool, temporary_sid: str | None = None) -> Leg:
    token = secrets.token_urlsafe(16) if can_resume else ""
    return Leg(f"CA{secrets.token_hex(16)}", identity, session_id, temporary_sid, reconnect_token=token)


def _same(secret: str, guess: str) -> bool:
    return bool(secret) and hmac.compare_digest(secret.encode(), guess.encode(errors="replace"))


def _now() -> float:
    return asyncio.get_running_loop().time()
