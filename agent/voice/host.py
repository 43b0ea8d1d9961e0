"""The inner side of a Device: what its calls, its signaling and its sounds share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from agent.clock import Clock
from agent.closing import Closing
from agent.events import Emitter
from agent.handlers import call_handler
from agent.hub_clock import HubClock
from agent.net.netlink import NetworkChange
from agent.net.tls import client_context
from agent.net.watch import NetworkWatch, way_after
from agent.quality.report_generation import REPORT_GENERATIONS
from agent.signaling.pstream.endpoints import check_host, signaling_uris
from agent.signaling.pstream.shell import Stream
from agent.voice.audio import AudioHelper
from agent.voice.calls import DeviceCalls
from agent.voice.connection import Connection
from agent.voice.device_log import DeviceLog
from agent.voice.media_options import check_mapping, media_settings
from agent.voice.options import TWILIO_EVENTGW, DeviceOptions
from agent.voice.protocols import MediaSessionPort, SignalingStream
from agent.voice.registration import Registration
from agent.voice.report import Publisher, follow_home, report, reports_host
from agent.voice.signaling_events import SignalingEvents
from agent.voice.sounds import Sounds
from agent.voice.token_notice import TokenNotice

log = logging.getLogger(__name__)

CLOSE_REPORTS_S: Final = 0.0  # a process that ends does not wait for its reports


class DeviceHost(Closing):
    """Made with its Device, filled by `prepare`; implements what the parts ask for in their protocols."""

    def __init__(self, device: Emitter, pending_changed: Callable[[], object]) -> None:
        self.options = DeviceOptions()
        self.log = DeviceLog(log, lambda: not (self.options.warnings or self.options.debug))
        self._device = device
        self._pending_changed = pending_changed
        self.clock: Clock = HubClock()
        self.sounds = Sounds(None)
        self.audio: AudioHelper | None = None
        self.publisher: Publisher | None = None
        self.stream: SignalingStream | None = None
        self.calls = DeviceCalls(self)
        self.registration = Registration(self.clock, self._send_register, True)
        self._token_notice = TokenNotice(self.clock, self.options.token_refresh_ms, device)
        self.status = "offline"
        self.is_closed = False
        self.edge: str | None = None
        self.region: str | None = None
        self._network = NetworkWatch(self.network_changed)

    # What the Device does

    def check(self, options: DeviceOptions) -> None:
        """Raise InvalidArgumentError, or ConfigError for `ca_file`, for options that fail only together or in use."""
        check_host("eventgw", options.eventgw)
        if options.ca_file:
            client_context(options.ca_file)
        media_settings(options)

    def use(self, options: DeviceOptions) -> None:
        """Take these options from now on."""
        self.options = options
        if options.debug:
            logging.getLogger("agent.voice").setLevel(options.log_level)

    def check_call(self, audio_constraints: Any, rtc_configuration: Any) -> None:
        """Raise InvalidArgumentError for what cannot be used for one call, before anything is changed."""
        check_mapping("audio_constraints", audio_constraints)
        check_mapping("rtc_configuration", rtc_configuration, flag=False)
        media_settings(self.options, rtc_configuration)

    def prepare(self, token: str) -> None:
        """Make everything that the options decide, once."""
        options = self.options
        self.is_closed = False
        self.clock = options.clock or self.clock
        self._use_sounds((options.sound_factory or Sounds)(options.sound, options.sounds, options.fake_local_dtmf))
        self.publisher = self._make_publisher(token)
        self.audio = (options.audio_helper_factory or AudioHelper)(self)
        self.registration = Registration(self.clock, self._send_register, not options.no_register)
        self._token_notice = TokenNotice(self.clock, options.token_refresh_ms, self._device)
        if options.enumerate_devices is not None:
            self.audio.refresh()
        self._network = NetworkWatch(self.network_changed)
        if options.network_watch:
            self._network.start()

    def use_token(self, token: str) -> None:
        """Tell the open stream, or open one."""
        if self.publisher is not None:
            self.publisher.set_token(token)
        if self.stream is not None:
            self.stream.set_token(token)
        else:
            self._open_stream(token)

    def close(self) -> None:
        """Hang up and release everything; idempotent. Only another `prepare` makes it usable again."""
        self.is_closed = True
        self.calls.disconnect_all()
        self.registration.stop()
        self._token_notice.stop()
        self._network.close()
        if self.audio is not None:
            self.audio.close()
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.destroy()
        self.clock.call_later(0, self.calls.end_for_good)
        self.sounds.stop_all()
        if self.publisher is not None:
            self.publisher.close(CLOSE_REPORTS_S)

    def network_changed(self, change: NetworkChange | None = None) -> None:
        """Look after signaling, and after the calls whose path `change` harms."""
        if self.stream is not None:
            self.stream.network_changed()
        for call in self.calls.all():
            way = way_after(change, *call.path)
            if way.harmed or call.status() == "reconnecting":
                call.on_network_changed(way.reachable)

    # What calls ask for (protocols.CallHost, calls.CallsOwner)

    def make_session(self, rtc_configuration: Mapping[str, Any] | None) -> MediaSessionPort:
        """Make the media session of one call."""
        settings = media_settings(self.options, rtc_configuration)
        if self.options.media_factory is not None:
            made: MediaSessionPort = self.options.media_factory(settings)
            return made
        from agent.media.bridge import shared_bridge
        from agent.media.session import MediaSession

        bridge = self.options.bridge or shared_bridge()
        return MediaSession(bridge, settings, self.options.sound, self._signaling_address)

    def before_accept(self, connection: Connection) -> None:
        """Let the active call make way."""
        self.calls.before_accept(connection)

    def report(self, level: str, group: str, name: str, payload: Mapping[str, Any] | None, connection: Any) -> Any:
        """Publish one Insights event about a call; None where nothing is published."""
        return report(self, level, group, name, payload, connection)

    def report_metrics(self, group: str, name: str, entries: list[dict[str, Any]]) -> None:
        """Publish samples of a call."""
        if self.publisher is not None:
            self.publisher.post_metrics(group, name, entries)

    def emit_soon(self, event: str, *args: Any) -> None:
        """Emit an event of the Device on the next turn of the hub."""
        self.clock.call_later(0, self._device.emit, event, *args)

    def pending_changed(self) -> None:
        """Tell the program that the pending calls changed."""
        call_handler("on_pending_changed", self._pending_changed)

    def call_made(self, connection: Connection) -> None:
        """Report what the program replaced."""
        options = self.options
        overridden = {
            "RTCPeerConnection": options.media_factory is not None,
            "enumerateDevices": options.enumerate_devices is not None,
            "getUserMedia": options.get_user_media is not None,
        }
        self.report("INFO", "settings", "init", overridden, connection)

    def call_opened(self, connection: Connection) -> None:
        """Report which edge the call uses."""
        settings: dict[str, Any] = {"edge": self.edge or self.region}
        if self.options.edge:
            edge = self.options.edge
            settings["selected_edge"] = [edge] if isinstance(edge, str) else list(edge)
        self.report("INFO", "settings", "edge", settings, connection)

    # What the audio helper asks for (audio.AudioOwner)

    def report_audio(self, level: str, name: str, payload: Mapping[str, Any]) -> None:
        """Report about microphones and speakers, during a call only."""
        if self.calls.active is not None:
            self.report(level, "audio", name, payload, self.calls.active)

    def is_calling(self) -> bool:
        """Tell whether a call is active."""
        return self.calls.active is not None

    def volume_wanted(self) -> None:
        """Let calls measure volumes from now on."""
        for call in self.calls.all():
            call.on_volume_wanted()

    # What signaling asks for (signaling_events.SignalingOwner)

    def emit(self, event: str, *args: Any) -> None:
        """Emit an event of the Device now."""
        self._device.emit(event, *args)

    def located(self, edge: str, region: str) -> None:
        """Note where the service is."""
        self.edge, self.region = edge, region

    def set_status(self, status: str) -> None:
        """Change the status, and emit it."""
        self.status = status
        if status == "offline":
            self.edge = self.region = None
        self.emit(status, self._device)

    def stream_closed(self) -> None:
        """Forget the stream that the service has closed for good."""
        self.stream = None
        self.calls.signaling_closed()

    def _use_sounds(self, sounds: Sounds) -> None:
        """Switches that were set before the set-up stay as they are."""
        for name, on in self.sounds.enabled.items():
            if not on:
                sounds.switch(name, False)
        self.sounds = sounds
        sounds.on_switch = self.calls.ringing.update

    def _make_publisher(self, token: str) -> Publisher | None:
        options = self.options
        if not options.publishes_events:
            return None
        if options.publisher_factory is not None:
            made: Publisher = options.publisher_factory(token)
            return made
        from agent.quality.insights import EventPublisher  # an HTTP library that most boxes never need

        metadata = {"app_name": options.app_name, "app_version": options.app_version}
        own_ca = options.ca_file if options.eventgw != TWILIO_EVENTGW else None
        generation = REPORT_GENERATIONS[options.generation]
        return EventPublisher(
            token, host=reports_host(options), generation=generation, metadata=metadata, ca_file=own_ca
        )

    def _open_stream(self, token: str) -> None:
        options = self.options
        uris = signaling_uris(options.edge, options.region, options.chunderw, generation=options.wire)
        self.stream = stream = (options.stream_factory or Stream)(
            token,
            uris,
            generation=options.wire,
            max_call_signaling_timeout_ms=options.max_call_signaling_timeout_ms,
            backoff_max_ms=options.backoff_max_ms,
            connect_timeout_ms=options.connect_timeout_ms,
            ca_file=options.ca_file,
            clock=self.clock,
        )
        SignalingEvents(self, stream)
        self._token_notice.listen(stream)
        follow_home(self.publisher, stream, options)
        stream.open()

    def _signaling_address(self) -> str | None:
        """The address of this machine that signaling uses; a stream of the program's own need not know it."""
        return getattr(self.stream, "local_address", None)

    def _send_register(self, present: bool) -> bool:
        if self.stream is None:
            return False
        self.stream.register(present)
        return True
