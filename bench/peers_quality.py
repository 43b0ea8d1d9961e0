"""Speech quality (PESQ-WB, ITU-T P.862.2) of calls over a network that loses packets: ours, Chromium's, baresip's.

    python -m bench.peers_quality [--losses 0 5 10 20] [--calls 3] [--only NAME ...] [--notes FILE]

Both ends of a call are the same program over virtual sound cards (see bench.stage); nothing treats the sound.
nftables drops packets at random on arrival, in both directions. Pieces of 8 s of speech, four voices, are said in
turn; each is found in what the far speaker plays and compared with what the microphone heard. A cell is the mean of
some calls, with half of the distance between the best and the worst of them. A call during which other programs used
more than a tenth of a core is repeated; the least disturbed one counts, marked with * if even that was disturbed.
Each call takes a minute, all of them an hour; with `--notes` they are written down, and a later run with the same file
goes on from there, so that a cell or two can be measured at a time.
Needs root, nftables, pulseaudio, Chromium, baresip, espeak-ng and the Python package `pesq`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soxr
from pesq import pesq

from bench.delay import Sound, lag
from bench.listen import Heard, Recording, speak, write_speech
from bench.measure import FOREIGN_LIMIT, Usage, least_disturbed
from bench.peers import baresip, chromium, ours
from bench.speech import PIECE_S, pieces
from bench.stage import End, ending, lose, stage
from hw.sound.frame import RATE_HZ

LOSSES = (0.0, 0.05, 0.10, 0.20)
MUST_LEAD, AIM_LEAD = 0.0, 0.3  # over the best of Chromium's, at each loss
BITRATE = 48_000
CALL_S = 60
TRIES = 4
CONNECTED_S, WARM_UP_S = 2.0, 10.0  # receiver reports have to come round before the encoder prepares for losses
LONGEST_S = 1.0
MARK_S = 2.0  # a piece is found by so much of its beginning

SLOWER = ("--set", f"opus_bitrate={BITRATE}")

Call = Callable[[End, End], contextlib.AbstractContextManager[list[int]]]

CALLS: dict[str, Call] = {
    "ours": lambda one, other: ours.call(one, other, processing=False),
    "ours, 48 kbit/s": lambda one, other: ours.call(one, other, processing=False, options=SLOWER),
    "chromium": lambda one, other: chromium.call(one, other, processing=False),
    "chromium, 48 kbit/s": lambda one, other: chromium.call(one, other, processing=False, bitrate=BITRATE),
    "baresip": baresip.call,
}
PROGRAMS = {"chromium": "chromium", "chromium, 48 kbit/s": "chromium", "baresip": "baresip"}


@dataclass(frozen=True)
class Scores:
    """PESQ of each piece of one call, and foreign CPU meanwhile."""

    pieces: tuple[float, ...]
    foreign_cpu: float

    @property
    def mean(self) -> float:
        """Over all pieces; nothing at all was understood if there are none."""
        return statistics.fmean(self.pieces) if self.pieces else float("nan")


def measure(call: Call, loss: float, speech: Path) -> Scores:
    """One call on a stage of its own; the file is said once to warm up and once to be judged."""
    with stage() as (one, other), call(one, other):
        time.sleep(CONNECTED_S)
        for end in (one, other):
            lose(end, loss)
        with ending(speak(one, speech)):
            time.sleep(WARM_UP_S)
        usage = Usage([os.getpid()])
        said, heard = Recording(one, "mic"), Recording(other, "ear")
        time.sleep(1)
        speak(one, speech).wait()
        time.sleep(1)
        foreign = usage.foreign_cpu()
        mouth, ear = said.close(), heard.close()
    return Scores(tuple(judge(mouth, ear)), foreign)


def judge(mouth: Heard, ear: Heard) -> list[float]:
    """PESQ of each piece."""
    scores, mark, length = [], int(MARK_S * RATE_HZ), PIECE_S * RATE_HZ
    for piece in pieces():
        start = lag(piece[:mark], mouth.pcm)
        if start is None:
            continue
        around = max(0, ear.sample_at(mouth.time_of(start)))
        at = lag(mouth.pcm[start : start + mark], ear.pcm[around : around + mark + int(LONGEST_S * RATE_HZ)])
        first = around + (at if at is not None else 0)
        scores.append(score(mouth.pcm[start : start + length], ear.pcm[first : first + length]))
    return scores


def score(said: Sound, heard: Sound) -> float:
    """PESQ-WB of what was heard against what was said."""
    wide = [soxr.resample(pcm.astype(np.float32) / 32768, RATE_HZ, 16_000) for pcm in (said, heard)]
    return float(pesq(16_000, *wide, "wb"))


@dataclass(frozen=True)
class Cell:
    """Some calls of one program at one loss."""

    mean: float
    spread: float
    foreign_cpu: float

    @classmethod
    def of(cls, calls: list[Scores]) -> Cell:
        """Sum up calls."""
        means = [call.mean for call in calls]
        return cls(statistics.fmean(means), (max(means) - min(means)) / 2, max(call.foreign_cpu for call in calls))

    def __str__(self) -> str:
        return f"{self.mean:.2f} ±{self.spread:.2f}{'*' if self.foreign_cpu > FOREIGN_LIMIT else ' '}"


Results = dict[str, dict[float, list[Scores]]]


def report(results: Results, losses: list[float]) -> None:
    """The table, and for each of our rows its lead over the best of Chromium's; the last line has the verdict."""
    cells = {name: [Cell.of(calls[loss]) for loss in losses] for name, calls in results.items()}
    print(f"{'PESQ-WB at random loss of':26}" + "".join(f"{f'{loss:.0%}':>13}" for loss in losses))
    for name, found in cells.items():
        print(f"{name:26}" + "".join(f"{cell!s:>13}" for cell in found))
    peers = [found for name, found in cells.items() if name.startswith("chromium")]
    best = [max(cell.mean for cell in column) for column in zip(*peers, strict=True)]
    for name in [name for name in cells if peers and name.startswith("ours")]:
        leads = [cell.mean - other for cell, other in zip(cells[name], best, strict=True)]
        verdict = "missed" if min(leads) < MUST_LEAD else "reached" if min(leads) < AIM_LEAD else "the aim reached"
        print(f"peers_quality: {verdict}; {name} minus Chromium's best {'/'.join(f'{one:+.2f}' for one in leads)} at "
              f"{'/'.join(f'{loss * 100:.0f}' for loss in losses)} % loss; * other programs disturbed it")  # fmt: skip


