"""The media of one call, step by step: each step runs in a greenlet of its own and reports what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import gevent

from agent.errors import AgentError, CaptureError, SdpError
from agent.log import SeldomLog, excerpt
from agent.voice.protocols import Session

log = logging.getLogger(__name__)
_strangers = SeldomLog(log)

Step = Callable[[Session], Any]


class CallMediaOwner(Protocol):
    """Who learns what came of each step; called on the hub, after the call's end only about the capture."""

    def captured(self) -> None: ...

    def capture_failed(self, error: CaptureError) -> None: ...

    def offer_made(self, sdp: str) -> None: ...

    def answer_made(self, sdp: str) -> None: ...

    def answer_applied(self) -> None: ...

    def local_description_failed(self, error: AgentError) -> None: ...

    def remote_description_failed(self, error: AgentError) -> None: ...

    def restart_offer_made(self, sdp: str) -> None: ...

    def restart_offer_failed(self, error: AgentError) -> None: ...

    def restart_answer_made(self, sdp: str) -> None: ...


class CallMedia:
    """Owns the media session of one call from its capture to its close."""

    def __init__(self, owner: CallMediaOwner) -> None:
        self.session: Session | None = None
        self.closed = False
        self.muted = False
        self.remote_sdp_applied = False  # or on its way: only the first answer counts
        self._owner = owner

    @property
    def restart_offered(self) -> bool:
        """Whether an ICE restart offer waits for its answer."""
        session = self.session
        return session is not None and self.remote_sdp_applied and session.signaling_state == "have-local-offer"

    def capture(
        self,
        make_session: Callable[[], Session],
        attach: Callable[[Session], None],
        constraints: Mapping[str, Any] | None,
    ) -> None:
        """Make the session, let `attach` subscribe to it, and open the microphone."""
        gevent.spawn(self._capture, make_session, attach, constraints)

    def make_offer(self) -> None:
        """Make the first offer."""
        self._spawn(
            lambda session: session.create_offer(), self._owner.offer_made, self._owner.local_description_failed
        )

    def make_answer(self, offer_sdp: str) -> None:
        """Answer the far side's first offer."""
        self.remote_sdp_applied = True
        self._spawn(
            lambda session: session.answer_offer(offer_sdp),
            self._owner.answer_made,
            self._owner.remote_description_failed,
        )

    def apply_answer(self, sdp: str) -> None:
        """Apply the answer to the first offer."""
        self.remote_sdp_applied = True
        self._spawn(
            lambda session: session.apply_answer(sdp),
            lambda _result: self._owner.answer_applied(),
            self._owner.remote_description_failed,
        )

    def make_restart_offer(self) -> None:
        """Begin an ICE restart."""
        self._spawn(
            lambda session: session.create_restart_offer(),
            self._owner.restart_offer_made,
            self._owner.restart_offer_failed,
        )

    def apply_restart_answer(self, sdp: str) -> None:
        """Go on with an ICE restart; an answer that cannot be used is only logged (spec: recovery 5.6)."""
        self._spawn(lambda session: session.apply_restart_answer(sdp), _ignore, _restart_unusable)

    def answer_restart_offer(self, sdp: str) -> None:
        """Answer an ICE restart that the far side began."""
        self._spawn(
            lambda session: session.answer_restart_offer(sdp), self._owner.restart_answer_made, _restart_unusable
        )

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

    def _capture(
        self,
        make_session: Callable[[], Session],
        attach: Callable[[Session], None],
        constraints: Mapping[str, Any] | None,
    ) -> None:
        try:
            self.session = session = make_session()
            attach(session)
            session.mute(self.muted)
            session.open_capture(constraints)
        except CaptureError as exc:
            self._close_if_over()
            self._owner.capture_failed(exc)
        except Exception as exc:
            if not self.closed:
                log.exception("the media session could not be set up")
            self._close_if_over()
            self._owner.capture_failed(CaptureError(f"the microphone cannot be opened: {exc}"))
        else:
            self._owner.captured()

    def _close_if_over(self) -> None:
        """A session that was made after the call had ended is nobody else's to close."""
        if self.closed and self.session is not None:
            self.session.close()

    def _spawn(self, step: Step, done: Callable[[Any], None], failed: Callable[[AgentError], None]) -> None:
        if self.session is not None and not self.closed:
            gevent.spawn(self._run, self.session, step, done, failed)

    def _run(
        self, session: Session, step: Step, done: Callable[[Any], None], failed: Callable[[AgentError], None]
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


def _ignore(_result: object) -> None:
    pass


def _restart_unusable(error: AgentError) -> None:
    _strangers.warning("an ICE restart could not be negotiated: %s", excerpt(error, 120))
