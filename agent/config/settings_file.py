"""The settings that a box lives by: read again and again, and watched with all that they name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from agent.config import load_for_box
from agent.config.layers import files_over
from agent.config.sections import Config
from agent.errors import ConfigError
from agent.file_stamps import Stamps, stamps

DEVICES = Path("/dev")
_QUOTED = re.compile(r"""(["'])([^"'\n]+)\1""")


@dataclass(frozen=True)
class SettingsFile:
    """One file, with what lies over it; `trusting`: other users of this machine may read and write them."""

    path: Path
    trusting: bool = False

    def load(self) -> Config:
        """Read it as a box does; raises ConfigError."""
        return load_for_box(self.path, trusting=self.trusting)

    def stamps(self) -> Stamps:
        """Tell one state from another of them, however wrong they are, of what they name, and of the chips."""
        files = [self.path, *self._over()]
        named = [self.path.parent / found for file in files for _quote, found in _QUOTED.findall(_text(file))]
        return stamps([*files, *named, *DEVICES.glob("gpiochip*")])

    def _over(self) -> list[Path]:
        try:
            return files_over(self.path)
        except ConfigError:
            return []


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
