"""A client of the second generation with real media, which ends as a killed process does and comes back as another one.

Hub only; its sockets and its media are in the bridge's thread.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import gevent
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from agent.media.bridge import Bridge
from agent.media.session import MediaSession
from agent.media.settings import MediaSettings
from agent.switchboard.runner import RunningSwitchboard
from hw.sound.frame import RATE_HZ
from hw.sound.wav_sound import WavSound

PATIENCE_S = 20.0
POLL_S = 0.002
MOST_HEARD = 25  # frames: half a second


class Resumer:
    """One side of a call: it says a tone, answers who calls it, and keeps what it needs to come back."""

    def __init__(self, bridge: Bridge, switchboard: RunningSwitchboard, identity: str, hz: int) -> None:
        self.identity = identity
        self.callsid = ""
        self.token = ""
        self.asked_at = 0.0  #: when it asked for its call, on the monotonic clock
        self.told: list[tuple[str, dict[str, Any]]] = []  #: the messages of its present socket, and what they carried
        self._bridge = bridge
        self._switchboard = switchboard
        self._hz = hz
        self._handlers = {"invite": self._invited, "ringing": self._learn, "answer": self._answered,
                          "hangup": self._over, "cancel": self._over}  # fmt: skip
        self._heard: deque[bytes] = deque(maxlen=MOST_HEARD)
        self._reader: gevent.Greenlet[..., None] | None = None
        self._make_media()
        self._connect()

    def _make_media(self) -> None:
        self._heard.clear()
        self.sound = WavSound(capture=_tone(self._hz), playback=self._heard.append, loop=True)
        self.session = MediaSession(self._bridge, MediaSettings(), self.sound)
        self.session.open_capture()

    def _connect(self) -> None:
        self._stop_reading()  # the socket stays: whoever had it may only be stuck
        self.told = []
        self._socket = self._bridge.run(self._open(), PATIENCE_S)
        self._reader = gevent.spawn(self._read)
        self.say("listen", token=self._switchboard.mint(self.identity), reconnectTimeout=30)
        self.until_told("connected")
        self.say("register", media={"audio": True})

    # What it does

    def dial(self, identity: str) -> None:
        """Begin a call."""
        self.callsid = f"TJS{uuid4()}"
        self.say("invite", callsid=self.callsid, sdp=self.session.create_offer(), twilio={"params": f"To={identity}"})

    def hang_up(self) -> None:
        """End the call."""
        self.say("hangup", callsid=self.callsid)
        self.callsid = ""

    def die(self) -> None:
        """End as by `kill -9`: no goodbye, no packet any more, a socket that the kernel resets."""
        self.lose_socket()
        self.session.sever()
        self.close()

    def lose_socket(self) -> None:
        """Let the kernel reset the socket."""
        self._stop_reading()
        self._bridge.run(_reset(self._socket), PATIENCE_S)

    def reconnect(self) -> None:
        """Ask for the call over another socket, with the media that it has."""
        self.lose_socket()
        self._connect()
        self.resume(self.session.local_sdp)

    def rise(self) -> None:
        """Be another process, which takes up what the one before knew of its call, or ends it."""
        self._make_media()
        self._connect()
        if self.token:
            self.resume(self.session.create_offer())
        elif self.callsid:
            self.hang_up()

    def resume(self, sdp: str) -> None:
        """Ask for the call."""
        self.asked_at = time.monotonic()
        self.say("invite", callsid=self.callsid, reconnect=self.token, sdp=sdp, twilio={})

    def close(self) -> None:
        """Let go of the socket and the media."""
        self._stop_reading()
        self.session.close()
        self.sound.close()

    # What it hears

    @property
    def packets(self) -> int:
        """How many packets of sound have come."""
        return self.session.stats().packets_received

    def hears(self, hz: int) -> bool:
        """Whether the last half second was this tone."""
        pcm = np.frombuffer(b"".join(self._heard), np.int16).astype(float)
        if len(pcm) < MOST_HEARD * RATE_HZ // 50 or np.sqrt(np.mean(pcm**2)) < 100:
            return False
        spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
        return abs(float(np.argmax(spectrum)) * RATE_HZ / len(pcm) - hz) < 20

    # Its signaling

    def say(self, message_type: str, **payload: Any) -> None:
        """Send one frame."""
        text = json.dumps({"payload": payload, "type": message_type, "version": "1.6"})
        self._bridge.run(self._socket.send(text), PATIENCE_S)

    def has_been_told(self, message_type: str) -> bool:
        """Whether its present socket brought such a message."""
        return any(said == message_type for said, _ in self.told)

    def until_told(self, message_type: str) -> None:
        """Wait for such a message."""
        until(lambda: self.has_been_told(message_type), f"{message_type} for {self.identity}; it was told {self.told}")

    def _stop_reading(self) -> None:
        if self._reader is not None:
            self._reader.kill()

    def _read(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                message = self._bridge.run(_next(self._socket))
                self._handlers.get(message["type"], _ignore)(message["payload"])
                self.told.append((message["type"], message["payload"]))

    def _invited(self, payload: dict[str, Any]) -> None:
        self._learn(payload)
        self.say("answer", sdp=self.session.answer_offer(payload["sdp"]), callsid=self.callsid)

    def _answered(self, payload: dict[str, Any]) -> None:
        self._learn(payload)
        if "sdp" in payload:
            self.session.apply_answer(payload["sdp"])

    def _learn(self, payload: dict[str, Any]) -> None:
        self.callsid, self.token = payload["callsid"], payload.get("reconnect", self.token)

    def _over(self, payload: dict[str, Any]) -> None:
        if payload["callsid"] == self.callsid:
            self.callsid = self.token = ""

    async def _open(self) -> ClientConnection:
        address = self._switchboard.address
        context = ssl.create_default_context(cafile=address.ca_file)
        return await connect(f"wss://{address.server}/signal", ssl=context, ping_interval=None, compression=None)


def until(condition: Callable[[], object], what: str) -> None:
    """Let the hub run until a condition holds."""
    with gevent.Timeout(PATIENCE_S, AssertionError(f"there was never {what}")):
        while not condition():
            gevent.sleep(POLL_S)


def _ignore(_payload: dict[str, Any]) -> None:
    """It needs no answer."""


async def _next(connection: ClientConnection) -> dict[str, Any]:
    while (text := await connection.recv()) == "\n":
        with suppress(ConnectionClosed):
            await connection.send("\n")
    message: dict[str, Any] = json.loads(text)
    return message


async def _reset(connection: ClientConnection) -> None:
    raw: socket.socket = connection.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.transport.abort()
    async with asyncio.timeout(PATIENCE_S):
        await connection.wait_closed()


def _tone(hz: int) -> bytes:
    return (6000 * np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ)).astype(np.int16).tobytes()
