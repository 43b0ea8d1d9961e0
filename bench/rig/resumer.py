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
    """One side of a call: it says a tone, knows what it hears, and keeps what it needs to come back."""

    def __init__(self, bridge: Bridge, switchboard: RunningSwitchboard, identity: str, hz: int) -> None:
        self.identity = identity
        self.callsid = ""
        self.token = ""
        self._bridge = bridge
        self._switchboard = switchboard
        self._hz = hz
        self._heard: deque[bytes] = deque(maxlen=MOST_HEARD)
        self._begin()

    def _begin(self) -> None:
        self._heard.clear()
        self.sound = WavSound(capture=_tone(self._hz), playback=self._heard.append, loop=True)
        self.session = MediaSession(self._bridge, MediaSettings(), self.sound)
        self.session.open_capture()
        self._socket = self._bridge.run(self._connect(), PATIENCE_S)
        self.say("listen", token=self._switchboard.mint(self.identity), reconnectTimeout=30)
        self.expect("connected")
        self.say("register", media={"audio": True})
        self.expect("ready")

    # What it does

    def dial(self, other: Resumer) -> None:
        """Call the other, who answers, and wait until there is sound both ways."""
        offer = self.session.create_offer()
        self.say("invite", callsid="TJS1", sdp=offer, twilio={"params": f"To={other.identity}"})
        other.take_call()
        self.expect("ringing")
        self.session.apply_answer(self._learn(self.expect("answer"))["sdp"])
        until(lambda: self.packets and other.packets, "sound both ways")

    def take_call(self) -> None:
        """Answer the call that comes next."""
        invite = self._learn(self.expect("invite"))
        self.say("answer", sdp=self.session.answer_offer(invite["sdp"]), callsid=self.callsid)

    def die(self) -> None:
        """End as by `kill -9`: no goodbye, no packet any more, a socket that the kernel resets."""
        self.session.sever()
        self._bridge.run(_reset(self._socket), PATIENCE_S)
        self.close()

    def come_back(self, other: Resumer) -> float:
        """Be another process that takes the call up; return the seconds from its `invite` to packets both ways."""
        until(lambda: _is_still(other.session), "silence at the other side")
        return self.come_back_beside(other)

    def come_back_beside(self, other: Resumer) -> float:
        """Be another process that takes the call from one that does not work, but is still there."""
        self._begin()
        offer, heard = self.session.create_offer(), other.packets
        begun = time.monotonic()
        self.say("invite", callsid=self.callsid, reconnect=self.token, sdp=offer, twilio={})
        self.session.apply_answer(self._learn(self.expect("answer"))["sdp"])
        until(lambda: self.packets and other.packets > heard, "packets both ways")
        return time.monotonic() - begun

    def close(self) -> None:
        """Let go of the media."""
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

    def expect(self, message_type: str) -> dict[str, Any]:
        """Return the payload of the next frame, which must be of this type."""
        message = self._bridge.run(_next(self._socket), PATIENCE_S)
        if message["type"] != message_type:
            raise AssertionError(f"{self.identity} was told {message} in the place of {message_type}")
        payload: dict[str, Any] = message["payload"]
        return payload

    def _learn(self, payload: dict[str, Any]) -> dict[str, Any]:
        self.callsid, self.token = payload["callsid"], payload.get("reconnect", self.token)
        return payload

    async def _connect(self) -> ClientConnection:
        address = self._switchboard.address
        context = ssl.create_default_context(cafile=address.ca_file)
        return await connect(f"wss://{address.server}/signal", ssl=context, ping_interval=None, compression=None)


def until(condition: Callable[[], object], what: str) -> None:
    """Let the hub run until a condition holds."""
    with gevent.Timeout(PATIENCE_S, AssertionError(f"there was never {what}")):
        while not condition():
            gevent.sleep(POLL_S)


def _is_still(session: MediaSession) -> bool:
    before = session.stats().packets_received
    gevent.sleep(0.1)
    return session.stats().packets_received == before


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
