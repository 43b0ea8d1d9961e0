"""The topics of one box. Pure.

    PREFIX/BOX/availability   online | offline, retained; the broker says offline when the box is gone (its last will)
    PREFIX/BOX/state          what the box is, as JSON, retained
    PREFIX/BOX/event          each happening, as JSON
    PREFIX/BOX/bell           each ring alone, as JSON
    PREFIX/BOX/door/NAME      LOCKED | UNLOCKED, retained
    PREFIX/BOX/do/...         commands: press, call, hang_up, volume, do_not_disturb, door/NAME
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

ONLINE, OFFLINE = "online", "offline"
_ODD = re.compile(r"[^A-Za-z0-9_-]")


def level(name: str) -> str:
    """Write a name so that it can be one level of a topic, and part of an identifier; different ones stay different."""
    plain = _ODD.sub("_", name)
    return plain if plain == name else f"{plain[:40]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Topics:
    """Where everything of one box is."""

    root: str
    box: str  # identifier of this box

    @classmethod
    def of(cls, prefix: str, identity: str) -> Topics:
        """Make the topics of the box with this identity."""
        return cls(f"{prefix}/{level(identity)}", level(identity))

    @property
    def availability(self) -> str:
        """Whether the box is there."""
        return f"{self.root}/availability"

    @property
    def state(self) -> str:
        """What the box is."""
        return f"{self.root}/state"

    @property
    def event(self) -> str:
        """What happens."""
        return f"{self.root}/event"

    @property
    def bell(self) -> str:
        """When somebody rings."""
        return f"{self.root}/bell"

    @property
    def doors(self) -> str:
        """What the topics of all doors begin with."""
        return f"{self.root}/door/"

    def door(self, name: str) -> str:
        """Name where it stands whether this door is released."""
        return self.doors + level(name)

    def command(self, name: str) -> str:
        """Name where this command is taken."""
        return f"{self.root}/do/{name}"
