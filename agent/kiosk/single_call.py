"""One call from the command line: register, dial, talk, report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult

from agent.config import Config
from agent.errors import CallFailedError
from agent.kiosk.kiosk import open_sound
from agent.kiosk.registrar import device_options
from agent.media.loop import close_shared_bridge
from agent.service import StopSignals
from agent.signaling.token import TokenSource
from agent.voice.connection import Connection
from agent.voice.device import Device
from hw.ports import Sound
from hw.virtual import WavSound

REGISTER_WITHIN_S = 20.0


class SingleCall:
    """A Device for one call; prints each step on stdout."""

    def __init__(self, config: Config, capture: Path | None, playback: Path | None) -> None:
        """With a file for either direction the sound card is not used."""
        self._config = config
        self._sound: Sound = WavSound(capture, playback) if capture or playback else open_sound(config)
        self._device = Device()
        self._over: AsyncResult[str] = AsyncResult()
        self._answered = False

    def run(self, to: str, params: Mapping[str, str], seconds: float, digits: str) -> int:
        """0 when the call was answered; raises CallFailedError otherwise."""
        signals = StopSignals(lambda _reason: self._over.set("hung up here"))
        self._sound.start()
        try:
            self._register()
            self._dial({"To": to, **params}, seconds, digits)
            print(f"ended: {self._over.get()}", flush=True)
        finally:
            self._close()
            signals.close()
        if not self._answered:
            raise CallFailedError(f"{to} did not answer: {self._over.get()}")
        return 0

    def _register(self) -> None:
        token = TokenSource(self._config.token, self._config.box.identity).fetch()
        connected: AsyncResult[Any] = AsyncResult()
        last_error: list[Any] = []
        self._device.on("error", last_error.append)
        # no_register: calls to this identity go on ringing where it is at home.
        self._device.setup(token, **device_options(self._config, self._sound), no_register=True)
        if self._device.stream is not None:
            self._device.stream.once("connected", connected.set)
        try:
            connected.get(timeout=REGISTER_WITHIN_S)
        except gevent.Timeout:
            why = last_error[-1] if last_error else "no answer"
            raise CallFailedError(f"the voice service is not reached: {why}; check [signaling] and [token]") from None

    def _dial(self, params: dict[str, str], seconds: float, digits: str) -> None:
        connection = self._device.connect(params)
        connection.on("ringing", lambda _early: print("ringing", flush=True))
        connection.on("accept", lambda _connection: self._on_accept(connection, seconds, digits))
        connection.on("reconnecting", lambda _error: print("reconnecting", flush=True))
        connection.on("reconnected", lambda: print("reconnected", flush=True))
        connection.on("error", lambda error: self._end(str(error)))
        for event in ("disconnect", "cancel"):
            connection.on(event, lambda *_args: self._end("the call is over"))

    def _on_accept(self, connection: Connection, seconds: float, digits: str) -> None:
        self._answered = True
        print("answered", flush=True)
        if digits:
            connection.send_digits(digits)
        if seconds:
            gevent.spawn_later(seconds, connection.disconnect)

    def _end(self, why: str) -> None:
        if not self._over.ready():
            self._over.set(why)

    def _close(self) -> None:
        stream = self._device.stream
        self._device.destroy()
        if stream is not None:
            stream.join(0.5)
        self._sound.close()
        close_shared_bridge()
