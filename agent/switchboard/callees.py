"""Whom one call rings, without I/O: each session once, and no identity that has rejected the call."""

from __future__ import annotations

from collections.abc import Callable

from agent.switchboard.call_leg import CallLeg, LegPhase
from agent.switchboard.registry import Registered


class Callees:
    """The legs of all who were rung, those that are gone included."""

    def __init__(self, caller: CallLeg, new_leg: Callable[[Registered], CallLeg]) -> None:
        self.legs: list[CallLeg] = []
        self._caller = caller
        self._new_leg = new_leg
        self._refused: set[str] = set()  # identities that have rejected it

    def add(self, client: Registered) -> CallLeg | None:
        """Make a leg for one more session; None for one that was rung, that calls itself, or whose identity refused."""
        rung = {leg.session_id for leg in self.legs} | {self._caller.session_id}
        if client.id in rung or client.identity in self._refused:
            return None
        self.legs.append(leg := self._new_leg(client))
        return leg

    def are_all_of(self, identity: str) -> bool:
        """Tell whether nobody but this identity is left."""
        others = [leg for leg in self.legs if leg.identity != identity]
        return all(leg.phase is LegPhase.GONE for leg in others)

    def refuse(self, identity: str) -> list[CallLeg]:
        """Ring this identity no more; returns its legs."""
        self._refused.add(identity)
        return [leg for leg in self.legs if leg.identity == identity]
