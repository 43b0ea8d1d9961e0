"""Which pair of addresses carries what we send, beyond what the far end nominates (RFC 8445). No I/O of its own.

The controlling side nominates, once, after its checks. Paths change later: a NAT is rebound, an interface goes, a far
end dawdles with its nomination. What is heard and what answers our checks shows the way then.
"""

from __future__ import annotations

from agent.media.ice.aioice_adapter import Address, Leg, Pair, Socket
from agent.media.ice.generations import Legs

NOMINATION_PATIENCE_S = 0.5  # then a valid pair is used although the far end did not nominate it
RETRY_CHECKS_S = 1.0


class Steering:
    """Adopts pairs of the legs; `pair` is the one in use, which the owner sets."""

    def __init__(self, legs: Legs) -> None:
        self.pair: Pair | None = None
        self._legs = legs
        self._straight_at = 0.0  # media came from where ours goes to
        self._retry_at = 0.0

    def heard(self, leg: Leg, source: Socket, address: Address, now: float) -> None:
        """Follow authenticated media that came over `leg` from another address than ours goes to."""
        pair = self.pair
        if leg is not self._legs.current or pair is None:
            return
        if address == pair.destination:
            self._straight_at = now
        elif source is pair.socket:
            self._follow(leg, source, address, now)

    def _follow(self, leg: Leg, source: Socket, address: Address, now: float) -> None:
        """Media comes from elsewhere than it goes to (a NAT was rebound): check that path and move to it.

        The controlling side moves by nominating; the other one, and one whose far end is ICE-lite, by itself.
        """
        valid = next((p for p in leg.valid_pairs if p.destination == address and p.socket is source), None)
        if valid is None:
            leg.probe(source, address)
        elif (not leg.ice_controlling or leg.remote_is_lite) and now - self._straight_at > NOMINATION_PATIENCE_S:
            leg.adopt(valid)

    def look(self, now: float) -> None:
        """Use what works, nominated or not, when what we use does not."""
        pending, current = self._legs.pending, self._legs.current
        if current is not None and now - self._legs.heard_at < NOMINATION_PATIENCE_S:
            return
        for leg in (pending, current):
            if leg is not None and self._adopt_valid(leg, now):
                return
        if now >= self._retry_at and pending is not None:
            self._retry_at = now + RETRY_CHECKS_S
            pending.retry_checks()

    def _adopt_valid(self, leg: Leg, now: float) -> bool:
        patient = leg.checking_since is None or now - leg.checking_since < NOMINATION_PATIENCE_S
        if patient or leg.answered_at is None or now - leg.answered_at > NOMINATION_PATIENCE_S:
            return False
        fresh = [pair for pair in leg.valid_pairs if not pair.same(self.pair)]
        if fresh:
            leg.adopt(fresh[0])
        return bool(fresh)
