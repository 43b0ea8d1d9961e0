"""The ICE generations of one call: the one in use, the one to come, and those that went before. No I/O.

Make before break: one that was replaced stays open for receiving until media has moved to its successor. The far end
may take its time, or never move while the old path works.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.media.ice.aioice_adapter import Generation

LINGER_S = 2.0  # without media for so long a replaced generation is quiet
LINGER_LIMIT_S = 30.0  # a quiet one is closed then, even if its successor carries nothing either
MOST_REPLACED = 4


class Generations:
    """Who is who; the owner closes what is handed back."""

    def __init__(self) -> None:
        self.current: Generation | None = None  # carries what we send
        self.pending: Generation | None = None  # offered or being checked
        self._replaced: list[tuple[Generation, float]] = []  # with the time of their replacement

    @property
    def newest(self) -> Generation | None:
        """The generation that the next or latest description is about."""
        return self.pending or self.current

    @property
    def receiving(self) -> Iterator[Generation]:
        """The generations on which media may arrive."""
        yield from [self.current] if self.current is not None else []
        yield from (generation for generation, _ in self._replaced)

    @property
    def all(self) -> Iterator[Generation]:
        """Every generation that has sockets."""
        yield from self.receiving
        if self.pending is not None:
            yield self.pending

    @property
    def heard_at(self) -> float:
        """When the far end was last heard on any of them; 0 if never."""
        if not self._replaced:  # as nearly always
            return (self.current.heard_at or 0.0) if self.current is not None else 0.0
        return max((generation.heard_at or 0.0 for generation in self.receiving), default=0.0)

    def promote(self, generation: Generation, now: float) -> None:
        """Make the pending generation the current one."""
        if self.current is not None:
            self._replaced.append((self.current, now))
        self.current, self.pending = generation, None

    def drop_expired(self, now: float) -> list[Generation]:
        """Forget the replaced generations that nobody needs any more; returns them."""
        if not self._replaced:
            return []
        over = [entry for entry in self._replaced if self._is_over(*entry, now)]
        over += [entry for entry in self._replaced if entry not in over][:-MOST_REPLACED]
        self._replaced = [entry for entry in self._replaced if entry not in over]
        return [generation for generation, _ in over]

    def _is_over(self, generation: Generation, since: float, now: float) -> bool:
        quiet = now - max(generation.media_at or 0.0, since) > LINGER_S
        moved = self.current is not None and (self.current.media_at or 0.0) > since
        return quiet and (moved or now - since > LINGER_LIMIT_S)

    def clear(self) -> list[Generation]:
        """Forget all of them; returns them."""
        every = list(self.all)
        self.current = self.pending = None
        self._replaced.clear()
        return every
