"""Keeps the box registered: sets the Device up with what lets it in, and hands it what takes its place."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gevent

from agent.alarm import Alarm
from agent.closing import Closing
from agent.config import Config
from agent.errors import VoiceError
from agent.hub_clock import HubClock
from agent.kiosk.admission import ADMISSIONS, credentials
from agent.kiosk.call_sounds import BoxSounds, replacements
from agent.kiosk.call_store import CallStore
from agent.kiosk.refusal_words import refusal_words
from agent.log import MOST_WHY, FailureLog, excerpt
from agent.net.watch import NetworkWatch
from agent.service.control_path import socket_path
from agent.signaling.dismissals import Dismissals, StreamEvents, follow
from agent.supervision.heartbeat import Heartbeat
from agent.voice.device import Device
from hw.sound.interface import Sound
from hw.sound.sound_file import SoundFile

log = logging.getLogger(__name__)

AFTER_CLOSE_S = 5.0  # pause before the next connection after the server closed this one for good
SET_UP_AGAIN_S = 5.0  # pause before another try with settings that could not be used


def device_options(config: Config, sound: Sound) -> dict[str, Any]:
    """Translate `config` into options of `Device.setup`, all but the account of a SIP box."""
    call, signaling = config.call, config.signaling
    place = {} if signaling.is_sip else {
        "chunderw": signaling.server or None,
        "edge": None if signaling.server else signaling.edges,
        "eventgw": signaling.insights_host,
        "generation": signaling.generation,
    }  # fmt: skip
    return {
        **place,
        "backoff_max_ms": signaling.backoff_max_ms,
        "ca_file": signaling.ca_file or None,
        "codec_preferences": config.media.codec_preferences,
        "connect_timeout_ms": signaling.connect_timeout_ms,
        "enable_ice_restart": call.enable_ice_restart,
        "enable_ringing_state": call.enable_ringing_state,
        "max_call_signaling_timeout_ms": call.max_call_signaling_timeout_ms,
        "media": config.media,
        "network_watch": config.media.network_watch,
        "protocol": signaling.protocol,
        "reconnect_limit_s": call.reconnect_limit_s,
        "publish_events": signaling.publish_events,
        "sound": sound,
    }


class Registrar(Closing):
    """`run` is a child for the supervisor.

    `trouble(part, why)` is told why calls cannot come: there is nothing to go in with, or the service refuses us. An
    empty text says that this is over.
    """

    def __init__(
        self,
        config: Config,
        device: Device,
        sound: Sound,
        before_ringing: Callable[[], Any],
        trouble: Callable[[str, str], None],
    ) -> None:
        """Raises InvalidArgumentError when `[token]` names no source."""
        self.admission = ADMISSIONS[config.signaling.protocol](config)
        self._words = refusal_words(config.signaling)
        self._config = config
        self._device = device
        self._sound = sound
        self._before_ringing = before_ringing
        self._trouble = trouble
        self._sounds: dict[str, bytes | SoundFile] = {}
        self._failures = FailureLog(log, "setting up the connection to the service")
        self._refusals: dict[str, object] = {}  # part -> the code that was told first
        self._dismissals = Dismissals()
        self._followed: StreamEvents | None = None
        self._running = False
        self._closed = False
        self._back_at: float | None = None
        self._coming_back = Alarm(HubClock(), lambda: self._back_at, self._come_back)
        self._listen()
        device.on("ready", self._on_ready)
        device.on("error", self._on_error)
        device.on("offline", self._on_offline)
        device.on("token_told", lambda ttl_s: self.admission.told(ttl_s))

    def use(self, config: Config) -> None:
        """Go in, and trust, as these settings say; the next `run` does. InvalidArgumentError without a source."""
        before, self._config = self._config, config
        if credentials(config) != credentials(before):
            admission = ADMISSIONS[config.signaling.protocol](config)
            self.admission.leave()
            self.admission = admission
            self._listen()
        if config.signaling != before.signaling and self._device.is_initialized and self._device.token is not None:
            self._device.setup(self._device.token, **self._options())
            self.restart()

    def _listen(self) -> None:
        self.admission.listen(self._enter, lambda why: self._trouble(self.admission.part, why))

    def close(self) -> None:
        """Register nothing any more, whatever token comes; idempotent."""
        self._closed = True
        self._stay_away()

    def run(self, heartbeat: Heartbeat) -> None:
        """Register, and renew until it is killed."""
        self._sounds = gevent.get_hub().threadpool.apply(replacements, (self._config.sound,))
        self._running = True
        network = NetworkWatch(lambda _change: self.admission.network_changed())
        if self._config.media.network_watch:
            network.start()
        try:
            self.admission.run(heartbeat.beat)
        finally:
            self._running = False
            self._stay_away()
            network.close()

    def overdue_s(self) -> float:
        """Return the seconds since the connection to the service should have done its next step; for a supervisor."""
        if not self._running or self._closed or not self.admission.is_ready:
            return 0.0  # nothing is due but what lets us in
        if self._device.stream is not None:
            return self._device.vitals.signaling_overdue_s()
        return math.inf if self._back_at is None else self._coming_back.overdue_s()

    def names_are_back(self) -> None:
        """Connect at once, and fetch at once what lets us in."""
        self.admission.network_changed()
        if self._device.is_initialized:
            self._device.network_changed()

    def restart(self) -> None:
        """Connect over another stream, whatever became of the one before."""
        if self._closed:
            return
        if self._device.is_initialized:
            self._device.vitals.replace_stream()
            self._follow(self._device.stream)
        elif self.admission.is_ready:
            self._enter()

    def _enter(self) -> None:
        if self._closed:
            return
        try:
            self.admission.enter(self._device, self._options)
        except Exception as error:
            self._set_up_failed(error)
            return
        self._follow(self._device.stream)
        self._failures.recovered()
        self._trouble("settings", "")
        if self.admission.part not in self._refusals:
            self._trouble(self.admission.part, "")

    def _follow(self, stream: StreamEvents | None) -> None:
        """Look whether the server sends us away without a word; a closed Device makes another stream."""
        if stream is not None and stream is not self._followed:
            self._followed = stream
            follow(stream, self._dismissals, time.monotonic, self._on_dismissed)

    def _on_dismissed(self) -> None:
        dismissed = self._words.dismissed
        self._trouble(dismissed.part, self._words.say(dismissed, "", ""))

    def _set_up_failed(self, error: Exception) -> None:
        """Try again: whoever reads the reason may correct the file that it names."""
        self._failures.failed(error)
        self._trouble("settings", f"the settings cannot be used: {excerpt(error, MOST_WHY)}")
        self._stay_away()
        self._come_back_in(SET_UP_AGAIN_S)

    def _options(self) -> dict[str, Any]:
        config = self._config
        return {
            **device_options(config, self._sound),
            "call_store": None if config.signaling.is_sip else self._call_store(),
            "wait_for_service": True,  # a press just after the socket was lost is as good as any
            "allow_incoming_while_busy": True,  # the attendant decides: whom we dial may be dialling us
            "sounds": self._sounds,
            "sound_factory": partial(BoxSounds, self._before_ringing),
        }

    def _call_store(self) -> CallStore:
        config = self._config
        folder = socket_path(config.service.control_socket)
        service = config.signaling.server or ",".join(config.signaling.edges)
        return CallStore(folder.with_name("calls.json"), service, config.box.identity)

    def _on_ready(self, _device: Device) -> None:
        self._refusals.clear()
        for part in self._words.parts:
            self._trouble(part, "")

    def _on_error(self, error: VoiceError) -> None:
        refusal = self._words.of(error)
        if refusal is None:
            return
        if self._refusals.get(refusal.part, self) != error.code:  # its words may differ each time
            self._refusals[refusal.part] = error.code
            self._trouble(refusal.part, self._words.say(refusal, error.code, error.message))
        if refusal.renews:
            self.admission.refused()

    def _on_offline(self, _device: Device) -> None:
        self._stay_away()
        if not self._closed:
            self._come_back_in(AFTER_CLOSE_S)

    def _stay_away(self) -> None:
        self._back_at = None
        self._coming_back.follow()

    def _come_back_in(self, pause_s: float) -> None:
        self._back_at = time.monotonic() + pause_s
        self._coming_back.follow()

    def _come_back(self) -> None:
        """Connect anew after the server's `close`, which the SDK leaves to the application (spec: signaling 6.4)."""
        self._stay_away()
        if self._running and self._device.stream is None and self.admission.is_ready:
            if not self._failures.count:
                log.info("the server had closed the connection; connecting again")
            self._enter()
