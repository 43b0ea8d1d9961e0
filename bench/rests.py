"""Whether the first word is lost when a sound card that rests is started: rings and calls in turn.

    python -m bench.rests [--times 1000] [--after 0.3]

A virtual card rests after so many seconds instead of five; then a word of 200 ms is played at once. Its first 50 ms
must be in the recording: of a ring, at the speaker; of a call, behind the microphone, which hears the speaker as by a
wire. What the program loses it does not give to the card. What the card was given and nobody heard the sound server or
the recorder lost, to other programs: then later pieces of the word, which no rest endangers, have as many holes as the
first one, and so has a word to a card that is awake, which is said after every two.
"""

from __future__ import annotations

import argparse
import statistics

from bench.measure import Usage
from bench.rig.resting_card import PIECES, RestingCard, Woken

MUST_MS = 30.0


def holes(words: list[Woken]) -> str:
    """Of so many words, how many miss their first piece, their second and so on."""
    counts = [sum(not word.heard[place] for word in words) for place in range(len(PIECES))]
    return f"{'/'.join(map(str, counts))} of {len(words)}"


def say(card: RestingCard, number: int, *, awake: bool) -> list[Woken]:
    """One word, in a ring or in a call; nothing of one during which the card itself was lost."""
    lost = card.sound.stats().lost
    card.keep_awake(awake)
    word = card.call() if number % 2 else card.ring()
    return [word] if card.sound.stats().lost == lost else []


def main() -> None:
    """Print what was lost, and how soon the speaker began."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1000, help="rests")
    parser.add_argument("--after", type=float, default=0.3, help="seconds without use until a rest")
    args = parser.parse_args()
    usage, rung, called, awake = Usage([]), list[Woken](), list[Woken](), list[Woken]()
    with RestingCard(args.after) as card:
        for number in range(args.times):
            (called if number % 2 else rung).extend(say(card, number, awake=False))
            if number % 2:
                awake += say(card, number // 2, awake=True)
        stats = card.sound.stats()
    for kind, words in (("rings", rung), ("calls", called), ("awake", awake)):
        print(f"{kind}: holes in the recording, by each 50 ms of the word: {holes(words)}")
    print(f"the card was opened {stats.opened} times, and lost {stats.lost} times; words of those moments do not count")
    rested = rung + called
    started_ms, kept_back = sorted(word.started_ms for word in rested), sum(not word.was_given for word in rested)
    p50, p95 = statistics.median(started_ms), started_ms[int(0.95 * len(started_ms))]
    print(f"rests: {kept_back} of {len(rested)} first words not given to the card; started after {p50:.1f} ms (p50), "
          f"{p95:.1f} ms (p95), {started_ms[-1]:.1f} ms (worst), must be <= {MUST_MS:g}; "
          f"other programs {100 * usage.foreign_cpu():.0f} %")  # fmt: skip


if __name__ == "__main__":
    main()
