"""Carries out the recovery policy of one call: its clock, its timer, its effects."""

from __future__ import annotations

from collections.abc import Callable

from agent.clock import Clock, Timer
from agent.voice.recovery_policy import Effect, Recovery


class Recovering:
    """Feeds the policy with the time and hands each effect to `perform`, in order."""

    def __init__(self, clock: Clock, policy: Recovery, perform: Callable[[Effect], None]) -> None:
        self.policy = policy
        self._clock = clock
        self._perform = perform
        self._timer: Timer | None = None
        self._due: float | None = None
        self._over = False

    def ice_state(self, state: str) -> None:
        self._carry_out(self.policy.ice_state(state, self._clock.now()))

    def connection_state(self, state: str) -> None:
        self._carry_out(self.policy.connection_state(state, self._clock.now()))

    def gathering_state(self, state: str) -> None:
        self._carry_out(self.policy.gathering_state(state, self._clock.now()))

    def candidate(self) -> None:
        self.policy.candidate()

    def path_selected(self) -> None:
        self._carry_out(self.policy.path_selected(self._clock.now()))

    def negotiated(self) -> None:
        self._carry_out(self.policy.negotiated(self._clock.now()))

    def restart_failed(self) -> None:
        self._carry_out(self.policy.restart_failed(self._clock.now()))

    def low_bytes(self, name: str, active: bool) -> None:
        self._carry_out(self.policy.low_bytes(name, active, self._clock.now()))

    def network_changed(self, reachable: bool) -> None:
        self._carry_out(self.policy.network_changed(self._clock.now(), reachable=reachable))

    def signaling(self, up: bool) -> None:
        self._carry_out(self.policy.signaling(up, self._clock.now()))

    def close(self) -> None:
        """The call has ended; idempotent."""
        self._over = True
        self.policy.close()
        self._rearm()

    def _tick(self) -> None:
        self._timer = self._due = None
        self._carry_out(self.policy.tick(self._clock.now()))

    def _carry_out(self, effects: list[Effect]) -> None:
        self._rearm()
        for effect in effects:
            if not self._over:  # whoever was told of an effect may have ended the call
                self._perform(effect)

    def _rearm(self) -> None:
        due = self.policy.deadline()
        if due == self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = None if due is None else self._clock.call_later(max(0.0, due - self._clock.now()), self._tick)
