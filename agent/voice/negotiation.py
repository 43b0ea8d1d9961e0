"""From the microphone to the agreed session: what each step of a call's media leads to."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent.errors import AgentError, CaptureDeniedError, CaptureError, VoiceError
from agent.media.sdp.munge import preferred_codec_info
from agent.voice import call_errors as catalogue
from agent.voice.call_media import CallMedia
from agent.voice.input_feed import Source, feed
from agent.voice.media_events import MediaEvents
from agent.voice.protocols import Session
from agent.voice.states import Cause, Trigger

if TYPE_CHECKING:
    from agent.voice.call import Call

log = logging.getLogger(__name__)


class Negotiation:
    """Listens to the call's media: sends what it makes, and tells the table what happened."""

    def __init__(self, call: Call) -> None:
        self.media = CallMedia(self)
        self._call = call
        self._events: MediaEvents | None = None
        self._source: Source | None = None  # what is sent instead of the microphone

    @property
    def path(self) -> tuple[str | None, str | None]:
        """Our address and the far side's on the path in use; None while there is none."""
        return self._events.path if self._events is not None else (None, None)

    @property
    def constraints(self) -> Any:
        """What the capture was opened with: the call's own constraints, or the Device's."""
        own = self._call.constraints
        return own if own is not None else self._call.host.options.audio_constraints

    def open_capture(self) -> None:
        """Open the microphone; `captured` or `capture_failed` follows."""
        audio = self._call.host.audio
        constraints = audio.constrained(self.constraints) if audio is not None else None
        self.media.capture(lambda: self._make_session(constraints), self._attach, constraints)

    def _make_session(self, constraints: Mapping[str, Any] | None) -> Session:
        """`get_user_media` may refuse the microphone by raising, or give something to be sent instead."""
        host = self._call.host
        get_user_media = host.options.get_user_media
        self._source = host.options.file_input_stream or (get_user_media(constraints) if get_user_media else None)
        return host.make_session(self._call.rtc_configuration)

    def _attach(self, session: Session) -> None:
        self._events = MediaEvents(session, self, self._call.recovering)

    # Steps of the media

    def captured(self) -> None:
        """Go on with the open microphone, or fail without signaling."""
        session = self.media.session
        if self._source is not None and session is not None:
            feed(self._source, session.local_stream, self.media_is_closed)
        error = None if self._call.stream is not None else catalogue.signaling_down(self._call.connection)
        self._fire(Trigger.CAPTURED, error=error)

    def capture_failed(self, error: CaptureError) -> None:
        """End the call for want of a microphone."""
        what = "may not be used" if isinstance(error, CaptureDeniedError) else "could not be opened"
        told = VoiceError(error.code, f"The microphone {what}: {error}")
        self._fire(Trigger.CAPTURE_FAILED, error=told, capture_error=error)

    def offer_made(self, sdp: str) -> None:
        """Send our offer."""
        if (stream := self._call.host.stream) is not None:
            connection = self._call.connection
            preflight = self._call.host.options.preflight
            stream.invite(sdp, connection.outbound_connection_id, preflight, connection.encoded_parameters)

    def answer_made(self, sdp: str) -> None:
        """Send our answer, and begin to measure."""
        if (stream := self._call.host.stream) is not None:
            stream.answer(sdp, self._call.wire_sid)
        self._media_started("accepted-by-local")

    def answer_applied(self) -> None:
        """Begin to measure."""
        self._media_started("accepted-by-remote")

    def local_description_failed(self, error: AgentError) -> None:
        """End the call for want of a description of ours."""
        told = catalogue.local_description_failed(self._call.connection, error)
        self._fire(Trigger.NEGOTIATION_FAILED, error=told)

    def remote_description_failed(self, error: AgentError) -> None:
        """End the call for the far side's description, which cannot be used."""
        told = catalogue.remote_description_failed(self._call.connection, error)
        self._fire(Trigger.NEGOTIATION_FAILED, error=told)

    def restart_offer_made(self, sdp: str) -> None:
        """Send the offer of an ICE restart."""
        if (stream := self._call.stream) is not None:
            stream.reinvite(sdp, self._call.wire_sid)

    def restart_offer_failed(self, error: AgentError) -> None:
        """Tell recovery that nothing could be offered."""
        log.warning("no ICE restart could be offered: %s", error)
        self._call.recovering.restart_failed()

    def restart_answer_made(self, sdp: str) -> None:
        """Send our answer to the far side's ICE restart."""
        if (stream := self._call.host.stream) is not None:
            stream.answer(sdp, self._call.wire_sid)

    # Events of the media

    def media_is_closed(self) -> bool:
        """Tell whether the media has ended."""
        return self.media.closed

    def media_stable(self) -> None:
        """Note that both descriptions are applied."""
        self._fire(Trigger.STABLE)

    def remote_audio(self, stream: Any) -> None:
        """Emit `audio` with the far side's stream."""
        self._call.emit("audio", stream)

    def digit_received(self, digit: str) -> None:
        """Emit `digit`."""
        self._call.emit("digit", digit)

    def report(self, level: str, group: str, name: str, payload: dict[str, Any] | None = None) -> None:
        """Publish one Insights event about this call."""
        self._call.report(level, group, name, payload)

    def _media_started(self, name: str) -> None:
        call = self._call
        call.report("INFO", "connection", name)
        session = self.media.session
        codec = preferred_codec_info((session.local_sdp if session is not None else None) or "")
        call.report("INFO", "settings", "codec", {"codec_params": codec.parameters, "selected_codec": codec.name})
        call.monitoring.start()

    def _fire(self, trigger: Trigger, **cause: Any) -> None:
        self._call.fire(trigger, Cause(**cause))
