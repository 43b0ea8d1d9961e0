"""What the recovery of a call decides, for the call to carry out (spec: recovery 2-4)."""

from __future__ import annotations

from enum import Enum, auto


class RecoveryEffect(Enum):
    """What the call must do."""

    CONNECTIVITY_LOST = auto()  # raise the warning `ice-connectivity-lost`
    CONNECTIVITY_BACK = auto()  # clear it
    GATHERING_NONE = auto()  # report: no local candidate was found
    GATHERING_TIMEOUT = auto()
    BEGIN = auto()  # the call is reconnecting
    RESTART = auto()  # make an ICE restart offer and send it
    END = auto()  # the call is open again
    FATAL = auto()  # 31003
