"""When to restart ICE, and when to give up: the policy, without I/O or clock (spec: recovery 2-4).

Theory: everything known about the path comes in with the time at which it became known, and what should be done comes
out as a list of effects in order; `tick` is due at `deadline()`. One *episode* begins when the path is lost and ends
when it is found again (END) or given up (FATAL). In an episode ICE is restarted through the back-off after each
failure, but only while signaling can carry the offer and there is a network: else a restart waits for both.

Faster or safer than the reference: a change of the network begins an episode at once; a path that disconnects while
nothing is heard needs no warning about bytes, which comes up to a second later; a failure that repeats after an
answered restart is retried; an episode never outlives `watchdog_s`; no episode begins before the first negotiation.
"""

from __future__ import annotations

import random as _random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from agent.closing import Closing
from agent.signaling.backoff import Backoff
from agent.voice.gathering_watch import GatheringWatch
from agent.voice.recovery_effects import RecoveryEffect

BACKOFF_INITIAL_MS = 1
BACKOFF_MAX_MS = 30_000
BACKOFF_FACTOR = 1.1
BACKOFF_RANDOMISATION = 0.5
WATCHDOG_GRACE_S = 5.0

_PASSING = ("connected", "disconnected", "failed")


class Failure(Enum):
    """What can be wrong with the path (spec: recovery 3)."""

    CONNECTION_FAILED = auto()
    GATHERING_FAILED = auto()
    DISCONNECTED = auto()
    LOW_BYTES = auto()
    NETWORK_CHANGED = auto()


_END_OF_CYCLE = (Failure.CONNECTION_FAILED, Failure.GATHERING_FAILED)


@dataclass(frozen=True)
class RecoveryLimits:
    """The times of the policy, in seconds."""

    limit_s: float = 30.0  # a failure later than this in an episode is fatal
    gathering_s: float = 15.0

    @property
    def watchdog_s(self) -> float:
        """An episode without any further news ends here."""
        return self.limit_s + WATCHDOG_GRACE_S


