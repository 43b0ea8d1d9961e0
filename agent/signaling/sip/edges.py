"""Which edge each flow uses: two flows never the same one, so that no edge takes both with it (RFC 5626 section 4.2.1).

A flow that loses its edge takes the next one that nobody holds and that it has not tried since it last worked. Where
there is none left, it has to wait, and begins again.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.errors import InvalidArgumentError


class EdgeList:
    """The edges of one account, and who holds which."""

    def __init__(self, uris: Sequence[str]) -> None:
        """Addresses that stand there twice count once; raises InvalidArgumentError where there is none."""
        self._uris = tuple(dict.fromkeys(uris))
        if not self._uris:
            raise InvalidArgumentError("SIP needs at least one edge; set edges in [sip], such as wss://pbx.example/ws")
        self._held: dict[int, int] = {}
        self._tried: dict[int, set[int]] = {}

    def __len__(self) -> int:
        return len(self._uris)

    def held(self, flow: int) -> str:
        """Return the edge of a flow, which takes the first free one when it has none yet."""
        if flow not in self._held:
            self._held[flow] = next(index for index in range(len(self._uris)) if index not in self._held.values())
        return self._uris[self._held[flow]]

    def worked(self, flow: int) -> None:
        """Learn that this flow's edge is good; what failed before may be tried again."""
        self._tried[flow] = set()

    def failed(self, flow: int) -> bool:
        """Go on to the next edge; False when each one that is free was tried, and it is time to wait."""
        count, mine = len(self._uris), self._held[flow]
        others = {index for holder, index in self._held.items() if holder != flow}
        turn = [index % count for index in range(mine + 1, mine + 1 + count) if index % count not in others]
        tried = self._tried.setdefault(flow, set()) | {mine}
        fresh = [index for index in turn if index not in tried]
        self._held[flow] = (fresh or turn)[0]
        self._tried[flow] = tried if fresh else set()
        return bool(fresh)
