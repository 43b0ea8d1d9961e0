"""What becomes of a call when the process of one of its clients is killed, and how soon it is heard again.

    python -m bench.resumption [--kills 50] [--random 50]

Two clients of the second generation with real media, over a switchboard. One of them ends as by `kill -9`, and is there
again as if it were another process: socket, keys, ICE and certificate are new. This is the switchboard's part; a box
that is started again takes longer.

First open calls are killed, caller and callee in turn. Measured is the time from the `invite` with the reconnect token
to packets both ways. Then each kill comes at a random moment: while it rings, is put through, is open, is taken up
again. Counted are the calls that are heard again, those that ended for both, and the others.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections import Counter
from itertools import count

import gevent

from agent.media.bridge import Bridge, warm_up
from agent.switchboard.runner import RunningSwitchboard, start_switchboard
from agent.switchboard.settings import SwitchboardSettings
from bench.rig.resumer import POLL_S, Resumer, until

HEARD_WITHIN_S, ENDED_WITHIN_S = 3.0, 5.0
PUT_THROUGH_S = 0.6  # on a quiet machine it takes about half of that
NUMBERS = count(1)


def pair(bridge: Bridge, switchboard: RunningSwitchboard) -> tuple[Resumer, Resumer]:
    """Let one call another."""
    number = next(NUMBERS)
    caller, callee = (Resumer(bridge, switchboard, f"{who} {number}", 440) for who in ("caller", "callee"))
    callee.until_told("ready")
    caller.dial(callee.identity)
    return caller, callee


def kill_in_open_call(one: Resumer, other: Resumer) -> float:
    """Return the seconds from the return of `one` to sound both ways."""
    until(lambda: one.packets and other.packets, "sound both ways")
    one.die()
    heard = _when_still(other)
    one.rise()
    until(lambda: one.packets and other.packets > heard, "sound both ways again")
    return time.monotonic() - one.asked_at


def kill_at_random(dice: random.Random, one: Resumer, other: Resumer) -> str:
    """Return what became of the call."""
    gevent.sleep(dice.uniform(0, PUT_THROUGH_S))
    if one.token and dice.random() < 0.3:
        one.reconnect()
        gevent.sleep(dice.uniform(0, 0.05))
    one.die()
    began, heard = time.monotonic(), other.packets
    one.rise()
    while time.monotonic() - began < ENDED_WITHIN_S:
        took_s = time.monotonic() - began
        if one.packets and other.packets > heard + 10:
            return "heard again" if took_s < HEARD_WITHIN_S else "heard late"
        if not one.callsid and not other.callsid and (other.has_been_told("cancel") or other.has_been_told("hangup")):
            return "ended for both"
        gevent.sleep(POLL_S)
    return f"hangs: {one.identity} {one.callsid or 'free'}, {other.identity} {other.callsid or 'free'}"


def _when_still(one: Resumer) -> int:
    """Wait until no packet comes any more; return how many there were."""
    before = -1
    while before != one.packets:
        before = one.packets
        gevent.sleep(0.1)
    return before


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--random", type=int, default=50)
    arguments, dice = parser.parse_args(), random.Random(4)
    took_ms: list[float] = []
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, Bridge() as bridge:
        warm_up()
        settings = SwitchboardSettings(listen_port=0, state_dir=folder, max_clients=1000)
        with start_switchboard(bridge, settings) as switchboard:
            caller, callee = pair(bridge, switchboard)
            for number in range(arguments.kills):
                took_ms.append(1000 * kill_in_open_call(*((caller, callee) if number % 2 else (callee, caller))))
            for number in range(arguments.random):
                clients = pair(bridge, switchboard)
                ends[kill_at_random(dice, *(clients if number % 2 else reversed(clients)))] += 1
                for client in clients:
                    client.close()
            caller.close()
            callee.close()
    took_ms.sort()
    p50, p95 = statistics.median(took_ms), took_ms[int(0.95 * (len(took_ms) - 1))]
    print(f"from the invite to sound both ways: p50 {p50:.0f} ms, p95 {p95:.0f} ms, worst {took_ms[-1]:.0f} ms")
    print("killed at random: " + ", ".join(f"{number} {what}" for what, number in sorted(ends.items())))
    print(f"ratio {p95 / 1000 / HEARD_WITHIN_S:.2f} of {HEARD_WITHIN_S:.0f} s")


if __name__ == "__main__":
    main()
