"""A test call that finds out whether calls will work here: `Device.run_preflight(token)` (spec: device 13)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from agent.clock import Clock, Timer
from agent.errors import VoiceError
from agent.events import Emitter
from agent.hub_clock import HubClock
from agent.quality.candidate import candidate_payload
from agent.quality.sample import Sample
from agent.voice.connection import Connection
from agent.voice.preflight_report import preflight_report

SIGNALING_LIMIT_MS: Final = 10_000
FAKE_INPUT_S: Final = 20.0
COMPLETED_AFTER_S: Final = 0.01
LOOK_AGAIN_S: Final = 0.01

_TIMINGS: Final = {
    "connection_state": ("peerConnection", "connecting", "connected"),
    "ice_connection_state": ("ice", "checking", "connected"),
    "dtls_state": ("dtls", "connecting", "connected"),
}


class PreflightTest(Emitter):
    """Events: connected, sample(sample), warning(name, data), completed(report), failed(VoiceError)."""

    def __init__(self, make_device: Callable[[], Any], token: str, options: Mapping[str, Any] | None = None) -> None:
        """Starts at once; options as for a Device, and `signaling_timeout_ms`, `fake_mic_input`."""
        super().__init__()
        given = dict(options or {})
        limit_ms = given.pop("signaling_timeout_ms", SIGNALING_LIMIT_MS)
        self._fake_input = bool(given.pop("fake_mic_input", False))
        self.status = "connecting"
        self.call_sid: str | None = None
        self.latest_sample: Sample | None = None
        self.report: dict[str, Any] | None = None
        self.start_time_ms = time.time() * 1000
        self.end_time_ms: float | None = None
        self._samples: list[Sample] = []
        self._warnings: list[dict[str, Any]] = []
        self._candidates: list[dict[str, Any]] = []
        self._pair: tuple[Any, Any] | None = None
        self._timing: dict[str, dict[str, float]] = {}
        self._edge: str | None = None
        self._clock: Clock = given.get("clock") or HubClock()
        self._limit: Timer | None = None
        self._enough: Timer | None = None  # of a test without a microphone
        self._selected_edge = given.get("edge", "roaming")
        self._device = device = make_device()
        device.once("ready", lambda _device: self._call())
        device.on("error", self._fail)
        given = {"codec_preferences": ["pcmu", "opus"], "edge": "roaming"} | given | {"preflight": True}
        device.setup(token, given)
        if self._fake_input:
            for switch in (device.sounds.disconnect, device.sounds.outgoing):
                switch(False)
        late = VoiceError(31901, "The voice service did not answer in time; check the network and the firewall.")
        if self.status == "connecting":  # a faulty address fails at once
            self._limit = self._clock.call_later(limit_ms / 1000, self._fail, late)

    def stop(self) -> None:
        """Give up; `failed` with 31008 follows."""
        self._fail(VoiceError(31008, "The test call was stopped."))

    def _call(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._edge = self._device.edge
        self._timing["signaling"] = {"start": time.time() * 1000}
        connection: Connection = self._device.connect()
        connection.on("accept", lambda _connection: self._accepted(connection))
        connection.on("sample", self._sample)
        connection.on("warning", self._warned)
        self._device.once("disconnect", lambda _connection: self._clock.call_later(0, self._complete))
        self._clock.call_later(0, self._watch, connection)
        if self._fake_input:
            self._enough = self._clock.call_later(FAKE_INPUT_S, self._device.disconnect_all)

    def _watch(self, connection: Connection) -> None:
        session = connection.media_stream
        if session is None:  # the microphone is not open yet
            if connection.status() != "closed":
                self._clock.call_later(LOOK_AGAIN_S, self._watch, connection)
            return
        for event, (name, begins, ends) in _TIMINGS.items():
            session.on(event, lambda state, n=name, b=begins, e=ends: self._time(n, state, b, e))
        session.on("candidate", self._candidate)
        session.on("selected_pair", self._selected)

    def _time(self, name: str, state: str, begins: str, ends: str) -> None:
        now_ms = time.time() * 1000
        timing = self._timing.setdefault(name, {"start": now_ms})
        if state == begins:
            timing["start"] = now_ms
        elif state == ends and "end" not in timing:
            timing |= {"end": now_ms, "duration": now_ms - timing["start"]}

    def _candidate(self, candidate: Any) -> None:
        self._candidates.append(candidate_payload(**vars(candidate)))

    def _selected(self, local: Any, remote: Any) -> None:
        self._pair = (local, remote)

    def _accepted(self, connection: Connection) -> None:
        self._time("signaling", "stable", "", "stable")
        self.call_sid = connection.parameters.get("CallSid")
        self.status = "connected"
        self.emit("connected")

    def _sample(self, sample: Sample) -> None:
        self.latest_sample = sample
        self._samples.append(sample)
        self.emit("sample", sample)

    def _warned(self, name: str, data: Any = None) -> None:
        self._warnings.append({"name": name, "description": f"The call raised the warning {name}.", "rawData": data})
        self.emit("warning", name, data)

    def _fail(self, error: VoiceError) -> None:
        if self.status in ("failed", "completed"):
            return
        self.status = "failed"
        self._end()
        self.emit("failed", error)

    def _complete(self) -> None:
        if self.status not in ("connecting", "connected"):
            return
        self.status = "completed"
        self._end()
        self.report = preflight_report(
            call_sid=self.call_sid,
            edge=self._edge,
            selected_edge=self._selected_edge,
            samples=self._samples,
            pair=self._pair,
            candidates=self._candidates,
            network_timing=self._timing,
            started_ms=self.start_time_ms,
            ended_ms=self.end_time_ms or 0.0,
            warnings=self._warnings,
        )
        self._clock.call_later(COMPLETED_AFTER_S, self.emit, "completed", self.report)

    def _end(self) -> None:
        for timer in (self._limit, self._enough):
            if timer is not None:
                timer.cancel()
        self.end_time_ms = time.time() * 1000
        self._device.destroy()
