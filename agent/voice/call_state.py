"""The states of a call, as a program sees them. Pure."""

from __future__ import annotations

from enum import StrEnum


class CallState(StrEnum):
    """What `Connection.status()` returns (spec: connection 2)."""

    PENDING = "pending"
    CONNECTING = "connecting"
    RINGING = "ringing"
    OPEN = "open"
    RECONNECTING = "reconnecting"
    CLOSED = "closed"
