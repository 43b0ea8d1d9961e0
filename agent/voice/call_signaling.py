"""Whether a call outlives the socket over which it is spoken about, without I/O or clock (spec: signaling 11).

Theory: a call of the first generation has no part in its socket; it rides on, and the service may have lost it. One of
the second generation is named by a token that the service gives with `invite` or `answer`: with it the call is asked
for anew over the next socket, at its `connected`, and has its signaling back when that is answered. Without a token the
call ends with its socket. A call that does not come back within `limit_s` is given up; without a limit its media is
what ends it.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

ANSWER_GRACE_S: Final = 5.0  # for the answer of a service that was reached just in time


class SignalingEffect(Enum):
    """What the call must do."""

    RIDE_ON = auto()  # the socket is lost, and nothing else changes
    WAIT = auto()  # the socket is lost: the call is reconnecting
    END = auto()  # ... and takes the call with it
    ASK = auto()  # ask for the call over the new socket
    BACK = auto()  # the call has its signaling again
    GIVE_UP = auto()  # it does not come back


class CallSignaling:
    """The token of one call, and where the call stands with the service."""

    def __init__(self, outlives: bool, limit_s: float = 0.0, token: str | None = None) -> None:
        """`outlives` in the second generation; `limit_s` of 0 is none."""
        self.token = token
        self.is_lost = False
        self.is_asked = False  #: the service has been asked for the call and has not answered
        self._outlives = outlives
        self._limit_s = limit_s
        self._lost_at: float | None = None

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        if self._lost_at is None or not self._limit_s:
            return None
        return self._lost_at + self._limit_s + (ANSWER_GRACE_S if self.is_asked else 0.0)

    def tick(self, now: float) -> list[SignalingEffect]:
        """Let time pass."""
        due = self.deadline()
        if due is None or now < due:
            return []
        self._lost_at = None
        return [SignalingEffect.GIVE_UP]

    def end(self, now: float) -> list[SignalingEffect]:
        """End with the call: nothing more comes out."""
        self._lost_at = None
        self.token = None
        return []

    def named(self, token: str, now: float) -> list[SignalingEffect]:
        """Take the token with which the call can be asked for from now on."""
        self.token = token
        return []

    def lost(self, now: float) -> list[SignalingEffect]:
        """Note that the socket, or another try to have one, is lost."""
        if not self._outlives:
            return [SignalingEffect.RIDE_ON]
        if self.token is None:
            return [SignalingEffect.END]
        if not self.is_lost:
            self._lost_at = now
        self.is_lost, self.is_asked = True, False
        return [SignalingEffect.WAIT]

    def connected(self, now: float) -> list[SignalingEffect]:
        """Note that the service is reached; also one that had not lost the call is asked, as the SDK does."""
        if self.token is None:
            return [SignalingEffect.BACK] if not self._outlives else []
        return [SignalingEffect.ASK]

    def resumed(self, now: float) -> list[SignalingEffect]:
        """Begin where another process ended: the call is there, its socket is not."""
        self.is_lost, self._lost_at = True, now
        return []

    def refused(self, now: float) -> list[SignalingEffect]:
        """Note that the service, which was asked, will not have the call."""
        if not (self.is_lost and self.is_asked):
            return []
        self._lost_at = None
        return [SignalingEffect.GIVE_UP]

    def asked(self, now: float) -> list[SignalingEffect]:
        """Note that the service has been asked."""
        self.is_asked = True
        return []

    def answered(self, now: float) -> list[SignalingEffect]:
        """Note that the service has the call."""
        was_lost, self.is_lost, self.is_asked, self._lost_at = self.is_lost, False, False, None
        return [SignalingEffect.BACK] if was_lost else []
