"""What whoever looks after the box asks of it: its settings, its sound under test, its self-test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.closing import Closing
from agent.config import Config
from agent.config.told import told
from agent.kiosk.box_events import Noticeboard
from agent.kiosk.box_sound import BoxSound
from agent.kiosk.lines import Lines
from agent.kiosk.self_test import SelfTest
from agent.kiosk.sound_bench import SoundBench
from agent.log import tidy


class Upkeep(Closing):
    """Costs nothing while nobody asks."""

    def __init__(self, config: Callable[[], Config], sound: BoxSound, lines: Lines, board: Noticeboard) -> None:
        """`config()` returns the settings of this moment."""
        self._config = config
        self.on_change: Callable[[], None] = lambda: None  #: called on the hub whenever the self-test comes along
        self.sound = SoundBench(config().sound, sound, lines, board)
        self.self_test = SelfTest(lambda: self.on_change())

    def settings(self) -> list[dict[str, Any]]:
        """Tell the settings as they are understood, without a secret; ready for JSON."""
        lines: list[dict[str, Any]] = tidy(told(self._config()))
        return lines

    def close(self) -> None:
        """End what runs; idempotent."""
        self.sound.close()
        self.self_test.close()
