"""One client's part in one call. Pure.

Every field is written here and nowhere else; others read them, and say what happened by calling a method.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from agent.net.rate_limit import RateLimit
from agent.signaling.pstream.names import Member
from agent.switchboard.reconnect_tokens import ReconnectTokens
from agent.switchboard.registry import Registered

MESSAGES_PER_S = 5.0


class LegPhase(Enum):
    """How far a leg has come."""

    OFFERED = auto()  # a callee's media is being made, nothing was sent yet
    RINGING = auto()
    TALKING = auto()
    GONE = auto()


@dataclass(eq=False)
class CallLeg:
    """One client's part; `callsid` is the name both sides use, `temporary_sid` the caller's first one.

    `tokens` are those of a client that can resume its calls. Times are monotonic seconds, None while nothing is amiss:
    `detached_at` without a socket, `silent_at` without a path for its media, `left_at` after its media said goodbye.
    """

    callsid: str
    identity: str
    session_id: int
    temporary_sid: str | None = None
    tokens: ReconnectTokens | None = None
    patience_s: float = 0.0  # that its client has for a lost socket; 0: it did not say
    remote_sdp: str = ""  # the latest that the client sent, whether or not it was applied yet
    local_sdp: str = field(default="", init=False)  # our answer to that; empty where there is none
    settled_sdp: tuple[str, str] = field(default=("", ""), init=False)  # the latest two that belong together
    phase: LegPhase = field(default=LegPhase.OFFERED, init=False)
    has_media: bool = field(default=False, init=False)  # described by both sides, so that it can be joined
    is_replacing: bool = field(default=False, init=False)
    answered_by: str = field(default="", init=False)  # of several that this caller has called
    told_callsid: bool = field(default=False, init=False)
    is_proven: bool = field(default=True, init=False)  # its socket is the first one, or has shown a token
    messages: RateLimit = field(default_factory=lambda: RateLimit(MESSAGES_PER_S, 0.0), init=False)
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
    def can_resume(self) -> bool:
        """Whether its client takes the call up again by token."""
        return self.tokens is not None

    def tell_token(self) -> dict[str, str]:
        """Return a token that the client was not told yet, as a member of `invite` or `answer` (spec: signaling 11).

        A socket that has shown none gets none.
        """
        token = self.tokens.tell() if self.tokens is not None and self.is_proven else ""
        return {Member.RECONNECT: token} if token else {}

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
        self.settle("")

    def connect(self, answer: str) -> None:
        """Begin to talk as the caller, who learns the call's name with the answer."""
        self.phase = LegPhase.TALKING
        self.learn_callsid()
        self.settle(answer)
        self.settle_media()

    def learn_who_answered(self, identity: str) -> None:
        """Note who of several has the call, for the caller to be told."""
        self.answered_by = identity

    def learn_callsid(self) -> None:
        """Note that the client is told the name of the call."""
        self.told_callsid = True

    # Its media

    @property
    def is_unanswered(self) -> bool:
        """Whether what the client described last has still to be answered."""
        return self.remote_sdp != self.settled_sdp[0]

    def awaits(self, offer: str) -> bool:
        """Tell whether the client still waits for the answer to this offer, and has made no other since."""
        return self.phase is LegPhase.TALKING and self.remote_sdp == offer

    def take(self, sdp: str) -> None:
        """Note what the client described last; answers to what it described before are of no use any more."""
        self.remote_sdp, self.local_sdp = sdp, ""

    def take_back(self) -> None:
        """Forget what the client described last, because it cannot be used."""
        self.remote_sdp, self.local_sdp = self.settled_sdp

    def settle(self, answer: str) -> None:
        """Note our answer to what the client described last; it is empty where that was an answer."""
        self.local_sdp = answer
        self.settled_sdp = self.remote_sdp, answer

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

    def attach(self, client: Registered, *, proven: bool = False) -> None:
        """Note the socket that spoke of this call last; where there are tokens, one without waits for the other's end.

        `proven` says that it has shown one.
        """
        is_other = client.id != self.session_id
        if is_other and self.can_resume and not proven and self.detached_at is None:
            return
        self.is_proven = proven or (self.is_proven and not is_other)
        self.session_id, self.detached_at = client.id, None
        self.patience_s = client.reconnect_timeout_s

    def has_left(self, session_id: int) -> bool:
        """Tell whether the call went on from this socket to another one, so that it has no say any more."""
        return self.can_resume and session_id < self.session_id

    def token_arrived(self) -> None:
        """Note that the client has read all that it was told."""
        if self.tokens is not None:
            self.tokens.arrived()

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
