"""The inner side of a Device: what it is made of, from its set-up to its end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from agent.clock import Clock
from agent.closing import Closing
from agent.errors import InvalidArgumentError
from agent.events import Emitter
from agent.hub_clock import HubClock
from agent.net.netlink import NetworkChange
from agent.net.tls import client_context
from agent.net.watch import NetworkWatch, way_after
from agent.signaling.pstream.endpoints import check_host
from agent.voice.audio import AudioHelper
from agent.voice.call_ticket import CallTicket
from agent.voice.call_tickets import CallTickets
from agent.voice.calls import DeviceCalls
from agent.voice.device_log import DeviceLog
from agent.voice.farewells import Farewell, Farewells
from agent.voice.first_contact import FirstContact
from agent.voice.generation import GENERATIONS
from agent.voice.host_duties import HostDuties
from agent.voice.media_options import media_settings
from agent.voice.options import DeviceOptions
from agent.voice.protocols import SignalingStream
from agent.voice.registration import Registration, RegistrationState
from agent.voice.registration_promises import RegistrationPromises
from agent.voice.report import Publisher, follow_home, make_publisher
from agent.voice.signaling_events import SignalingEvents
from agent.voice.sounds import Sounds
from agent.voice.token_notice import TokenNotice
from agent.voice.wires import WIRES

log = logging.getLogger(__name__)

CLOSE_REPORTS_S: Final = 0.0  # a process that ends does not wait for its reports


class DeviceHost(HostDuties, Closing):
    """Made with its Device, filled by `prepare`; what the parts ask of it stands in `agent.voice.host_duties`."""

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
        self.generation = GENERATIONS[self.options.behaviour]
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
        if self.audio is not None and not self.is_closed:
            for name in ("protocol", "generation"):
                if getattr(options, name) != getattr(self.options, name):
                    raise InvalidArgumentError(f"option {name}: it holds until `destroy`; call that first")
        check_host("eventgw", options.eventgw)
        if options.ca_file:
            client_context(options.ca_file)
        media_settings(options)

    def use(self, options: DeviceOptions) -> None:
        """Take these options from now on."""
        self.options = options
        if self.stream is not None:
            WIRES[options.protocol].adapt(self.stream, options)
        if options.debug:
            logging.getLogger("agent.voice").setLevel(options.log_level)

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
            WIRES[self.options.protocol].admit(self.stream, self.options, token)
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
        return WIRES[options.protocol].addresses(options)

    def move(self, token: str) -> None:
        """Go to where the options say now; pending calls stay behind."""
        self._close_stream()
        self.forget_stream()
        self.open_stream(token)

    def network_changed(self, change: NetworkChange | None = None) -> None:
        """Look after signaling, and after the calls whose path `change` harms."""
        if self.stream is not None:
            self.stream.network_changed()
        for call in self.calls.all():
            way = way_after(change, *call.inbox.path)
            if way.harmed or call.status() == "reconnecting":
                call.inbox.on_network_changed(way.reachable)

    def forget_stream(self) -> None:
        """Go on without the stream that there was; what it has announced is void."""
        self.stream = None
        self.registration.lost()
        self.contact.lost()
        self.calls.signaling_closed()

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
        self.stream = stream = WIRES[options.protocol].stream(options, token, self.clock)
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

    def _send_register(self, present: bool) -> bool:
        if self.stream is None:
            return False
        if present:
            self.promises.asked()
        self.stream.register(present)
        return True
