"""Whether the first word is lost when a sound card that rests is started: rings and calls in turn.

    python -m bench.rests [--times 1000] [--after 0.3] [--awake]

A virtual card rests after so many seconds instead of five; then a word is played at once. It is whole when its first
50 ms are in the recording: of a ring, at the speaker; of a call, behind the microphone, which hears the speaker as by a
wire. What the card was given and nobody heard was lost by the sound server or the recorder, to other programs: with
`--awake` the card never rests.
"""

from __future__ import annotations

import argparse
import math
import statistics

from bench.measure import Usage
from bench.rig.resting_card import RestingCard

MUST_MS = 30.0


def main() -> None:
    """Print what was lost, and how soon the speaker began."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--after", type=float, default=0.3)
    parser.add_argument("--awake", action="store_true")
    args = parser.parse_args()
    usage, lost, started_ms, kept_back = Usage([]), [], [], 0
    with RestingCard(math.inf if args.awake else args.after) as card:
        for number in range(args.times):
            kind = "call" if number % 2 else "ring"
            woken = card.call() if kind == "call" else card.ring()
            started_ms.append(woken.started_ms)
            if not woken.is_whole:
                kept_back += not woken.was_given
                lost.append(f"{kind} {number} ({'given' if woken.was_given else 'kept back'})")
        opened, lost_cards = card.sound.stats().opened, card.sound.stats().lost
    started_ms.sort()
    print(f"lost: {', '.join(lost) or 'none'}; the card was opened {opened} times, and lost {lost_cards} times")
    p50, p95 = statistics.median(started_ms), started_ms[int(0.95 * len(started_ms))]
    print(f"rests: {len(lost)} of {args.times} lost, {kept_back} not given to the card; started after {p50:.1f} ms "
          f"(p50), {p95:.1f} ms (p95), {started_ms[-1]:.1f} ms (worst), must be <= {MUST_MS:g}; "
          f"other programs {100 * usage.foreign_cpu():.0f} %")  # fmt: skip



if __name__ == "__main__":
    main()
