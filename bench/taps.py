"""A sound card that notes what passes through it in a call, with the time, for bench.delay_budget.

Each station is a list of pieces: when one was handed on, and its sound, one after the other as they are in the stream.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hw.sound.card import AlsaSound
from hw.sound.interface import CaptureSink
from hw.sound.settings import SoundSettings

Pieces = list[tuple[float, bytes]]

STATIONS = ("captured", "treated", "written", "taken")


class TappedSound(AlsaSound):
    """A card with its stations: what its callback brought, what was treated, what was written, what a callback took."""

    def __init__(self, settings: SoundSettings) -> None:
        super().__init__(settings)
        self._pieces: dict[str, Pieces] = {station: [] for station in STATIONS}
        rings: Any = self._rings
        rings.capture.put = _noting(self._pieces["captured"], rings.capture.put)
        take, taken = rings.playback.take, self._pieces["taken"]

        def noted(now: float) -> bytes:
            sound: bytes = take(now)
            taken.append((now, sound))
            return sound

        rings.playback.take = noted

    def set_capture(self, sink: CaptureSink | None) -> None:
        """Send each captured frame to `sink`."""
        super().set_capture(_noting(self._pieces["treated"], sink) if sink is not None else None)

    def write(self, frame: bytes) -> None:
        """Queue far-end sound."""
        self._pieces["written"].append((time.monotonic(), frame))
        super().write(frame)

    def save(self, path: Path) -> None:
        """Write all stations to a file that numpy reads."""
        columns: dict[str, Any] = {}
        for station, pieces in self._pieces.items():
            columns[f"{station}_at"] = np.array([at for at, _ in pieces])
            columns[f"{station}_bytes"] = np.array([len(piece) for _, piece in pieces])
            columns[f"{station}_pcm"] = np.frombuffer(b"".join(piece for _, piece in pieces), np.int16)
        np.savez(path, **columns)


def _noting(pieces: Pieces, hand_on: Callable[..., Any]) -> Callable[..., Any]:
    def note(sound: bytes, *facts: object) -> Any:
        pieces.append((time.monotonic(), sound))
        return hand_on(sound, *facts)

    return note


def read_station(path: Path, station: str) -> Pieces:
    """Read one station's pieces again."""
    with np.load(path) as columns:
        pcm, sizes = columns[f"{station}_pcm"].tobytes(), columns[f"{station}_bytes"]
        ends = np.cumsum(sizes)
        pieces = (pcm[end - size : end] for end, size in zip(ends, sizes, strict=True))
        return list(zip(map(float, columns[f"{station}_at"]), pieces, strict=True))
