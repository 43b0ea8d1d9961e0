"""Keeps the box registered: sets the Device up with the first token and hands it each renewed one."""

from __future__ import annotations

import logging
from typing import Any

import gevent
from gevent.event import Event

from agent.config import Config
from agent.heartbeat import Heartbeat
from agent.signaling.token import TokenSource
from agent.voice.device import Device
from hw.ports import Sound

log = logging.getLogger(__name__)

AFTER_CLOSE_S = 5.0  # pause before the next connection after the server closed this one for good
REFUSALS = (20101, 20104, 20151, 31201, 31204, 31205)  # spec: device 5


def device_options(config: Config, sound: Sound) -> dict[str, Any]:
    """What `config` means for `Device.setup`."""
    call, signaling = config.call, config.signaling
    return {
        "allow_incoming_while_busy": call.allow_incoming_while_busy,
        "backoff_max_ms": signaling.backoff_max_ms,
        "ca_file": signaling.ca_file or None,
        "chunderw": signaling.server or None,
        "codec_preferences": config.media.codec_preferences,
        "connect_timeout_ms": signaling.connect_timeout_ms,
        "edge": None if signaling.server else signaling.edges,
        "enable_ice_restart": call.enable_ice_restart,
        "enable_ringing_state": call.enable_ringing_state,
        "eventgw": signaling.insights_host,
        "media": config.media,
        "reconnect_limit_s": call.reconnect_limit_s,
        "publish_events": signaling.publish_events,
        "sound": sound,
    }


class Registrar:
    """`run` is a child for the supervisor."""

    def __init__(self, config: Config, device: Device, sound: Sound) -> None:
        """Raises InvalidArgumentError when `[token]` names no source."""
        self._options = device_options(config, sound)
        self._device = device
        self._running = False
        self.source = TokenSource(config.token, config.box.identity)
        self.source.on("token", self._on_token)
        device.on("error", self._on_error)
        device.on("offline", self._on_offline)

    def run(self, _heartbeat: Heartbeat) -> None:
        """Register, and renew until it is killed."""
        self.source.start()
        self._running = True
        try:
            Event().wait()
        finally:
            self._running = False
            self.source.stop()

    def _on_token(self, token: str) -> None:
        if self._device.is_initialized:
            self._device.update_token(token)
        else:
            self._device.setup(token, **self._options)

    def _on_error(self, error: Any) -> None:
        if error.code in REFUSALS:
            self.source.refused()

    def _on_offline(self, _device: Device) -> None:
        gevent.spawn_later(AFTER_CLOSE_S, self._come_back)

    def _come_back(self) -> None:
        """Connect anew after the server's `close`, which the seed leaves to the application (spec: signaling 6.4)."""
        if self._running and self._device.stream is None and self.source.token is not None:
            log.info("the server had closed the connection; connecting again")
            self._device.update_token(self.source.token)
