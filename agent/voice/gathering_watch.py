"""Whether gathering finds candidates, and in time (spec: recovery 2.2); no I/O, no clock."""

from __future__ import annotations

from agent.voice.recovery_effects import RecoveryEffect


class GatheringWatch:
    """The gathering of one call; what it returns is a failure, which takes part in the decision about a restart."""

    def __init__(self, limit_s: float) -> None:
        self.deadline_s: float | None = None  #: when `expire` is due
        self._limit_s = limit_s
        self._failed = False
        self._candidate_seen = False

    def candidate(self) -> None:
        """Note that a local candidate was found."""
        self._candidate_seen = True

    def state(self, state: str, now: float) -> RecoveryEffect | None:
        """Take the new state of gathering."""
        if state == "gathering":
            self.deadline_s = now + self._limit_s
        elif state == "complete":
            self.deadline_s = None
            if not self._candidate_seen:
                return self._fail(RecoveryEffect.GATHERING_NONE)
            if self._failed:
                self.deadline_s = now + self._limit_s
        return None

    def expire(self, now: float) -> RecoveryEffect | None:
        """Let time pass."""
        late = self.deadline_s is not None and now >= self.deadline_s
        return self._fail(RecoveryEffect.GATHERING_TIMEOUT) if late else None

    def connected(self) -> None:
        """Forget what went wrong: there is a path."""
        self.deadline_s, self._failed = None, False

    def restarted(self) -> None:
        """Begin with the candidates of another generation."""
        self._candidate_seen = False

    def _fail(self, effect: RecoveryEffect) -> RecoveryEffect:
        self.deadline_s, self._failed = None, True
        return effect
