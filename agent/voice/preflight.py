"""A test call that finds out whether calls will work here: `Device.run_preflight(token)` (spec: device 13)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from agent.clock import Clock
from agent.errors import VoiceError
from agent.handlers import HubEmitter
from agent.hub_clock import HubClock
from agent.quality.sample import Sample
from agent.voice.call_effects import EmitEvent
from agent.voice.connection import Connection
from agent.voice.driver import Driver
from agent.voice.preflight_core import WATCHED, DestroyDevice, FindMedia, HangUp, PlaceCall, PreflightCore
from agent.voice.preflight_core import PreflightEffect as Effect

SIGNALING_LIMIT_MS: Final = 10_000
FAKE_INPUT_S: Final = 20.0


class PreflightTest(HubEmitter):
    """Events: connected, sample(sample), warning(name, data), completed(report), failed(VoiceError)."""

    def __init__(self, make_device: Callable[[], Any], token: str, options: Mapping[str, Any] | None = None) -> None:
        """Starts at once; options as for a Device, and `signaling_timeout_ms`, `fake_mic_input`."""
        super().__init__()
        given = dict(options or {})
        limit_s = given.pop("signaling_timeout_ms", SIGNALING_LIMIT_MS) / 1000
        talk_s = FAKE_INPUT_S if given.pop("fake_mic_input", False) else None
        clock: Clock = given.get("clock") or HubClock()
        core = PreflightCore(limit_s, talk_s, given.get("edge", "roaming"), time.time() * 1000, clock.now())
        self._driver: Driver[PreflightCore, Effect] = Driver(clock, core, self._perform)
        self._connection: Connection | None = None
        self._device = device = make_device()
        device.once("ready", lambda _device: self._tell(PreflightCore.ready, device.edge))
        device.on("error", lambda error: self._tell(PreflightCore.failed, error))
        device.once("disconnect", lambda _connection: self._tell(PreflightCore.disconnected))
        device.setup(token, {"codec_preferences": ["pcmu", "opus"], "edge": "roaming"} | given | {"preflight": True})
        if talk_s is not None:
            for switch in (device.sounds.disconnect, device.sounds.outgoing):
                switch(False)

    @property
    def status(self) -> str:
        """connecting, connected, completed or failed."""
        return self._driver.core.status

    @property
    def call_sid(self) -> str | None:
        """The server's name of the call; None before it is open."""
        return self._driver.core.call_sid

    @property
    def latest_sample(self) -> Sample | None:
        """The latest second of the call in numbers."""
        return self._driver.core.latest_sample

    @property
    def report(self) -> dict[str, Any] | None:
        """What `completed` carries; None before."""
        return self._driver.core.report

    @property
    def start_time_ms(self) -> float:
        """Unix time of the start."""
        return self._driver.core.start_time_ms

    @property
    def end_time_ms(self) -> float | None:
        """Unix time of the end; None before."""
        return self._driver.core.end_time_ms

    def stop(self) -> None:
        """Give up; `failed` with 31008 follows."""
        self._tell(PreflightCore.failed, VoiceError(31008, "The test call was stopped."))

    def _tell(self, event: Callable[..., list[Effect]], *args: Any) -> None:
        self._driver.tell(event, *args)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case PlaceCall():
                self._call()
            case FindMedia():
                self._find_media()
            case HangUp():
                self._device.disconnect_all()
            case DestroyDevice():
                self._device.destroy()
            case EmitEvent(event, args):
                self.emit(event, *args)

    def _call(self) -> None:
        self._connection = call = self._device.connect()
        call.on("accept", lambda _call: self._tell(PreflightCore.accepted, call.parameters.get("CallSid")))
        call.on("sample", lambda sample: self._tell(PreflightCore.sample, sample))
        call.on("warning", lambda name, data=None: self._tell(PreflightCore.warned, name, data))

    def _find_media(self) -> None:
        call = self._connection
        session = call.media_stream if call is not None else None
        if session is not None:
            for event in WATCHED:
                session.on(event, lambda state, name=event: self._tell(PreflightCore.media_state, name, state))
            session.on("candidate", lambda candidate: self._tell(PreflightCore.candidate, candidate))
            session.on("selected_pair", lambda local, remote: self._tell(PreflightCore.selected, local, remote))
        elif call is not None and call.status() != "closed":
            self._tell(PreflightCore.no_media)
