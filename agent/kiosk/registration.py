"""Keeps the box registered: sets the Device up with the first token and hands it each renewed one."""

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
from agent.kiosk.call_sounds import BoxSounds, replacements
from agent.kiosk.call_store import CallStore
from agent.log import MOST_WHY, FailureLog, excerpt
from agent.net.watch import NetworkWatch
from agent.service.control import socket_path
from agent.signaling.dismissals import Dismissals, StreamEvents, follow
from agent.signaling.refusals import DISMISSED, PARTS, Complaint, in_words, refusal_of
from agent.signaling.token.token_source import TokenError, TokenSource
from agent.supervision.heartbeat import Heartbeat
from agent.voice.device import Device
from hw.sound.interface import Sound
from hw.sound.sound_file import SoundFile

log = logging.getLogger(__name__)

AFTER_CLOSE_S = 5.0  # pause before the next connection after the server closed this one for good
SET_UP_AGAIN_S = 5.0  # pause before another try with settings that could not be used


def device_options(config: Config, sound: Sound) -> dict[str, Any]:
    """Translate `config` into options of `Device.setup`."""
    call, signaling = config.call, config.signaling
    return {
        "backoff_max_ms": signaling.backoff_max_ms,
        "ca_file": signaling.ca_file or None,
        "chunderw": signaling.server or None,
        "codec_preferences": config.media.codec_preferences,
        "connect_timeout_ms": signaling.connect_timeout_ms,
        "edge": None if signaling.server else signaling.edges,
        "enable_ice_restart": call.enable_ice_restart,
        "enable_ringing_state": call.enable_ringing_state,
        "eventgw": signaling.insights_host,
        "generation": signaling.generation,
        "max_call_signaling_timeout_ms": call.max_call_signaling_timeout_ms,
        "media": config.media,
        "network_watch": config.media.network_watch,
        "reconnect_limit_s": call.reconnect_limit_s,
        "publish_events": signaling.publish_events,
        "sound": sound,
    }


class Registrar(Closing):
    """`run` is a child for the supervisor.

    `trouble(part, why)` is told why calls cannot come: there is no token, or the service refuses us. An empty text says
    that this is over.
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
        self.source = TokenSource(config.token, config.box.identity)
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
        self._hear_source()
        device.on("ready", self._on_ready)
        device.on("error", self._on_error)
        device.on("offline", self._on_offline)
        device.on("token_told", self.source.told)

    def use(self, config: Config) -> None:
        """Take tokens, and trust, as these settings say; the next `run` does. InvalidArgumentError without a source."""
        before, self._config = self._config, config
        if config.token != before.token:
            source = TokenSource(config.token, config.box.identity)
            self.source.remove_all_listeners()
            self.source = source
            self._hear_source()
        if config.signaling != before.signaling and self._device.is_initialized and self._device.token:
            self._device.setup(self._device.token, **self._options())
            self.restart()

    def _hear_source(self) -> None:
        self.source.on("token", self._on_token)
        self.source.on("error", self._on_token_error)

    def close(self) -> None:
        """Register nothing any more, whatever token comes; idempotent."""
        self._closed = True
        self._stay_away()

    def run(self, heartbeat: Heartbeat) -> None:
        """Register, and renew until it is killed."""
        self._sounds = gevent.get_hub().threadpool.apply(replacements, (self._config.sound,))
        self._running = True
        network = NetworkWatch(lambda _change: self.source.network_changed())
        if self._config.media.network_watch:
            network.start()
        try:
            self.source.run(heartbeat.beat)
        finally:
            self._running = False
            self._stay_away()
            network.close()

    def overdue_s(self) -> float:
        """Return the seconds since the connection to the service should have done its next step; for a supervisor."""
        if not self._running or self._closed or self.source.token is None:
            return 0.0  # without a token nothing is due but the next token
        if self._device.stream is not None:
            return self._device.vitals.signaling_overdue_s()
        return math.inf if self._back_at is None else self._coming_back.overdue_s()

    def names_are_back(self) -> None:
        """Connect at once, and fetch a token at once."""
        self.source.network_changed()
        if self._device.is_initialized:
            self._device.network_changed()

    def restart(self) -> None:
        """Connect over another stream, whatever became of the one before."""
        if self._closed:
            return
        if self._device.is_initialized:
            self._device.vitals.replace_stream()
            self._follow(self._device.stream)
        elif self.source.token is not None:
            self._on_token(self.source.token)

    def _on_token(self, token: str) -> None:
        if self._closed:
            return
        try:
            if self._device.is_initialized:
                self._device.update_token(token)
            else:
                self._device.setup(token, **self._options())
        except Exception as error:
            self._set_up_failed(error)
            return
        self._follow(self._device.stream)
        self._failures.recovered()
        self._trouble("settings", "")
        if "token" not in self._refusals:
            self._trouble("token", "")

    def _follow(self, stream: StreamEvents | None) -> None:
        """Look whether the server sends us away without a word; a closed Device makes another stream."""
        if stream is not None and stream is not self._followed:
            self._followed = stream
            follow(stream, self._dismissals, time.monotonic, self._on_dismissed)

    def _on_dismissed(self) -> None:
        self._trouble(DISMISSED.part, self._in_words(DISMISSED, "", ""))

    def _in_words(self, refusal: Complaint, code: object, message: str) -> str:
        return in_words(refusal, self._config.signaling.generation, code, message)

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
            "call_store": self._call_store(),
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

    def _on_token_error(self, error: TokenError) -> None:
        self._trouble("token", f"there is no access token: {error}")

    def _on_ready(self, _device: Device) -> None:
        self._refusals.clear()
        for part in PARTS:
            self._trouble(part, "")

    def _on_error(self, error: VoiceError) -> None:
        refusal = refusal_of(error)
        if refusal is None:
            return
        if self._refusals.get(refusal.part, self) != error.code:  # its words may differ each time
            self._refusals[refusal.part] = error.code
            self._trouble(refusal.part, self._in_words(refusal, error.code, error.message))
        if refusal.renews:
            self.source.refused()

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
        if self._running and self._device.stream is None and self.source.token is not None:
            if not self._failures.count:
                log.info("the server had closed the connection; connecting again")
            self._on_token(self.source.token)
