"""INVITEs of others until they are settled (RFC 3261 sections 13.3.1.4 and 17.2.1, RFC 6026), without I/O or clock.

    state        event                   what happens
    proceeding   we answer with 2xx      -> accepted: said again after 0.5, 1, 2, 4, 4, ... s until ACK comes
    proceeding   we answer with another  -> completed
    accepted     ACK                     -> over
    accepted     32 s without ACK        -> over; the call hears of it
    completed    ACK, or 32 s            -> over

What another copy of an INVITE gets that came by another way is decided here, too (section 8.2.2.2): 482, unless the way
of the first one is closed. Of those that are over, names are remembered for 32 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from agent.signaling.sip.effects import CallReport, SendSip
from agent.signaling.sip.message import SipRequest, SipResponse

FIRST_AGAIN_S: Final = 0.5  # T1
LONGEST_AGAIN_S: Final = 4.0  # T2
ACK_LIMIT_S: Final = 32.0  # timers H and L
MEMORY_S: Final = 32.0
MOST_REMEMBERED: Final = 256

Name = tuple[str, str | None, int]  # Call-ID, From tag, CSeq: the same for all copies of one INVITE


def name_of(request: SipRequest) -> Name:
    """Return what all copies of a request have in common; of its ACK and CANCEL, too."""
    return request.call_id, request.from_.tag, request.cseq.number


class ServerTransaction:
    """One INVITE of the far end."""

    def __init__(self, request: SipRequest, flow: int, tag: str) -> None:
        self.request = request
        self.flow = flow
        self.tag = tag  #: our half of the dialog's name
        self.response: SipResponse | None = None  #: the latest
        self.unacked: Callable[[float], list[CallReport]] | None = None
        self.acked_by: Callable[[ServerTransaction, SipRequest, float], list[CallReport]] | None = None
        self._again_s = FIRST_AGAIN_S
        self._again_at: float | None = None
        self.over_at: float | None = None

    @property
    def branch(self) -> str:
        """Its name on its way; a copy that came by another way has another one."""
        return self.request.via[0].branch

    @property
    def is_open(self) -> bool:
        """Whether we have not answered yet for good."""
        return self.response is None or self.response.status < 200

    @property
    def waits_for_ack(self) -> bool:
        """Whether the far end may not know yet that we have said yes."""
        return self._again_at is not None

    def respond(self, response: SipResponse, now: float) -> list[CallReport]:
        """Answer it; after a final answer nothing more is said."""
        if not self.is_open:
            return []
        self.response = response
        if response.status >= 200:
            self.over_at = now + ACK_LIMIT_S
        if 200 <= response.status < 300 and self.request.method == "INVITE":
            self._again_at = now + self._again_s
        return [SendSip(response, self.flow)]

    def repeated(self) -> list[CallReport]:
        """Say again what was said last."""
        return [] if self.response is None else [SendSip(self.response, self.flow)]

    def acked(self, ack: SipRequest, now: float) -> list[CallReport]:
        """Take the ACK; the call hears of the first one of a 2xx."""
        was_awaited, self._again_at = self.waits_for_ack, None
        return self.acked_by(self, ack, now) if was_awaited and self.acked_by is not None else []

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        times = [time for time in (self._again_at, self.over_at) if time is not None]
        return min(times, default=None)

    def tick(self, now: float) -> list[CallReport]:
        """Say a 2xx again, or give up."""
        if self.over_at is not None and now >= self.over_at:
            was_awaited, self._again_at = self.waits_for_ack, None
            return self.unacked(now) if was_awaited and self.unacked is not None else []
        if self._again_at is not None and now >= self._again_at:
            self._again_s = min(2 * self._again_s, LONGEST_AGAIN_S)
            self._again_at = now + self._again_s
            return self.repeated()
        return []


class ServerTransactions:
    """Every INVITE that is not settled, and the names of those that were a moment ago."""

    def __init__(self) -> None:
        self._known: dict[Name, ServerTransaction] = {}
        self._over: dict[Name, float] = {}  # until when it is remembered; the oldest first

    def __len__(self) -> int:
        return len(self._known)

    def find(self, request: SipRequest) -> ServerTransaction | None:
        """Find the INVITE of which this is a copy, the ACK or the CANCEL."""
        return self._known.get(name_of(request))

    def was_here(self, request: SipRequest) -> bool:
        """Tell whether a copy of this was settled a moment ago."""
        return name_of(request) in self._over

    def add(self, transaction: ServerTransaction) -> None:
        """Take a new one."""
        self._known[name_of(transaction.request)] = transaction

    def settle(self, transaction: ServerTransaction, now: float) -> None:
        """Let one be over."""
        name = name_of(transaction.request)
        if self._known.get(name) is transaction:
            del self._known[name]
        self._over.pop(name, None)
        self._over[name] = now + MEMORY_S
        while len(self._over) > MOST_REMEMBERED:
            del self._over[next(iter(self._over))]

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing waits."""
        times = [time for each in self._known.values() if (time := each.deadline()) is not None]
        return min([*times, *list(self._over.values())[:1]], default=None)

    def tick(self, now: float) -> list[CallReport]:
        """Let time pass."""
        effects: list[CallReport] = []
        for each in list(self._known.values()):
            effects += each.tick(now)
            if each.over_at is not None and now >= each.over_at:
                self.settle(each, now)
        for name in [name for name, until in self._over.items() if now >= until]:
            del self._over[name]
        return effects
