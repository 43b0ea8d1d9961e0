"""What the playout buffer answers when the next piece of sound is asked for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hw.sound.frame import FRAME_SAMPLES

HURRY_SAMPLES = 2 * FRAME_SAMPLES  # with so much to cut, an audible joint is better than the delay


class PlayoutAction(Enum):
    """What the next piece of sound is made of."""

    DECODE = "decode"  # the packet `payload`
    RECOVER = "recover"  # forward error correction: the copy of the missing packet in `payload`, the packet after it
    CONCEAL = "conceal"  # packet loss concealment (PLC): whatever continues the sound plausibly
    COMFORT = "comfort"  # comfort noise (CN): the quiet of a sender that pauses
    SILENCE = "silence"  # nothing: no packet yet, or none for long


@dataclass(slots=True)
class Decision:
    """The next `samples` of sound; `adjust` is how many to add (> 0, expand) or cut out (< 0, accelerate) unheard.

    A cut that is `leisurely` is made only where it is quiet; it is asked for again.
    """

    action: PlayoutAction
    samples: int
    payload: bytes = b""
    adjust: int = 0
    leisurely: bool = False
