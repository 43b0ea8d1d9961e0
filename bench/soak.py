"""A box under random faults: after each, it is ready again by itself, and a call works.

    python -m bench.soak [--faults 1000] [--boxes 4] [--seed 1] [--first 0] [--only KIND] [--log FILE]

`kiosk-agent run` stands in a network namespace with a router, a name server, a switchboard and a sound server of its
own, below a read-only system; what is broken in turn, and how, says bench/rig/troubles. Half of the faults strike in
a call. The box is started again as systemd does it, half a second after an end, with its watchdog. Counted is the time
from a fault's end until the box is ready, with sound; then a press of a button calls the echo, which must be heard.
Each fault depends on `--seed` and its number alone: `--first N --faults 1` plays one again. With `--boxes` so many,
each with surroundings of its own, share the numbers out among them and are broken side by side.

The clock is not stepped: it is everybody's on this machine. Needs root, PulseAudio and iproute2.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice, pairwise
from pathlib import Path

from bench.rig.netns import available
from bench.rig.troubles import TROUBLES
from bench.rig.whole_box import WholeBox

READY_S = 90.0
CALL_S = 20.0
LAST_LINES = 25


@dataclass(frozen=True)
class Outcome:
    """What one fault did to the box."""

    number: int
    kind: str
    in_call: bool
    ends: list[int]  # statuses of the lives that ended of it
    ready_s: float | None
    call_s: float | None  # from the first press to the echo
    presses: int

    @property
    def is_well(self) -> bool:
        """Whether the box was back, and a call worked."""
        return self.ready_s is not None and self.call_s is not None

    def __str__(self) -> str:
        ready = "never ready" if self.ready_s is None else f"ready {self.ready_s:5.2f} s"
        call = "no call" if self.call_s is None else f"heard {self.call_s:5.2f} s"
        ends = f"  ended {self.ends}" if self.ends else ""
        ends += f"  {self.presses} presses" if self.presses > 1 else ""
        return f"{self.number:4} {self.kind:34} {'in a call' if self.in_call else 'idle':9}  {ready}  {call}{ends}"


def kinds(seed: int, first: int, only: str) -> Iterator[tuple[int, str]]:
    """Number the faults from `first` on: each kind once a round, in an order that `seed` gives."""
    chosen = [kind for kind in TROUBLES if only in kind]
    number = first
    while True:
        order = random.Random(f"{seed} {number // len(chosen)}").sample(chosen, len(chosen))
        yield number, order[number % len(chosen)]
        number += 1


def strike(box: WholeBox, seed: int, number: int, kind: str) -> Outcome:
    """Let one fault happen, and see what becomes of the box."""
    dice = random.Random(f"{seed} {number} {kind}")
    in_call = dice.random() < 0.5 and box.call(CALL_S) is not None
    lives = len(box.service.statuses)
    with TROUBLES[kind](box, dice):
        pass
    ready_s = box.until(lambda: box.is_ready, READY_S)
    call_s, presses = try_call(box) if ready_s is not None else (None, 0)
    return Outcome(number, kind, in_call, box.service.statuses[lives:], ready_s, call_s, presses)


def try_call(box: WholeBox) -> tuple[float | None, int]:
    """Call the echo; the seconds until it is heard, or None, and how many presses that took."""
    if not box.hang_up(CALL_S):
        return None, 0
    began = time.monotonic()
    presses = box.call(CALL_S)
    took_s = time.monotonic() - began
    is_well = presses is not None and box.hang_up(CALL_S)
    return (took_s if is_well else None), presses or 0


def soak(box: WholeBox, faults: int, seed: int, first: int, only: str, outcomes: list[Outcome]) -> None:
    """Let so many faults happen, one after the other."""
    if box.until(lambda: box.is_ready, READY_S) is None:
        raise SystemExit(f"the box was never ready: {box.service.log.read_text()}")
    with suppress(KeyboardInterrupt):  # what was seen so far is told all the same
        for number, kind in islice(kinds(seed, first, only), faults):
            outcomes.append(strike(box, seed, number, kind))
            print(outcomes[-1], flush=True)
            if not outcomes[-1].is_well:
                tell_why(box)
                box.start_afresh()


def tell_why(box: WholeBox) -> None:
    """Print what may explain that a box does not work."""
    lines = box.service.log.read_text(errors="replace").splitlines()
    print(*lines[-LAST_LINES:], box.status(), sep="\n      ", flush=True)


def p95(figures: list[float]) -> float:
    """Return what all but one in twenty keep to."""
    return sorted(figures)[min(len(figures) - 1, int(0.95 * len(figures)))]


def row(name: str, outcomes: list[Outcome]) -> str:
    """One line of the table."""
    ready = [one.ready_s for one in outcomes if one.ready_s is not None] or [float("nan")]
    heard = [one.call_s for one in outcomes if one.call_s is not None] or [float("nan")]
    ends = sum(len(one.ends) for one in outcomes)
    wrong = sum(not one.is_well for one in outcomes)
    times = f"{statistics.median(ready):.1f} / {p95(ready):.1f} s | {statistics.median(heard):.1f} / {p95(heard):.1f} s"
    return f"| {name} | {len(outcomes)} | {ends} | {times} | {wrong} |"


@dataclass
class Tally:
    """What a run saw: every fault, and what cannot be seen in one alone."""

    asked: int  # faults
    outcomes: list[Outcome]
    gave_up: int  # ends after which systemd starts nothing
    barks: int  # lives that the watchdog ended
    log_bytes: int

    @property
    def is_well(self) -> bool:
        """Whether the box came back each time, and the surroundings were broken to the end."""
        return self.gave_up == 0 and len(self.outcomes) == self.asked and all(one.is_well for one in self.outcomes)

    def save(self, path: Path) -> None:
        """Write it for the run that this one is a share of."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def joined(cls, paths: list[Path]) -> Tally:
        """Add up what shares have written."""
        shares = [json.loads(path.read_text()) for path in paths]
        found = [Outcome(**one) for share in shares for one in share["outcomes"]]
        asked, *sums = (sum(share[name] for share in shares) for name in ("asked", "gave_up", "barks", "log_bytes"))
        return cls(asked, found, *sums)

    def report(self) -> None:
        """Print the table."""
        by_kind: dict[str, list[Outcome]] = defaultdict(list)
        for one in self.outcomes:
            by_kind[one.kind].append(one)
        print("| fault | times | restarts | ready again, p50 / p95 | press until heard, p50 / p95 | wrong |")
        print("|---|---|---|---|---|---|")
        for kind in sorted(by_kind):
            print(row(kind, by_kind[kind]))
        print(row("all", self.outcomes))
        again = sum(one.presses > 1 for one in self.outcomes)
        print(f"{self.gave_up} ends after which systemd starts nothing; {self.barks} by the watchdog;"
              f" {again} calls that took a second press; {self.log_bytes / 1024 / len(self.outcomes):.1f} kB of log"
              f" a fault; load {os.getloadavg()[0]:.1f}")  # fmt: skip


