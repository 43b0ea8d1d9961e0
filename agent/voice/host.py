"""The inner side of a Device: what its calls, its signaling and its sounds share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from agent.clock import Clock
from agent.closing import Closing
from agent.errors import InvalidArgumentError
from agent.events import Emitter
from agent.handlers import call_handler
from agent.hub_clock import HubClock
from agent.net.netlink import NetworkChange
from agent.net.tls import client_context
from agent.net.watch import NetworkWatch, way_after
from agent.signaling.pstream.endpoints import check_host, signaling_uris
from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.regions import edge_of_region, region_shortcode
from agent.signaling.pstream.shell import Stream
from agent.voice.audio import AudioHelper
from agent.voice.call_ticket import CallTicket
from agent.voice.call_tickets import CallTickets
from agent.voice.calls import DeviceCalls
from agent.voice.connection import Connection
from agent.voice.device_log import DeviceLog
from agent.voice.farewells import Farewell, Farewells
from agent.voice.first_contact import FirstContact
from agent.voice.generation import GENERATIONS
from agent.voice.media_options import check_mapping, media_settings
from agent.voice.options import DeviceOptions
from agent.voice.protocols import MediaSessionPort, SignalingStream
from agent.voice.registration import Registration, RegistrationState
from agent.voice.registration_promises import RegistrationPromises
from agent.voice.report import Publisher, follow_home, make_publisher, report, what_is_replaced
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
        self.tickets = CallTickets(self, None)
        self.promises = RegistrationPromises()
        self._begin_anew()
        self.status = "offline"
        self.is_closed = False
        self.edge: str | None = None
        self.region: str | None = None
        self.home: str | None = None
        self.identity: str | None = None
        self._network = NetworkWatch(self.network_changed)

    def _begin_anew(self) -> None:
        """What a generation has of its own."""
        self.generation = GENERATIONS[self.options.generation]
        core = self.generation.registering(not self.options.no_register)
        self.registration = Registration(self.clock, core, self._send_register, self._show_registration)
        waits_again = self.options.wait_for_service
        self.contact = FirstContact(self.clock, self.generation.opens_when_needed or waits_again, waits_again)
        self.farewells = Farewells()
        self._token_notice = TokenNotice(self.clock, self.options.token_refresh_ms, self._device)
        self._is_destroyed = False

    @property
    def state(self) -> RegistrationState:
        """What the service has been told, and has said."""
        return RegistrationState.DESTROYED if self._is_destroyed else self.registration.state

    # What the Device does

    def check(self, options: DeviceOptions) -> None:
        """Raise InvalidArgumentError, or ConfigError for `ca_file`, for options that fail only together or in use."""
        if self.audio is not None and not self.is_closed and options.generation != self.options.generation:
            raise InvalidArgumentError("option generation: it holds until `destroy`; call that first")
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
        self.publisher = make_publisher(options, token)
        self.audio = (options.audio_helper_factory or AudioHelper)(self)
        self._begin_anew()
        if options.enumerate_devices is not None:
            self.audio.refresh()
        self._network = NetworkWatch(self.network_changed)
        if options.network_watch:
            self._network.start()
        self.tickets = CallTickets(self, options.call_store)
        for ticket in self.tickets.take():
            self._resume(ticket)

    def use_token(self, token: str) -> None:
        """Tell the open stream, or open one if it is needed now."""
        if self.publisher is not None:
            self.publisher.set_token(token)
        if self.stream is not None:
            self.stream.set_token(token)
        elif self.registration.needs_stream:
            self.open_stream(token)

    def close(self) -> None:
        """Hang up and release everything; idempotent. Only another `prepare` makes it usable again."""
        was_closed, self.is_closed = self.is_closed, True
        if self.generation.rejects_at_end:
            self.calls.reject_all()
        self.calls.disconnect_all()
        self.registration.stop()
        self._token_notice.stop()
        self._network.close()
        if self.audio is not None:
            self.audio.close()
        self._close_stream()
        self.contact.lost()
        self.registration.offline()
        self.promises.given_up()
        self._is_destroyed = True
        if not was_closed and self.audio is not None:
            self._show_registration(RegistrationState.DESTROYED)
        self.clock.call_later(0, self.calls.end_for_good)
        self.sounds.stop_all()
        if self.publisher is not None:
            self.publisher.close(CLOSE_REPORTS_S)

    def need_stream(self, token: str | None) -> None:
        """Open a stream if there is none, where the generation opens it when it is needed."""
        if self.stream is None and self.generation.opens_when_needed and token is not None and not self.is_closed:
            self.open_stream(token)

    def addresses(self, options: DeviceOptions) -> list[str]:
        """List where these options lead; raises InvalidArgumentError."""
        return signaling_uris(options.edge, options.region, options.chunderw, generation=options.wire)

    def move(self, token: str) -> None:
        """Go to where the options say now; pending calls stay behind."""
        self._close_stream()
        self._forget_stream()
        self.open_stream(token)

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
        told = {**self.generation.told_of_setup, **what_is_replaced(self.options)}
        self.contact.when_made(lambda: self.report("INFO", "settings", "init", told, connection))

    def call_opened(self, connection: Connection) -> None:
        """Report which edge the call uses, and come back to it should the connection be lost."""
        if self.stream is not None and self.generation.calls_outlive_sockets:
            self.stream.prefer_current_uri()
        settings: dict[str, Any] = {"edge": self.edge or self.region}
        if self.options.edge:
            edge = self.options.edge
            settings["selected_edge"] = [edge] if isinstance(edge, str) else list(edge)
        self.report("INFO", "settings", "edge", settings, connection)

    def calls_over(self) -> None:
        """Come back to any edge: there is no call that only one of them knows."""
        if self.stream is not None and self.generation.calls_outlive_sockets:
            self.stream.forget_preferred_uri()

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

    def located(self, payload: Payload) -> None:
        """Note where the service is, and who we are there."""
        server_region = str(payload.get("region") or "")
        self.region = region_shortcode(server_region) or server_region
        self.edge = edge_of_region(self.region)
        if self.stream is not None and self.generation.is_told_more:
            self.edge = self.stream.edge or self.edge
            self.home, self.identity = self.stream.home, self.stream.identity

    def set_status(self, status: str) -> None:
        """Change the status, and emit it."""
        self.status = status
        if status == "offline":
            self.edge = self.region = None
        self.emit(status, self._device)

    def stream_closed(self) -> None:
        """Forget the stream that the service closed for good."""
        self.promises.given_up()
        self._forget_stream()

    def _forget_stream(self) -> None:
        self.stream = None
        self.registration.lost()
        self.contact.lost()
        self.calls.signaling_closed()

    def call_changed(self) -> None:
        """Note what another process would have to know, should this one die."""
        self.tickets.changed()

    def _resume(self, ticket: CallTicket) -> None:
        """Come back to a call of the process before this one, or end it properly where that cannot be."""
        if not (ticket.can_come_back and self.generation.calls_outlive_sockets):
            self.farewells.add(Farewell(ticket.callsid, "", ""))
            return
        connection = self.calls.resumed(ticket)
        self.emit("resumed", connection)
        connection.resume(muted=ticket.muted)

    def _use_sounds(self, sounds: Sounds) -> None:
        """Switches that were set before the set-up stay as they are."""
        for name, on in self.sounds.enabled.items():
            if not on:
                sounds.switch(name, False)
        self.sounds = sounds
        sounds.on_switch = self.calls.ringing.update

    def replace_publisher(self, token: str) -> None:
        """Report over another publisher; what waited in the one before is lost."""
        left, self.publisher = self.publisher, make_publisher(self.options, token)
        if left is not None:
            left.close(CLOSE_REPORTS_S)

    def open_stream(self, token: str) -> None:
        """Connect to the service."""
        options = self.options
        uris = self.addresses(options)
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

    def _close_stream(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.destroy()

    def _show_registration(self, state: RegistrationState) -> None:
        if self.generation.tells_registration:
            self.emit(state.value)
            self.promises.became(state)

    def _signaling_address(self) -> str | None:
        """The address of this machine that signaling uses; a stream of the program's own need not know it."""
        return getattr(self.stream, "local_address", None)

    def _send_register(self, present: bool) -> bool:
        if self.stream is None:
            return False
        if present:
            self.promises.asked()
        self.stream.register(present)
        return True
