"""Whom everybody can call without anybody being there: targets that the switchboard itself answers or refuses. Pure."""

from __future__ import annotations

from typing import Final

ECHO: Final = "echo"  #: the caller hears itself
TONE: Final = "tone"
BUSY: Final = "busy"
REJECT: Final = "reject"  #: rings for REJECT_DELAY_S
NO_ANSWER: Final = "noanswer"

APPLICATION: Final = "AP" + "0" * 32  #: that keys of a switchboard name, because outgoing calls need one

SERVICES: Final = frozenset((ECHO, TONE, BUSY, REJECT, NO_ANSWER))
ANSWERED: Final = frozenset((ECHO, TONE))
REJECT_DELAY_S: Final = 0.5
