"""Replays with real media: our own peer takes the far end's place, behind a network that swallows what the record did.

Such a replay takes as long as the recording. The descriptions that the server sends are the far peer's; everything else
of the script is played as it is.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import numpy as np
from gevent.queue import Queue

from agent.errors import CaptureDeniedError
from agent.hub_clock import HubClock
from agent.media.bridge import Bridge
from agent.media.peer import Peer
from agent.media.session import MediaSession
from agent.media.settings import MediaSettings
from agent.media.stats import RawStats
from hw.sound.frame import FRAME_BYTES, FRAME_MS
from hw.sound.wav_sound import WavSound
from tests.media.link import Link

from .replay import PATIENCE_S, Replay
from .server import Socket
from .transcript import Line, Transcript

# When Chromium calls a path that fell silent disconnected, and a new one that never answers failed.
BROWSER_PATIENCE = {"disconnected_after_ms": 7_000, "failed_after_ms": 10_500}
TURN_S = 0.005
EVEN_MS = 1.0
HELD_UP_S = 0.2


def _speech() -> bytes:
    """Four seconds of a tone whose loudness changes as that of speech does; a steady one would be warned of."""
    loudness = np.repeat(np.random.default_rng(1).choice((0, 300, 3_000, 12_000), 40), 4_800)
    return bytes((loudness * np.sin(2 * np.pi * 440 * np.arange(192_000) / 48_000)).astype(np.int16).tobytes())


SPEECH = _speech()


class EvenSession(MediaSession):
    """A session whose figures tell nothing of how evenly and how fast this machine lets two ends work at once.

    What too much of that is warned of, and when, the replays with scripted media show.
    """

    def stats(self) -> RawStats:
        figures = super().stats()
        return replace(
            figures,
            jitter_ms=figures.jitter_ms and EVEN_MS,
            rtt_ms=figures.rtt_ms and EVEN_MS,
        )


class FarEnd:
    """The far end of one call; asyncio only."""

    def __init__(self, hole: bool) -> None:
        self._peer = Peer(MediaSettings())
        self._links: list[Link] = []
        self._hole = hole
        self.late_s = 0.0  # of one frame, at most
        self._talker = asyncio.get_running_loop().create_task(self._talk())

    async def answer(self, offer: str) -> str:
        """Answer a first offer or a restart; each has a path of its own."""
        link = await self._new_link()
        return link.through(await self._peer.answer_offer(link.through(offer, "callee")), "caller")

    async def offer(self) -> str:
        """Call."""
        link = await self._new_link()
        return link.through(await self._peer.create_offer(), "callee")

    async def apply(self, answer: str) -> None:
        await self._peer.apply_answer(self._links[-1].through(answer, "caller"))

    def blackhole(self, on: bool) -> None:
        self._hole = on
        for link in self._links:
            link.up = not on

    def disturb(self, loss: float, delay_s: float) -> None:
        """Lose a share of the packets of both ends, and delay the others."""
        for link in self._links:
            link.loss = {"caller": loss, "callee": loss}
            link.delay_s = delay_s

    def close(self) -> None:
        self._talker.cancel()
        self._peer.close()
        for link in self._links:
            link.close()

    async def _new_link(self) -> Link:
        link: Link = await Link().open()
        link.up = not self._hole
        self._links.append(link)
        return link

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        frames = [SPEECH[at : at + FRAME_BYTES] for at in range(0, len(SPEECH), FRAME_BYTES)]
        for n in range(1_000_000):
            if not self._hole:  # what the recording's far end dropped, it had not numbered
                self._peer.rtp.push_pcm(frames[n % len(frames)])
            due_s = loop.time() + FRAME_MS / 1000
            await asyncio.sleep(FRAME_MS / 1000)
            self.late_s = max(self.late_s, loop.time() - due_s)


class RealReplay(Replay):
    """A replay in real time."""

    def __init__(self, transcript: Transcript, folder: Path, bridge: Bridge) -> None:
        super().__init__(transcript, folder, HubClock())
        self._bridge = bridge
        self._sound = WavSound(SPEECH, lambda frame: None, loop=True)
        self._far: FarEnd | None = None
        self._late_s = 0.0  # in one step of the script, at most
        self._offers: list[str] = []  # of our side, not yet answered
        self._decisions: Queue[bool] = Queue()  # of the user, about the microphone
        self._told = [(line.t, _event_name(line)) for line in transcript.lines if _is_told(line)]
        self._untold: Counter[str] = Counter()  # what the recorded Device told, and ours has not, after all patience

    @property
    def was_held_up(self) -> bool:
        """Whether other programs kept this one from sending evenly: sound and times say nothing about us then."""
        return self._late_s > HELD_UP_S or (self._far is not None and self._far.late_s > HELD_UP_S)

    def _make_session(self, settings: MediaSettings) -> Any:
        whole = {name: getattr(settings, name) for name in vars(settings)} | BROWSER_PATIENCE
        return EvenSession(self._bridge, MediaSettings(**whole), self._sound)

    def _heard(self, socket: Socket, text: str) -> None:
        message = {} if text == "\n" else json.loads(text)
        payload = message.get("payload") or {}
        sdp = payload.get("sdp")
        if payload.get("reconnect"):
            message = {}  # nothing new is offered: the call is asked for as it is
        if message.get("type") == "invite" and self._far is not None:
            self._bridge.call(self._far.close)  # a caller, whom nobody answered
            self._far = None
        if message.get("type") in ("invite", "reinvite"):
            self._offers.append(sdp)
        elif message.get("type") == "answer" and self._far is not None:
            self._bridge.spawn(self._far.apply(sdp))
        super()._heard(socket, text)

    def _text(self, line: Line) -> str:
        """The server's frame, with a description that works."""
        if not line.payload.get("sdp"):
            return super()._text(line)
        payload = line.payload | {"sdp": self._far_sdp(line)}
        return json.dumps(line["msg"] | {"payload": payload}, separators=(",", ":"))

    def _far_sdp(self, line: Line) -> str:
        if line.frame_type == "invite":
            if self._far is not None:
                return str(line.payload["sdp"])  # a second caller, whom nobody answers
            self._far = self._bridge.run(_make_far_end(self._hole))
            return str(self._bridge.run(self._far.offer()))
        if not self._offers:
            return str(line.payload["sdp"])
        if self._far is None:
            self._far = self._bridge.run(_make_far_end(self._hole))
        return str(self._bridge.run(self._far.answer(self._offers.pop(0))))

    def _play_srv(self, line: Line) -> None:
        super()._play_srv(line)
        if line["what"] == "blackhole" and self._far is not None:
            self._bridge.call(self._far.blackhole, self._hole)

    def _at(self, line: Line) -> None:
        super()._at(line)
        self._until_told(line.t)

    def _until_told(self, before_ms: float) -> None:
        """Wait for what the recorded Device had told when what is to be done now was done: it may be the reason."""
        wanted = Counter(name for at_ms, name in self._told if at_ms < before_ms) - self._untold
        since = self.clock.now()
        while missing := wanted - Counter(each.name for each in self.seen if each.kind == "event"):
            if not self._step(since + PATIENCE_S):
                self._untold += missing
                break
        self._shift_ms += (self.clock.now() - since) * 1000  # the script goes on from here

    def _play_pc(self, line: Line) -> None: ...

    def _play_gum(self, line: Line) -> None:
        if line["ev"] != "call":
            self._at(line)
            self._decisions.put(line["ev"] == "ok")

    def _seams(self) -> dict[str, Any]:
        return super()._seams() | {"get_user_media": self._wait_for_microphone}

    def _wait_for_microphone(self, constraints: Any) -> None:
        if not self._decisions.get():
            raise CaptureDeniedError("denied")

    def _step(self, until_s: float) -> bool:
        began_s = self.clock.now()
        left_s = until_s - began_s
        gevent.sleep(min(max(left_s, 0.0), TURN_S))
        self._late_s = max(self._late_s, self.clock.now() - began_s)
        return left_s > 0

    def _settle(self) -> None:
        gevent.sleep(TURN_S)

    def _end(self) -> None:
        super()._end()
        if self._far is not None:
            self._bridge.call(self._far.close)
        self._sound.close()


def _is_told(line: Line) -> bool:
    """Whether it is an event that does not depend on how the sound is."""
    by_sound = ("volume", "sample", "warning", "warning-cleared")
    return line.kind == "event" and line["obj"] in ("device", "connection", "call") and line["name"] not in by_sound


def _event_name(line: Line) -> str:
    return f"{'device' if line['obj'] == 'device' else 'connection'} {line['name']}"


async def _make_far_end(hole: bool) -> FarEnd:
    return FarEnd(hole)
