"""What a new process needs to come back to a call of the one before it (spec: signaling 11). Pure.

A call that the service named by a reconnect token is asked for with it; any other can only be ended properly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from agent.errors import LocalFault
from agent.voice.call_ids import INCOMING, OUTGOING

MOST_TICKETS: Final = 8
MOST_CHARS: Final = 16_384  # of one text in a ticket


@dataclass(frozen=True)
class CallTicket:
    """One call: its name on the wire, the token that proves that it is ours, who is at the other end."""

    callsid: str
    direction: str
    reconnect_token: str = field(default="", repr=False)  # empty: it cannot come back
    parameters: Mapping[str, str] = field(default_factory=dict)
    custom_parameters: Mapping[str, str] = field(default_factory=dict)
    muted: bool = False

    @property
    def can_come_back(self) -> bool:
        """Whether the service gave us what it takes."""
        return bool(self.reconnect_token)

    def to_json(self) -> dict[str, Any]:
        """Turn it into what a file can hold."""
        return asdict(self)

    @classmethod
    def of_json(cls, found: object) -> CallTicket:
        """Read what a file held; raises LocalFault for anything else than one ticket."""
        if not isinstance(found, dict) or set(found) != set(cls.__dataclass_fields__):
            raise LocalFault("what should be one call is something else")
        for name in ("callsid", "direction", "reconnect_token"):
            _check(isinstance(found[name], str) and len(found[name]) <= MOST_CHARS, name)
        for name in ("parameters", "custom_parameters"):
            _check(_is_table(found[name]), name)
        _check(isinstance(found["muted"], bool), "muted")
        _check(found["direction"] in (INCOMING, OUTGOING), "direction")
        _check(bool(found["callsid"]), "callsid")
        return cls(**found)


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(text, str) and len(text) <= MOST_CHARS for pair in value.items() for text in pair
    )


def _check(holds: bool, member: str) -> None:
    if not holds:
        raise LocalFault(f"{member} of a call is not what it should be")
