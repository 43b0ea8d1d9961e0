"""The file that a box lives by: read again and again, and watched with all that it names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from agent.config import load_for_box
from agent.config.sections import Config
from agent.file_stamps import Stamps, stamps

DEVICES = Path("/dev")
_QUOTED = re.compile(r"""(["'])([^"'\n]+)\1""")


@dataclass(frozen=True)
class SettingsFile:
    """One file; `trusting`: other users of this machine may read and write it."""

    path: Path
    trusting: bool = False

    def load(self) -> Config:
        """Read it as a box does; raises ConfigError."""
        return load_for_box(self.path, trusting=self.trusting)

    def stamps(self) -> Stamps:
        """Tell one state from another of it, of the files that it names, however wrong it is, and of the chips."""
        try:
            text = self.path.read_text(errors="replace")
        except OSError:
            text = ""
        named = [self.path.parent / found for _quote, found in _QUOTED.findall(text)]
        return stamps([self.path, *named, *DEVICES.glob("gpiochip*")])
