"""What calls and their parts need of their neighbours: media, signaling, the Device, and the call itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from agent.voice.call_causes import NOTHING, Cause
from agent.voice.recovery_effects import RecoveryEffect
from agent.voice.states import Trigger

if TYPE_CHECKING:
    from agent.clock import Clock
    from agent.voice.audio import AudioHelper
    from agent.voice.farewells import Farewells
    from agent.voice.first_contact import FirstContact
    from agent.voice.generation import VoiceGeneration
    from agent.voice.options import DeviceOptions
    from agent.voice.sounds import Sounds


class MediaSessionPort(Protocol):
    """The hub side of one call's media, as `agent.media.session.MediaSession`; methods that wait block a greenlet."""

    @property
    def signaling_state(self) -> str: ...

    @property
    def ice_connection_state(self) -> str: ...

    @property
    def remote_direction(self) -> str: ...  # sendrecv; while the far end holds the call sendonly or inactive

    @property
    def local_sdp(self) -> str | None: ...

    @property
    def local_stream(self) -> Any: ...

    @property
    def remote_stream(self) -> Any: ...

    @property
    def can_insert_dtmf(self) -> bool: ...

    @property
    def on(self) -> Any: ...  # pyee's `on(event, listener)`

    def open_capture(self, constraints: Mapping[str, Any] | None) -> None: ...

    def create_offer(self) -> str: ...  # of all that we can; within a call it restarts ICE

    def apply_answer(self, sdp: str) -> None: ...  # the first one, or that of an ICE restart

    def replace_answer(self, sdp: str) -> None: ...  # that of another fork to the same offer of ours

    def answer_offer(self, sdp: str) -> str: ...  # the first one, or a further one

    def create_restart_offer(self) -> str: ...

    def withdraw_offer(self) -> None: ...  # it was refused

    def mute(self, flag: bool) -> None: ...

    def insert_dtmf(self, tones: str, duration_ms: int = 160, gap_ms: int = 70) -> None: ...

    def stats(self) -> Any: ...

    def take_snapshots(self) -> Any: ...

    def close(self) -> None: ...


class SignalingStream(Protocol):
    """The connection to the service, as `agent.signaling.pstream.shell.Stream`.

    What only some have stands in `agent.voice.stream_extras`.
    """

    @property
    def status(self) -> str: ...

    @property
    def gateway(self) -> str | None: ...

    @property
    def region(self) -> str | None: ...

    @property
    def edge(self) -> str | None: ...

    @property
    def home(self) -> str | None: ...  # where the service wants reports

    @property
    def identity(self) -> str | None: ...

    @property
    def token_ttl_s(self) -> float | None: ...  # from the latest `connected` on; None where it said nothing

    @property
    def on(self) -> Any: ...  # pyee's `on(event, listener)`

    @property
    def once(self) -> Any: ...  # pyee's `once(event, listener)`

    def remove_all_listeners(self) -> None: ...

    def open(self) -> None: ...

    def join(self, timeout_s: float) -> None: ...

    def set_token(self, token: str) -> None: ...

    def register(self, audio: bool) -> None: ...

    def invite(self, sdp: str, callsid: str, preflight: bool, params: str) -> None: ...

    def reconnect(self, sdp: str, callsid: str, reconnect_token: str) -> None: ...

    def answer(self, sdp: str, callsid: str) -> None: ...

    def reinvite(self, sdp: str, callsid: str) -> None: ...

    def message(
        self, callsid: str | None, content: Any, content_type: str, message_type: str, voice_event_sid: str
    ) -> None: ...

    def dtmf(self, callsid: str | None, digits: str) -> None: ...

    def hangup(self, callsid: str | None, message: str | None = None) -> None: ...

    def reject(self, callsid: str | None) -> None: ...

    def prefer_current_uri(self) -> None: ...

    def forget_preferred_uri(self) -> None: ...

    def network_changed(self) -> None: ...

    def destroy(self) -> None: ...


class CallHost(Protocol):
    """What a Connection may ask of its Device."""

    @property
    def clock(self) -> Clock: ...

    @property
    def options(self) -> DeviceOptions: ...

    @property
    def generation(self) -> VoiceGeneration: ...

    @property
    def contact(self) -> FirstContact: ...

    @property
    def farewells(self) -> Farewells: ...

    @property
    def sounds(self) -> Sounds: ...

    @property
    def stream(self) -> SignalingStream | None: ...

    @property
    def audio(self) -> AudioHelper | None: ...

    def make_session(self, rtc_configuration: Mapping[str, Any] | None) -> MediaSessionPort: ...

    @property
    def log(self) -> Any: ...  # the Device's own, a LoggerAdapter

    @property
    def is_closed(self) -> bool: ...  # the Device was destroyed

    def check_call(self, audio_constraints: Any, rtc_configuration: Any) -> None: ...

    def before_accept(self, connection: Any) -> None: ...

    def call_changed(self) -> None: ...  # its state, its token, or whether it is muted

    def report(self, level: str, group: str, name: str, payload: Mapping[str, Any] | None, connection: Any) -> Any: ...

    def report_metrics(self, group: str, name: str, entries: list[dict[str, Any]]) -> None: ...


class CallPort(Protocol):
    """What the parts of a call may say to it and ask of it."""

    @property
    def connection(self) -> Any: ...

    def emit(self, event: str, *args: Any) -> None: ...

    def report(self, level: str, group: str, name: str, payload: Mapping[str, Any] | None = None) -> Any: ...

    def tell_recovery(self, event: Callable[..., Sequence[RecoveryEffect]], *args: Any) -> None: ...


class NegotiatingCall(CallPort, Protocol):
    """The call whose media is negotiated."""

    @property
    def stream(self) -> SignalingStream | None: ...  # None: there is no connection to the service to speak of

    @property
    def wire_sid(self) -> str: ...

    def fire(self, trigger: Trigger, cause: Cause = NOTHING) -> None: ...


class MonitoredMedia(Protocol):
    """The media whose counters are read."""

    @property
    def session(self) -> MediaSessionPort | None: ...

    @property
    def closed(self) -> bool: ...

    @property
    def muted(self) -> bool: ...


class MonitoredCall(CallPort, Protocol):
    """The call whose quality is watched."""

    @property
    def sid(self) -> str | None: ...

    @property
    def media(self) -> MonitoredMedia: ...
