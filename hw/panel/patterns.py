"""What a light shows, as text in the settings: pure; brightness is a function of time.

    off · steady · blink · blink 250/750 · pulse · pulse 2000 · flash 3 · flash 2 3000

Times are milliseconds: `blink ON/OFF`, `pulse PERIOD`, `flash COUNT PERIOD`. A colour for RGB lights (`red`,
`#ff8000`) or a brightness (`30%`) may stand in front: `red blink`, `30% steady`.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass

from hw.errors import PatternError

Colour = tuple[float, float, float]

WHITE: Colour = (1.0, 1.0, 1.0)
COLOURS: dict[str, Colour] = {
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "yellow": (1.0, 0.8, 0.0),
    "orange": (1.0, 0.35, 0.0),
    "cyan": (0.0, 1.0, 1.0),
    "magenta": (1.0, 0.0, 1.0),
    "white": WHITE,
}
FLASH_MS = 100  # a flash, and the gap after it
SMOOTH_S = 0.04  # step of a pulse; below what the eye sees
FORMS = "off, steady, blink ON/OFF, pulse PERIOD, flash COUNT PERIOD (times in ms, each optional)"
_MIN_MS, _MAX_MS = 20, 60_000


@dataclass(frozen=True)
class Pattern:
    """One light's behaviour: on for `on_ms`, off for `off_ms`, `count` times, all again after `period_ms`."""

    shape: str = "off"  #: off, steady, blink, pulse or flash
    level: float = 1.0  #: the greatest brightness, 0 to 1
    colour: Colour = WHITE
    on_ms: int = 0
    period_ms: int = 0
    count: int = 1

    @property
    def dimmed(self) -> bool:
        """Whether it needs brightness between on and off."""
        return self.shape == "pulse" or (self.shape != "off" and any(0 < c * self.level < 1 for c in self.colour))

    def brightness(self, t: float) -> float:
        """Return the brightness, 0 to 1, `t` seconds after the pattern started."""
        if self.shape in ("off", "steady"):
            return self.level if self.shape == "steady" else 0.0
        phase_ms = self._phase_ms(t)
        if self.shape == "pulse":
            return self.level * (0.5 - 0.5 * math.cos(2 * math.pi * phase_ms / self.period_ms))
        return self.level if any(a <= phase_ms < b for a, b in self._lit()) else 0.0

    def next_change(self, t: float) -> float:
        """Tell when, in seconds after the start and later than `t`, the brightness changes next; infinite if never."""
        if self.shape in ("off", "steady"):
            return math.inf
        if self.shape == "pulse":
            return t + SMOOTH_S
        phase_ms = self._phase_ms(t)
        edges = [edge for lit in self._lit() for edge in lit] + [self.period_ms]
        return t + (next(edge for edge in edges if edge > phase_ms) - phase_ms) / 1000

    def _phase_ms(self, t: float) -> float:
        # Rounded, because a timer that fires a nanosecond early must not see the old phase again.
        return round(t * 1000, 3) % self.period_ms

    def _lit(self) -> list[tuple[int, int]]:
        return [(2 * self.on_ms * i, 2 * self.on_ms * i + self.on_ms) for i in range(self.count)]


OFF = Pattern()


def parse_pattern(text: str) -> Pattern:
    """Parse the pattern that `text` describes; empty is off. PatternError says what is possible."""
    words = text.lower().split()
    level, colour = 1.0, WHITE
    while words and (found := _tint(words[0])) is not None:
        level, colour = (found, colour) if isinstance(found, float) else (level, found)
        words.pop(0)
    shape, *numbers = words or ["steady" if text.strip() else "off"]
    read = _SHAPES.get("steady" if shape == "on" else shape)
    if read is None:
        raise PatternError(_unknown(text, shape))
    try:
        on_ms, period_ms, count = read(*[int(n) for word in numbers for n in word.split("/")])
    except (ValueError, TypeError) as error:
        reason = f": {error}" if isinstance(error, _Range) else ""
        raise PatternError(f"{text!r} is no pattern{reason}; write {FORMS}") from error
    return Pattern("steady" if shape == "on" else shape, level, colour, on_ms, period_ms, count)


class _Range(ValueError):
    pass


def _ms(value: int) -> int:
    if not _MIN_MS <= value <= _MAX_MS:
        raise _Range(f"{value} ms is not between {_MIN_MS} and {_MAX_MS}")
    return value


def _still() -> tuple[int, int, int]:
    return 0, 0, 1


def _blink(on_ms: int = 500, off_ms: int | None = None) -> tuple[int, int, int]:
    return _ms(on_ms), on_ms + _ms(on_ms if off_ms is None else off_ms), 1


def _pulse(period_ms: int = 2000) -> tuple[int, int, int]:
    return 0, _ms(period_ms), 1


def _flash(count: int = 1, period_ms: int = 2000) -> tuple[int, int, int]:
    if not 1 <= count <= 9:
        raise _Range(f"{count} flashes are not between 1 and 9")
    if _ms(period_ms) < 2 * count * FLASH_MS:
        raise _Range(f"{count} flashes need a period of at least {2 * count * FLASH_MS} ms")
    return FLASH_MS, period_ms, count


_SHAPES = {"off": _still, "steady": _still, "blink": _blink, "pulse": _pulse, "flash": _flash}


def _tint(word: str) -> float | Colour | None:
    if re.fullmatch(r"\d{1,3}%", word) and int(word[:-1]) <= 100:
        return int(word[:-1]) / 100
    if re.fullmatch(r"#[0-9a-f]{6}", word):
        return (int(word[1:3], 16) / 255, int(word[3:5], 16) / 255, int(word[5:], 16) / 255)
    return COLOURS.get(word)


def _unknown(text: str, word: str) -> str:
    near = difflib.get_close_matches(word, [*_SHAPES, *COLOURS], n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    known = f"patterns: {FORMS}; colours: {', '.join(COLOURS)}, #rrggbb"
    return f"{text!r} is no pattern: {word!r} is not known{hint} ({known})"
