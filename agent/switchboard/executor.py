"""Does what the router decides: tells clients, makes and joins media, and brings the results back to the call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from agent.closing import AsyncClosing
from agent.errors import InvalidStateError, SdpError
from agent.log import MOST_WHY, excerpt
from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.names import MessageType
from agent.switchboard import sdp as descriptions
from agent.switchboard.client import Client
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
)
from agent.switchboard.media_leg import MediaLeg
from agent.switchboard.registry import Registry
from agent.switchboard.router import Call

log = logging.getLogger(__name__)

MEDIA_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 1.0
BROADCAST = frozenset({MessageType.HANGUP, MessageType.CANCEL})  # matched by callsid: one too many harms nobody

Then = Callable[[Leg, Any], list[Command]]
MakeLeg = Callable[[Callable[[bool], None], Callable[[], None]], MediaLeg]


class Executor(AsyncClosing):
    """The hands of every call of one switchboard; asyncio only."""

    def __init__(self, registry: Registry[Client], make_leg: MakeLeg, ended: Callable[[Call], None]) -> None:
        """`make_leg` makes a client's media, given its `on_alive` and `on_ended`; `ended` is told of finished calls."""
        self._registry = registry
        self._make_leg = make_leg
        self._ended = ended
        self._media: dict[Leg, MediaLeg] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def idle(self) -> bool:
        """Whether no media is left, and nothing is being done."""
        return not self._media and not self._tasks

    def run(self, call: Call, commands: list[Command]) -> None:
        """Do what `call` decided; results come back to it later."""
        for command in commands:
            self._do(call, command)
        if not call.legs:
            self._ended(call)

    def tell(self, leg: Leg, message_type: str, payload: Payload) -> None:
        """Send a message to the leg's socket, or to what may be its successor."""
        for client in self._audience(leg, message_type):
            client.tell(message_type, payload)

    def sever(self, identity: str) -> None:
        """Cut the media path to `identity`'s legs without telling anybody: for demonstrations and tests."""
        for leg, media in self._media.items():
            if leg.identity == identity:
                media.sever()

    async def close(self) -> None:
        """Wait until the media of ended calls has gone, but not for long."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT_S)
            for task in late:
                task.cancel()

    def _do(self, call: Call, command: Command) -> None:
        match command:
            case Tell(leg, message_type, payload):
                self.tell(leg, message_type, payload)
            case MakeOffer(leg, codecs):
                self._start(call, leg, self._make_media(call, leg).offer(codecs), call.offered)
            case TakeAnswer(leg, sdp):
                self._start(call, leg, self._media[leg].accept(sdp), lambda leg, _: call.applied(leg))
            case MakeAnswer(leg, sdp, like):
                self._start(call, leg, self._make_media(call, leg).answer(sdp, self._codecs(sdp, like)), call.described)
            case Restart(leg, sdp):
                self._start(call, leg, self._media[leg].restart(sdp), call.restarted, vital=False)
            case Replace(leg, sdp, like):
                codecs = self._codecs(sdp, like)
                self._spawn(self._media[leg].close())
                self._start(call, leg, self._make_media(call, leg).answer(sdp, codecs), call.replaced)
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
            log.warning("call %s: the media of %s failed: %s", leg.callsid, excerpt(leg.identity),
                        excerpt(error, MOST_WHY) or "it took too long")  # fmt: skip
        except Exception:
            log.exception("call %s: the media of %s failed", leg.callsid, leg.identity)
        else:
            self.run(call, then(leg, result))
            return
        if vital:
            self.run(call, call.media_failed(leg))

    def _codecs(self, sdp: str, like: Leg | None) -> tuple[str, ...]:
        """Prefer the codec that the other leg chose, so that nothing needs transcoding."""
        spoken = descriptions.codecs(sdp)
        chosen = self._media[like].codec if like is not None else None
        return (chosen,) if chosen in spoken else spoken

    def _make_media(self, call: Call, leg: Leg) -> MediaLeg:
        def leave() -> None:
            self.run(call, call.leave(leg, _now()))

        self._media[leg] = self._make_leg(partial(_note_alive, leg), leave)
        return self._media[leg]

    def _audience(self, leg: Leg, message_type: str) -> list[Client]:
        own = self._registry.get(leg.session_id)
        later = [client for client in self._registry.of(leg.identity) if client.id > (leg.session_id or 0)]
        if own is None:
            return later if message_type in BROADCAST else later[-1:]
        return [own, *later] if message_type in BROADCAST else [own]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _note_alive(leg: Leg, alive: bool) -> None:
    leg.silent_at = None if alive else _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
