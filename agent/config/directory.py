"""The sections [directory.NAME] and [keypad] of config.toml: whom a bell calls, and how its number is dialled. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hw.errors import SettingError
from hw.setting import setting
from hw.week_hours import DAYS, WeekHours

MOST_TARGETS = 10  # that one call can ring, of the voice service, of the switchboard and by SIP
MOST_DIGITS = 8
ALL, IN_TURN = "all", "in_turn"


@dataclass(frozen=True)
class DirectoryEntry:
    """[directory.NAME]: one bell, and who is called by it."""

    targets: tuple[str, ...] = field(metadata={"help": 'whom it calls, ["desk_1", "desk_2"]', "kind": "target"})
    ring: str = setting(IN_TURN, "all: they ring together; in_turn: one after the other", choices=(ALL, IN_TURN))
    ring_s: float = setting(20.0, "how long each rings, or all of them together", min=3, max=600)
    fallback: str = setting("", "the entry that is called when nobody of these answers; empty: none")
    night_targets: tuple[str, ...] = setting((), "who is called at night in the place of targets", kind="target")
    night_from: str = setting("", "start of the night; empty: the whole day, on night_days", kind="hhmm")
    night_to: str = setting("", "end of the night", kind="hhmm")
    night_days: tuple[str, ...] = setting((), "days on which a night begins; none: every day", choices=DAYS)
    cool_down_s: float = setting(0.0, "how long after a press no other one calls; 0: not at all", min=0, max=3600)
    label: str = setting("", "what it is called where it is shown; empty: the name of the section")
    number: str = setting("", "digits that dial it on buttons with digit:0 to digit:9; empty: none", kind="number")

    def __post_init__(self) -> None:
        """Raises SettingError for nobody, somebody twice, and a night that never comes."""
        if not self.targets:
            raise SettingError("targets is empty; expected at least one name or number")
        for key in ("targets", "night_targets"):
            self._check(key, getattr(self, key))
        has_night = bool(self.night_from or self.night_to or self.night_days)
        if has_night and not self.night_targets:
            raise SettingError("nobody is called at night; expected night_targets beside night_from and night_days")
        if self.night_targets and not has_night:
            raise SettingError("night_targets needs a night; expected night_from and night_to, or night_days")
        try:
            self._night()
        except SettingError as error:
            raise SettingError(f"night_from and night_to: {error}") from None

    @staticmethod
    def _check(key: str, targets: tuple[str, ...]) -> None:
        if len(targets) > MOST_TARGETS:
            raise SettingError(f"{key} has {len(targets)} names; expected at most {MOST_TARGETS}")
        if len(set(targets)) < len(targets):
            raise SettingError(f"{key} names somebody twice; expected each once")

    def _night(self) -> WeekHours:
        return WeekHours.parse(self.night_days, self.night_from, self.night_to)

    def targets_at(self, now: datetime) -> tuple[str, ...]:
        """Return who is called at this local time."""
        return self.night_targets if self.night_targets and self._night().hold_at(now) else self.targets


@dataclass(frozen=True)
class KeypadSettings:
    """[keypad]: buttons with digits."""

    pause_s: float = setting(4.0, "pause after which what was typed is dialled, or forgotten", min=1, max=30)


Entries = Mapping[str, DirectoryEntry]


def chain(entries: Entries, name: str) -> list[str]:
    """Name the entries that are called one after the other, each once; ends where one is missing or comes again."""
    found: list[str] = []
    while name in entries and name not in found:
        found.append(name)
        name = entries[name].fallback
    return found
