"""The two generations of the wire, side by side as data (spec: signaling 11).

The first is that of the JavaScript SDK 1.15, the second that of 2.18. What differs in words stands here; what differs
in behaviour has a core of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agent.signaling.pstream.messages import Dialect


@dataclass(frozen=True)
class WireGeneration:
    """What one generation says of itself."""

    number: str
    dialect: Dialect
    sdk_version: str


FIRST: Final = WireGeneration("1", Dialect.V1, "1.15.1")
SECOND: Final = WireGeneration("2", Dialect.V2, "2.18.5")
GENERATIONS: Final = {generation.number: generation for generation in (FIRST, SECOND)}
