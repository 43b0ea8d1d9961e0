"""Mouth to ear: how long after a word was spoken into one phone's microphone the other phone's speaker plays it.

    python -m bench.mouth_to_ear [--seconds 20] [--rounds 3] [--load SHARE] [--against FOLDER] [--only NAME ...]

Both ends of a call are the same program, with virtual sound cards of their own (see bench.stage). Speech is said into
the first end's microphone; second by second it is looked for in what the other end's speaker plays. What counts is the
median of all seconds. A call during which other programs used more than a tenth of a core is repeated; the least
disturbed one counts, and the table tells by how much. What comes sooner must not be paid for with holes, so that ours
tells them: made-up sound, and a speaker that ran dry. `load` is the share of a core that a loop beside the call takes,
`against` another checkout, whose calls take turns with ours. Needs root, pulseaudio, Chromium, baresip and espeak-ng.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from bench.delay import LONGEST_S, lag
from bench.listen import Recording, speak, write_speech
from bench.measure import Usage, least_disturbed
from bench.peers import baresip, chromium, ours
from bench.rig.busy import busy
from bench.stage import End, ending, stage
from hw.sound.frame import RATE_HZ

TRIES = 4
SETTLE_S = 6.0
WINDOW = RATE_HZ
STEP = RATE_HZ // 2
MUST = 0.70
GROW = ("concealed_ms", "dry_ms", "changed_ms")
OURS, FASTER = "ours", ("chromium", "chromium, processed")

Call = Callable[[End, End], contextlib.AbstractContextManager[list[int]]]

CALLS: dict[str, Call] = {
    "ours": lambda one, other: ours.call(one, other, processing=True),
    "ours, unprocessed": lambda one, other: ours.call(one, other, processing=False),
    "chromium": lambda one, other: chromium.call(one, other, processing=False),
    "chromium, processed": lambda one, other: chromium.call(one, other, processing=True),
    "baresip": baresip.call,
}
PROGRAMS = {"chromium": "chromium", "chromium, processed": "chromium", "baresip": "baresip"}


@dataclass
class Delays:
    """What one call showed: milliseconds, one figure for each half second of speech, and foreign CPU meanwhile."""

    found_ms: list[float]
    windows: int
    foreign_cpu: float
    figures: dict[str, float] = field(default_factory=dict)  # of ours only


@dataclass
class Row:
    """All calls of one program."""

    calls: list[Delays] = field(default_factory=list)

    @property
    def found_ms(self) -> list[float]:
        """The delays of all calls, ascending."""
        return sorted(ms for call in self.calls for ms in call.found_ms)

    def quantile(self, share: float) -> float:
        """Of all delays."""
        found = self.found_ms
        return found[min(len(found) - 1, int(share * len(found)))] if found else float("nan")


def measure(call: Call, speech: Path, seconds: float) -> Delays:
    """One call on a stage of its own."""
    with stage() as (one, other), call(one, other) as phones:
        time.sleep(SETTLE_S)
        before, usage = figures(phones), Usage([os.getpid()])
        said, heard = Recording(one, "mic"), Recording(other, "ear")
        with ending(speak(one, speech)):
            time.sleep(seconds)
            after, foreign = figures(phones), usage.foreign_cpu()
        grown = {name: value - before[name] * (name in GROW) for name, value in after.items()}
        return delays(said, heard, foreign, grown)


def figures(phones: list[int]) -> dict[str, float]:
    """What the phone that hears says of it, if it is one of ours."""
    return phones.figures() if isinstance(phones, ours.Phones) else {}


def delays(said: Recording, heard: Recording, foreign_cpu: float, grown: dict[str, float]) -> Delays:
    """Compare what was said with what was heard."""
    mouth, ear = said.close(), heard.close()
    found, windows = [], range(STEP, len(mouth.pcm) - WINDOW, STEP)
    for start in windows:
        said_at = mouth.time_of(start)
        first = max(0, ear.sample_at(said_at))
        at = lag(mouth.pcm[start : start + WINDOW], ear.pcm[first : first + WINDOW + int(LONGEST_S * RATE_HZ)])
        if at is not None:
            found.append((ear.time_of(first + at) - said_at) * 1000)
    return Delays(found, len(windows), foreign_cpu, grown)


def report(rows: dict[str, Row]) -> None:
    """The tables, and one last line with the ratio."""
    print(f"{'mouth to ear, ms':22} {'p50':>7} {'p5':>7} {'p95':>7} {'found':>8} {'foreign CPU %':>14}")
    for name, row in rows.items():
        figures = "".join(f"{row.quantile(share):8.1f}" for share in (0.5, 0.05, 0.95))
        found = f"{len(row.found_ms)}/{sum(call.windows for call in row.calls)}"
        print(f"{name:22}{figures} {found:>8} {max(call.foreign_cpu for call in row.calls) * 100:14.1f}")
    for name, row in rows.items():
        for call in row.calls:
            if call.figures:
                told = ", ".join(f"{key} {value:.0f}" for key, value in call.figures.items())
                print(f"{name}: p50 {median(call.found_ms or [float('nan')]):.1f} ms; {told}")
    peers = [rows[name].quantile(0.5) for name in FASTER if name in rows]
    if OURS in rows and peers:
        mine, fastest = rows[OURS].quantile(0.5), min(peers)
        print(f"mouth to ear: {mine / fastest:.2f} x the faster Chromium ({mine:.0f} / {fastest:.0f} ms, "
              f"must be <= {MUST})")  # fmt: skip


def main() -> None:
    """Measure every program in turn, several times over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tries", type=int, default=TRIES, help="calls for one undisturbed")
    parser.add_argument("--load", type=float, default=0.0, help="share of a core that another program takes")
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--only", action="append", choices=tuple(CALLS))
    args = parser.parse_args()
    calls = {name: CALLS[name] for name in args.only or CALLS if shutil.which(PROGRAMS.get(name, "sh"))}
    if args.against:
        calls["ours, before"] = partial(ours.call, processing=True, checkout=args.against)
    rows = {name: Row() for name in calls}
    with busy(args.load), tempfile.TemporaryDirectory() as folder:
        speech = Path(folder) / "speech.wav"
        write_speech(speech)
        for _ in range(args.rounds):
            for name, row in rows.items():
                call = partial(measure, calls[name], speech, args.seconds)
                row.calls.append(least_disturbed(call, args.tries))
                print(f"{name}: {row.quantile(0.5):.1f} ms so far", file=sys.stderr, flush=True)
    report(rows)


if __name__ == "__main__":
    main()
