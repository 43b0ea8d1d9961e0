"""Which differences are wanted: they are in deviations.toml, and nowhere else."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .transcript import Transcript

FILE = Path(__file__).with_name("deviations.toml")


@dataclass(frozen=True)
class Deviation:
    """One entry of the file."""

    name: str
    why: str
    needs: tuple[str, ...]
    differences: tuple[str, ...]
    if_errors: tuple[str, ...] = ()
    if_repeated: str = ""
    real_media_only: bool = False

    def counts_in(self, transcript: Transcript, found: list[str]) -> bool:
        """Whether its conditions are met in a scenario."""
        things = happenings(transcript)
        names = [name for name, _ in things]
        if not all(any(re.fullmatch(need, name) for name in names) for need in self.needs):
            return False
        if self.if_repeated and max(Counter(t for t in things if t[0] == self.if_repeated).values(), default=0) < 2:
            return False
        return not self.if_errors or any(code in difference for code in self.if_errors for difference in found)

    def explains(self, difference: str) -> bool:
        """Whether it is the reason of one difference."""
        return any(re.fullmatch(pattern, difference) for pattern in self.differences)


def load() -> list[Deviation]:
    """Every entry of the file."""
    entries: list[dict[str, Any]] = tomllib.loads(FILE.read_text())["deviation"]
    return [Deviation(**{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}) for entry in entries]


def happenings(transcript: Transcript) -> list[tuple[str, str]]:
    """What was done to the Device, as names for `needs`, each with the call it was about."""
    things = [(f"in {line.frame_type}", str(line.payload.get("callsid"))) for line in transcript.of("wire", dir="in")]
    things += [(f"act {line['what']}", "") for line in transcript.of("act") if line.act_result is None]
    things += [("blackhole", "") for _ in transcript.of("srv", what="blackhole", on=True)]
    things += [("drop", "") for _ in transcript.of("srv", what="drop-ws")]
    return things


def unexplained(transcript: Transcript, found: list[str], *, real_media: bool = False) -> list[str]:
    """The differences that nobody wanted."""
    usable = [deviation for deviation in load() if real_media or not deviation.real_media_only]
    wanted = [deviation for deviation in usable if deviation.counts_in(transcript, found)]
    return [difference for difference in found if not any(each.explains(difference) for each in wanted)]
