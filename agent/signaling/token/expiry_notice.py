"""When a program is told that its token will end soon, without a clock (spec: signaling 11, `tokenWillExpire`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TokenWillExpire:
    """Tell the program, once for each token."""


class ExpiryNotice:
    """One deadline, some time before the end that the service told; times are monotonic seconds."""

    def __init__(self, notice_ms: float) -> None:
        """`notice_ms` is how long before the end the program is told."""
        self._notice_s = notice_ms / 1000
        self._due: float | None = None

    def told(self, ttl_s: float | None, now: float) -> list[TokenWillExpire]:
        """Plan by what the service says of the token in use; None: it says nothing, and nothing is planned."""
        self._due = None if ttl_s is None else now + max(0.0, ttl_s - self._notice_s)
        return []

    def stop(self, now: float) -> list[TokenWillExpire]:
        """Plan nothing any more."""
        return self.told(None, now)

    def deadline(self) -> float | None:
        """Tell when `tick` is due."""
        return self._due

    def tick(self, now: float) -> list[TokenWillExpire]:
        """Tell it when it is time."""
        if self._due is None or now < self._due:
            return []
        self._due = None
        return [TokenWillExpire()]