def alone(options: argparse.Namespace) -> Tally:
    """Break one box."""
    with tempfile.TemporaryDirectory(prefix="soak-") as name, WholeBox(Path(name)) as box:
        service, outcomes = box.service, list[Outcome]()
        try:
            soak(box, options.faults, options.seed, options.first, options.only, outcomes)
        finally:  # what was seen is told, also when the surroundings fail
            if options.log:
                options.log.write_bytes(service.log.read_bytes())
            tally = Tally(options.faults, outcomes, service.gave_up, service.barks, service.log.stat().st_size)
            if options.tally:
                tally.save(options.tally)
        return tally


def shares(first: int, faults: int, boxes: int) -> list[tuple[int, int]]:
    """Share the numbers out: the first of each box, and how many."""
    bounds = [first + faults * box // boxes for box in range(boxes + 1)]
    return [(begin, end - begin) for begin, end in pairwise(bounds)]


def side_by_side(options: argparse.Namespace) -> Tally:
    """Break several boxes, each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="soaks-") as name:
        files, running = [], []
        for begin, faults in shares(options.first, options.faults, options.boxes):
            files.append(Path(name) / f"{begin}.json")
            command = [sys.executable, "-m", "bench.soak", "--seed", options.seed, "--only", options.only,
                       "--first", begin, "--faults", faults, "--tally", files[-1]]  # fmt: skip
            if options.log:
                command += ["--log", options.log.with_name(f"{options.log.name}.{begin}")]
            running.append(subprocess.Popen([str(word) for word in command]))
        with suppress(KeyboardInterrupt):  # which the shares were sent, too
            for process in running:
                process.wait()
        for process in running:
            process.wait()
        return Tally.joined(files)


def main() -> int:
    """Break the box, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--boxes", type=int, default=1, help="how many are broken side by side")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first fault")
    parser.add_argument("--only", default="", help="kinds with this in their name")
    parser.add_argument("--log", type=Path, help="where the log of the box is kept")
    parser.add_argument("--tally", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not available():
        raise SystemExit("needs root and network namespaces")
    print(f"clock: not stepped; load {os.getloadavg()[0]:.1f}", flush=True)
    tally = side_by_side(options) if options.boxes > 1 else alone(options)
    if not options.tally:
        tally.report()
    return 0 if tally.is_well else 1


if __name__ == "__main__":
    sys.exit(main())
