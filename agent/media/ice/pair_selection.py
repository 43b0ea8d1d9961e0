"""Which pair of addresses carries what we send, beyond what the far end nominates (RFC 8445). No I/O of its own.

The controlling side nominates, once, after its checks. Paths change later: a NAT is rebound, an interface goes, a far
end dawdles with its nomination. What is heard and what answers our checks shows the way then.
"""

from __future__ import annotations

from agent.media.ice.aioice_adapter import Generation
from agent.media.ice.generations import Generations
from agent.media.ice.pair import Pair
from agent.media.ice.sockets import IpPort, Socket

NOMINATION_PATIENCE_S = 0.5  # then a valid pair is used although the far end did not nominate it
RETRY_CHECKS_S = 1.0


class PairSelection:
    """Adopts pairs of the generations; `pair` is the one in use, which the owner sets."""

    def __init__(self, generations: Generations) -> None:
        self.pair: Pair | None = None
        self._generations = generations
        self._straight_at = 0.0  # media came from where ours goes to
        self._retry_at = 0.0
        self._tried: tuple[Generation | None, float] = None, 0.0  # whose pair was adopted last, and when

    def heard(self, generation: Generation, source: Socket, address: IpPort, now: float) -> None:
        """Follow authenticated media that came over `generation` from another address than ours goes to."""
        pair = self.pair
        if generation is not self._generations.current or pair is None:
            return
        if address == pair.destination:
            self._straight_at = max(self._straight_at, now)
        elif source is pair.socket:
            self._follow(generation, source, address, now)

    def _follow(self, generation: Generation, source: Socket, address: IpPort, now: float) -> None:
        """Media comes from elsewhere than it goes to (a NAT was rebound): check that path and move to it.

        The controlling side moves by nominating; the other one, and one whose far end is ICE-lite, by itself.
        """
        valid = next((p for p in generation.valid_pairs if p.destination == address and p.socket is source), None)
        if valid is None:
            generation.probe(source, address)
            return
        may_choose = not generation.ice_controlling or generation.remote_is_lite
        if may_choose and now - self._straight_at > NOMINATION_PATIENCE_S:
            generation.adopt(valid)

    def look(self, now: float) -> None:
        """Use what works, nominated or not, when what we use does not; whatever is adopted has time to show."""
        pending, current = self._generations.pending, self._generations.current
        if current is not None and now - self._generations.heard_at < NOMINATION_PATIENCE_S:
            return
        for generation in (pending, current):
            if generation is not None and self._adopt_valid(generation, now):
                return
        if now >= self._retry_at and pending is not None:
            self._retry_at = now + RETRY_CHECKS_S
            pending.retry_checks()

    def _adopt_valid(self, generation: Generation, now: float) -> bool:
        patient = generation.checking_since is None or now - generation.checking_since < NOMINATION_PATIENCE_S
        if patient or generation.answered_at is None or now - generation.answered_at > NOMINATION_PATIENCE_S:
            return False
        tried, at = self._tried
        if generation is tried and now - at < NOMINATION_PATIENCE_S:
            return False
        fresh = [pair for pair in generation.valid_pairs if not pair.same(self.pair)]
        if fresh:
            self._tried = generation, now  # before it, because whoever hears of it looks again at once
            generation.adopt(fresh[0])
        return bool(fresh)
