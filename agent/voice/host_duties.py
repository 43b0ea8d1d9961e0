"""What calls, signaling and sounds ask of the Device that they belong to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from agent.clock import Clock
from agent.events import Emitter
from agent.handlers import call_handler
from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.regions import edge_of_region, region_shortcode
from agent.voice.audio import AudioHelper
from agent.voice.call_tickets import CallTickets
from agent.voice.calls import DeviceCalls
from agent.voice.connection import Connection
from agent.voice.device_log import DeviceLog
from agent.voice.farewells import Farewells
from agent.voice.first_contact import FirstContact
from agent.voice.generation import VoiceGeneration
from agent.voice.media_options import check_mapping, media_settings
from agent.voice.options import DeviceOptions
from agent.voice.protocols import MediaSessionPort, SignalingStream
from agent.voice.registration import Registration
from agent.voice.registration_promises import RegistrationPromises
from agent.voice.report import Publisher, report, what_is_replaced
from agent.voice.sounds import Sounds
from agent.voice.wires import WIRES


class HostDuties(ABC):
    """Answers for the parts of a Device, which are given in the class below this one (`agent.voice.host`)."""

    options: DeviceOptions
    generation: VoiceGeneration
    log: DeviceLog
    clock: Clock
    sounds: Sounds
    audio: AudioHelper | None
    publisher: Publisher | None
    stream: SignalingStream | None
    calls: DeviceCalls
    tickets: CallTickets
    registration: Registration
    promises: RegistrationPromises
    contact: FirstContact
    farewells: Farewells
    status: str
    is_closed: bool
    edge: str | None
    region: str | None
    home: str | None
    identity: str | None
    _device: Emitter
    _pending_changed: Callable[[], object]

    @abstractmethod
    def forget_stream(self) -> None:
        """Go on without the stream that there was."""

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
        for_sip = WIRES[self.options.protocol].for_sip
        return MediaSession(bridge, settings, self.options.sound, self._signaling_address, for_sip)

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

    def check_call(self, audio_constraints: Any, rtc_configuration: Any) -> None:
        """Raise InvalidArgumentError for what cannot be used for one call, before anything is changed."""
        check_mapping("audio_constraints", audio_constraints)
        check_mapping("rtc_configuration", rtc_configuration, flag=False)
        media_settings(self.options, rtc_configuration)

    def call_changed(self) -> None:
        """Note what another process would have to know, should this one die."""
        self.tickets.changed()

    def _signaling_address(self) -> str | None:
        """The address of this machine that signaling uses; a stream of the program's own need not know it."""
        return getattr(self.stream, "local_address", None)

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
            call.inbox.on_volume_wanted()

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
        self.forget_stream()
