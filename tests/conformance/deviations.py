"""Which differences are wanted: they are in deviations.toml, and nowhere else.

A deviation is a cause and what follows from it. In the recordings that are shipped each one also names every place, and
each place must be there; in a folder of other recordings the cause alone counts.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .compare import Difference
from .happenings import Happening, happenings
from .transcript import Transcript

FILE = Path(__file__).with_name("deviations.toml")
NOISE_MS = 250.0


@dataclass(frozen=True)
class Deviation:
    """One entry of the file."""

    name: str
    why: str
    after: tuple[str, ...]
    differences: tuple[str, ...]
    within_ms: float = float("inf")
    real_media_only: bool = False
    generation: str = ""  # of those alone; else of both
    at: dict[str, list[str]] = field(default_factory=dict)

    def explains(self, difference: Difference, done: list[Happening], *, timed: bool = True) -> bool:
        """Whether what it names has happened before a difference, and leads to it."""
        until = difference.at_ms + NOISE_MS if timed else float("inf")
        since = difference.at_ms - self.within_ms - NOISE_MS if timed else float("-inf")
        return any(self._leads_to(difference, names) for names in _chains(self.after, done, until, since))

    def _leads_to(self, difference: Difference, names: dict[str, str]) -> bool:
        return any(re.fullmatch(_filled(pattern, names), str(difference)) for pattern in self.differences)


def load() -> list[Deviation]:
    """Every entry of the file."""
    entries: list[dict[str, Any]] = tomllib.loads(FILE.read_text())["deviation"]
    return [Deviation(**{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}) for entry in entries]


def _of(transcript: Transcript) -> list[Deviation]:
    return [each for each in load() if each.generation in ("", transcript.generation)]


def unexplained(transcript: Transcript, found: list[Difference], *, real_media: bool = False) -> list[str]:
    """The differences that nobody wanted, in recordings of which only the causes are known."""
    done = happenings(transcript)
    usable = [each for each in _of(transcript) if real_media or not each.real_media_only]
    return [str(difference) for difference in found
            if not any(each.explains(difference, done, timed=not real_media) for each in usable)]  # fmt: skip


def misplaced(transcript: Transcript, found: list[Difference]) -> list[str]:
    """The differences of a shipped recording that stand at no place named for it, and the places without one."""
    done = happenings(transcript)
    listed = [(each, place) for each in _of(transcript) for place in each.at.get(transcript.name, ())]
    result = []
    for difference in found:
        said = re.sub(r"[+-]\d+ ms off", "N ms off", str(difference))
        reasons = [(each, place) for each, place in listed if place == said]
        reasons = [(each, place) for each, place in reasons if each.explains(difference, done)]
        if not reasons:
            result.append(str(difference))
        listed = [entry for entry in listed if entry not in reasons[:1]]
    return result + [f"not there any more ({each.name}): {place}" for each, place in listed]


def _chains(
    after: tuple[str, ...], done: list[Happening], until: float, since: float, names: dict[str, str] | None = None
) -> list[dict[str, str]]:
    """Every way in which the causes happened one after the other, the last not long before; with the names in them."""
    names = names or {}
    if not after:
        return [names]
    result = []
    for n, (at_ms, name) in enumerate(done):
        found = re.fullmatch(_filled(after[0], names), name)
        if at_ms > until or found is None or (len(after) == 1 and at_ms < since):
            continue
        result += _chains(after[1:], done[n + 1 :], until, since, names | found.groupdict())
    return result


def _filled(pattern: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        pattern = pattern.replace(f"{{{name}}}", re.escape(value))
    return pattern
