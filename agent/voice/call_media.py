"""The media of one call, from the microphone to the agreed session.

Each step runs in a greenlet of its own; what came of it is a trigger for the call, but for a restart that fails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gevent

from agent.closing import Closing
from agent.errors import AgentError, CaptureDeniedError, CaptureError, SdpError, VoiceError
from agent.log import MOST_WHY, SeldomLog, excerpt
from agent.voice import call_effects as do
from agent.voice import call_errors as catalogue
from agent.voice.call_causes import Cause
from agent.voice.input_feed import Source, feed
from agent.voice.media_events import MediaEvents
from agent.voice.microphone import check_exact
from agent.voice.protocols import CallHost, MediaSessionPort, NegotiatingCall
from agent.voice.recovery_policy import Recovery
from agent.voice.states import Trigger
from agent.voice.stream_extras import decline

log = logging.getLogger(__name__)
_strangers = SeldomLog(log)

LONGEST_STEP_S = 45.0  # a microphone that is asked for, candidates that are gathered: each has a shorter limit

_Failed = Callable[[AgentError], None]


class CallMedia(Closing):
    """Owns the media session of one call from its capture to its close."""

    def __init__(self, host: CallHost, call: NegotiatingCall, offer_sdp: str | None) -> None:
        """`offer_sdp` came with an incoming call."""
        self.session: MediaSessionPort | None = None
        self.closed = False
        self.muted = False
        self._host = host
        self._call = call
        self._offer_sdp = offer_sdp or ""
        self._own_constraints: Any = None
        self._rtc_configuration: Mapping[str, Any] | None = None
        self._events: MediaEvents | None = None
        self._steps: dict[gevent.Greenlet[..., None], float] = {}  # those that have begun, and when
        self._source: Source | None = None  # what is sent instead of the microphone
        self._is_answer_applied = False  # or on its way: the first one to our first offer
        self._is_agreed = offer_sdp != ""  # no: we offer in our answer, and the far side answers that

    @property
    def path(self) -> tuple[str | None, str | None]:
        """Our address and the far side's on the path in use; None while there is none."""
        return self._events.path if self._events is not None else (None, None)

    @property
    def has_local_offer(self) -> bool:
        """Whether an offer of ours waits for its answer (W3C webrtc: have-local-offer)."""
        return self.session is not None and self.session.signaling_state == "have-local-offer"

    @property
    def local_sdp(self) -> str | None:
        """Our description in force; None before there is one, and at the end."""
        return (self.session.local_sdp or None) if self.session is not None and not self.closed else None

    @property
    def constraints(self) -> Any:
        """What the capture is opened with: the call's own constraints, or the Device's."""
        own = self._own_constraints
        return own if own is not None else self._host.options.audio_constraints

    def configure(self, constraints: Any, rtc_configuration: Mapping[str, Any] | None) -> None:
        """Use these in the place of the Device's, if they are given; before the capture."""
        self._own_constraints = constraints
        self._rtc_configuration = rtc_configuration

    def perform(self, step: do.MediaStep) -> None:
        """Begin a step; before the capture and after the close nothing but a capture can begin."""
        fired, make = self._fired, self._make
        match step:
            case do.OpenCapture():
                self._begin(self._capture)
            case do.CreateOffer():
                make(lambda session: session.create_offer(), fired(Trigger.OFFER_MADE), self._local_failed)
            case do.CreateAnswer():
                make(self._first_description, fired(Trigger.ANSWER_MADE), self._offer_unusable)
            case do.ApplyAnswer(sdp):
                self._is_answer_applied = True
                make(lambda session: session.apply_answer(sdp), fired(Trigger.ANSWER_APPLIED), self._remote_failed)
            case _:
                self._restart(step)

    def mute(self, flag: bool) -> None:
        """Send silence, or stop doing so; may be said before there is a session."""
        self.muted = flag
        if self.session is not None:
            self.session.mute(flag)

    def close(self) -> None:
        """End the session; idempotent. A capture that is still being opened reports once more."""
        self.closed = True
        if self.session is not None:
            self.session.close()
            self.muted = False  # as in the SDK, and without an event

    def _restart(self, step: do.OfferRestart | do.ApplyRestart | do.AnswerRestart) -> None:
        """An answer that cannot be used is only logged: the next failure of the path is news (spec: recovery 5.6)."""
        fired, make = self._fired, self._make
        match step:
            case do.OfferRestart():
                make(lambda s: s.create_restart_offer(), fired(Trigger.RESTART_OFFER_MADE), self._restart_failed)
            case do.ApplyRestart(sdp):
                failed = _restart_unusable if self._is_agreed else self._remote_failed
                make(lambda session: session.apply_answer(sdp), self._agreed, failed)
            case do.AnswerRestart(sdp):
                answer = partial(_answer_instead, sdp)
                make(answer, fired(Trigger.RESTART_ANSWER_MADE), self._restart_declined)

    # The capture

    def _capture(self) -> None:
        try:
            self._open()
        except CaptureError as exc:
            self._capture_failed(exc)
        except Exception as exc:
            if self.closed:
                self._close_late()  # what a session that is closed refuses to do is no news
                return
            log.exception("the media session could not be set up")
            self._capture_failed(CaptureError(f"the microphone cannot be opened: {exc}"))
        else:
            self._captured()

    def _open(self) -> None:
        """`get_user_media` may refuse the microphone by raising, or give something to be sent instead."""
        host, options = self._host, self._host.options
        constraints = host.audio.constrained(self.constraints) if host.audio is not None else None
        get_user_media = options.get_user_media
        self._source = options.file_input_stream or (get_user_media(constraints) if get_user_media else None)
        if self._source is None:
            check_exact(options, constraints)
        self.session = session = host.make_session(self._rtc_configuration)
        self._events = MediaEvents(session, self._call, lambda: self.closed)
        session.mute(self.muted)
        session.open_capture(constraints)

    def _captured(self) -> None:
        if self._source is not None and self.session is not None:
            feed(self._source, self.session.local_stream, lambda: self.closed)
        error = None if self._call.stream is not None else catalogue.signaling_down(self._call.connection)
        self._call.fire(Trigger.CAPTURED, Cause(error=error, constraints=self._told_constraints))

    def _capture_failed(self, error: CaptureError) -> None:
        self._close_late()
        what = "may not be used" if isinstance(error, CaptureDeniedError) else "could not be opened"
        entry = self._host.generation.class_of_capture(error)
        told = VoiceError(error.code, f"The microphone {what}: {error}", twilio_error=entry)
        cause = Cause(error=told, capture_error=error, constraints=self._told_constraints)
        self._call.fire(Trigger.CAPTURE_FAILED, cause)

    def _close_late(self) -> None:
        if self.closed and self.session is not None:
            self.session.close()  # it was made after the call had ended, and is nobody else's to close

    @property
    def _told_constraints(self) -> Any:
        return self._host.generation.told_of_media(self.constraints)

    # Other steps

    def _make(self, step: Callable[[MediaSessionPort], Any], done: Callable[[Any], None], failed: _Failed) -> None:
        if self.session is not None and not self.closed:
            self._begin(self._run, self.session, step, done, failed)

    def overdue_s(self) -> float:
        """Return the seconds since a step should have ended that takes far longer than any can."""
        now = self._host.clock.now()
        return max((now - began - LONGEST_STEP_S for began in self._steps.values()), default=0.0)

    def _begin(self, step: Callable[..., None], *args: Any) -> None:
        greenlet = gevent.spawn(step, *args)
        self._steps[greenlet] = self._host.clock.now()
        greenlet.link(lambda ended: self._steps.pop(ended, None))

    def _run(
        self,
        session: MediaSessionPort,
        step: Callable[[MediaSessionPort], Any],
        done: Callable[[Any], None],
        failed: _Failed,
    ) -> None:
        try:
            result = step(session)
        except Exception as exc:
            if self.closed:
                return
            if not isinstance(exc, AgentError):
                log.exception("a step of the call's media failed")
            failed(exc if isinstance(exc, AgentError) else SdpError(str(exc)))
        else:
            if not self.closed:
                done(result)

    def _fired(self, trigger: Trigger) -> Callable[[str | None], None]:
        def fire(sdp: str | None) -> None:
            self._call.fire(trigger, Cause(sdp=sdp, local_sdp=self.local_sdp))

        return fire

    def _local_failed(self, error: AgentError) -> None:
        told = catalogue.local_description_failed(self._call.connection, error)
        self._call.fire(Trigger.NEGOTIATION_FAILED, Cause(error=told))

    def _remote_failed(self, error: AgentError) -> None:
        told = catalogue.remote_description_failed(self._call.connection, error)
        self._call.fire(Trigger.NEGOTIATION_FAILED, Cause(error=told))

    def withdraw_offer(self) -> None:
        """Go back to what was agreed on: our new offer is refused."""
        self._make(lambda session: session.withdraw_offer(), _ignore, _restart_unusable)

    def take_fork(self, sdp: str) -> None:
        """Follow the phone that has answered, which is another one than that whose early media was heard."""
        if self._is_answer_applied:
            self._make(lambda session: session.replace_answer(sdp), _ignore, self._remote_failed)

    def _first_description(self, session: MediaSessionPort) -> str:
        """Answer the offer that came with the call; a call that came without one is answered with ours."""
        return session.answer_offer(self._offer_sdp) if self._offer_sdp else session.create_offer()

    def _agreed(self, _result: object) -> None:
        self._is_agreed = True

    def _offer_unusable(self, error: AgentError) -> None:
        self._decline()
        self._remote_failed(error)

    def _restart_declined(self, error: AgentError) -> None:
        self._decline()
        _restart_unusable(error)

    def _decline(self) -> None:
        decline(self._call.stream, self._call.wire_sid, "unusable")

    def _restart_failed(self, error: AgentError) -> None:
        self._host.log.warning("no ICE restart could be offered: %s", excerpt(error, MOST_WHY))
        self._call.tell_recovery(Recovery.restart_failed)


def _answer_instead(sdp: str, session: MediaSessionPort) -> str:
    """Answer their offer; one of ours that waited for its turn is taken back."""
    if session.signaling_state == "have-local-offer":
        session.withdraw_offer()
    return session.answer_offer(sdp)


def _ignore(_result: object) -> None:
    pass


def _restart_unusable(error: AgentError) -> None:
    _strangers.warning("an ICE restart could not be negotiated: %s", excerpt(error, 120))
