"""Which differences are wanted: they are in deviations.toml, and nowhere else."""

from __future__ import annotations

import re
import tomllib
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
    real_media_only: bool = False

    def counts_in(self, transcript: Transcript, found: list[str]) -> bool:
        """Whether its conditions are met in a scenario."""
        done = happenings(transcript)
        if not all(any(re.fullmatch(need, name) for name in done) for need in self.needs):
            return False
        return not self.if_errors or any(code in difference for code in self.if_errors for difference in found)

    def explains(self, difference: str) -> bool:
        """Whether it is the reason of one difference."""
        return any(re.fullmatch(pattern, difference) for pattern in self.differences)


def load() -> list[Deviation]:
    """Every entry of the file."""
    entries: list[dict[str, Any]] = tomllib.loads(FILE.read_text())["deviation"]
    return [Deviation(**{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}) for entry in entries]


def happenings(transcript: Transcript) -> set[str]:
    """What was done to the Device, as names for `needs`."""
    done = {f"in {line.frame_type}" for line in transcript.of("wire", dir="in")}
    done |= {f"act {line['what']}" for line in transcript.of("act") if line.act_result is None}
    done |= {"blackhole" for _ in transcript.of("srv", what="blackhole", on=True)}
    done |= {"devices changed" for _ in transcript.of("http", group="audio")}
    done |= {"drop" for line in transcript.of("ws", ev="close") if line["code"] == 1006}
    return done | {"drop" for _ in transcript.of("srv", what="drop-ws")}


def unexplained(transcript: Transcript, found: list[str], *, real_media: bool = False) -> list[str]:
    """The differences that nobody wanted."""
    usable = [deviation for deviation in load() if real_media or not deviation.real_media_only]
    wanted = [deviation for deviation in usable if deviation.counts_in(transcript, found)]
    return [difference for difference in found if not any(each.explains(difference) for each in wanted)]
