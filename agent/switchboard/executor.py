"""Does what the call table decides: tells clients, makes and joins media, and brings the results back to the table."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from agent.closing import AsyncClosing
from agent.effects import EffectQueue
from agent.errors import InvalidStateError, SdpError
from agent.log import MOST_WHY, SeldomLog, excerpt
from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.names import Member, MessageType
from agent.switchboard import sdp as descriptions
from agent.switchboard.call_leg import CallLeg
from agent.switchboard.call_table import CallTable
from agent.switchboard.client import Client
from agent.switchboard.effects import (
    Join,
    MakeAnswer,
    MakeOffer,
    MediaWork,
    PlayDigits,
    PlayTone,
    Release,
    Replace,
    Restart,
    TableEffect,
    TakeAnswer,
    Tell,
    TellClient,
)
from agent.switchboard.media_leg import MediaLeg
from agent.switchboard.registry import Registry

log = logging.getLogger(__name__)

MEDIA_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 1.0
BROADCAST = frozenset({MessageType.HANGUP, MessageType.CANCEL})  # matched by callsid: one too many harms nobody

MakeMedia = Callable[[Callable[[bool], None], Callable[[], None]], MediaLeg]


class Executor(AsyncClosing):
    """The hands of one switchboard's calls; asyncio only."""

    def __init__(
        self, table: CallTable, registry: Registry[Client], make_media: MakeMedia, strangers: SeldomLog
    ) -> None:
        """`make_media` makes a client's media, given its `on_alive` and `on_ended`."""
        self._table = table
        self._registry = registry
        self._make_media = make_media
        self._strangers = strangers
        self._media: dict[CallLeg, MediaLeg] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._queue: EffectQueue[TableEffect] = EffectQueue(self._carry_out, _later)

    @property
    def idle(self) -> bool:
        """Whether no media is left, and nothing is being done."""
        return not self._media and not self._tasks

    def run(self, effects: Iterable[TableEffect]) -> None:
        """Do what the table decided; results come back to it later."""
        self._queue.run(effects)

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

    def _carry_out(self, effect: TableEffect) -> None:
        match effect:
            case Tell(leg, message_type, payload):
                for client in self._audience(leg, message_type):
                    is_own = client.id == leg.session_id
                    client.tell(message_type, payload if is_own else _without_token(payload))
            case TellClient(client_id, message_type, payload):
                self._tell(client_id, message_type, payload)
            case Join(first, second):
                self._media[first].join(self._media[second])
            case PlayTone(leg):
                self._media[leg].play_tone()
            case PlayDigits(leg, digits):
                self._media[leg].play_digits(digits)
            case Release(leg):
                self._release(leg)
            case MakeOffer() | TakeAnswer() | MakeAnswer() | Restart() | Replace():
                self._spawn(self._finish(effect, *self._begin(effect)))

    def _tell(self, client_id: int, message_type: str, payload: Payload) -> None:
        client = self._registry.get(client_id)
        if client is not None:
            client.tell(message_type, payload)

    def _begin(self, work: MediaWork) -> tuple[MediaLeg, Coroutine[Any, Any, str]]:
        """Return the media that is worked on, and the work."""
        match work:
            case MakeOffer(leg, codecs):
                media = self._renew(leg)
                return media, media.offer(codecs)
            case TakeAnswer(leg, sdp):
                return self._media[leg], self._media[leg].accept(sdp)
            case Restart(leg, sdp):
                return self._media[leg], self._media[leg].restart(sdp)
            case MakeAnswer(leg, sdp, like) | Replace(leg, sdp, like):
                codecs = self._codecs(sdp, like)
                media = self._renew(leg)
                return media, media.answer(sdp, codecs)

    async def _finish(self, work: MediaWork, media: MediaLeg, doing: Coroutine[Any, Any, str]) -> None:
        """Bring the end of `work` back to the table, unless the leg has gone or has other media by then."""
        leg = work.leg
        try:
            async with asyncio.timeout(MEDIA_TIMEOUT_S):
                sdp = await doing
        except (SdpError, InvalidStateError, ConnectionError, TimeoutError) as error:
            if not self._is_current(leg, media):
                return
            why = excerpt(error, MOST_WHY) or "it took too long"
            self._strangers.warning("call %s: the media of %s failed: %s", leg.callsid, excerpt(leg.identity), why)
        except Exception:
            log.exception("call %s: the media of %s failed", leg.callsid, leg.identity)
        else:
            if self._is_current(leg, media):
                self.run(self._table.done(work, sdp))
            return
        if self._is_current(leg, media):
            self.run(self._table.failed(work))

    def _codecs(self, sdp: str, like: CallLeg | None) -> tuple[str, ...]:
        """Prefer the codec that the other leg chose, so that nothing needs transcoding."""
        spoken = descriptions.codecs(sdp)
        chosen = self._media[like].codec if like is not None else None
        return (chosen,) if chosen in spoken else spoken

    def _renew(self, leg: CallLeg) -> MediaLeg:
        """Give the leg new media, in the place of what it has; digits that did not arrive yet go over it."""
        before = self._media.get(leg)
        self._release(leg)

        def on_alive(is_alive: bool) -> None:
            if self._is_current(leg, media):
                leg.note_path(is_alive, _now())

        def on_ended() -> None:
            if self._is_current(leg, media):
                self.run(self._table.left(leg, _now()))

        media = self._media[leg] = self._make_media(on_alive, on_ended)
        if before is not None:
            before.kept.lost()
            media.kept = before.kept
        client = self._registry.get(leg.session_id)
        media.likely_address = client.reached_at if client is not None else None
        return media

    def _is_current(self, leg: CallLeg, media: MediaLeg) -> bool:
        """Whether it is still the leg's media: what others say of it comes too late."""
        return self._media.get(leg) is media

    def _release(self, leg: CallLeg) -> None:
        if leg in self._media:
            self._spawn(self._media.pop(leg).close())

    def _audience(self, leg: CallLeg, message_type: str) -> list[Client]:
        """The leg's socket, or what may be its successor."""
        own = self._registry.get(leg.session_id)
        later = [client for client in self._registry.of(leg.identity) if client.id > (leg.session_id or 0)]
        if own is None:
            return later if message_type in BROADCAST else later[-1:]
        return [own, *later] if message_type in BROADCAST else [own]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _without_token(payload: Payload) -> Payload:
    """What a socket may hear that has only the name of its owner."""
    return {name: value for name, value in payload.items() if name != Member.RECONNECT}


def _later(go_on: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(go_on)


def _now() -> float:
    return asyncio.get_running_loop().time()
