"""The calls in progress: hands clients' messages to the router and does what it decides."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from agent.errors import InvalidStateError, SdpError
from agent.switchboard import sdp as descriptions
from agent.switchboard.client import Client
from agent.switchboard.commands import (
    Command,
    Join,
    Leg,
    MakeAnswer,
    MakeOffer,
    Phase,
    PlayDigits,
    PlayTone,
    Release,
    Restart,
    TakeAnswer,
    Tell,
)
from agent.switchboard.leg import MediaLeg
from agent.switchboard.messages import Message, Payload, error_payload
from agent.switchboard.registry import Registry
from agent.switchboard.router import Call, State, split_params
from agent.switchboard.settings import SwitchboardSettings

log = logging.getLogger(__name__)

MEDIA_TIMEOUT_S = 15.0
SDP_LIMIT = 32_768
TOO_MANY = (31503, "Service Unavailable")
BROADCAST = frozenset({"hangup", "cancel"})  # clients match these by callsid, so one too many harms nobody

Then = Callable[[Leg, Any], list[Command]]


class Calls:
    """Every call of one switchboard. All methods run on the asyncio loop."""

    def __init__(
        self,
        settings: SwitchboardSettings,
        registry: Registry[Client],
        make_leg: Callable[[Callable[[bool], None], Callable[[], None]], MediaLeg],
    ) -> None:
        """`make_leg` makes a client's media, given its `on_alive` and `on_ended`."""
        self._settings = settings
        self._registry = registry
        self._make_leg = make_leg
        self._calls: list[Call] = []
        self._media: dict[Leg, MediaLeg] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: dict[str, Callable[[Client, Call, Leg, Message], None]] = {
            "answer": self._on_answer,
            "reinvite": self._on_reinvite,
            "dtmf": self._on_dtmf,
            "hangup": lambda client, call, leg, message: self._run(call, call.hang_up(leg)),
            "reject": lambda client, call, leg, message: self._run(call, call.reject(leg)),
            "message": self._on_message,
        }

    def __len__(self) -> int:
        return len(self._calls)

    def request(self, client: Client, message: Message) -> None:
        """Handle what a client says about a call; ProtocolError when it is malformed."""
        callsid = message.text("callsid")
        found = self._find(client, callsid)
        if message.type == "invite":
            self._on_invite(client, message, found)
        elif found is not None:
            found[1].session_id, found[1].detached_at = client.id, None
            self._handlers[message.type](client, *found, message)
        elif message.type in ("answer", "reinvite"):
            client.tell("hangup", {"callsid": callsid})  # it ended while the client was away

    def reachable(self, client: Client) -> None:
        """A client registered: calls to its identity that still ring also ring there."""
        for call in list(self._calls):
            if call.target == client.identity:
                self._run(call, call.invite(client.id))

    def lost(self, client_id: int) -> None:
        """A client's socket has gone."""
        for call in list(self._calls):
            self._run(call, call.lost(client_id, self._now()))

    def tick(self) -> None:
        """Let the calls notice the time."""
        for call in list(self._calls):
            self._run(call, call.tick(self._now(), lambda identity: bool(self._registry.of(identity))))

    def sever(self, identity: str) -> None:
        """Cut the media path to `identity`'s legs without telling anybody: for demonstrations and tests."""
        for leg, media in self._media.items():
            if leg.identity == identity:
                media.sever()

    async def close(self) -> None:
        """End every call and wait until its media has gone."""
        for call in list(self._calls):
            self._run(call, call.end())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=MEDIA_TIMEOUT_S)

    def _on_invite(self, client: Client, message: Message, found: tuple[Call, Leg] | None) -> None:
        sdp = message.text("sdp", limit=SDP_LIMIT)
        if "reconnect" in message.payload:
            self._resume(client, message, found, sdp)
        elif found is None:
            self._dial(client, message, sdp)

    def _dial(self, client: Client, message: Message, sdp: str) -> None:
        target, params = split_params(message_params(message))
        identity = client.identity or ""
        caller = self._new_leg(identity, client.id, message.text("callsid"))
        caller.remote_sdp = sdp
        parameters = {
            "AccountSid": client.account_sid,
            "ApiVersion": "2010-04-01",
            "From": f"client:{identity}",
            "To": f"client:{target}",
            **({"Params": params} if params else {}),
        }
        call = Call(caller, target, parameters, self._settings, self._new_leg)
        self._calls.append(call)
        if len(self._calls) > self._settings.max_calls:
            log.warning("a call is refused: %d calls are the limit", self._settings.max_calls)
            self._run(call, call.refuse(*TOO_MANY))
        else:
            log.info("call %s: %s calls %s", caller.callsid, identity, target)
            ringing = [other.id for other in self._registry.reachable(target)]
            self._run(call, call.start(ringing, self._now()))

    def _resume(self, client: Client, message: Message, found: tuple[Call, Leg] | None, sdp: str) -> None:
        if found is None or not hmac.compare_digest(found[1].reconnect_token, message.text("reconnect")):
            client.tell("hangup", {"callsid": message.text("callsid")})
            return
        call, leg = found
        leg.session_id, leg.detached_at = client.id, None
        self._run(call, call.resume(leg, sdp))

    def _on_answer(self, client: Client, call: Call, leg: Leg, message: Message) -> None:
        self._run(call, call.answer(leg, message.text("sdp", limit=SDP_LIMIT)))

    def _on_reinvite(self, client: Client, call: Call, leg: Leg, message: Message) -> None:
        self._run(call, call.reinvite(leg, message.text("sdp", limit=SDP_LIMIT)))

    def _on_dtmf(self, client: Client, call: Call, leg: Leg, message: Message) -> None:
        self._run(call, call.dial(leg, message.text("dtmf")))

    def _on_message(self, client: Client, call: Call, leg: Leg, message: Message) -> None:
        """Pass a 2.x user message on, and acknowledge it (spec: signaling 11)."""
        other = call.other(leg)
        event_sid = message.text("voiceeventsid")
        if other is not None and call.state is State.OPEN:
            self._tell(other, "message", {**message.payload, "callsid": other.callsid})
            client.tell("ack", {"acktype": "message", "callsid": leg.callsid, "voiceeventsid": event_sid})
        else:
            where = {"callsid": leg.callsid, "voiceeventsid": event_sid}
            client.tell("error", error_payload(31404, "Not Found", **where))

    def _run(self, call: Call, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Tell):
                self._tell(command.leg, command.type, command.payload)
            else:
                self._do(call, command)
        if call.state is State.ENDED and call in self._calls:
            self._calls.remove(call)
            log.info("call %s ended", call.caller.callsid)

    def _do(self, call: Call, command: Command) -> None:
        match command:
            case MakeOffer(leg, codecs):
                self._start(call, leg, self._make_media(call, leg).offer(codecs), call.offered)
            case TakeAnswer(leg, sdp):
                self._start(call, leg, self._media[leg].accept(sdp), lambda leg, _: call.applied(leg))
            case MakeAnswer(leg, sdp, like):
                self._start(call, leg, self._make_media(call, leg).answer(sdp, self._codecs(sdp, like)), call.described)
            case Restart(leg, sdp):
                self._start(call, leg, self._media[leg].restart(sdp), call.restarted, vital=False)
            case Join(first, second):
                self._media[first].join(self._media[second])
            case PlayTone(leg):
                self._media[leg].play_tone()
            case PlayDigits(leg, digits):
                self._media[leg].play_digits(digits)
            case Release(leg) if leg in self._media:
                self._spawn(self._media.pop(leg).close())

    def _start(self, call: Call, leg: Leg, work: Coroutine[Any, Any, Any], then: Then, *, vital: bool = True) -> None:
        self._spawn(self._finish(call, leg, work, then, vital))

    async def _finish(self, call: Call, leg: Leg, work: Coroutine[Any, Any, Any], then: Then, vital: bool) -> None:
        try:
            async with asyncio.timeout(MEDIA_TIMEOUT_S):
                result = await work
        except (SdpError, InvalidStateError, ConnectionError, TimeoutError) as error:
            if leg.phase is Phase.GONE:
                return
            log.warning("call %s: the media of %s failed: %s", leg.callsid, leg.identity, error or "it took too long")
        except Exception:
            log.exception("call %s: the media of %s failed", leg.callsid, leg.identity)
        else:
            self._run(call, then(leg, result))
            return
        if vital:
            self._run(call, call.media_failed(leg))

    def _codecs(self, sdp: str, like: Leg | None) -> tuple[str, ...]:
        """Prefer the codec that the other leg chose, so that nothing needs transcoding."""
        spoken = descriptions.codecs(sdp)
        chosen = self._media[like].codec if like is not None else None
        return (chosen,) if chosen in spoken else spoken

    def _make_media(self, call: Call, leg: Leg) -> MediaLeg:
        def leave() -> None:
            self._run(call, call.hang_up(leg))

        self._media[leg] = self._make_leg(partial(self._on_alive, leg), leave)
        return self._media[leg]

    def _on_alive(self, leg: Leg, alive: bool) -> None:
        leg.silent_at = None if alive else self._now()

    def _tell(self, leg: Leg, message_type: str, payload: Payload) -> None:
        for client in self._audience(leg, message_type):
            client.tell(message_type, payload)

    def _audience(self, leg: Leg, message_type: str) -> list[Client]:
        """Return who to tell: the leg's socket, or what may be its successor."""
        own = self._registry.get(leg.session_id)
        later = [client for client in self._registry.of(leg.identity) if client.id > (leg.session_id or 0)]
        if own is None:
            return later if message_type in BROADCAST else later[-1:]
        return [own, *later] if message_type in BROADCAST else [own]

    def _find(self, client: Client, sid: str) -> tuple[Call, Leg] | None:
        for call in self._calls:
            for leg in call.legs:
                if leg.identity == client.identity and sid in (leg.callsid, leg.temporary_sid):
                    return call, leg
        return None

    def _new_leg(self, identity: str, session_id: int, temporary_sid: str | None = None) -> Leg:
        callsid = f"CA{secrets.token_hex(16)}"
        return Leg(callsid, identity, session_id, temporary_sid, reconnect_token=secrets.token_urlsafe(16))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def message_params(message: Message) -> str:
    """Return the url-encoded parameters of an `invite`."""
    params = message.table("twilio").get("params", "")
    return params if isinstance(params, str) and len(params) <= 8192 else ""
