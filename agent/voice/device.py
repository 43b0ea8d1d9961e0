"""The phone itself, as a program sees it (spec: device)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from agent.clock import Clock, HubClock
from agent.errors import InvalidArgumentError, InvalidStateError
from agent.events import Emitter
from agent.media.netlink import NetworkChange
from agent.signaling.endpoints import signaling_uris
from agent.signaling.stream import Stream
from agent.version import SDK_VERSION
from agent.voice.aliases import DeviceAliases, or_handler
from agent.voice.audio import AudioHelper
from agent.voice.calls import Calls
from agent.voice.connection import Connection
from agent.voice.media_options import media_settings
from agent.voice.network import NetworkWatch, way_after
from agent.voice.options import DeviceOptions
from agent.voice.preflight import PreflightTest
from agent.voice.registration import Registration
from agent.voice.report import Publisher, report
from agent.voice.seams import Session, SignalingStream
from agent.voice.signaling_events import SignalingEvents
from agent.voice.sounds import Sounds

log = logging.getLogger(__name__)


class Device(Emitter, DeviceAliases):
    """A phone that registers with the voice service and makes and takes calls.

    Events: ready(device) offline(device) incoming(connection) connect(connection) disconnect(connection)
    cancel(connection) error(VoiceError). Those about calls come on the turn of the hub after the call's own.
    """

    is_supported: ClassVar[bool] = True
    version: ClassVar[str] = SDK_VERSION
    package_name: ClassVar[str] = "twilio-client"

    def __init__(self, token: str | None = None, options: Mapping[str, Any] | None = None, **more: Any) -> None:
        """With a token: the same as `setup(token, options)`; without one, `setup` follows later."""
        super().__init__()
        self.options = DeviceOptions()
        self.token: str | None = None
        self.is_initialized = False
        self.edge: str | None = None
        self.stream: SignalingStream | None = None
        self.publisher: Publisher | None = None
        self.audio: AudioHelper | None = None
        self.sounds = Sounds(None)
        self.clock: Clock = HubClock()
        self.calls = Calls(self)
        self.registration = Registration(self.clock, self._send_register, True)
        self._network = NetworkWatch(self.network_changed)
        self._region: str | None = None
        self._status = "offline"
        if token is not None:
            self.setup(token, options, **more)
        elif options or more:
            raise InvalidArgumentError("argument token: options need a token; give one, or call setup() later")

    def __repr__(self) -> str:
        return f"<Device {self.status() if self.is_initialized else 'not set up'}>"

    # Setting up and ending

    def setup(self, token: str, options: Mapping[str, Any] | None = None, **more: Any) -> Device:
        """Connect to the voice service. A second call changes the options that are read later, and the token.

        Raises InvalidArgumentError for a missing token, an unknown option or a value that is not allowed.
        """
        if not isinstance(token, str) or not token:
            raise InvalidArgumentError("argument token: an access token is needed, a string that is not empty")
        merged = self.options.merged({**(options or {}), **more})
        signaling_uris(merged.edge, merged.region, merged.chunderw)
        media_settings(merged)
        self.options = merged
        if self.is_initialized:
            self.update_token(token)
            return self
        self._prepare(token, merged)
        self.token = token
        self.is_initialized = True
        self._open_stream(token)
        if merged.network_watch:
            self._network.start()
        return self

    @classmethod
    def run_preflight(cls, token: str, options: Mapping[str, Any] | None = None) -> PreflightTest:
        """Find out by a test call whether calls will work here; the answers are the test's events."""
        return PreflightTest(cls, token, options)

    def destroy(self) -> None:
        """Hang up, close the connection to the service, and forget every listener; idempotent."""
        self.calls.disconnect_all()
        self.registration.stop()
        self._network.close()
        if self.audio is not None:
            self.audio.close()
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.destroy()
        self.sounds.stop_all()
        if self.publisher is not None:
            self.publisher.close()
        self.remove_all_listeners()

    def update_token(self, token: str) -> None:
        """Use a new token from now on, in calls and without interrupting them."""
        self._check_set_up()
        if not isinstance(token, str) or not token:
            raise InvalidArgumentError("argument token: an access token is needed, a string that is not empty")
        self.token = token
        if self.publisher is not None:
            self.publisher.set_token(token)
        if self.stream is not None:
            self.stream.set_token(token)
        else:
            self._open_stream(token)

    # Calls

    @or_handler("connect")
    def connect(
        self,
        params: Mapping[str, Any] | None = None,
        audio_constraints: Mapping[str, Any] | bool | None = None,
        rtc_configuration: Mapping[str, Any] | None = None,
    ) -> Connection:
        """Place a call; `params` reach the application behind the service, e.g. {"To": "alice"}.

        Pending calls are ignored. Raises InvalidStateError while another call is active, InvalidArgumentError when
        the service has closed the connection.
        """
        self._check_set_up()
        if params is not None and not isinstance(params, Mapping):
            raise InvalidArgumentError(f"argument params: {params!r} is not allowed; give a mapping of strings")
        if self.calls.active is not None:
            raise InvalidStateError("a call is active already; disconnect it first")
        if self.stream is None:
            raise InvalidArgumentError("the service has closed the connection; give a new token to update_token()")
        connection = self.calls.outgoing(params or {})
        connection.accept(audio_constraints, rtc_configuration)
        return connection

    @property
    def connections(self) -> list[Connection]:
        """The pending incoming calls, the oldest first."""
        return list(self.calls.pending)

    def active_connection(self) -> Connection | None:
        """The active call, or else the first pending one."""
        return self.calls.active or next(iter(self.calls.pending), None)

    def disconnect_all(self) -> None:
        """End the active call and forget the pending ones, which the service is not told."""
        self._check_set_up()
        self.calls.disconnect_all()

    # Presence

    def register_presence(self) -> Device:
        """Take incoming calls."""
        self._check_set_up()
        self.registration.set(True)
        return self

    def unregister_presence(self) -> Device:
        """Take no incoming calls."""
        self._check_set_up()
        self.registration.set(False)
        return self

    def status(self) -> str:
        """busy, ready or offline."""
        self._check_set_up()
        return "busy" if self.calls.active is not None else self._status

    def region(self) -> str:
        """Deprecated: the region in use, or `offline`."""
        self._check_set_up()
        return self._region if self._region is not None else "offline"

    def network_changed(self, change: NetworkChange | None = None) -> None:
        """This machine's addresses or routes changed: look after signaling and the calls at once.

        With `change`, calls whose path it leaves alone are left alone too.
        """
        if self.stream is not None:
            self.stream.network_changed()
        for call in self.calls.all():
            way = way_after(change, *call.path)
            if way.harmed or call.status() == "reconnecting":
                call.on_network_changed(way.reachable)

    # What calls ask of their Device (seams.CallHost, calls.CallsOwner, signaling_events.SignalingOwner)

    def make_session(self, rtc_configuration: Mapping[str, Any] | None) -> Session:
        settings = media_settings(self.options, rtc_configuration)
        if self.options.media_factory is not None:
            made: Session = self.options.media_factory(settings)
            return made
        from agent.media.loop import shared_bridge
        from agent.media.session import MediaSession

        return MediaSession(self.options.bridge or shared_bridge(), settings, self.options.sound)

    def before_accept(self, connection: Connection) -> None:
        self.calls.before_accept(connection)

    def report(self, level: str, group: str, name: str, payload: Mapping[str, Any] | None, connection: Any) -> Any:
        return report(self, level, group, name, payload, connection)

    def report_metrics(self, group: str, name: str, entries: list[dict[str, Any]]) -> None:
        if self.publisher is not None:
            self.publisher.post_metrics(group, name, entries)

    def emit_soon(self, event: str, *args: Any) -> None:
        self.clock.call_later(0, self.emit, event, *args)

    def call_made(self, connection: Connection) -> None:
        options = self.options
        overridden = {
            "RTCPeerConnection": options.media_factory is not None,
            "enumerateDevices": options.enumerate_devices is not None,
            "getUserMedia": options.get_user_media is not None,
        }
        self.report("INFO", "settings", "init", overridden, connection)

    def call_opened(self, connection: Connection) -> None:
        settings: dict[str, Any] = {"edge": self.edge or self._region}
        if self.options.edge:
            edge = self.options.edge
            settings["selected_edge"] = [edge] if isinstance(edge, str) else list(edge)
        self.report("INFO", "settings", "edge", settings, connection)

    def report_audio(self, level: str, name: str, payload: Mapping[str, Any]) -> None:
        if self.calls.active is not None:
            self.report(level, "audio", name, payload, self.calls.active)

    def is_calling(self) -> bool:
        return self.calls.active is not None

    def located(self, edge: str, region: str) -> None:
        self.edge, self._region = edge, region

    def set_status(self, status: str) -> None:
        self._status = status
        if status == "offline":
            self.edge = self._region = None

    def stream_closed(self) -> None:
        self.stream = None

    def _prepare(self, token: str, options: DeviceOptions) -> None:
        if options.debug or not options.warnings:
            logging.getLogger("agent.voice").setLevel(options.log_level)
        self.clock = options.clock or HubClock()
        self.sounds = (options.sound_factory or Sounds)(options.sound, options.sounds, options.fake_local_dtmf)
        if options.publisher_factory is not None:
            self.publisher = options.publisher_factory(token)
        elif options.publishes_events:
            from agent.quality.insights import EventPublisher  # an HTTP library that most boxes never need

            metadata = {"app_name": options.app_name, "app_version": options.app_version}
            self.publisher = EventPublisher(token, host=options.eventgw, metadata=metadata)
        self.audio = (options.audio_helper_factory or AudioHelper)(self)
        self.registration = Registration(self.clock, self._send_register, not options.no_register)
        if options.enumerate_devices is not None:
            self.audio.refresh()

    def _open_stream(self, token: str) -> None:
        options = self.options
        uris = signaling_uris(options.edge, options.region, options.chunderw)
        stream: SignalingStream = (options.stream_factory or Stream)(
            token,
            uris,
            backoff_max_ms=options.backoff_max_ms,
            connect_timeout_ms=options.connect_timeout_ms,
            ca_file=options.ca_file,
            clock=self.clock,
        )
        self.stream = stream
        SignalingEvents(self, stream)
        stream.open()

    def _send_register(self, present: bool) -> bool:
        if self.stream is None:
            return False
        self.stream.register(present)
        return True

    def _check_set_up(self) -> None:
        if not self.is_initialized:
            raise InvalidStateError("the Device is not set up; call setup(token) first")
