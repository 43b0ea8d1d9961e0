"""What the settings of [media] cost: CPU of one call with each, beside the defaults.

    python -m bench.settings [--seconds 10]

Speech from a file both ways, encrypted, one process measured, its far end not. The last line has the ratio of the
cheapest Opus to the defaults. For boards: what counts is the ratio; the seconds are this machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from bench.callers import Subject, ours, write_speech
from bench.cpu import quiet_window

OPUS, PCMU = 'codec_preferences=["opus"]', 'codec_preferences=["pcmu"]'
CASES: dict[str, tuple[str, ...]] = {
    "defaults: Opus 20 ms, complexity 5": (OPUS,),
    "Opus 20 ms, complexity 10": (OPUS, "opus_complexity=10"),
    "Opus 20 ms, complexity 0": (OPUS, "opus_complexity=0"),
    "Opus 40 ms, complexity 5": (OPUS, "packet_ms=40"),
    "Opus 40 ms, complexity 0: profile small": (OPUS, "packet_ms=40", "opus_complexity=0"),
    "Opus 60 ms, complexity 0": (OPUS, "packet_ms=60", "opus_complexity=0"),
    "Opus 60 ms, complexity 0, no FEC": (OPUS, "packet_ms=60", "opus_complexity=0", "opus_fec=false"),
    "PCMU 20 ms": (PCMU,),
}


def subject(changes: tuple[str, ...]) -> Subject:
    """A call between two of our ends with these settings."""
    words = [word for change in changes for word in ("--set", change)]
    return lambda speech: ours(speech, *words)


async def run(seconds: float) -> None:
    """Each case once; prints the table as it grows."""
    found: dict[str, float] = {}
    print(f"{'':40} {'CPU %':>7} {'of defaults':>12} {'foreign CPU %':>14}")
    with tempfile.TemporaryDirectory() as folder:
        speech = Path(folder) / "speech.wav"
        write_speech(speech)
        for name, changes in CASES.items():
            cost = await quiet_window(subject(changes), speech, seconds)
            found[name] = cost.cpu
            ratio = cost.cpu / next(iter(found.values()))
            print(f"{name:40} {cost.cpu * 100:7.2f} {ratio:12.2f} {cost.foreign_cpu * 100:14.1f}", flush=True)
    default, *_ = found.values()
    cheapest = min((name for name in found if name.startswith("Opus")), key=found.__getitem__)
    print(f"settings: {cheapest} costs {found[cheapest] / default:.2f} x the defaults")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    asyncio.run(run(parser.parse_args().seconds))


if __name__ == "__main__":
    main()
