"""Asks the far end on the path in use whether it still wants our packets (RFC 7675), and tells what state that leaves.

aioice would close the connection after 28 s without an answer, and cannot be asked otherwise.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from agent.media.ice.aioice_adapter import Generation
from agent.media.ice.consent import CONSENT_EXPIRES_S, ConsentTerms, consent_due
from agent.media.ice.generations import Generations
from agent.media.ice.pair import Pair
from agent.media.ice.pair_selection import PairSelection

log = logging.getLogger(__name__)

CONSENT_RETRANSMISSIONS = 3

Spawn = Callable[[Coroutine[Any, Any, Any]], None]


class ConsentChecks:
    """Looks after the selected pair of the current generation; takes the pair away when consent expires."""

    def __init__(self, terms: ConsentTerms, generations: Generations, selection: PairSelection, spawn: Spawn) -> None:
        self._terms = terms
        self._generations = generations
        self._selection = selection
        self._spawn = spawn
        self._asked_at = 0.0

    def begin(self, now: float) -> None:
        """Count from `now`: another pair, which has just passed a check, is in use."""
        self._asked_at = now

    def look(self, now: float) -> None:
        """Ask if it is time to, and send nothing more without consent."""
        generation, pair = self._generations.current, self._selection.pair
        if generation is None or pair is None:
            return
        if now - (generation.answered_at or now) > CONSENT_EXPIRES_S:
            log.info("the far end did not answer for %d s; nothing more is sent on this path", CONSENT_EXPIRES_S)
            self._selection.pair = None
        elif consent_due(now - self._asked_at, now - self._generations.heard_at):
            self._asked_at = now
            self._spawn(self._ask(generation, pair, now))

    def state(self, now: float) -> str:
        """Tell the state of the whole path: new, checking, connected, disconnected or failed."""
        current, pending, state = self._generations.current, self._generations.pending, "new"
        if current is not None:
            state = self._terms.state(now - self._generations.heard_at, now - (current.answered_at or 0.0))
        if state != "connected" and pending is not None and pending.checking_since is not None:
            state = "checking" if now - pending.checking_since < self._terms.checking_s else "failed"
        return state

    @staticmethod
    async def _ask(generation: Generation, pair: Pair, asked_at: float) -> None:
        if await generation.ask_consent(pair, CONSENT_RETRANSMISSIONS):
            generation.heard_at = generation.answered_at = asyncio.get_running_loop().time()
            generation.rtt_ms = (generation.answered_at - asked_at) * 1000