class Recovery(Closing):
    """The policy of one call."""

    def __init__(
        self,
        enabled: bool,
        limits: RecoveryLimits | None = None,
        *,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self.began_at: float | None = None  #: start of the current episode
        self._enabled = enabled
        self._limits = limits or RecoveryLimits()
        self._backoff = Backoff(
            BACKOFF_INITIAL_MS,
            BACKOFF_MAX_MS,
            factor=BACKOFF_FACTOR,
            randomisation=BACKOFF_RANDOMISATION,
            random=random,
        )
        self._memory = "new"  # the last state that passed the filter
        self._ice = "new"
        self._answered_restart = False  # a restart was answered since the last state: repeats are news
        self._negotiated = False
        self._wanted: Failure | None = None  # came before the first negotiation
        self._signaling_up = True
        self._reachable = True
        self._restart_waits = False  # due, but signaling is down, or there is no network
        self._restart_unanswered = False
        self._low_bytes: set[str] = set()
        self._silent = False
        self._gathering = GatheringWatch(self._limits.gathering_s)
        self._closed = False

    @property
    def reconnecting(self) -> bool:
        """Whether an episode is going on."""
        return self.began_at is not None

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        if self._closed:
            return None
        watchdog = self.began_at + self._limits.watchdog_s if self.began_at is not None else None
        times = (self._backoff.deadline_s, self._gathering.deadline_s, watchdog)
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> list[RecoveryEffect]:
        """Let time pass."""
        if self._closed:
            return []
        if self.began_at is not None and now >= self.began_at + self._limits.watchdog_s:
            return self._watchdog()
        effects = self._gathering_failed(self._gathering.expire(now), now)
        if not self._closed and self._backoff.expire(now):
            effects += self._restart()
        return effects

    def close(self, now: float) -> list[RecoveryEffect]:
        """End with the call: nothing more comes out."""
        self._closed = True
        return []

    def resumed(self, now: float) -> list[RecoveryEffect]:
        """Begin in an episode: another process had the call, and its path went with it."""
        self.began_at = now
        self._signaling_up = False
        return []

    # What the media reports

    def ice_state(self, state: str, now: float) -> list[RecoveryEffect]:
        """Take the new state of the ICE connection."""
        self._ice = state
        return self._state(state, now)

    def connection_state(self, state: str, now: float) -> list[RecoveryEffect]:
        """Take the new state of the whole connection, through the same filter (spec: recovery 2.1)."""
        return self._state(state, now)

    def path_selected(self, now: float) -> list[RecoveryEffect]:
        """Take a chosen candidate pair, which has passed a check: the path of this episode, if none broke.

        That is the new one after a restart, or the one to which the media moved by itself, also without signaling.
        """
        if not self.reconnecting or self._closed:
            return []
        if self._answered_restart:
            return self._state("connected", now)
        return self._connected("connected") if self._ice == "connected" else []

    def candidate(self, now: float) -> list[RecoveryEffect]:
        """Note that a local candidate was found."""
        self._gathering.candidate()
        return []

    def gathering_state(self, state: str, now: float) -> list[RecoveryEffect]:
        """Take the new state of gathering (spec: recovery 2.2)."""
        return self._gathering_failed(self._gathering.state(state, now), now)

    def negotiated(self, now: float) -> list[RecoveryEffect]:
        """Note that both descriptions are applied, for the first time or after a restart."""
        self._answered_restart = self._restart_unanswered
        self._restart_unanswered = False
        self._negotiated = True
        wanted, self._wanted = self._wanted, None
        return self._decide(wanted, now) if wanted else []

    def restart_failed(self, now: float) -> list[RecoveryEffect]:
        """Count a restart offer that could not be made as a failed connection (spec: recovery 5.8)."""
        self._restart_unanswered = False
        return self._decide(Failure.CONNECTION_FAILED, now)

    # What others report

    def low_bytes(self, name: str, active: bool, now: float) -> list[RecoveryEffect]:
        """Note that the warning `name`, low-bytes-sent or low-bytes-received, was raised or cleared."""
        if not active:
            self._low_bytes.discard(name)
            return []
        self._low_bytes.add(name)
        return self._decide(Failure.LOW_BYTES, now)

    def heard(self, sound: bool, now: float) -> list[RecoveryEffect]:
        """Note that no sound comes any more, or that some came again."""
        self._silent = not sound
        return []

    def network_changed(self, reachable: bool, now: float) -> list[RecoveryEffect]:
        """React to changed addresses or routes under the call; `reachable` if any way to the far side is left."""
        self._reachable = reachable
        return self._decide(Failure.NETWORK_CHANGED, now)

    def signaling(self, up: bool, now: float) -> list[RecoveryEffect]:
        """Note that signaling is lost or back; an offer that may have been lost with it is made again."""
        back = up and not self._signaling_up
        self._signaling_up = up
        if not back or not self.reconnecting or self._closed:
            return []
        if self._restart_waits or self._restart_unanswered:
            return self._restart()
        return []

    # The policy

    def _state(self, state: str, now: float) -> list[RecoveryEffect]:
        repeats = state == self._memory and not (self._answered_restart and state != "disconnected")
        if state not in _PASSING or repeats or self._closed:
            return []
        previous, self._memory = self._memory, state
        self._answered_restart = False
        if state == "connected":
            return self._connected(previous)
        if state == "disconnected":
            return [RecoveryEffect.CONNECTIVITY_LOST, *self._decide(Failure.DISCONNECTED, now)]
        return self._decide(Failure.CONNECTION_FAILED, now)

    def _connected(self, previous: str) -> list[RecoveryEffect]:
        self._gathering.connected()
        effects = [RecoveryEffect.CONNECTIVITY_BACK] if previous in ("disconnected", "failed") else []
        if self.reconnecting:
            self.began_at = None
            self._restart_waits = False
            self._backoff.cancel()
            effects.append(RecoveryEffect.END)
        return effects

    def _decide(self, failure: Failure, now: float) -> list[RecoveryEffect]:
        """The rules of spec: recovery 3, in their order."""
        if self._closed:
            return []
        end_of_cycle = failure in _END_OF_CYCLE
        if not self._enabled:
            return self._give_up() if end_of_cycle else []
        if self.began_at is not None:
            return self._again(failure, now)
        if not self._begins(failure):
            return []
        if not self._negotiated:
            self._wanted = failure
            return []
        self.began_at = now
        self._backoff.reset()
        self._backoff.start(now)
        return [RecoveryEffect.BEGIN]

    def _begins(self, failure: Failure) -> bool:
        if failure is Failure.LOW_BYTES:
            return self._ice == "disconnected"
        if failure is Failure.DISCONNECTED:
            return bool(self._low_bytes) or self._silent
        return True

    def _again(self, failure: Failure, now: float) -> list[RecoveryEffect]:
        assert self.began_at is not None
        if failure is Failure.NETWORK_CHANGED:
            self._backoff.reset()
        elif failure not in _END_OF_CYCLE:
            return []
        elif now - self.began_at > self._limits.limit_s:
            return self._give_up()
        self._backoff.start(now)
        return []

    def _restart(self) -> list[RecoveryEffect]:
        if not (self._signaling_up and self._reachable):
            self._restart_waits = True
            return []
        self._restart_waits = False
        self._restart_unanswered = True
        self._gathering.restarted()
        return [RecoveryEffect.RESTART]

    def _watchdog(self) -> list[RecoveryEffect]:
        """No news for too long; a path that never broke (the network changed beside it) is kept."""
        return self._connected("connected") if self._ice == "connected" else self._give_up()

    def _gathering_failed(self, effect: RecoveryEffect | None, now: float) -> list[RecoveryEffect]:
        return [effect, *self._decide(Failure.GATHERING_FAILED, now)] if effect is not None else []

    def _give_up(self) -> list[RecoveryEffect]:
        self._closed = True
        return [RecoveryEffect.FATAL]
