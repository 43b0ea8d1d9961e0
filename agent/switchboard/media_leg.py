"""The media of one leg: a peer that hears a client and speaks to it, joined to another leg or to a tone."""

from __future__ import annotations

import asyncio
import logging
import math
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

from agent.closing import AsyncClosing
from agent.errors import FarSideError
from agent.log import FailureLog, SeldomLog
from agent.media.codec.sender import OPUS, AudioSender
from agent.media.codec.telephone_event import EventSender
from agent.media.peer import Peer
from agent.media.sdp.codecs import EVENT, KINDS
from agent.media.settings import MediaSettings
from agent.switchboard import sdp as descriptions
from agent.switchboard.kept_digits import KeptDigits
from agent.switchboard.transcoder import Transcoder
from hw.sound.frame import FRAME_MS, FRAME_SAMPLES, RATE_HZ

log = logging.getLogger(__name__)

TONE_HZ = 440
TONE_LEVEL = 8000
EVENT_HZ = 8000
PAUSE_S = 0.5  # of a `w` (spec: connection 5)
SILENT_S = 1.0  # from a path to the first packet of a client that speaks
MOST_DIGITS = 1000  # that wait to be sent: several minutes of them


class MediaLeg(AsyncClosing):
    """One client's audio; asyncio only. `on_alive` hears when its path goes and returns, `on_ended` when it leaves."""

    def __init__(self, settings: MediaSettings, on_alive: Callable[[bool], None], on_ended: Callable[[], None]) -> None:
        self._settings = settings
        self._on_alive = on_alive
        self._on_ended = on_ended
        self.kept = KeptDigits()
        self.likely_address: str | None = None  # of this machine: where the client reaches it
        self._peer: Peer | None = None
        self._spoken: tuple[str, ...] = ()
        self._player: asyncio.Task[None] | None = None
        self._digits = ""  # still to be sent
        self._dialling = False
        self._closed = False
        self._damaged = FailureLog(log, "passing a packet on")
        self._strangers = SeldomLog(log)

    @property
    def codec(self) -> str | None:
        """What the client chose, lower-case; None before that."""
        return self._spoken[0] if self._spoken else None

    async def offer(self, codecs: tuple[str, ...]) -> str:
        """Make an offer that lists `codecs` first. Raises ConnectionAbortedError when the call is over meanwhile."""
        return await self._make_peer(codecs).create_offer()

    @property
    def understood(self) -> tuple[str, ...]:
        """The names, as packets carry them, of the codecs that the client can hear."""
        return tuple(KINDS[name] for name in self._spoken)

    async def accept(self, sdp: str) -> str:
        """Take the client's answer, and return it; SdpError when it cannot be used."""
        self._spoken = descriptions.codecs(sdp)
        await self._described.apply_answer(sdp)
        return sdp

    async def answer(self, sdp: str, codecs: tuple[str, ...]) -> str:
        """Answer the client's offer with one of `codecs`; SdpError when it cannot, ConnectionAbortedError."""
        offer = descriptions.keep_codecs(sdp, codecs)
        self._spoken = descriptions.codecs(offer)
        return await self._make_peer(codecs).answer_offer(offer)

    async def restart(self, sdp: str) -> str:
        """Answer an ICE restart; SdpError when it cannot be used."""
        return await self._described.answer_offer(descriptions.keep_codecs(sdp, self._spoken))

    def join(self, other: MediaLeg) -> None:
        """Let both hear each other; a leg joined to itself hears its echo."""
        self.feed(other)
        if other is not self:
            other.feed(self)

    def feed(self, other: MediaLeg) -> None:
        """Let `other` hear this client, and this client know what `other` loses of it."""
        transcoder = Transcoder(other.send, other.understood)

        def pass_on(payload: bytes, timestamp: int, marker: bool, codec: str, sequence: int | None) -> None:
            self._heard()
            try:
                transcoder(payload, timestamp, marker, codec, sequence)
            except FarSideError as error:
                self._damaged.failed(error)

        self._described.rtp.on_rtp = pass_on
        other.report_loss(self._described.rtp.report_loss_beyond)

    def send(self, payload: bytes, timestamp: int, marker: bool, codec: str, sequence: int | None = None) -> None:
        """Send the client one packet, unless digits take its place, which have a time line of their own."""
        now, is_free = asyncio.get_running_loop().time(), not self._dialling
        if codec == EVENT and not self.kept.passes(payload, timestamp, sequence, now, is_free=is_free):
            return
        if is_free:
            self._described.rtp.send(payload, timestamp, marker, codec, sequence)

    def report_loss(self, listener: Callable[[float], None]) -> None:
        """Tell `listener` the share of packets that the client misses, 0 to 1."""
        self._described.rtp.on_loss = listener

    def play_tone(self) -> None:
        """Speak a tone until the leg closes."""
        self._player = asyncio.get_running_loop().create_task(self._play_tone())

    def play_digits(self, digits: str) -> None:
        """Send telephone-events (RFC 4733) with pauses for `w`, after those that still sound; too many are dropped.

        They wait until the client is there.
        """
        if not self.kept.is_reached:
            self.kept.keep(digits)
            return
        room = MOST_DIGITS - len(self._digits)
        if len(digits) > room:
            self._strangers.warning("digits of a call are dropped: more than %d wait to be sent", MOST_DIGITS)
        self._digits += digits[:room]
        if self._player is None or self._player.done():
            self._player = asyncio.get_running_loop().create_task(self._play_digits())

    def sever(self) -> None:
        """Cut the path to the client without telling it: for demonstrations and tests."""
        if self._peer is not None:
            self._peer.sever()

    async def close(self) -> None:
        """End the media; idempotent."""
        self._closed = True
        if self._player is not None:
            self._player.cancel()
        if self._peer is not None:
            self._peer.rtp.on_rtp = None
            self._peer.close()

    @property
    def _described(self) -> Peer:
        assert self._peer is not None, "a description comes first"
        return self._peer

    def _make_peer(self, codecs: tuple[str, ...]) -> Peer:
        if self._closed:
            raise ConnectionAbortedError("the call ended meanwhile")
        self._peer = Peer(replace(self._settings, codec_preferences=codecs), self._on_event, may_move=False)
        self._peer.prefer(self.likely_address)
        return self._peer

    def _on_event(self, name: str, *arguments: object) -> None:
        if self._closed:
            return
        if name == "connection_state":
            self._on_alive(arguments[0] in ("connected", "connecting"))
            if arguments[0] == "connected":
                asyncio.get_running_loop().call_later(SILENT_S, self._heard)  # a client that only listens
            else:
                self.kept.lost()
        elif name == "dtls_state" and arguments[0] in ("closed", "failed"):
            log.info("a client's media ended: DTLS %s", arguments[0])
            self._on_ended()

    def _heard(self) -> None:
        """Note that the client is there, and send what was dialled for it meanwhile."""
        if self._closed or self._described.connection_state != "connected":
            return
        self.kept.heard(asyncio.get_running_loop().time())
        if not self._dialling and (digits := self.kept.take()):
            self.play_digits(digits)

    async def _play_tone(self) -> None:
        sender = AudioSender(self._described.rtp.negotiated_codec or OPUS)
        sound = _tone()
        async for _ in _every_frame():
            for packet in sender.push(next(sound)):
                self._described.rtp.send(packet.payload, packet.timestamp, packet.marker, packet.codec)

    async def _play_digits(self) -> None:
        self._dialling = True
        try:
            while digits := self._digits or self.kept.take():
                self._digits = ""
                await self._send_digits(digits)
        finally:
            self._dialling = False

    async def _send_digits(self, digits: str) -> None:
        clock_hz = RATE_HZ if self._described.rtp.negotiated_codec == OPUS else EVENT_HZ
        samples = clock_hz * FRAME_MS // 1000
        # One clock for all that is ever dialled here: two events with the same start would be one for the client.
        events, time = EventSender(clock_hz, EVENT_HZ), round(asyncio.get_running_loop().time() * clock_hz)
        for tones in digits.split("w"):
            events.insert(tones)
            async for _ in _every_frame():
                packets, sounding = events.step(time, samples)
                time += samples
                for packet in packets:
                    self._described.rtp.send(packet.payload, packet.start, packet.marker, EVENT)
                if not (packets or sounding or events.pending):
                    break
            await asyncio.sleep(PAUSE_S)
            time += int(PAUSE_S * clock_hz)


async def _every_frame() -> AsyncIterator[None]:
    """Yield every 20 ms; what came late is caught up."""
    loop = asyncio.get_running_loop()
    at = loop.time()
    while True:
        yield
        at += FRAME_MS / 1000
        await asyncio.sleep(at - loop.time())


def _tone() -> Iterator[bytes]:
    """Yield frames of an endless tone; 440 Hz repeats after five of them."""
    count = 5 * FRAME_SAMPLES
    wave = [round(TONE_LEVEL * math.sin(2 * math.pi * TONE_HZ * n / RATE_HZ)) for n in range(count)]
    pcm = struct.pack(f"<{count}h", *wave)
    frames = [pcm[n : n + FRAME_SAMPLES * 2] for n in range(0, len(pcm), FRAME_SAMPLES * 2)]
    while True:
        yield from frames