class Notes:
    """Calls of this run and of those before, a line of JSON each."""

    def __init__(self, path: Path | None, names: list[str], losses: list[float]) -> None:
        self._path = path
        self.results: Results = {name: {loss: [] for loss in losses} for name in names}
        for line in path.read_text().splitlines() if path is not None and path.exists() else ():
            name, loss, pieces, foreign_cpu = json.loads(line)
            if loss in self.results.get(name, {}):
                self.results[name][loss].append(Scores(tuple(pieces), foreign_cpu))

    def add(self, name: str, loss: float, found: Scores) -> None:
        """Note one more call."""
        self.results[name][loss].append(found)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps([name, loss, found.pieces, found.foreign_cpu]) + "\n")

    def missing(self, calls: int) -> list[tuple[str, float]]:
        """Name the calls that are to be made still, in turn, so that a slow drift of the machine meets them all."""
        return [(name, loss) for number in range(calls) for loss in next(iter(self.results.values()), {})
                for name in self.results if len(self.results[name][loss]) <= number]  # fmt: skip


def main() -> None:
    """Make what calls are missing, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--losses", type=float, nargs="*", default=[share * 100 for share in LOSSES], help="per cent")
    parser.add_argument("--calls", type=int, default=3, help="for each cell")
    parser.add_argument("--tries", type=int, default=TRIES, help="calls for one undisturbed")
    parser.add_argument("--only", action="append", choices=tuple(CALLS))
    parser.add_argument("--notes", type=Path, help="file of the calls that were made already, and of those to come")
    args = parser.parse_args()
    losses = [percent / 100 for percent in args.losses]
    names = [name for name in args.only or CALLS if shutil.which(PROGRAMS.get(name, "sh"))]
    notes = Notes(args.notes, names, losses)
    missing = notes.missing(args.calls)
    print(f"{len(missing)} calls, {len(missing) * CALL_S / 60:.0f} minutes if none is disturbed", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        speech = Path(folder) / "speech.wav"
        write_speech(speech)
        for name, loss in missing:
            found = least_disturbed(partial(measure, CALLS[name], loss, speech), args.tries)
            notes.add(name, loss, found)
            print(f"{name} at {loss:.0%}: {found.mean:.2f}", file=sys.stderr, flush=True)
    report(notes.results, losses)


if __name__ == "__main__":
    main()
