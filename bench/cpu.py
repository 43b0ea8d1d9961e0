"""What a call costs: CPU seconds per second of call, and memory, of this program and of what it is compared with.

    python -m bench.cpu [--seconds 20] [--rounds 5] [--quiet] [--against FOLDER] [--only NAME ...]

Each carries Opus, 48 kHz mono, 20 ms, speech from a file both ways, encrypted (DTLS-SRTP). In every round: a call whose
two ends are the native and the Python way of this program, both measured in the same window, roles swapped from round
to round; the same over virtual cards, with echo canceller and noise suppression; the C floor (bench/floor), which does
the same work and nothing else; Chromium, of which the whole process tree of a bare page with an RTCPeerConnection
counts, its audio processing off; baresip. Far ends are not counted. Ratios are taken within each round, because
machines change from minute to minute; the table has their median and spread. With --quiet a window in which other
programs used more than a tenth of a core is repeated. What is not installed is left out, and said. With `against` this
checkout and another one are the two ends of one more call.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench import floor
from bench.callers import Subject, both_ways, cards, peers, versions, write_speech
from bench.measure import Cost, least_disturbed, watch
from bench.rig import virtual_cards

TRIES = 4
SETTLE_S = 6  # by then the far end has reported twice that nothing is lost
NATIVE, PYTHON, CARD, CARD_PYTHON, FLOOR = "native", "Python", "card", "card, Python", "C floor"
HERE, BEFORE = "here", "before"
RATIOS = {  # of what to what, and what it must be
    (NATIVE, PYTHON): 0.75, (CARD, CARD_PYTHON): None, (NATIVE, "chromium"): 0.27, (NATIVE, "baresip"): 1.0,
    (NATIVE, FLOOR): 2.5, (PYTHON, FLOOR): None, ("baresip", FLOOR): None, ("chromium", FLOOR): None,
    (HERE, BEFORE): None,
}  # fmt: skip

Round = dict[str, Cost]
Pair = Callable[[Path, bool], contextlib.AbstractAsyncContextManager[tuple[int, int]]]


class Both(NamedTuple):
    """What the two ends of one call cost in the same window."""

    one: Cost
    other: Cost

    @property
    def foreign_cpu(self) -> float:
        """CPU of other programs meanwhile, in seconds per second."""
        return self.one.foreign_cpu


def watch_both(one: int, other: int, seconds: float) -> Both:
    """Measure two process trees at the same time."""
    with ThreadPoolExecutor() as threads:
        return Both(*threads.map(watch, (one, other), (seconds, seconds), ([other], [one])))


async def quiet_window(subject: Subject, speech: Path, seconds: float, tries: int = TRIES) -> Cost:
    """One window of a subject, repeated while others disturb it."""
    async with subject(speech) as (root, far_ends):
        await asyncio.sleep(SETTLE_S)
        return await asyncio.to_thread(least_disturbed, partial(watch, root, seconds, far_ends), tries)


async def pair_window(
    pair: contextlib.AbstractAsyncContextManager[tuple[int, int]], seconds: float, tries: int
) -> Both:
    """One window of both ends of a call; likewise."""
    async with pair as (one, other):
        await asyncio.sleep(SETTLE_S)
        return await asyncio.to_thread(least_disturbed, partial(watch_both, one, other, seconds), tries)


def pairs_of(against: Path | None) -> dict[tuple[str, str], Pair]:
    """The calls whose two ends are compared."""
    found: dict[tuple[str, str], Pair] = {(NATIVE, PYTHON): both_ways}
    if virtual_cards.available():
        found[CARD, CARD_PYTHON] = cards
    if against is not None:
        found[HERE, BEFORE] = partial(versions, against)
    return found


async def one_round(
    speech: Path, pairs: dict[tuple[str, str], Pair], others: dict[str, Subject], swapped: bool, seconds: float,
    tries: int,
) -> Round:  # fmt: skip
    """Every subject once."""
    found: Round = {}
    for (one, other), pair in pairs.items():
        found[one], found[other] = await pair_window(pair(speech, swapped), seconds, tries)
    for name, subject in others.items():
        found[name] = await quiet_window(subject, speech, seconds, tries)
    print("  ".join(f"{name} {cost.cpu * 100:.2f}" for name, cost in found.items()), flush=True)
    return found


def report(rounds: list[Round]) -> None:
    """The table, and a line for each ratio."""
    costs: dict[str, list[Cost]] = defaultdict(list)
    for found in rounds:
        for name, cost in found.items():
            costs[name].append(cost)
    print(f"{'':14} {'CPU %':>8} {'least':>7} {'most':>7} {'PSS MB':>8} {'foreign CPU %':>14}")
    for name, each in costs.items():
        cpu = [cost.cpu * 100 for cost in each]
        pss, foreign = statistics.median(cost.pss_mb for cost in each), max(cost.foreign_cpu for cost in each) * 100
        print(f"{name:14} {statistics.median(cpu):8.2f} {min(cpu):7.2f} {max(cpu):7.2f} {pss:8.1f} {foreign:14.1f}")
    for (one, other), must in RATIOS.items():
        ratios = sorted(found[one].cpu / found[other].cpu for found in rounds if one in found and other in found)
        if ratios:
            limit = f"; must be <= {must}" if must is not None else ""
            spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
            print(f"cpu: {one} {statistics.median(ratios):.2f} x {other} ({spread} in {len(ratios)} rounds{limit})")
    for peer in ("chromium", "baresip"):
        if peer in costs and NATIVE in costs:
            ours, theirs = (statistics.median(cost.pss_mb for cost in costs[name]) for name in (NATIVE, peer))
            print(f"memory: {NATIVE} {ours / theirs:.2f} x {peer}")


async def run(seconds: float, rounds: int, tries: int, against: Path | None, only: list[str]) -> None:
    """All subjects in turn, several times over, so that a slow drift of the machine meets them all."""
    others, pairs = peers(), pairs_of(against)
    with tempfile.TemporaryDirectory() as folder:
        speech, program = Path(folder) / "speech.wav", floor.build(Path(folder))
        if program is not None:
            others = {FLOOR: partial(floor.call, program), **others}
        for name in {"chromium", "baresip"} - set(others):
            print(f"{name} is not installed and left out")
        write_speech(speech)
        if only:
            others = {name: subject for name, subject in others.items() if name in only}
            pairs = {names: pair for names, pair in pairs.items() if set(names) & set(only)}
        report([await one_round(speech, pairs, others, bool(n % 2), seconds, tries) for n in range(rounds)])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quiet", action="store_true", help="repeat windows that other programs disturbed")
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="of the table, such as native chromium")
    args = parser.parse_args()
    against = args.against.resolve() if args.against else None
    asyncio.run(run(args.seconds, args.rounds, TRIES if args.quiet else 1, against, args.only))


if __name__ == "__main__":
    main()
