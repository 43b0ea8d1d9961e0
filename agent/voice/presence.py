"""Registration as the second generation has it: asked for, and again after each loss (spec: signaling 11).

    registering    `register` is due as soon as the service says `connected`, or is on its way
    registered     the service said `ready`; `register` is repeated
    unregistered   at first, when the socket is lost, when the service says `offline`

Whoever is wanted at the service is registered again at the next `connected`. The SDK forgets there that it was told to
unregister; here that holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from agent.voice.registration import INTERVAL_S, Register, RegistrationState


@dataclass(frozen=True)
class ShowRegistration:
    """From here on the Device is in this state, and says so."""

    state: RegistrationState


_Effects: TypeAlias = list[Register | ShowRegistration]


class PresenceCore:
    """The state of one Device towards the service; it speaks first when the service has been reached."""

    def __init__(self, present: bool, interval_s: float | None = INTERVAL_S) -> None:
        """With `present` it registers as soon as the service is reached, and again after each interval; None: once."""
        self._interval_s = interval_s
        self.present = present
        self.state = RegistrationState.UNREGISTERED
        self._reached = False
        self._due: float | None = None

    @property
    def needs_stream(self) -> bool:
        """Whether a stream is to be opened for it."""
        return self.present

    def set(self, present: bool, now: float) -> _Effects:
        """Take calls or stop taking them."""
        self.present = present
        self._due = now if present and self._reached else None
        if present:
            return self._begin()
        return [Register(False)] if self._reached else self._become(RegistrationState.UNREGISTERED)

    def connected(self, now: float) -> _Effects:
        """Register, when the service is reached anew."""
        first, self._reached = not self._reached, True
        if not self.present or not first:
            return []
        self._due = now
        return self._begin()

    def ready(self, now: float) -> _Effects:
        """Note that the service took the registration."""
        return self._become(RegistrationState.REGISTERED)

    def offline(self, now: float) -> _Effects:
        """Note that the service does not have us any more."""
        self._due = None
        return self._become(RegistrationState.UNREGISTERED)

    def lost(self, now: float) -> _Effects:
        """Note that the socket is gone; what is left to say waits for `connected`."""
        self._reached = False
        self._due = None
        return []

    def stop(self, now: float) -> _Effects:
        """Say nothing more by itself."""
        self._due = None
        return []

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is to be said."""
        return self._due

    def tick(self, now: float) -> _Effects:
        """Say it now, and again later."""
        again = self.present and self._interval_s is not None
        self._due = now + (self._interval_s or 0.0) if again else None
        return [Register(self.present)]

    def _begin(self) -> _Effects:
        is_new = self.state is RegistrationState.UNREGISTERED
        return self._become(RegistrationState.REGISTERING) if is_new else []

    def _become(self, state: RegistrationState) -> _Effects:
        if state is self.state:
            return []
        self.state = state
        return [ShowRegistration(state)]
