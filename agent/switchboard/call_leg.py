"""One client's part in one call. Pure.

Every field is written here and nowhere else; others read them, and say what happened by calling a method.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from agent.signaling.pstream.names import Member


class LegPhase(Enum):
    """How far a leg has come."""

    OFFERED = auto()  # a callee's media is being made, nothing was sent yet
    RINGING = auto()
    TALKING = auto()
    GONE = auto()


@dataclass(eq=False)
class CallLeg:
    """One client's part; `callsid` is the name both sides use, `temporary_sid` the caller's first one.

    Times are monotonic seconds, None while nothing is amiss: `detached_at` without a socket, `silent_at` without a
    path for its media, `left_at` after its media said goodbye.
    """

    callsid: str
    identity: str
    session_id: int | None
    temporary_sid: str | None = None
    reconnect_token: str = ""
    remote_sdp: str = ""  # the latest that the client sent, whether or not it was applied yet
    phase: LegPhase = field(default=LegPhase.OFFERED, init=False)
    has_media: bool = field(default=False, init=False)  # described by both sides, so that it can be joined
    is_replacing: bool = field(default=False, init=False)
    told_callsid: bool = field(default=False, init=False)
    detached_at: float | None = field(default=None, init=False)
    silent_at: float | None = field(default=None, init=False)
    left_at: float | None = field(default=None, init=False)

    @property
    def is_caller(self) -> bool:
        """Whether this client began the call."""
        return self.temporary_sid is not None

    @property
    def known_sid(self) -> str:
        """The name by which the client knows the call so far (spec: connection 3, hangup matching)."""
        return self.callsid if self.told_callsid or self.temporary_sid is None else self.temporary_sid

    @property
    def reconnect(self) -> dict[str, str]:
        """What a client that can resume its calls is told with `invite` and `answer` (spec: signaling 11)."""
        return {Member.RECONNECT: self.reconnect_token} if self.reconnect_token else {}

    # Its progress

    def ring(self) -> bool:
        """Begin to ring; False when it did before."""
        if self.phase is not LegPhase.OFFERED:
            return False
        self.phase = LegPhase.RINGING
        return True

    def accept(self, sdp: str) -> None:
        """Take the answer of a callee that rings."""
        self.phase = LegPhase.TALKING
        self.take(sdp)

    def connect(self) -> None:
        """Begin to talk as the caller, who learns the call's name with the answer."""
        self.phase = LegPhase.TALKING
        self.learn_callsid()
        self.settle_media()

    def learn_callsid(self) -> None:
        """Note that the client is told the name of the call."""
        self.told_callsid = True

    # Its media

    def take(self, sdp: str) -> None:
        """Note what the client described last; answers to what it described before are of no use any more."""
        self.remote_sdp = sdp

    def renew_media(self) -> None:
        """Begin anew with media that nobody described yet."""
        self.has_media, self.is_replacing = False, True

    def settle_media(self) -> None:
        """Note that both sides have described the media."""
        self.has_media, self.is_replacing = True, False

    def note_path(self, is_alive: bool, now: float) -> None:
        """Note that the media's path works, or works no longer."""
        if is_alive:
            self.silent_at = None
        elif self.silent_at is None:
            self.silent_at = now

    # Its client

    def attach(self, session_id: int) -> None:
        """Note the socket that spoke of this call last."""
        self.session_id, self.detached_at = session_id, None

    def detach(self, now: float) -> None:
        """Begin to wait for another socket, or begin that wait again."""
        self.detached_at = now

    def leave(self, now: float) -> None:
        """Begin to wait for a client whose media said goodbye."""
        self.left_at = now

    def come_back(self) -> None:
        """End the wait after a goodbye."""
        self.left_at = None

    # Its end

    def end(self) -> bool:
        """Go for good; False when it is gone."""
        was_there = self.phase is not LegPhase.GONE
        self.phase = LegPhase.GONE
        return was_there
