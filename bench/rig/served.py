"""How long the honest wait while somebody attacks, as lines of a table."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PERIOD_S = 0.5
BEGUN_S = 2.0  # an attack that was begun so long ago is at its height

Waits = list[float | None]


def waits(ask: Callable[[], float | None], seconds: float) -> Waits:
    """Ask again and again for so long: how long each answer took, None for one that did not come."""
    time.sleep(BEGUN_S)
    found: Waits = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found.append(ask())
        time.sleep(PERIOD_S)
    return found


def cells(found: Waits) -> str:
    """Tell the median, the longest, and how often there was none."""
    served = [wait for wait in found if wait is not None] or [float("nan")]
    missed = f"{found.count(None)} of {len(found)}"
    return f"{1000 * statistics.median(served):.0f} ms | {1000 * max(served):.0f} ms | {missed}"


def print_table(doc: str | None, head: str, names: Iterable[str], measure: Callable[[Path, str, float], str]) -> None:
    """Be a program that prints a line for each name: `measure` gets the root of the program, the name, the seconds."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--root", type=Path, default=ROOT, help="another copy of the program")
    parser.add_argument("--only", default="", help="attacks with this in their name")
    args = parser.parse_args()
    print(f"{head}\n|{'---|' * (head.count('|') - 1)}")
    for name in names:
        if args.only in name:
            print(measure(args.root.resolve(), name, args.seconds), flush=True)
